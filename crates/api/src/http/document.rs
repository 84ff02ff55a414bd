//! openapi.json: what the operations declare, completed by what is true of all of them.

use std::collections::BTreeSet;

use fulcrum_domain::access::Permission;
use serde_json::{Map, Value, json};
use utoipa::openapi::OpenApi;

use super::context::IF_NONE_MATCH_LONGEST;
use super::examples;

/// Longest text where a schema doesn't say.
const LONGEST: u64 = 20_000;

/// The document, from what the routes declare.
pub fn complete(declared: OpenApi) -> Value {
    let mut document = json!(declared);
    document["openapi"] = json!("3.1.0");
    document["info"] = info();
    document["servers"] =
        json!([{ "url": "/", "description": "This installation, local or production", "x-internal": false }]);
    document["tags"] = tags();
    // Derived, the schema names the variants and not the words on the wire: the words come out of a macro.
    document["components"]["schemas"]["Permission"]["enum"] = json!(Permission::all());
    add_components(&mut document);
    let paths: Vec<String> =
        document["paths"].as_object().into_iter().flatten().map(|(path, _)| path.clone()).collect();
    let mut patched = BTreeSet::new();
    for path in &paths {
        let methods: Vec<String> =
            document["paths"][path].as_object().into_iter().flatten().map(|(m, _)| m.clone()).collect();
        for method in methods {
            let mut operation = document["paths"][path][&method].take();
            complete_operation(path, &method, &mut operation, &mut patched);
            document["paths"][path][&method] = operation;
        }
    }
    for schema in patched {
        let patch = patch_of(&document["components"]["schemas"][&schema]);
        document["components"]["schemas"][patch_name(&schema)] = patch;
    }
    if let Some(schemas) = document["components"]["schemas"].as_object_mut() {
        for schema in schemas.values_mut() {
            bound(schema);
        }
    }
    for path in &paths {
        for operation in
            document["paths"][path].as_object_mut().into_iter().flatten().map(|(_, operation)| operation)
        {
            let parameters =
                operation.get_mut("parameters").and_then(Value::as_array_mut).into_iter().flatten();
            for schema in parameters.filter_map(|parameter| parameter.get_mut("schema")) {
                bound_parameter(schema);
            }
        }
    }
    document["webhooks"] = webhooks();
    examples::fill_in(&mut document);
    document
}

/// What we send.
fn webhooks() -> Value {
    let header = |name: &str, description: &str, example: &str| {
        json!({
            "name": name, "in": "header", "required": true, "description": description, "example": example,
            "schema": { "type": "string", "maxLength": 400 },
        })
    };
    json!({ "event": { "post": {
        "operationId": "receiveEvent",
        "tags": ["webhooks"],
        "summary": "Something happened",
        "description": "A CloudEvents 1.0 event, signed as Standard Webhooks says: check `webhook-signature` over the body as it came, and the age of `webhook-timestamp`. The same `webhook-id` may come more than once, and events may come out of order: `data.version` tells which is the latest. Any 2xx takes the message; 410 to anything but a test disables the webhook; anything else, a redirect included, is tried again after 5 s, 5 min, 30 min, 2 h, 5 h, 10 h, 14 h, 20 h and 24 h. Tests are sent once.",
        "parameters": [
            header("webhook-id", "The same whenever this message is sent.", "msg_0197a1c28f3e7d54a1b23c4d5e6f7a8b_1024_1795420800000000"),
            header("webhook-timestamp", "When it was sent, in seconds since 1970.", "1795420800"),
            header("webhook-signature", "`v1,` and the signature in base64; two of them, separated by a space, for a day after the secret was rotated.", "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="),
        ],
        "requestBody": { "required": true, "content": { "application/cloudevents+json": { "schema": component("schemas", "WebhookMessage") } } },
        "responses": {
            "2XX": { "description": "Taken." },
            "410": { "description": "Not wanted any more: the webhook is disabled." },
            "default": { "description": "Not taken: it is sent again." },
        },
        "security": [],
    } } })
}

fn info() -> Value {
    json!({
        "title": "Fulcrum",
        "version": env!("CARGO_PKG_VERSION"),
        "description": "A headless CRM: customers, contacts and the people who work with them, for frontends, ERP and finance systems and mobile apps.\n\nEvery error is a problem (RFC 9457) with a stable `code`; every record has a `version` that is its ETag; lists are paged by cursor; writes can be repeated with an `Idempotency-Key`.",
        "contact": { "name": "Fulcrum", "url": "https://fulcrum.example" },
        "license": { "name": "Apache-2.0", "identifier": "Apache-2.0" },
    })
}

