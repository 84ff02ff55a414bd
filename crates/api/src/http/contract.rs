//! The contract as the judge of what comes in: bodies and parameters are checked against the very schemas that
//! openapi.json publishes, so that what is documented is what is enforced. Every error is reported, not the first.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, PoisonError, RwLock};

use jsonschema::error::{TypeKind, ValidationErrorKind};
use jsonschema::{ValidationError, Validator};
use serde_json::{Map, Value, json};

use super::catalog::FieldCode;
use super::problem::FieldError;

/// The published document and the validators that were made of it so far.
pub struct Contract {
    /// openapi.json
    pub document: Value,
    validators: RwLock<HashMap<String, Arc<Rules>>>,
}

impl Contract {
    /// The judge that goes by a document.
    pub fn new(document: Value) -> Contract {
        Contract { document, validators: RwLock::default() }
    }

    /// Everything that is wrong with a value by the schema of this name.
    pub fn errors(&self, schema: &str, value: &Value) -> Vec<FieldError> {
        let rules = self.rules(schema, || json!({ "$ref": format!("#/components/schemas/{schema}") }));
        check(&rules.validator, value)
    }

    /// The methods of a path template's operations.
    pub fn paths(&self) -> impl Iterator<Item = (&String, &Map<String, Value>)> {
        self.document["paths"]
            .as_object()
            .into_iter()
            .flatten()
            .filter_map(|(path, item)| item.as_object().map(|item| (path, item)))
    }

    /// The schemas that a schema leads to. A judge keeps what it was made of, so it gets these and not all of them.
    fn named_by(&self, schema: &Value) -> Map<String, Value> {
        let mut found = Map::new();
        let mut open = vec![schema];
        while let Some(value) = open.pop() {
            match value {
                Value::Object(object) => open.extend(object.values()),
                Value::Array(list) => open.extend(list),
                Value::String(text) => {
                    let name = text.strip_prefix("#/components/schemas/").unwrap_or_default();
                    if let Some(named) = self.document["components"]["schemas"].get(name)
                        && found.insert(name.to_owned(), named.clone()).is_none()
                    {
                        open.push(named);
                    }
                }
                _ => {}
            }
        }
        found
    }

    /// A schema with its judge, made when it is first asked for.
    pub fn rules(&self, key: &str, schema: impl FnOnce() -> Value) -> Arc<Rules> {
        if let Some(rules) = self.validators.read().unwrap_or_else(PoisonError::into_inner).get(key) {
            return rules.clone();
        }
        let schema = schema();
        let mut whole = schema.clone();
        if let Some(object) = whole.as_object_mut() {
            object.insert("$schema".into(), json!("https://json-schema.org/draft/2020-12/schema"));
            object.insert("components".into(), json!({ "schemas": self.named_by(&schema) }));
        }
        // A guard test makes every validator once, so this can't fail in the field.
        let validator = jsonschema::options()
            .should_validate_formats(true)
            .build(&whole)
            .unwrap_or_else(|error| panic!("the schema {key} of our own contract is not valid: {error}"));
        let rules = Arc::new(Rules { schema, validator });
        let mut validators = self.validators.write().unwrap_or_else(PoisonError::into_inner);
        validators.insert(key.to_owned(), rules.clone());
        rules
    }
}

/// A schema and its judge.
pub struct Rules {
    /// The schema.
    pub schema: Value,
    validator: Validator,
}

impl Rules {
    /// Everything that is wrong with the parameters of an operation.
    pub fn parameter_errors(&self, value: &Value) -> Vec<FieldError> {
        let mut errors = check(&self.validator, value);
        for error in &mut errors {
            error.pointer =
                error.pointer.trim_start_matches('/').split('/').next().unwrap_or_default().to_owned();
            if error.code == FieldCode::UnknownField {
                error.code = FieldCode::UnknownParameter;
            }
        }
        errors
    }
}

