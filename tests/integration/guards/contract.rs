//! The contract: committed as it is, complete, and true of itself.

use std::collections::BTreeSet;
use std::path::Path;

use fulcrum_api::http::contract::Contract;
use serde_json::{Value, json};

fn document() -> Value {
    fulcrum_api::server::contract().document
}

/// Path, method and operation.
pub fn operations(document: &Value) -> Vec<(String, String, Value)> {
    let mut all = Vec::new();
    for (path, item) in document["paths"].as_object().expect("paths") {
        for (method, operation) in item.as_object().expect("operations") {
            all.push((path.clone(), method.clone(), operation.clone()));
        }
    }
    assert!(all.len() > 40, "the document has its operations");
    all
}

#[test]
fn openapi_json_is_what_the_program_says() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../openapi/openapi.json");
    let committed: Value =
        serde_json::from_str(&std::fs::read_to_string(path).expect("openapi.json")).expect("JSON");
    assert!(committed == document(), "run: cargo run -- openapi > openapi/openapi.json");
}

#[test]
fn operation_ids_are_unique_verbs_and_nouns() {
    let document = document();
    let mut seen = BTreeSet::new();
    for (path, method, operation) in operations(&document) {
        let id =
            operation["operationId"].as_str().unwrap_or_else(|| panic!("{method} {path} has an operationId"));
        assert!(id.starts_with(|c: char| c.is_ascii_lowercase()) && !id.contains('_'), "{id} is camelCase");
        assert!(seen.insert(id.to_owned()), "{id} is there twice");
    }
}

/// Two structs of one name in different modules merge silently: a name may be declared once.
#[test]
fn no_schema_name_is_declared_twice() {
    let mut seen = BTreeSet::new();
    for file in super::house::rust_files("crates") {
        let text = std::fs::read_to_string(&file).expect("a source file");
        let mut named: Option<String> = None;
        let mut is_schema = false;
        for line in text.lines().map(str::trim) {
            if line.starts_with("#[derive(") || line.starts_with("Clone, Copy, Debug") {
                is_schema |= line.contains("ToSchema");
            } else if let Some(name) = line.strip_prefix("#[schema(as = ") {
                named = Some(name.trim_end_matches(")]").to_owned());
            } else if let Some(rest) =
                line.strip_prefix("pub struct ").or_else(|| line.strip_prefix("pub enum "))
            {
                if is_schema && !rest.starts_with('$') {
                    let own = rest.split([' ', '(', '{', ';', '<']).next().unwrap_or_default().to_owned();
                    let name = named.take().unwrap_or(own);
                    assert!(
                        seen.insert(name.clone()),
                        "{name} is declared twice, again in {}",
                        file.display()
                    );
                }
                (named, is_schema) = (None, false);
            }
        }
    }
    assert!(seen.len() > 40 && seen.contains("Customer"), "{seen:?}");
}

#[test]
fn every_operation_has_what_clients_need() {
    let document = document();
    let tags: BTreeSet<&str> =
        document["tags"].as_array().expect("tags").iter().filter_map(|tag| tag["name"].as_str()).collect();
    for (path, method, operation) in operations(&document) {
        let name = format!("{method} {path}");
        assert!(operation["summary"].as_str().is_some_and(|text| !text.is_empty()), "{name}: summary");
        let tag = operation["tags"][0].as_str().unwrap_or_default();
        assert!(tags.contains(tag), "{name}: the tag {tag} is declared");
        assert!(!operation["security"].is_null(), "{name}: security");
        let responses = operation["responses"].as_object().expect("responses");
        assert_eq!(operation["responses"]["default"]["$ref"], "#/components/responses/Problem", "{name}");
        assert!(
            responses.keys().any(|status| status.starts_with('2')),
            "{name}: an answer that is no problem"
        );
        for (status, response) in responses.iter().filter(|(status, _)| status.starts_with('2')) {
            assert!(response["description"].as_str().is_some_and(|text| !text.is_empty()), "{name} {status}");
            for (kind, media) in response["content"].as_object().into_iter().flatten() {
                assert!(media.get("example").is_some(), "{name} {status} {kind}: example");
            }
        }
        for (kind, media) in operation["requestBody"]["content"].as_object().into_iter().flatten() {
            assert!(media.get("example").is_some(), "{name} request {kind}: example");
        }
    }
    for (name, response) in document["components"]["responses"].as_object().expect("responses") {
        assert!(response["content"]["application/problem+json"]["example"].is_object(), "{name}: example");
    }
}

