//! Values of custom fields, judged in this one place whichever way they come in.

use std::sync::{Arc, LazyLock};

use fulcrum_domain::customers::CustomerKind;
use fulcrum_domain::customers::completeness::{FieldRule, usual_rules};
use fulcrum_domain::customers::custom_fields::{CustomField, CustomFieldKind, CustomFieldObject};
use fulcrum_persistence::customers::custom_fields::{self as store, CustomFieldRow, UniqueValue};
use fulcrum_persistence::customers::{contacts, customers, field_standards};
use fulcrum_persistence::{Json, StoreError, Tx};
use moka::sync::Cache;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use strum::IntoEnumIterator;
use utoipa::openapi::schema::{AdditionalProperties, ObjectBuilder};
use utoipa::openapi::{RefOr, Schema, Type};
use utoipa::{PartialSchema, ToSchema};
use uuid::Uuid;

use super::service::field_of;
use crate::access::users::service::assignable;
use crate::http::catalog::FieldCode;
use crate::http::problem::{FieldError, Problem};

/// Values by the key of their field.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct CustomValues(pub Map<String, Value>);

impl PartialSchema for CustomValues {
    fn schema() -> RefOr<Schema> {
        let schema = ObjectBuilder::new()
            .schema_type(Type::Object)
            .description(Some(
                "Values of the company's own fields by their keys, each of the type that the field says: see \
                 `/v1/custom-fields` and `/v1/metadata/objects/{type}`. Fields without a value are not there; values of fields \
                 that are archived stay.",
            ))
            .additional_properties(Some(AdditionalProperties::FreeForm(true)))
            .max_properties(Some(400))
            .examples([serde_json::json!({ "sales_region": "east" })]);
        schema.build().into()
    }
}

impl ToSchema for CustomValues {
    fn name() -> std::borrow::Cow<'static, str> {
        "CustomValues".into()
    }
}

/// The fields of a kind of record as one definition has them.
#[derive(Debug)]
pub struct Fields {
    object: CustomFieldObject,
    fields: Vec<CustomField>,
    /// What the files of customers of each kind have to hold.
    rules: Vec<(CustomerKind, Vec<FieldRule>)>,
    /// Fields of the company's own that are archived, as rules name them.
    archived: Vec<String>,
}

fn rules(tx: &mut Tx) -> Result<Vec<(CustomerKind, Vec<FieldRule>)>, StoreError> {
    let own = field_standards::all(tx)?;
    let of = |kind: CustomerKind| {
        let own = own.iter().find(|own| own.customer_kind == kind.to_string());
        (kind, own.and_then(|own| own.rules.read()).unwrap_or_else(|| usual_rules(kind)))
    };
    Ok(CustomerKind::iter().map(of).collect())
}

/// By company, kind of record and definition: hundreds of fields are read and understood once for each change of them.
static KNOWN: LazyLock<Cache<(Uuid, CustomFieldObject, Uuid), Arc<Fields>>> =
    LazyLock::new(|| Cache::new(1000));

/// Values that were judged, ready to be stored.
#[derive(Clone, Debug, Default)]
pub struct Judged {
    /// What is stored.
    pub values: Map<String, Value>,
    /// What the record is found by.
    pub texts: Vec<String>,
    /// What no other record may have.
    pub unique: Vec<UniqueValue>,
}

impl Fields {
    /// The company's fields, archived ones included.
    ///
    /// # Errors
    /// Those of the database.
    pub fn of(tx: &mut Tx, object: CustomFieldObject) -> Result<Arc<Fields>, StoreError> {
        let word = object.to_string();
        let key = (tx.actor.tenant_id, object, store::definition(tx, &word)?);
        if let Some(known) = KNOWN.get(&key) {
            return Ok(known);
        }
        let rows = store::of_object(tx, &word)?;
        let mut fields =
            Fields { object, fields: rows.iter().map(field_of).collect(), rules: vec![], archived: vec![] };
        if object == CustomFieldObject::Customer {
            let people = store::of_object(tx, &CustomFieldObject::Contact.to_string())?;
            let gone = |rows: &[CustomFieldRow], prefix: &str| -> Vec<String> {
                let gone = rows.iter().filter(|row| row.deleted_at.is_some());
                gone.map(|row| format!("{prefix}custom.{}", row.key)).collect()
            };
            fields.archived = [gone(&rows, ""), gone(&people, "contact.")].concat();
            fields.rules = rules(tx)?;
        }
        let fields = Arc::new(fields);
        KNOWN.insert(key, fields.clone());
        Ok(fields)
    }