fn tags() -> Value {
    let tags = [
        ("auth", "Signing in: people with a password, programs with client credentials or API keys."),
        ("access", "Why somebody may or may not do something."),
        ("departments", "The organisation as a tree."),
        ("users", "People who can sign in."),
        ("roles", "Named sets of permissions with a data scope."),
        ("api-clients", "Programs that can sign in, and their keys."),
        ("customers", "Companies and individuals."),
        ("contacts", "The people at a customer."),
        ("custom-fields", "What a company keeps of its records beyond what everybody keeps."),
        ("field-standards", "What the files of customers have to hold."),
        ("tags", "The catalogue of tags."),
        ("duplicates", "Customers that may be the same, and making one of them."),
        ("handovers", "Giving customers to another owner."),
        ("imports", "Bringing spreadsheets in: looked at, tried out, run, taken back."),
        ("activities", "What people did: calls, mails, visits, meetings, notes."),
        ("tasks", "What people have to do."),
        ("company", "What holds for the company as a whole."),
        ("events", "Everything that happened: the audit trail."),
        ("changes", "What changed since, for keeping a copy."),
        ("exports", "Taking records out, as a file."),
        ("files", "What belongs to records and is no text."),
        ("webhooks", "Telling other systems what happened, and what became of it."),
        ("automations", "What the system does by itself, and what became of it."),
        ("notifications", "What the caller is told, and by which ways."),
        ("operations", "Long requests, and how far they have come."),
        ("jobs", "Work that is done later, and what became of it."),
        ("metadata", "What programs may want to know of this contract."),
        ("health", "Whether a process lives and can do its work."),
    ];
    json!(tags.map(|(name, description)| json!({ "name": name, "description": description })))
}

fn add_components(document: &mut Value) {
    let components = &mut document["components"];
    let bearer = json!({
        "type": "http", "scheme": "bearer", "bearerFormat": "JWT",
        "description": "An access token (a JWT signed with EdDSA, checked as RFC8725 asks), or an API key. The scopes of an operation are the permissions that it needs.",
    });
    components["securitySchemes"] = json!({
        "bearer": bearer,
        "apiKey": { "type": "apiKey", "in": "header", "name": "X-API-Key", "description": "An API key of an API client." },
        "oauth": {
            "type": "oauth2", "description": "Client credentials of an API client (RFC 6749, 4.4). The token is a JWT, checked as RFC8725 asks.",
            "flows": { "clientCredentials": { "tokenUrl": "/v1/oauth/token", "scopes": scopes() } },
        },
    });
    components["headers"] = json!({
        "ETag": header("The version of the record, to be sent as If-Match; of a file's content, its SHA-256.", json!({ "type": "string", "maxLength": 70 }), json!("\"1\"")),
        "Location": header("Where the new record is.", json!({ "type": "string", "format": "uri-reference", "maxLength": 200 }), json!("/v1/customers/0197a1c2-8f3e-7d54-a1b2-3c4d5e6f7a8b")),
        "Content-Range": header("Which part, and of how much.", json!({ "type": "string", "maxLength": 100 }), json!("bytes 0-99/48213")),
        "RateLimit": header("What is left of the caller's share.", json!({ "type": "string", "maxLength": 100 }), json!("\"caller\";r=5999;t=60")),
        "RateLimit-Policy": header("The caller's share.", json!({ "type": "string", "maxLength": 100 }), json!("\"caller\";q=6000;w=60")),
        "Retry-After": header("Seconds after which to try again.", json!({ "type": "integer", "format": "int32", "minimum": 1, "maximum": 86400 }), json!(1)),
        "X-Request-Id": header("To be named when asking for help.", json!({ "type": "string", "maxLength": 128 }), json!("0197a1c2-8f3e-7d54-a1b2-3c4d5e6f7a8b")),
        "Idempotent-Replayed": header("`true` when this answer was given before.", json!({ "type": "string", "enum": ["true"] }), json!("true")),
        "WWW-Authenticate": header("How to sign in.", json!({ "type": "string", "maxLength": 200 }), json!("Bearer realm=\"fulcrum\"")),
        "Allow": header("The methods of the path.", json!({ "type": "string", "maxLength": 100 }), json!("GET, POST")),
        "Access-Control-Allow-Origin": header("The origin that was allowed.", json!({ "type": "string", "maxLength": 300 }), json!("https://crm.example")),
    });
    components["parameters"] = json!({
        "IdempotencyKey": parameter("Idempotency-Key", "Makes the request safe to repeat: the same key with the same content gets the same answer for 7 days.", json!({ "type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!-~]([ -~]*[!-~])?$" }), json!("0197a1c2-8f3e-7d54-a1b2-3c4d5e6f7a8b")),
        "IfMatch": parameter("If-Match", "Do it only while the record is still at this version.", json!({ "type": "string", "format": "entity-tag", "maxLength": 11, "pattern": "^(\\*|\"[0-9]{1,9}\")$" }), json!("\"1\"")),
        "IfNoneMatch": parameter("If-None-Match", "Answer 304 when the record is still at this version.", json!({ "type": "string", "maxLength": IF_NONE_MATCH_LONGEST }), json!("\"1\"")),
        "CreateOnly": parameter("If-None-Match", "`*`: create only.", json!({ "type": "string", "enum": ["*"] }), json!("*")),
    });
    let mut responses = Map::new();
    for (status, name, description) in PROBLEMS {
        responses.insert((*name).into(), problem_response(*status, description));
    }
    let mut other = problem_response(500, "Any other problem; a 405 names the methods of the path.");
    other["headers"]["Allow"] = component("headers", "Allow");
    responses.insert("Problem".into(), other);
    components["responses"] = Value::Object(responses);
    let mut problem = json!(<super::problem::ProblemDocument as utoipa::PartialSchema>::schema());
    problem["additionalProperties"] = json!(true);
    components["schemas"]["Problem"] = problem;
    components["schemas"]["FieldProblem"] =
        json!(<super::problem::FieldProblem as utoipa::PartialSchema>::schema());
    components["schemas"]["WebhookMessage"] =
        json!(<crate::platform::webhooks::Message as utoipa::PartialSchema>::schema());
    components["schemas"]["ExternalId"] =
        json!(<crate::http::wire::ExternalIdView as utoipa::PartialSchema>::schema());
}

