//! Problems: every error on the wire, as RFC 9457 says, in the reader's language.

use std::fmt;

use actix_web::http::StatusCode;
use actix_web::{HttpResponse, ResponseError};
use fulcrum_domain::access::Permission;
use fulcrum_domain::values::ValueError;
use fulcrum_persistence::{AsStoreError, StoreError};
use serde::Serialize;
use serde_json::{Map, Value, json};
use utoipa::ToSchema;
use uuid::Uuid;

use super::catalog::{Code, FieldCode};
use super::locale::Locale;

/// Everything that can be wrong with a request, or with us. Made where it is noticed, put into words only
/// when it leaves, because the words depend on the reader.
#[derive(Clone, Debug)]
pub struct Problem {
    /// What is wrong, for programs.
    pub code: Code,
    params: Map<String, Value>,
    errors: Vec<FieldError>,
    /// Further members of the problem object, such as `existing_id`.
    members: Map<String, Value>,
    /// Seconds after which to try again.
    pub retry_after: Option<u64>,
    store: Option<std::sync::Arc<StoreError>>,
}

/// What is wrong with one field.
#[derive(Clone, Debug)]
pub struct FieldError {
    /// JSON pointer into the body, or the name of a query parameter.
    pub pointer: String,
    /// What is wrong, for programs.
    pub code: FieldCode,
    /// Numbers and names that the words refer to.
    pub params: Map<String, Value>,
}

impl FieldError {
    /// An error without parameters.
    pub fn new(pointer: impl Into<String>, code: FieldCode) -> FieldError {
        FieldError { pointer: pointer.into(), code, params: Map::new() }
    }

    /// What a value type says of a text that it refused.
    pub fn of_value(pointer: impl Into<String>, error: &impl ValueError) -> FieldError {
        let code = error.code().parse().unwrap_or(FieldCode::Invalid);
        let params =
            error.params().into_iter().map(|(name, value)| (name.to_owned(), value.into())).collect();
        FieldError { pointer: pointer.into(), code, params }
    }

    /// What is wrong, in words.
    pub fn detail(&self, locale: Locale) -> String {
        fill(self.code.detail(locale), &self.params)
    }

    /// Adds a parameter.
    pub fn with(mut self, name: &str, value: impl Into<Value>) -> FieldError {
        self.params.insert(name.into(), value.into());
        self
    }
}

impl Problem {
    /// What is wrong with parameters, where they stand in a body: below `pointer`, and as what is understood and wrong.
    pub fn in_body(self, pointer: &str) -> Problem {
        if self.code != Code::InvalidParameters {
            return self;
        }
        let moved =
            |error: FieldError| FieldError { pointer: format!("{pointer}/{}", error.pointer), ..error };
        Problem::invalid(self.errors.into_iter().map(moved).collect())
    }

    /// What is wrong with fields.
    pub fn field_errors(&self) -> &[FieldError] {
        &self.errors
    }

    /// A problem without particulars.
    pub fn new(code: Code) -> Problem {
        Problem {
            code,
            params: Map::new(),
            errors: Vec::new(),
            members: Map::new(),
            retry_after: None,
            store: None,
        }
    }

    /// Adds a parameter that the words refer to.
    pub fn with(mut self, name: &str, value: impl Into<Value>) -> Problem {
        self.params.insert(name.into(), value.into());
        self
    }

    /// Adds a member to the problem object.
    pub fn member(mut self, name: &str, value: impl Into<Value>) -> Problem {
        self.members.insert(name.into(), value.into());
        self
    }

    /// When to try again, in seconds.
    pub fn retry_after(mut self, seconds: u64) -> Problem {
        self.retry_after = Some(seconds);
        self
    }

    /// Fields of the body that are understood but wrong.
    pub fn invalid(errors: Vec<FieldError>) -> Problem {
        Problem { errors, ..Problem::new(Code::ValidationFailed) }
    }

    /// Query parameters that are wrong.
    pub fn bad_parameters(errors: Vec<FieldError>) -> Problem {
        Problem { errors, ..Problem::new(Code::InvalidParameters) }
    }

