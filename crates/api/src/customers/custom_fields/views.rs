//! Custom fields on the wire.

use chrono::{DateTime, Utc};
use fulcrum_domain::customers::CustomerKind;
use fulcrum_domain::customers::custom_fields::{
    CustomField, CustomFieldChoice, CustomFieldKind, CustomFieldLimits, CustomFieldObject,
};
use fulcrum_persistence::customers::custom_fields::CustomFieldRow;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use crate::http::body::Input;
use crate::http::checks::Checks;
use crate::http::cursor::list_view;
use crate::http::problem::FieldError;

/// What can be said of a custom field.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CustomFieldInput {
    /// Which records have it; can't change after creation.
    pub object_type: CustomFieldObject,
    /// What programs call it: the name under `custom`. Can't change after creation, and is never given to another field.
    #[schema(min_length = 1, max_length = 40, pattern = "^[a-z][a-z0-9_]*$", example = "sales_region")]
    pub key: String,
    /// What its values are; can't change after creation.
    pub kind: CustomFieldKind,
    /// What people call it.
    #[schema(min_length = 1, max_length = 100, pattern = "\\S", example = "销售大区")]
    pub label: String,
    /// What to fill in, for people.
    #[schema(max_length = 500, example = "按客户总部所在地填写")]
    #[serde(default)]
    pub help: Option<String>,
    /// Of which kinds of customers; all unless given. Only for customers.
    #[schema(max_items = 2)]
    #[serde(default)]
    pub customer_kinds: Vec<CustomerKind>,
    /// Whether new records have to have it. Records that don't have it stay as they are until it is filled in.
    #[serde(default)]
    pub required: bool,
    /// Whether only one record may have a value, however its letters are written. Can be ended, not begun later.
    #[serde(default)]
    pub unique: bool,
    /// Whether it is often asked for in filters: an index is made. Not for several choices.
    #[serde(default)]
    pub filterable: bool,
    /// Whether records are found by it with `q`; for texts and addresses.
    #[serde(default)]
    pub searchable: bool,
    /// What new records have that don't say.
    #[schema(value_type = Value, example = json!("east"))]
    #[serde(default, skip_serializing_if = "Value::is_null")]
    pub default: Value,
    /// What its values have to keep to.
    #[serde(default)]
    pub limits: CustomFieldLimits,
    /// What can be chosen, in this order. What is not to be chosen any more is archived and not left out.
    #[schema(max_items = 200)]
    #[serde(default)]
    pub choices: Vec<CustomFieldChoice>,
    /// Its place in forms, the smaller the earlier.
    #[schema(minimum = 0, maximum = 10000, example = 10)]
    #[serde(default)]
    pub position: i32,
}

impl Input for CustomFieldInput {
    fn check(body: &Value, _: &str) -> Vec<FieldError> {
        let mut checks = Checks::of(body);
        checks.not_blank(&["label"]);
        let mut found = checks.found();
        // What belongs together is looked at when each part has its form.
        if let Ok(input) = serde_json::from_value::<CustomFieldInput>(body.clone()) {
            let errors = input.field(Uuid::nil(), false).definition_errors();
            found.extend(errors.iter().map(|error| FieldError::of_value(error.pointer.clone(), error)));
            let wrong = |pointer: &str, kind: &str| {
                FieldError::new(pointer, crate::http::catalog::FieldCode::NotForType).with("type", kind)
            };
            if input.filterable && input.kind == CustomFieldKind::Choices {
                found.push(wrong("/filterable", "choices"));
            }
            if !input.customer_kinds.is_empty() && input.object_type != CustomFieldObject::Customer {
                found.push(wrong("/customer_kinds", &input.object_type.to_string()));
            }
        }
        found
    }
}