const PROBLEMS: &[(u16, &str, &str)] = &[
    (400, "BadRequest", "The request can't be read, or a parameter is not right."),
    (401, "Unauthorized", "No credentials, or not valid ones."),
    (403, "Forbidden", "Signed in, but not permitted; the problem names the permission."),
    (404, "NotFound", "There is no such record for this caller."),
    (409, "Conflict", "The state of the records doesn't allow it."),
    (412, "PreconditionFailed", "The record is at another version."),
    (413, "TooLarge", "The body is too large."),
    (415, "UnsupportedMediaType", "The body is of another type."),
    (422, "Unprocessable", "Understood, but some fields are not right; all of them are named."),
    (429, "TooManyRequests", "The caller's share is used up."),
    (500, "InternalError", "Our mistake."),
    (503, "Unavailable", "The database can't be reached, or too many requests wait for it."),
];

fn scopes() -> Value {
    Value::Object(
        Permission::all()
            .into_iter()
            .map(|permission| (permission.word().to_owned(), json!(permission.word())))
            .collect(),
    )
}

fn header(description: &str, schema: Value, example: Value) -> Value {
    json!({ "description": description, "schema": schema, "example": example })
}

fn parameter(name: &str, description: &str, schema: Value, example: Value) -> Value {
    json!({ "name": name, "in": "header", "required": false, "description": description, "schema": schema, "example": example })
}

fn component(kind: &str, name: &str) -> Value {
    json!({ "$ref": format!("#/components/{kind}/{name}") })
}

fn problem_response(status: u16, description: &str) -> Value {
    let mut headers = common_headers();
    if matches!(status, 429 | 503 | 409) {
        headers["Retry-After"] = component("headers", "Retry-After");
    }
    if status == 401 {
        headers["WWW-Authenticate"] = component("headers", "WWW-Authenticate");
    }
    json!({
        "description": description,
        "headers": headers,
        "content": { "application/problem+json": { "schema": component("schemas", "Problem"), "example": examples::problem(status) } },
    })
}