    /// One wrong field.
    pub fn field(pointer: &str, code: FieldCode) -> Problem {
        Problem::invalid(vec![FieldError::new(pointer, code)])
    }

    /// May see, but may not do.
    pub fn forbidden(permission: Permission) -> Problem {
        Problem::new(Code::PermissionDenied)
            .with("permission", permission.word())
            .member("permission", permission.word())
    }

    /// A unique conflict, naming the record that is in the way if the caller may see it.
    pub fn taken(field: &str, existing: Option<Uuid>) -> Problem {
        let problem = Problem::new(Code::AlreadyExists).with("field", field).member("field", field);
        problem.member("existing_id", existing.map_or(Value::Null, |id| json!(id)))
    }

    /// A record that has to be restored before anything is done with it.
    pub fn deleted(id: Uuid) -> Problem {
        Problem::new(Code::RecordDeleted).member("existing_id", json!(id))
    }

    /// The methods of a path that was asked with another one.
    pub fn allow(&self) -> Option<&str> {
        self.params.get("allow").and_then(Value::as_str)
    }

    /// The size of what a part was asked of that isn't there.
    pub fn whole_size(&self) -> Option<u64> {
        self.params.get("size").filter(|_| self.code == Code::RangeNotSatisfiable).and_then(Value::as_u64)
    }

    /// The status on the wire.
    pub fn status(&self) -> StatusCode {
        self.code.status()
    }

    /// The problem in English, for logs that callers read: without what the database said, which is nobody's business.
    pub fn in_words(&self) -> String {
        Problem { store: None, ..self.clone() }.to_string()
    }

    /// The problem as the object on the wire.
    pub fn body(&self, locale: Locale, instance: &str, request_id: &str) -> Value {
        let errors: Vec<Value> = self
            .errors
            .iter()
            .map(|error| {
                json!({
                    "pointer": error.pointer,
                    "code": error.code.word(),
                    "detail": error.detail(locale),
                    "params": error.params,
                })
            })
            .collect();
        let mut body = json!({
            "type": format!("/v1/metadata/errors#{}", self.code.word()),
            "title": self.code.title(locale),
            "status": self.status().as_u16(),
            "detail": fill(self.code.detail(locale), &self.params),
            "instance": instance,
            "code": self.code.word(),
            "request_id": request_id,
            "errors": errors,
        });
        // What OAuth libraries look at (RFC 6749, section 5.2).
        let oauth = match self.code {
            Code::InvalidClient => Some("invalid_client"),
            Code::InvalidGrant => Some("unsupported_grant_type"),
            Code::InvalidScope => Some("invalid_scope"),
            Code::ValidationFailed if instance == "/v1/oauth/token" => Some("invalid_request"),
            _ => None,
        };
        if let Some(object) = body.as_object_mut() {
            object.extend(oauth.map(|error| ("error".to_owned(), json!(error))));
            object.extend(self.members.clone());
        }
        body
    }
}

fn fill(template: &str, params: &Map<String, Value>) -> String {
    let mut text = template.to_owned();
    for (name, value) in params {
        let value = match value {
            Value::String(text) => text.clone(),
            Value::Array(list) => list.iter().map(plain).collect::<Vec<_>>().join(", "),
            other => other.to_string(),
        };
        text = text.replace(&format!("{{{name}}}"), &value);
    }
    text
}

fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&fill(self.code.detail(Locale::En), &self.params))?;
        for error in &self.errors {
            write!(f, "; {}: {}", error.pointer, fill(error.code.detail(Locale::En), &error.params))?;
        }
        if let Some(store) = &self.store {
            write!(f, " ({store})")?;
        }
        Ok(())
    }
}

impl std::error::Error for Problem {}

impl ResponseError for Problem {
    fn status_code(&self) -> StatusCode {
        self.status()
    }

    /// Only the status: the gate writes the body, because it knows the reader's language.
    fn error_response(&self) -> HttpResponse {
        HttpResponse::new(self.status())
    }
}

