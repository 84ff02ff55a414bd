//! What records are made of, for frontends that build forms.

use fulcrum_domain::customers::CustomerKind;
use fulcrum_domain::customers::custom_fields::{CustomField, CustomFieldChoice, CustomFieldKind};
use fulcrum_persistence::Tx;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use strum::{Display, EnumString};
use utoipa::ToSchema;

use super::labels;
use crate::customers::custom_fields::values::Fields;
use crate::http::contract::Contract;
use crate::http::locale::Locale;
use crate::http::problem::Problem;

/// Kinds of records that are described.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema, Display, EnumString)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum DescribedObject {
    /// Customers.
    Customer,
    /// Contacts.
    Contact,
    /// Activities.
    Activity,
    /// Tasks.
    Task,
}

/// What a field of a form is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum FieldType {
    /// A text.
    Text,
    /// A whole number.
    Integer,
    /// A number.
    Number,
    /// An exact decimal number, as a text.
    Decimal,
    /// An amount with its currency.
    Money,
    /// A day.
    Date,
    /// An instant.
    Instant,
    /// Yes or no.
    Boolean,
    /// One of some values.
    Choice,
    /// Several of some values.
    Choices,
    /// The id of a person in the company.
    User,
    /// The id of a record.
    Reference,
    /// A web address.
    Url,
    /// Several values.
    List,
    /// Something with fields of its own.
    Object,
}

/// A field of a kind of record.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct FieldDescription {
    /// Where it stands in the record: its name, or `custom.` and the key of a field of the company's own.
    #[schema(max_length = 60, example = "grade")]
    pub name: String,
    /// What people call it, in the language of the request; fields of the company's own as it calls them.
    #[schema(max_length = 100, example = "Grade")]
    pub label: String,
    /// What to fill in, for people.
    #[schema(required, max_length = 2000, example = "Grade (客户分级).")]
    pub help: Option<String>,
    /// What it is.
    pub r#type: FieldType,
    /// Whether new records have to have it.
    pub required: bool,
    /// Whether only one record may have a value.
    pub unique: bool,
    /// Whether it is one of the company's own.
    pub custom: bool,
    /// Its vocabulary, by its name in `/v1/metadata/enums`.
    #[schema(required, max_length = 60, example = "Grade")]
    pub vocabulary: Option<String>,
    /// What can be chosen, for a field of the company's own.
    #[schema(max_items = 200)]
    pub choices: Vec<CustomFieldChoice>,
    /// What a reference leads to.
    #[schema(required, max_length = 60, example = "customer")]
    pub references: Option<String>,
    /// Of which kinds of customers; empty is all.
    #[schema(max_items = 2)]
    pub customer_kinds: Vec<CustomerKind>,
    /// What new records have that don't say.
    #[schema(required, value_type = Value, example = json!(null))]
    pub default_value: Value,
    /// A JSON Schema of its values; references lead into `/openapi.json`.
    #[schema(value_type = Object, example = json!({"$ref": "#/components/schemas/Grade"}))]
    pub schema: Value,
}

/// A kind of record.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct ObjectDescription {
    /// The kind.
    pub r#type: DescribedObject,
    /// What can be written, in the order of forms: the fields that every company has, then its own.
    #[schema(max_items = 300)]
    pub fields: Vec<FieldDescription>,
}

