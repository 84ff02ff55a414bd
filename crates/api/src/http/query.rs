//! Query parameters: flat, typed, judged by the contract. A repeated parameter is a list.

use std::future::{Ready, ready};
use std::ops::Deref;

use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpRequest, web};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};
use utoipa::IntoParams;
use utoipa::openapi::Required;
use utoipa::openapi::path::ParameterIn;

use super::catalog::{Code, FieldCode};
use super::problem::{FieldError, Problem};
use crate::App;

/// Parameters of a query that have passed.
pub struct Query<T>(pub T);

impl<T> Deref for Query<T> {
    type Target = T;
    fn deref(&self) -> &T {
        &self.0
    }
}

impl<T: IntoParams + DeserializeOwned + 'static> FromRequest for Query<T> {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let parsed = match request.app_data::<web::Data<App>>() {
            Some(app) => parse(app, request.query_string()),
            None => Err(Problem::new(Code::Internal)),
        };
        ready(parsed.map(Query))
    }
}

fn parse<T: IntoParams + DeserializeOwned + 'static>(app: &App, query: &str) -> Result<T, Problem> {
    let name = std::any::type_name::<T>();
    let rules = app.contract.rules(name, || parameter_schema::<T>(&app.contract.document));
    let (value, mut errors) = collect(&rules.schema, query);
    for error in rules.parameter_errors(&value) {
        if !errors.iter().any(|known: &FieldError| known.pointer == error.pointer) {
            errors.push(error);
        }
    }
    if !errors.is_empty() {
        return Err(Problem::bad_parameters(errors));
    }
    serde_path_to_error::deserialize(&value).map_err(|error| {
        let name = error.path().to_string();
        Problem::bad_parameters(vec![FieldError::new(name, FieldCode::Invalid)])
    })
}

/// The query as an object schema, made of the same declarations as the document's parameters.
fn parameter_schema<T: IntoParams>(document: &Value) -> Value {
    let mut properties = Map::new();
    let mut required = Vec::new();
    for parameter in T::into_params(|| Some(ParameterIn::Query)) {
        let mut schema = json!(parameter.schema);
        super::document::bound_parameter(&mut schema);
        if json!(parameter)["explode"] == false {
            schema["x-comma"] = json!(true);
        }
        properties.insert(parameter.name.clone(), resolved(schema, document));
        if parameter.required == Required::True {
            required.push(json!(parameter.name));
        }
    }
    json!({ "type": "object", "properties": properties, "required": required, "additionalProperties": false })
}

/// A reference to a component as the component, so that its type is at hand.
fn resolved(schema: Value, document: &Value) -> Value {
    match schema["$ref"].as_str().and_then(|pointer| document.pointer(pointer.trim_start_matches('#'))) {
        Some(component) => component.clone(),
        None => schema,
    }
}

fn collect(schema: &Value, query: &str) -> (Value, Vec<FieldError>) {
    let mut values = Map::new();
    let mut errors = Vec::new();
    for (name, text) in url::form_urlencoded::parse(query.as_bytes()) {
        let property = &schema["properties"][name.as_ref()];
        if is(property, "array") {
            let list = values.entry(name.clone()).or_insert_with(|| json!([]));
            // `include=owner,contacts` and `include=owner&include=contacts` are the same.
            // `include=` is the empty list.
            let parts: Vec<&str> = match property["x-comma"] == true {
                true if text.is_empty() => vec![],
                true => text.split(',').collect(),
                false => vec![&text],
            };
            if let Some(list) = list.as_array_mut() {
                list.extend(parts.into_iter().map(|part| typed(&property["items"], part)));
            }
        } else if values.insert(name.to_string(), typed(property, &text)).is_some() {
            errors.push(FieldError::new(name.to_string(), FieldCode::Repeated));
        }
    }
    (Value::Object(values), errors)
}

fn is(schema: &Value, wanted: &str) -> bool {
    match &schema["type"] {
        Value::String(kind) => kind == wanted,
        Value::Array(kinds) => kinds.iter().any(|kind| kind == wanted),
        _ => false,
    }
}

/// A parameter's text as the type that its schema asks for; what doesn't fit stays a text, for the schema to
/// refuse.
fn typed(schema: &Value, text: &str) -> Value {
    let parsed = if is(schema, "integer") {
        text.parse::<i64>().ok().map(|number| json!(number))
    } else if is(schema, "boolean") {
        text.parse::<bool>().ok().map(|truth| json!(truth))
    } else {
        None
    };
    parsed.unwrap_or_else(|| json!(text))
}