fn common_headers() -> Value {
    let names = ["RateLimit", "RateLimit-Policy", "X-Request-Id", "Access-Control-Allow-Origin"];
    Value::Object(names.iter().map(|name| ((*name).to_owned(), component("headers", name))).collect())
}

fn complete_operation(path: &str, method: &str, operation: &mut Value, patched: &mut BTreeSet<String>) {
    let signed_in = operation["security"][0].as_object().is_some_and(|scheme| !scheme.is_empty());
    let authentication = path.starts_with("/v1/auth") || path.starts_with("/v1/oauth");
    // What there is one of for each caller is named by no id.
    let record = path.contains("/{id}") || path.ends_with("-preferences");
    let by_foreign_key = path.contains("by-external-id");
    // What is only ever read or not needs no version.
    let unversioned = path.starts_with("/v1/api-keys") || path.starts_with("/v1/notifications");
    let has_version = record && !unversioned && !authentication;
    if signed_in {
        let scopes = operation["security"][0]["bearer"].clone();
        // An API key's scopes can't be written down in OpenAPI 3.1, but it needs the same permissions.
        operation["security"] = json!([{ "bearer": scopes }, { "apiKey": [] }, { "oauth": scopes }]);
    }
    let mut parameters = vec![];
    if method != "get" && !authentication {
        parameters.push("IdempotencyKey");
    }
    if (matches!(method, "patch" | "delete")
        || path.ends_with("/restore")
        || path.ends_with("link")
        || path.ends_with("/rotate-secret"))
        && has_version
    {
        parameters.push("IfMatch");
    }
    if by_foreign_key {
        parameters.extend(["IfMatch", "CreateOnly"]);
    }
    if method == "get" && has_version {
        parameters.push("IfNoneMatch");
        operation["responses"]["304"] = json!({ "description": "The record is still at this version." });
    }
    let declared = operation["parameters"].as_array().cloned().unwrap_or_default();
    let all: Vec<Value> = declared
        .into_iter()
        .chain(parameters.into_iter().map(|name| component("parameters", name)))
        .collect();
    if !all.is_empty() {
        operation["parameters"] = json!(all);
    }
    if method == "patch" || by_foreign_key {
        merge_patch(operation, method == "patch", patched);
    }
    complete_responses(path, method, operation, signed_in, has_version || by_foreign_key, !authentication);
    for mark in operation["parameters"].as_array_mut().into_iter().flatten() {
        // A list in one parameter, separated by commas.
        if mark["explode"] == false {
            mark["style"] = json!("form");
        }
    }
}

fn merge_patch(operation: &mut Value, both_types: bool, patched: &mut BTreeSet<String>) {
    let content = operation["requestBody"]["content"]["application/json"].clone();
    let Some(schema) =
        content["schema"]["$ref"].as_str().and_then(|r| r.rsplit('/').next()).map(str::to_owned)
    else {
        return;
    };
    let patch = json!({ "schema": component("schemas", &patch_name(&schema)) });
    operation["requestBody"]["required"] = json!(true);
    operation["requestBody"]["content"] = if both_types {
        json!({ "application/merge-patch+json": patch, "application/json": patch })
    } else {
        json!({ "application/json": patch })
    };
    patched.insert(schema);
}

fn complete_responses(
    path: &str,
    method: &str,
    operation: &mut Value,
    signed_in: bool,
    record: bool,
    keyed: bool,
) {
    let body = !operation["requestBody"].is_null();
    let query =
        operation["parameters"].as_array().into_iter().flatten().any(|parameter| parameter["in"] == "query");
    let writes = method != "get";
    let statuses = [
        (400, body || query || writes),
        (401, signed_in || path.starts_with("/v1/auth") || path.starts_with("/v1/oauth")),
        (403, signed_in),
        (404, path.contains('{') || query),
        (409, writes && keyed),
        (412, writes && record),
        (413, body),
        (415, body),
        (422, writes),
        (429, path.starts_with("/v1")),
        (500, true),
        (503, true),
    ];
    for (status, applies) in statuses {
        let Some((_, name, _)) = PROBLEMS.iter().find(|(known, ..)| *known == status) else { continue };
        if applies {
            operation["responses"][status.to_string()] = component("responses", name);
        }
    }
    operation["responses"]["default"] = component("responses", "Problem");
    for (status, response) in operation["responses"].as_object_mut().into_iter().flatten() {
        if !status.starts_with('2') && status != "304" {
            continue;
        }
        let mut headers = common_headers();
        if record && matches!(status.as_str(), "200" | "201" | "206" | "304") && (method == "get" || writes)
            || status == "201"
        {
            headers["ETag"] = component("headers", "ETag");
        }
        if status == "206" {
            headers["Content-Range"] = component("headers", "Content-Range");
        }
        if status == "201" || status == "202" {
            headers["Location"] = component("headers", "Location");
        }
        if writes && keyed {
            headers["Idempotent-Replayed"] = component("headers", "Idempotent-Replayed");
        }
        response["headers"] = headers;
    }
}

