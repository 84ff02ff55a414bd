//! An example for every body, put together from the examples of the fields.

use serde_json::{Map, Value, json};

use super::catalog::Code;
use super::locale::Locale;
use super::problem::Problem;

/// The id in all examples.
const ID: &str = "0197a1c2-8f3e-7d54-a1b2-3c4d5e6f7a8b";

/// Gives every request and response body an example.
pub fn fill_in(document: &mut Value) {
    let schemas = document["components"]["schemas"].clone();
    let paths = document["paths"].as_object_mut();
    for operation in
        paths.into_iter().flatten().flat_map(|(_, item)| item.as_object_mut().into_iter().flatten())
    {
        let operation = operation.1;
        let mut bodies: Vec<&mut Value> = vec![];
        if let Some(operation) = operation.as_object_mut() {
            for (name, part) in operation.iter_mut() {
                match name.as_str() {
                    "requestBody" => bodies.push(part),
                    "responses" => bodies.extend(part.as_object_mut().into_iter().flatten().map(|(_, r)| r)),
                    _ => {}
                }
            }
        }
        for content in
            bodies.into_iter().filter_map(|body| body.get_mut("content")).filter_map(Value::as_object_mut)
        {
            for media in content.values_mut().filter_map(Value::as_object_mut) {
                if !media.contains_key("example")
                    && let Some(schema) = media.get("schema")
                {
                    let example = example(schema, &schemas);
                    media.insert("example".into(), example);
                }
            }
        }
        for parameter in operation["parameters"].as_array_mut().into_iter().flatten() {
            if parameter["$ref"].is_null() && parameter["required"] == true && parameter["example"].is_null()
            {
                parameter["example"] = example(&parameter["schema"], &schemas);
            }
        }
        if let Some(parameters) = operation["parameters"].as_array_mut() {
            for parameter in parameters.iter_mut().filter_map(Value::as_object_mut) {
                parameter.retain(|_, value| !value.is_null());
            }
        }
        if let Some(operation) = operation.as_object_mut() {
            operation.retain(|_, value| !value.is_null());
        }
    }
}

/// The example of a problem with this status.
pub fn problem(status: u16) -> Value {
    let example = match status {
        400 => Problem::new(Code::MalformedBody).with("reason", "expected value at line 1 column 1"),
        401 => Problem::new(Code::Unauthenticated),
        403 => Problem::forbidden(fulcrum_domain::access::Permission::CustomersWrite),
        404 => Problem::new(Code::NotFound),
        409 => Problem::taken("credit_code", ID.parse().ok()),
        412 => Problem::new(Code::VersionMismatch)
            .with("expected", 3)
            .with("current_version", 4)
            .member("current_version", 4),
        413 => Problem::new(Code::TooLarge).with("limit", 2_097_152),
        415 => Problem::new(Code::UnsupportedMediaType).with("expected", "application/json"),
        422 => Problem::field("/name", super::catalog::FieldCode::Required),
        429 => Problem::new(Code::RateLimited).with("seconds", 30),
        503 => Problem::new(Code::DatabaseUnavailable),
        _ => Problem::new(Code::Internal),
    };
    example.body(Locale::En, "/v1/customers", ID)
}

fn example(schema: &Value, schemas: &Value) -> Value {
    if let Some(given) = schema.get("example") {
        return given.clone();
    }
    if let Some(name) = schema["$ref"].as_str().and_then(|pointer| pointer.rsplit('/').next()) {
        return example(&schemas[name], schemas);
    }
    for key in ["oneOf", "anyOf"] {
        if let Some(first) =
            schema[key].as_array().and_then(|list| list.iter().find(|inner| inner["type"] != "null"))
        {
            return example(first, schemas);
        }
    }
    if let Some(parts) = schema["allOf"].as_array() {
        let merged =
            parts.iter().filter_map(|part| example(part, schemas).as_object().cloned()).flatten().collect();
        return Value::Object(merged);
    }
    if let Some(default) = schema.get("default") {
        return default.clone();
    }
    if let Some(first) = schema["enum"].get(0) {
        return first.clone();
    }
    let nullable = schema["type"].as_array().is_some_and(|kinds| kinds.iter().any(|kind| kind == "null"));
    let kind =
        schema["type"].as_str().or_else(|| schema["type"].get(0).and_then(Value::as_str)).unwrap_or("object");
    match kind {
        "object" => {
            let properties = schema["properties"].as_object();
            let fields: Map<String, Value> = properties
                .into_iter()
                .flatten()
                .map(|(name, inner)| (name.clone(), example(inner, schemas)))
                .collect();
            Value::Object(fields)
        }
        "array" => json!([example(&schema["items"], schemas)]),
        "boolean" => json!(false),
        "integer" => schema.get("minimum").cloned().unwrap_or(json!(1)),
        "string" => match schema["format"].as_str() {
            Some("uuid") => json!(ID),
            Some("date-time") if nullable => Value::Null,
            Some("date-time") => json!("2026-11-23T08:00:00Z"),
            Some("date") => json!("2026-11-23"),
            _ if nullable => Value::Null,
            _ => json!("text"),
        },
        _ => Value::Null,
    }
}