impl CustomFieldInput {
    /// As the domain knows it.
    pub(super) fn field(&self, id: Uuid, archived: bool) -> CustomField {
        CustomField {
            id,
            key: self.key.clone(),
            label: self.label.clone(),
            help: self.help.clone(),
            kind: self.kind,
            customer_kinds: self.customer_kinds.clone(),
            required: self.required,
            unique: self.unique,
            searchable: self.searchable,
            default: (!self.default.is_null()).then(|| self.default.clone()),
            limits: self.limits.clone(),
            choices: self.choices.clone(),
            archived,
        }
    }
}

/// A custom field.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = CustomField)]
pub struct CustomFieldView {
    /// Id.
    pub id: Uuid,
    /// Which records have it.
    pub object_type: CustomFieldObject,
    /// What programs call it.
    #[schema(max_length = 40, example = "sales_region")]
    pub key: String,
    /// What its values are.
    pub kind: CustomFieldKind,
    /// What people call it.
    #[schema(max_length = 100, example = "销售大区")]
    pub label: String,
    /// What to fill in, for people.
    #[schema(required, max_length = 500, example = "按客户总部所在地填写")]
    pub help: Option<String>,
    /// Of which kinds of customers; empty is all.
    #[schema(max_items = 2)]
    pub customer_kinds: Vec<CustomerKind>,
    /// Whether new records have to have it.
    pub required: bool,
    /// Whether only one record may have a value.
    pub unique: bool,
    /// Whether an index is kept for filters.
    pub filterable: bool,
    /// Whether records are found by it with `q`.
    pub searchable: bool,
    /// What new records have that don't say.
    #[schema(required, value_type = Value, example = json!(null))]
    pub default: Value,
    /// What its values have to keep to.
    pub limits: CustomFieldLimits,
    /// What can be chosen.
    #[schema(max_items = 200)]
    pub choices: Vec<CustomFieldChoice>,
    /// Its place in forms.
    #[schema(minimum = 0, maximum = 10000, example = 10)]
    pub position: i32,
    /// Grows by one with each change; the ETag.
    #[schema(minimum = 1, example = 1)]
    pub version: i32,
    /// When it was created.
    pub created_at: DateTime<Utc>,
    /// When it was last changed.
    pub updated_at: DateTime<Utc>,
    /// When it was archived; null while it isn't.
    #[schema(required)]
    pub deleted_at: Option<DateTime<Utc>>,
}

list_view!(
    /// A page of custom fields.
    CustomFieldList of CustomFieldView
);

impl From<&CustomFieldRow> for CustomFieldView {
    fn from(row: &CustomFieldRow) -> CustomFieldView {
        let input = super::service::input_of(row);
        CustomFieldView {
            id: row.id,
            object_type: input.object_type,
            key: input.key,
            kind: input.kind,
            label: input.label,
            help: input.help,
            customer_kinds: input.customer_kinds,
            required: input.required,
            unique: input.unique,
            filterable: input.filterable,
            searchable: input.searchable,
            default: input.default,
            limits: input.limits,
            choices: input.choices,
            position: input.position,
            version: row.version,
            created_at: row.created_at,
            updated_at: row.updated_at,
            deleted_at: row.deleted_at,
        }
    }
}

/// Which custom fields, which page.
#[derive(Clone, Debug, Serialize, Deserialize, IntoParams)]
#[serde(default)]
#[into_params(parameter_in = Query)]
pub struct CustomFieldQuery {
    /// Of one of these kinds of records.
    #[param(max_items = 2)]
    pub object_type: Vec<CustomFieldObject>,
    /// Those that are archived, instead of those that aren't.
    pub archived: bool,
    /// Where the page begins: `next_cursor` of the page before.
    #[param(min_length = 1, max_length = 2000)]
    pub cursor: Option<String>,
    /// Rows of the page.
    #[param(minimum = 1, maximum = 200, default = 50)]
    pub limit: i64,
}

impl Default for CustomFieldQuery {
    fn default() -> CustomFieldQuery {
        CustomFieldQuery { object_type: vec![], archived: false, cursor: None, limit: 50 }
    }
}