/// The name of the merge patch on records of a schema.
pub fn patch_name(schema: &str) -> String {
    format!("{}Patch", schema.trim_end_matches("Input"))
}

/// The schema of a merge patch on records of a schema: everything may be absent, and null clears what isn't required.
fn patch_of(schema: &Value) -> Value {
    let mut patch = schema.clone();
    let required: Vec<Value> = schema["required"].as_array().cloned().unwrap_or_default();
    if let Some(object) = patch.as_object_mut() {
        object.remove("required");
        object.remove("example");
        object
            .insert("description".into(), json!("A merge patch: absent keeps, null clears, arrays replace."));
    }
    for (name, property) in patch["properties"].as_object_mut().into_iter().flatten() {
        if let Some(object) = property.as_object_mut() {
            object.remove("default");
        }
        if !required.contains(&json!(name)) {
            make_nullable(property);
        }
    }
    patch
}

fn make_nullable(schema: &mut Value) {
    match &schema["type"] {
        Value::String(kind) => schema["type"] = json!([kind, "null"]),
        Value::Array(_) => {}
        _ if schema["oneOf"].is_array() => {}
        _ => {
            let mut inner = schema.clone();
            let description = inner.as_object_mut().and_then(|object| object.remove("description"));
            *schema = json!({ "oneOf": [{ "type": "null" }, inner] });
            if let Some(description) = description {
                schema["description"] = description;
            }
        }
    }
}

/// Bounds a parameter. What is wrong with it is a 400, so its schema has to say that NUL is refused, too.
pub fn bound_parameter(schema: &mut Value) {
    bound(schema);
    let free = ["enum", "format", "pattern"].iter().all(|rule| schema.get(rule).is_none());
    if free && schema["type"] == "string" {
        schema["pattern"] = json!(r"^[^\u0000]*$");
    }
}

/// Gives every text, list and number a bound, because the server has one.
pub fn bound(schema: &mut Value) {
    let is = |schema: &Value, kind: &str| {
        schema["type"] == kind
            || schema["type"].as_array().is_some_and(|kinds| kinds.iter().any(|k| k == kind))
    };
    if is(schema, "string") && schema["enum"].is_null() && schema["maxLength"].is_null() {
        schema["maxLength"] = match schema["format"].as_str() {
            Some("uuid") => json!(36),
            Some("date") => json!(10),
            Some("date-time") => json!(40),
            _ => json!(LONGEST),
        };
    }
    if is(schema, "integer") {
        if schema["minimum"].is_null() {
            schema["minimum"] = json!(0);
        }
        if schema["maximum"].is_null() {
            schema["maximum"] =
                if schema["format"] == "int64" { json!(9_007_199_254_740_991_i64) } else { json!(i32::MAX) };
        }
        if !matches!(schema["format"].as_str(), Some("int32" | "int64")) {
            schema["format"] = json!("int32");
        }
    }
    if is(schema, "array") && schema["maxItems"].is_null() {
        schema["maxItems"] = json!(1000);
    }
    for key in ["items", "additionalProperties"] {
        if schema[key].is_object() {
            bound(&mut schema[key]);
        }
    }
    for key in ["oneOf", "anyOf", "allOf"] {
        for inner in schema[key].as_array_mut().into_iter().flatten() {
            bound(inner);
        }
    }
    for (_, property) in schema["properties"].as_object_mut().into_iter().flatten() {
        bound(property);
    }
    clean(schema);
}

/// Looking at a member that isn't there leaves a null behind.
fn clean(schema: &mut Value) {
    if let Some(object) = schema.as_object_mut() {
        object.retain(|name, value| {
            !value.is_null() || matches!(name.as_str(), "example" | "default" | "const")
        });
    }
}
