//! How complete files are, for people: one of them, and all of them.

use std::collections::HashMap;

use fulcrum_domain::customers::CustomerKind;
use fulcrum_domain::customers::custom_fields::CustomFieldObject;
use fulcrum_persistence::Tx;
use fulcrum_persistence::customers::field_standards::{self as store, By};
use uuid::Uuid;

use super::views::{
    CompletenessBy, CompletenessFigures, CompletenessShare, CompletenessView, LackingField, MissingField,
};
use crate::access::{departments, users};
use crate::customers::custom_fields::values::Fields;
use crate::http::locale::Locale;
use crate::http::problem::Problem;
use crate::platform::metadata::labels;

/// Rows of figures.
const MOST: i64 = 200;

/// What files are measured by, to be shown.
pub struct Standard {
    customers: std::sync::Arc<Fields>,
    contacts: std::sync::Arc<Fields>,
    locale: Locale,
}

impl Standard {
    /// That of the actor's company, with names in the language of the actor's account.
    ///
    /// # Errors
    /// Those of the database.
    pub fn of(tx: &mut Tx) -> Result<Standard, Problem> {
        Ok(Standard {
            locale: Locale::of_tag(&tx.actor.locale).unwrap_or(Locale::En),
            customers: Fields::of(tx, CustomFieldObject::Customer)?,
            contacts: Fields::of(tx, CustomFieldObject::Contact)?,
        })
    }

    /// How complete a file is that was measured.
    pub fn view(&self, kind: CustomerKind, percent: i16, missing: &[String]) -> CompletenessView {
        let missing = missing.iter().map(|field| MissingField {
            label: self.label(field),
            level: self.customers.rules(kind).find(|rule| rule.field == *field).map(|rule| rule.level),
            name: field.clone(),
        });
        CompletenessView { percent, missing: missing.collect() }
    }

    fn label(&self, field: &str) -> String {
        let person = match self.locale {
            Locale::En => "Contact",
            Locale::Zh => "联系人",
        };
        let (fields, object, name) = match field.strip_prefix("contact.") {
            Some(name) => (&self.contacts, "contact", name),
            None if field == "contact" => return person.to_owned(),
            None => (&self.customers, "customer", field),
        };
        let own =
            name.strip_prefix("custom.").and_then(|key| fields.get(key)).map(|field| field.label.as_str());
        let label = own.or_else(|| labels::of_field(object, name, self.locale)).unwrap_or(name);
        match (object, self.locale) {
            ("contact", Locale::Zh) => format!("{person}：{label}"),
            ("contact", Locale::En) => format!("{person}: {label}"),
            _ => label.to_owned(),
        }
    }
}

/// How complete the files of the customers are that the actor sees.
///
/// # Errors
/// 503 when there are too many to look at in time.
pub fn figures(tx: &mut Tx, by: CompletenessBy) -> Result<CompletenessFigures, Problem> {
    let rows = store::shares(
        tx,
        match by {
            CompletenessBy::Company => By::Company,
            CompletenessBy::Owner => By::Owner,
            CompletenessBy::Department => By::Department,
        },
        MOST,
    )?;
    let ids: Vec<Uuid> = rows.iter().filter_map(|row| row.id).collect();
    let names: HashMap<Uuid, String> = match by {
        CompletenessBy::Company => HashMap::new(),
        CompletenessBy::Owner => {
            users::service::summaries(tx, &ids)?.into_iter().map(|(id, user)| (id, user.name)).collect()
        }
        CompletenessBy::Department => {
            departments::service::by_id(tx, &ids)?.into_iter().map(|(id, one)| (id, one.name)).collect()
        }
    };
    let standard = Standard::of(tx)?;
    let lacks = store::lacks(tx)?.into_iter().take(MOST as usize);
    Ok(CompletenessFigures {
        data: rows
            .into_iter()
            .map(|row| CompletenessShare {
                id: row.id,
                name: row.id.and_then(|id| names.get(&id).cloned()),
                customers: row.customers,
                complete: row.complete,
                percent: (row.mean * 10.0).round() / 10.0,
            })
            .collect(),
        missing: lacks
            .map(|lack| LackingField {
                label: standard.label(&lack.field),
                name: lack.field,
                customers: lack.customers,
            })
            .collect(),
    })
}