    /// Those that aren't archived, in the order of forms.
    pub fn live(&self) -> impl Iterator<Item = &CustomField> {
        self.fields.iter().filter(|field| !field.archived)
    }

    /// What the file of a customer of this kind has to hold; what was archived doesn't count.
    pub fn rules(&self, kind: CustomerKind) -> impl Iterator<Item = &FieldRule> {
        let rules =
            self.rules.iter().find(|(known, _)| *known == kind).into_iter().flat_map(|(_, rules)| rules);
        rules.filter(|rule| !self.archived.contains(&rule.field))
    }

    /// Whether a rule is about this field, archived or not.
    pub fn names_in_rules(&self, object: &str, key: &str) -> bool {
        let name =
            if object == "contact" { format!("contact.custom.{key}") } else { format!("custom.{key}") };
        self.rules.iter().flat_map(|(_, rules)| rules).any(|rule| rule.field == name)
    }

    /// The field with this key, archived or not.
    pub fn get(&self, key: &str) -> Option<&CustomField> {
        self.fields.iter().find(|field| field.key == key)
    }

    /// Judges what a record is to have. `before` is what it has, `None` for a new one; `kind` is that of a customer. People
    /// and records that values name are looked up.
    ///
    /// # Errors
    /// 422 that names every value that is wrong.
    pub fn judge(
        &self,
        tx: &mut Tx,
        kind: Option<CustomerKind>,
        before: Option<&Map<String, Value>>,
        given: &CustomValues,
    ) -> Result<Judged, Problem> {
        let (values, mut errors) = self.canonical(kind, before, given);
        for field in self.live() {
            if let Some(value) = values.get(&field.key)
                && before.and_then(|before| before.get(&field.key)) != Some(value)
                && let Err(error) = self.look_up(tx, field, value)?
            {
                errors.push(error);
            }
        }
        if errors.is_empty() { Ok(self.derived(values)) } else { Err(Problem::invalid(errors)) }
    }

    /// What follows from values: what the record is found by, and what no other record may have.
    pub fn derived(&self, values: Map<String, Value>) -> Judged {
        let texts = self.live().filter(|field| field.searchable);
        let texts = texts.filter_map(|field| values.get(&field.key)?.as_str().map(str::to_owned)).collect();
        let unique = self.fields.iter().filter(|field| field.unique);
        let unique = unique
            .filter_map(|field| Some((field.id, CustomField::identity(values.get(&field.key)?))))
            .collect();
        Judged { values, texts, unique }
    }

    /// The values in their canonical form, and what is wrong with them by themselves.
    pub fn canonical(
        &self,
        kind: Option<CustomerKind>,
        before: Option<&Map<String, Value>>,
        given: &CustomValues,
    ) -> (Map<String, Value>, Vec<FieldError>) {
        let mut errors = Vec::new();
        let mut values = Map::new();
        for (key, value) in given.0.iter().filter(|(_, value)| !value.is_null()) {
            let had = before.and_then(|before| before.get(key));
            let pointer = format!("/custom/{}", key.replace('~', "~0").replace('/', "~1"));
            let Some(field) = self.get(key) else {
                errors.push(FieldError::new(pointer, FieldCode::UnknownField));
                continue;
            };
            // What is there stays, whatever became of the rules since.
            if had == Some(value) {
                values.insert(key.clone(), value.clone());
                continue;
            }
            if field.archived {
                errors.push(FieldError::new(pointer, FieldCode::FieldArchived));
                continue;
            }
            if let Some(code) = not_for(field, kind) {
                errors.push(FieldError::new(pointer, code));
                continue;
            }
            match field.check(value, had) {
                Ok(Value::Null) => {}
                Ok(value) => {
                    values.insert(key.clone(), value);
                }
                Err(error) => {
                    errors.push(FieldError::of_value(format!("{pointer}{}", error.pointer), &error))
                }
            }
        }
        for field in self.live().filter(|field| not_for(field, kind).is_none()) {
            if before.is_none()
                && !given.0.contains_key(&field.key)
                && let Some(default) = &field.default
                && let Ok(value) = field.check(default, None)
            {
                values.insert(field.key.clone(), value);
            }
            let pointer = format!("/custom/{}", field.key);
            let missing = field.required && !values.contains_key(&field.key);
            let was_there = before.is_none_or(|before| before.contains_key(&field.key));
            if missing && was_there && !errors.iter().any(|error| error.pointer.starts_with(&pointer)) {
                errors.push(FieldError::new(pointer, FieldCode::Required));
            }
        }
        (values, errors)
    }

