//! Field standards.

use fulcrum_domain::access::Permission;
use fulcrum_domain::customers::CustomerKind;
use fulcrum_domain::customers::completeness::{FieldRule, usual_rules};
use fulcrum_domain::customers::custom_fields::CustomFieldObject;
use fulcrum_persistence::customers::custom_fields;
use fulcrum_persistence::customers::field_standards::{self as store, FieldStandard};
use fulcrum_persistence::{Json, StoreError, Tx};
use serde_json::json;
use strum::IntoEnumIterator;
use utoipa::PartialSchema;
use uuid::Uuid;

use super::keeping::measure_all;
use super::views::{FieldStandardInput, FieldStandardList, FieldStandardView};
use crate::customers::contacts::views::ContactInput;
use crate::customers::custom_fields::values::Fields;
use crate::customers::customers::input::CustomerInput;
use crate::http::catalog::{Code, FieldCode};
use crate::http::problem::{FieldError, Problem};
use crate::records::{Resource, Stamp};

/// Field standards as records.
pub enum FieldStandards {}

impl Resource for FieldStandards {
    type Row = FieldStandard;
    type Input = FieldStandardInput;
    type View = FieldStandardView;
    const SUBJECT: &'static str = store::SUBJECT;
    const COLLECTION: &'static str = "field-standards";
    const DELETE: Permission = Permission::CustomFieldsWrite;

    fn input_of(row: &FieldStandard) -> FieldStandardInput {
        FieldStandardInput { rules: row.rules.read().unwrap_or_default() }
    }

    fn view(row: &FieldStandard) -> FieldStandardView {
        FieldStandardView {
            customer_kind: kind_of(row),
            rules: row.rules.read().unwrap_or_default(),
            version: row.version,
            updated_at: (row.version > 1).then_some(row.updated_at),
        }
    }

    fn stamp(row: &FieldStandard) -> Stamp {
        Stamp::of(id_of(row.tenant_id, kind_of(row)), row.version, None)
    }

    fn find(tx: &mut Tx, id: Uuid) -> Result<FieldStandard, Problem> {
        let tenant_id = tx.actor.tenant_id;
        let kind = CustomerKind::iter().find(|kind| id_of(tenant_id, *kind) == id);
        let kind = kind.ok_or_else(|| Problem::from(StoreError::NotFound))?;
        let own = store::all(tx)?.into_iter().find(|own| own.customer_kind == kind.to_string());
        Ok(own.unwrap_or_else(|| usual(tx, kind)))
    }

    fn lock(tx: &mut Tx, id: Uuid) -> Result<FieldStandard, Problem> {
        custom_fields::lock_all(tx)?;
        Self::find(tx, id)
    }

    /// Every kind of customer has one.
    fn insert(_: &mut Tx, _: FieldStandardInput) -> Result<FieldStandard, Problem> {
        Err(Problem::new(Code::NoSuchPath))
    }

    fn change(
        tx: &mut Tx,
        before: &FieldStandard,
        input: FieldStandardInput,
    ) -> Result<FieldStandard, Problem> {
        if before.rules.read::<Vec<FieldRule>>().as_ref() == Some(&input.rules) {
            return Ok(before.clone());
        }
        let unknown = unknown_fields(tx, &input.rules)?;
        if !unknown.is_empty() {
            return Err(Problem::invalid(unknown));
        }
        let after = FieldStandard {
            rules: Json::of(&input.rules),
            version: before.version + 1,
            updated_at: tx.now,
            ..before.clone()
        };
        store::store(tx, &after)?;
        measure_all(tx)?;
        Ok(after)
    }

    fn set_deleted(_: &mut Tx, _: &FieldStandard, _: bool) -> Result<FieldStandard, Problem> {
        Err(Problem::new(Code::NoSuchPath))
    }
}

fn kind_of(row: &FieldStandard) -> CustomerKind {
    row.customer_kind.parse().unwrap_or(CustomerKind::Company)
}

/// What events call the standard of a company for a kind of customer: there is one, also before it is stored.
pub(super) fn id_of(tenant_id: Uuid, kind: CustomerKind) -> Uuid {
    Uuid::from_u128(tenant_id.as_u128() ^ (kind as u128 + 1))
}

fn usual(tx: &Tx, kind: CustomerKind) -> FieldStandard {
    FieldStandard {
        tenant_id: tx.actor.tenant_id,
        customer_kind: kind.to_string(),
        rules: Json::of(&usual_rules(kind)),
        version: 1,
        created_at: tx.now,
        updated_at: tx.now,
    }
}

/// Rules for fields that there aren't.
fn unknown_fields(tx: &mut Tx, rules: &[FieldRule]) -> Result<Vec<FieldError>, StoreError> {
    let customers = (json!(CustomerInput::schema()), Fields::of(tx, CustomFieldObject::Customer)?);
    let contacts = (json!(ContactInput::schema()), Fields::of(tx, CustomFieldObject::Contact)?);
    let known = |name: &str| {
        let ((schema, own), name) = match name.strip_prefix("contact.") {
            Some(name) => (&contacts, name),
            None => (&customers, name),
        };
        match name.strip_prefix("custom.") {
            Some(key) => own.live().any(|field| field.key == key),
            None => name == "contact" || schema["properties"].get(name).is_some(),
        }
    };
    let unknown = rules.iter().enumerate().filter(|(_, rule)| !known(&rule.field));
    Ok(unknown
        .map(|(index, _)| FieldError::new(format!("/rules/{index}/field"), FieldCode::UnknownField))
        .collect())
}

/// The standards for all kinds of customers.
///
/// # Errors
/// Those of the database.
pub fn list(tx: &mut Tx) -> Result<FieldStandardList, Problem> {
    let tenant_id = tx.actor.tenant_id;
    let kinds = CustomerKind::iter();
    let found =
        kinds.map(|kind| Ok(FieldStandards::view(&FieldStandards::find(tx, id_of(tenant_id, kind))?)));
    Ok(FieldStandardList { data: found.collect::<Result<_, Problem>>()? })
}