fn check(validator: &Validator, value: &Value) -> Vec<FieldError> {
    let mut errors = BTreeMap::new();
    nul_characters(value, "", &mut |pointer| {
        errors.insert(pointer.clone(), FieldError::new(pointer, FieldCode::NulCharacter));
    });
    for error in validator.iter_errors(value) {
        for error in field_errors(&error) {
            errors.entry(error.pointer.clone()).or_insert(error);
        }
    }
    errors.into_values().collect()
}

/// PostgreSQL can't store U+0000, and no schema says so.
fn nul_characters(value: &Value, pointer: &str, found: &mut impl FnMut(String)) {
    match value {
        Value::String(text) if text.contains('\0') => found(pointer.to_owned()),
        Value::Array(list) => {
            for (index, entry) in list.iter().enumerate() {
                nul_characters(entry, &format!("{pointer}/{index}"), found);
            }
        }
        Value::Object(object) => {
            for (name, entry) in object {
                nul_characters(entry, &format!("{pointer}/{}", escaped(name)), found);
            }
        }
        _ => {}
    }
}

fn escaped(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}

fn field_errors(error: &ValidationError<'_>) -> Vec<FieldError> {
    let pointer = error.instance_path().to_string();
    let at = |code: FieldCode| FieldError::new(pointer.clone(), code);
    let one = match error.kind() {
        ValidationErrorKind::AdditionalProperties { unexpected } => {
            return unexpected
                .iter()
                .map(|name| FieldError::new(format!("{pointer}/{}", escaped(name)), FieldCode::UnknownField))
                .collect();
        }
        ValidationErrorKind::Required { property } => {
            let name = property.as_str().unwrap_or_default();
            return vec![FieldError::new(format!("{pointer}/{}", escaped(name)), FieldCode::Required)];
        }
        // A nullable value: what matters is what is wrong with it when it isn't null.
        ValidationErrorKind::OneOfNotValid { context } | ValidationErrorKind::AnyOf { context } => {
            let nested = context.iter().find(|branch| !branch.iter().any(wants_null));
            let nested: Vec<_> = nested.into_iter().flatten().flat_map(|inner| field_errors(inner)).collect();
            return if nested.is_empty() { vec![at(FieldCode::Invalid)] } else { nested };
        }
        ValidationErrorKind::Type { kind } => at(FieldCode::Type).with("expected", type_name(kind)),
        ValidationErrorKind::MaxLength { limit } => at(FieldCode::TooLong).with("max", *limit),
        ValidationErrorKind::MinLength { limit } => at(FieldCode::TooShort).with("min", *limit),
        ValidationErrorKind::MaxItems { limit } => at(FieldCode::TooManyItems).with("max", *limit),
        ValidationErrorKind::MinItems { limit } => at(FieldCode::TooFewItems).with("min", *limit),
        ValidationErrorKind::MinProperties { .. } => at(FieldCode::Required),
        ValidationErrorKind::UniqueItems => at(FieldCode::Duplicate),
        ValidationErrorKind::Maximum { limit } => at(FieldCode::TooLarge).with("max", limit.clone()),
        ValidationErrorKind::Minimum { limit } => at(FieldCode::TooSmall).with("min", limit.clone()),
        ValidationErrorKind::Enum { options } => {
            at(FieldCode::NotAllowed).with("allowed", (**options).clone())
        }
        ValidationErrorKind::Constant { expected_value } => {
            at(FieldCode::NotAllowed).with("allowed", json!([**expected_value]))
        }
        ValidationErrorKind::Pattern { pattern } => at(FieldCode::Pattern).with("pattern", pattern.clone()),
        ValidationErrorKind::Format { format } => at(FieldCode::Format).with("format", format.clone()),
        _ => at(FieldCode::Invalid),
    };
    vec![one]
}

fn wants_null(error: &ValidationError<'_>) -> bool {
    matches!(error.kind(), ValidationErrorKind::Type { kind: TypeKind::Single(kind) } if kind.to_string() == "null")
}

fn type_name(kind: &TypeKind) -> Value {
    match kind {
        TypeKind::Single(kind) => json!(kind.to_string()),
        TypeKind::Multiple(kinds) => {
            json!(kinds.iter().map(|kind| kind.to_string()).filter(|name| name != "null").collect::<Vec<_>>())
        }
    }
}