#[test]
fn every_reference_leads_somewhere_and_every_example_is_valid() {
    let document = document();
    let contract = Contract::new(document.clone());
    references(&document, &mut |pointer| {
        assert!(document.pointer(pointer.trim_start_matches('#')).is_some(), "{pointer} leads nowhere");
    });
    let mut checked = 0;
    for (path, method, operation) in operations(&document) {
        let bodies = operation["responses"].as_object().into_iter().flatten().map(|(_, response)| response);
        for body in bodies.chain([&operation["requestBody"]]) {
            for (kind, media) in body["content"].as_object().into_iter().flatten() {
                let schema = json!({ "allOf": [media["schema"]] });
                let errors = contract
                    .rules(&format!("{path}{method}{schema}"), || schema)
                    .parameter_errors(&media["example"]);
                let wrong: Vec<_> = errors.iter().map(|error| (&error.pointer, error.code)).collect();
                assert!(wrong.is_empty(), "{method} {path} {kind}: {wrong:?} in {}", media["example"]);
                checked += 1;
            }
        }
    }
    assert!(checked > 60, "{checked}");
}

fn references(value: &Value, found: &mut impl FnMut(&str)) {
    match value {
        Value::Object(object) => {
            if let Some(pointer) = object.get("$ref").and_then(Value::as_str) {
                found(pointer);
            }
            object.values().for_each(|inner| references(inner, found));
        }
        Value::Array(list) => list.iter().for_each(|inner| references(inner, found)),
        _ => {}
    }
}

/// Texts, lists and numbers that come in have bounds, in the document and so in the server.
#[test]
fn everything_that_comes_in_is_bounded() {
    let document = document();
    for (name, schema) in document["components"]["schemas"].as_object().expect("schemas") {
        if name.ends_with("Input") || name.ends_with("Patch") {
            assert_eq!(schema["additionalProperties"], false, "{name} refuses unknown fields");
            for (field, property) in schema["properties"].as_object().expect("properties") {
                let is = |kind: &str| {
                    property["type"] == kind
                        || property["type"].as_array().is_some_and(|kinds| kinds.contains(&json!(kind)))
                };
                assert!(!is("string") || !property["maxLength"].is_null(), "{name}.{field}");
                assert!(!is("array") || !property["maxItems"].is_null(), "{name}.{field}");
                assert!(!is("integer") || !property["maximum"].is_null(), "{name}.{field}");
            }
        }
    }
}

/// Every field of an answer is there, be it null; what is only there when asked for is documented as such.
#[test]
fn every_field_of_an_answer_is_required() {
    const ASKED_FOR: [&str; 10] = [
        "Customer.owner",
        "Customer.department",
        "Customer.completeness",
        "Customer.contacts",
        "Contact.customer",
        "Problem.existing_id",
        "Problem.field",
        "Problem.permission",
        "Problem.error",
        "Problem.current_version",
    ];
    let document = document();
    for (name, schema) in document["components"]["schemas"].as_object().expect("schemas") {
        if name.ends_with("Input")
            || name.ends_with("Request")
            || name.ends_with("Patch")
            || schema["additionalProperties"] == false
        {
            continue;
        }
        let required = schema["required"].as_array().cloned().unwrap_or_default();
        for field in schema["properties"].as_object().into_iter().flatten().map(|(field, _)| field) {
            let optional = ASKED_FOR.contains(&format!("{name}.{field}").as_str());
            assert!(required.contains(&json!(field)) != optional, "{name}.{field}");
        }
    }
}