impl AsStoreError for Problem {
    fn as_store_error(&self) -> Option<&StoreError> {
        self.store.as_deref()
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        let problem = match &error {
            StoreError::NotFound => Problem::new(Code::NotFound),
            StoreError::Unique { constraint } => Problem::taken(field_of(constraint), None),
            StoreError::ForeignKey { .. } => Problem::new(Code::ReferenceGone),
            StoreError::Conflict | StoreError::Timeout | StoreError::Overloaded => {
                Problem::new(Code::Overloaded).retry_after(1)
            }
            StoreError::Unavailable(_) | StoreError::Unreachable(_) => {
                Problem::new(Code::DatabaseUnavailable).retry_after(2)
            }
            StoreError::Internal(_) => Problem::new(Code::Internal),
        };
        Problem { store: Some(std::sync::Arc::new(error)), ..problem }
    }
}

/// The unique keys whose violation a caller can cause, by the field that it sent.
fn field_of(constraint: &str) -> &str {
    match constraint {
        "customers_credit_code" => "credit_code",
        "external_ids_pkey" => "external_ids",
        "contacts_primary" => "is_primary",
        "users_email" => "email",
        "departments_name" | "import_templates_name" | "tags_name" | "api_clients_name" | "webhooks_name" => {
            "name"
        }
        "roles_key" | "custom_fields_key" => "key",
        "jobs_unique" => "kind",
        "tenants_slug_key" => "slug",
        _ => "id",
    }
}

/// A problem as RFC 9457 describes it. `code` is stable and meant for programs; `title` and `detail` follow
/// `Accept-Language`.
#[derive(Serialize, ToSchema)]
#[schema(as = Problem)]
#[allow(dead_code)]
pub struct ProblemDocument {
    /// Where the code is described.
    #[schema(format = "uri-reference", example = "/v1/metadata/errors#validation_failed", max_length = 200)]
    r#type: String,
    /// The kind of problem in words.
    #[schema(example = "Some fields are not right", max_length = 200)]
    title: String,
    /// The HTTP status.
    #[schema(minimum = 400, maximum = 599, example = 422)]
    status: u16,
    /// What to do about it.
    #[schema(example = "The fields named in errors have to be mended.", max_length = 2000)]
    detail: String,
    /// Path of the request.
    #[schema(format = "uri-reference", example = "/v1/customers", max_length = 8000)]
    instance: String,
    /// What is wrong, for programs; see `GET /v1/metadata/errors`.
    #[schema(example = "validation_failed", max_length = 60, pattern = "^[a-z0-9_]+$")]
    code: String,
    /// To be named when asking for help.
    #[schema(example = "0197a1c2-8f3e-7d54-a1b2-3c4d5e6f7a8b", max_length = 128)]
    request_id: String,
    /// Every field that is wrong.
    #[schema(max_items = 1000)]
    errors: Vec<FieldProblem>,
    /// The record that is in the way of a unique key (409), when the caller may see it.
    #[schema(required = false)]
    existing_id: Option<Uuid>,
    /// The field whose value is taken (409).
    #[schema(required = false, max_length = 60)]
    field: Option<String>,
    /// The version that the record has now (412).
    #[schema(required = false)]
    current_version: Option<i32>,
    /// The error as OAuth 2.0 calls it (RFC 6749, section 5.2), at the token endpoint.
    #[schema(required = false, max_length = 60, example = "invalid_client")]
    error: Option<String>,
    /// The permission that is missing (403).
    #[schema(required = false, max_length = 60)]
    permission: Option<String>,
}

/// What is wrong with one field.
#[derive(Serialize, ToSchema)]
#[allow(dead_code)]
pub struct FieldProblem {
    /// JSON pointer into the body, or the name of the parameter.
    #[schema(example = "/credit_code", max_length = 1000)]
    pointer: String,
    /// What is wrong, for programs.
    #[schema(example = "credit_code_check_digit", max_length = 60, pattern = "^[a-z0-9_]+$")]
    code: String,
    /// What is wrong, in words.
    #[schema(example = "The check character doesn't fit; it would have to be X.", max_length = 2000)]
    detail: String,
    /// The numbers and names that `detail` refers to.
    #[schema(value_type = Object, example = json!({"expected": "X"}))]
    params: Value,
}