/// Describes a kind of record as the actor's company has it.
///
/// # Errors
/// Those of the database.
pub fn describe(
    tx: &mut Tx,
    contract: &Contract,
    object: DescribedObject,
    locale: Locale,
) -> Result<ObjectDescription, Problem> {
    let word = object.to_string();
    let name = match object {
        DescribedObject::Customer => "CustomerInput",
        DescribedObject::Contact => "ContactInput",
        DescribedObject::Activity => "ActivityInput",
        DescribedObject::Task => "TaskInput",
    };
    let input = &contract.document["components"]["schemas"][name];
    let standard = labels::of_object(&word).iter().filter(|(name, ..)| *name != "custom");
    let mut fields: Vec<FieldDescription> = standard
        .filter_map(|(name, ..)| {
            let schema = input["properties"].get(*name)?;
            Some(standard_field(&word, input, name, schema, locale))
        })
        .collect();
    if let Ok(object) = word.parse() {
        fields.extend(Fields::of(tx, object)?.live().map(own_field));
    }
    Ok(ObjectDescription { r#type: object, fields })
}

fn standard_field(
    object: &str,
    input: &Value,
    name: &str,
    schema: &Value,
    locale: Locale,
) -> FieldDescription {
    let required = input["required"].as_array().into_iter().flatten().any(|required| required == name);
    // What may be null is described by what it is otherwise.
    let described = schema["oneOf"].as_array().and_then(|of| of.iter().find(|one| one["type"] != "null"));
    let described = described.unwrap_or(schema);
    let refers = described["$ref"].as_str().and_then(|to| to.rsplit('/').next());
    let only_for = match (object, name) {
        ("customer", "credit_code" | "staff_count" | "annual_revenue") => vec![CustomerKind::Company],
        ("customer", "born_on") => vec![CustomerKind::Individual],
        _ => vec![],
    };
    let (kind, references) = match (name, refers) {
        ("owner_id" | "assignee_id", _) => (FieldType::User, None),
        ("customer_id", _) => (FieldType::Reference, Some("customer".to_owned())),
        ("website", _) => (FieldType::Url, None),
        (_, Some("Money")) => (FieldType::Money, None),
        (_, Some("Address")) => (FieldType::Object, None),
        (_, Some(_)) => (FieldType::Choice, None),
        _ => (plain_type(schema), None),
    };
    FieldDescription {
        name: name.to_owned(),
        label: labels::of_field(object, name, locale).unwrap_or(name).to_owned(),
        help: described["description"].as_str().map(str::to_owned),
        r#type: kind,
        required,
        unique: matches!((object, name), ("customer", "credit_code")),
        custom: false,
        vocabulary: refers.filter(|_| kind == FieldType::Choice).map(str::to_owned),
        choices: vec![],
        references,
        customer_kinds: only_for,
        default_value: schema.get("default").cloned().unwrap_or(Value::Null),
        schema: schema.clone(),
    }
}

fn plain_type(schema: &Value) -> FieldType {
    let is = |word: &str| {
        schema["type"] == word || schema["type"].as_array().is_some_and(|types| types.contains(&json!(word)))
    };
    match schema["format"].as_str() {
        Some("date") => FieldType::Date,
        Some("date-time") => FieldType::Instant,
        Some("uuid") => FieldType::Reference,
        _ if is("integer") => FieldType::Integer,
        _ if is("number") => FieldType::Number,
        _ if is("boolean") => FieldType::Boolean,
        _ if is("array") => FieldType::List,
        _ if is("object") => FieldType::Object,
        _ => FieldType::Text,
    }
}

fn own_field(field: &CustomField) -> FieldDescription {
    let open = || field.choices.iter().filter(|choice| !choice.archived).map(|choice| choice.value.as_str());
    let limits = &field.limits;
    let number = |text: &Option<String>| text.as_deref().and_then(|text| text.parse::<f64>().ok());
    let (kind, schema) = match field.kind {
        CustomFieldKind::Text => {
            let mut schema = json!({ "type": "string", "maxLength": field.longest() });
            if let Some(min) = limits.min_length {
                schema["minLength"] = json!(min);
            }
            (FieldType::Text, schema)
        }
        CustomFieldKind::Number => {
            let mut schema = json!({ "type": if limits.decimals == Some(0) { "integer" } else { "number" } });
            for (name, bound) in [("minimum", number(&limits.minimum)), ("maximum", number(&limits.maximum))]
            {
                if let Some(bound) = bound {
                    schema[name] = json!(bound);
                }
            }
            (FieldType::Number, schema)
        }
        CustomFieldKind::Decimal => {
            (FieldType::Decimal, json!({ "type": "string", "pattern": "^-?[0-9]{1,15}(\\.[0-9]{1,6})?$" }))
        }
        CustomFieldKind::Money => (FieldType::Money, json!({ "$ref": "#/components/schemas/Money" })),
        CustomFieldKind::Date => (FieldType::Date, json!({ "type": "string", "format": "date" })),
        CustomFieldKind::Instant => (FieldType::Instant, json!({ "type": "string", "format": "date-time" })),
        CustomFieldKind::Boolean => (FieldType::Boolean, json!({ "type": "boolean" })),
        CustomFieldKind::Choice => {
            (FieldType::Choice, json!({ "type": "string", "enum": open().collect::<Vec<_>>() }))
        }
        CustomFieldKind::Choices => {
            let items = json!({ "type": "string", "enum": open().collect::<Vec<_>>() });
            let most = limits.max_items.unwrap_or(100);
            (
                FieldType::Choices,
                json!({ "type": "array", "items": items, "uniqueItems": true, "maxItems": most }),
            )
        }
        CustomFieldKind::User => (FieldType::User, json!({ "type": "string", "format": "uuid" })),
        CustomFieldKind::Reference => (FieldType::Reference, json!({ "type": "string", "format": "uuid" })),
        CustomFieldKind::Url => {
            (FieldType::Url, json!({ "type": "string", "format": "uri", "maxLength": 600 }))
        }
    };
    FieldDescription {
        name: format!("custom.{}", field.key),
        label: field.label.clone(),
        help: field.help.clone(),
        r#type: kind,
        required: field.required,
        unique: field.unique,
        custom: true,
        vocabulary: None,
        choices: field.choices.clone(),
        references: limits.references.map(|object| object.to_string()),
        customer_kinds: field.customer_kinds.clone(),
        default_value: field.default.clone().unwrap_or(Value::Null),
        schema,
    }
}

/// A closed vocabulary of the contract.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Vocabulary {
    /// Its name in the contract.
    #[schema(max_length = 60, example = "Grade")]
    pub name: String,
    /// What it is for.
    #[schema(required, max_length = 2000, example = "Grade of a customer (客户分级).")]
    pub help: Option<String>,
    /// Its words. There may be more of them one day.
    #[schema(max_items = 500)]
    pub words: Vec<VocabularyWord>,
}

/// A word of a vocabulary.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct VocabularyWord {
    /// As it is sent.
    #[schema(max_length = 100, example = "A")]
    pub value: String,
    /// What people call it, in the language of the request where it has a name in it.
    #[schema(max_length = 200, example = "A")]
    pub label: String,
}

/// Every vocabulary.
#[derive(Serialize, ToSchema)]
pub struct VocabularyCatalog {
    /// By name.
    #[schema(max_items = 500)]
    pub data: Vec<Vocabulary>,
}

/// The vocabularies of the contract; orders of lists are none.
pub fn vocabularies(contract: &Contract, locale: Locale) -> VocabularyCatalog {
    let schemas = contract.document["components"]["schemas"].as_object().into_iter().flatten();
    let data = schemas
        .filter(|(name, _)| !name.ends_with("Sort") && !name.ends_with("Include"))
        .filter_map(|(name, schema)| {
            let words = schema["enum"].as_array()?;
            let word = |word: &Value| {
                let value = word.as_str()?.to_owned();
                let label =
                    labels::of_word(name, &value, locale).map_or_else(|| spoken(&value), str::to_owned);
                Some(VocabularyWord { value, label })
            };
            Some(Vocabulary {
                name: name.clone(),
                help: schema["description"].as_str().map(str::to_owned),
                words: words.iter().filter_map(word).collect(),
            })
        })
        .collect();
    VocabularyCatalog { data }
}

/// `not_reached` as "Not reached".
fn spoken(word: &str) -> String {
    let words = word.replace('_', " ");
    let mut letters = words.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}