    /// Whether the person or the record that a value names is there for the actor.
    fn look_up(
        &self,
        tx: &mut Tx,
        field: &CustomField,
        value: &Value,
    ) -> Result<Result<(), FieldError>, Problem> {
        let id = value.as_str().and_then(|text| Uuid::parse_str(text).ok());
        let pointer = format!("/custom/{}", field.key);
        match (field.kind, id) {
            (CustomFieldKind::User, Some(id)) => match assignable(tx, id, &pointer) {
                Ok(_) => Ok(Ok(())),
                Err(problem) => match problem.field_errors() {
                    [error, ..] => Ok(Err(error.clone())),
                    [] => Err(problem),
                },
            },
            (CustomFieldKind::Reference, Some(id)) => {
                let seen = match field.limits.references {
                    Some(CustomFieldObject::Contact) => {
                        contacts::find_all(tx, &[id])?.iter().any(|row| row.deleted_at.is_none())
                    }
                    _ => customers::find_all(tx, &[id])?.iter().any(|row| row.deleted_at.is_none()),
                };
                Ok(if seen { Ok(()) } else { Err(FieldError::new(pointer, FieldCode::NotFound)) })
            }
            _ => Ok(Ok(())),
        }
    }

    /// Makes what a record holds of the company's unique values what it is to hold.
    ///
    /// # Errors
    /// 409 that names the record that has one already, if the actor sees it.
    pub fn hold(
        &self,
        tx: &mut Tx,
        subject_id: Uuid,
        before: &[UniqueValue],
        after: &[UniqueValue],
    ) -> Result<(), Problem> {
        let Some(((field_id, _), holder)) = store::hold_values(tx, subject_id, before, after)? else {
            return Ok(());
        };
        let key =
            self.fields.iter().find(|field| field.id == field_id).map_or("", |field| field.key.as_str());
        let seen = match self.object {
            CustomFieldObject::Customer => customers::seen(tx, &[holder])?,
            CustomFieldObject::Contact => contacts::seen(tx, &[holder])?,
        };
        Err(Problem::taken(&format!("custom.{key}"), seen.first().copied()))
    }
}

fn not_for(field: &CustomField, kind: Option<CustomerKind>) -> Option<FieldCode> {
    let kind = kind?;
    if field.customer_kinds.is_empty() || field.customer_kinds.contains(&kind) {
        return None;
    }
    Some(match kind {
        CustomerKind::Company => FieldCode::OnlyForIndividuals,
        CustomerKind::Individual => FieldCode::OnlyForCompanies,
    })
}

/// Values as they are stored.
pub fn stored(values: &Json) -> CustomValues {
    values.read().unwrap_or_default()
}

/// Frees the unique values of a record that is deleted, or takes them back for one that is restored.
///
/// # Errors
/// 409 when another record has one of them by now.
pub fn hold_or_free(
    tx: &mut Tx,
    object: CustomFieldObject,
    id: Uuid,
    custom: &Json,
    hold: bool,
) -> Result<(), Problem> {
    let values = stored(custom);
    if values.0.is_empty() {
        return Ok(());
    }
    let fields = Fields::of(tx, object)?;
    let unique = fields.derived(values.0).unique;
    if hold { fields.hold(tx, id, &[], &unique) } else { fields.hold(tx, id, &unique, &[]) }
}
