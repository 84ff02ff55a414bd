//! Contacts selected by a condition.

use fulcrum_domain::customers::custom_fields::CustomFieldObject;
use fulcrum_domain::platform::selecting::{Column, ColumnKind};
use fulcrum_persistence::{StoreError, Tx};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::service;
use super::views::{ContactInclude, ContactList, ContactQuery, ContactSort};
use crate::App;
use crate::customers::custom_fields::columns::columns as custom_columns;
use crate::customers::custom_fields::values::Fields;
use crate::http::body::Input;
use crate::http::problem::Problem;
use crate::http::wire::Count;
use crate::platform::filters;

/// Which contacts, in which order, which page.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ContactSearch {
    /// A condition in CEL over the fields of a contact, as for customers; telephone numbers and mail addresses are not asked for.
    #[schema(
        min_length = 1,
        max_length = 4000,
        example = "decision_role == \"decision_maker\" && is_primary"
    )]
    #[serde(default)]
    pub filter: Option<String>,
    /// As `q` of the list.
    #[schema(min_length = 1, max_length = 100, example = "李")]
    #[serde(default)]
    pub q: Option<String>,
    /// Order; newest first, or best hit first with `q`.
    #[serde(default)]
    pub sort: Option<ContactSort>,
    /// What to show beside ids.
    #[schema(max_items = 1)]
    #[serde(default)]
    pub include: Vec<ContactInclude>,
    /// Count the rows of all pages, too.
    #[serde(default)]
    pub count: Option<Count>,
    /// Where the page begins: `next_cursor` of the page before.
    #[schema(min_length = 1, max_length = 2000, example = json!(null))]
    #[serde(default)]
    pub cursor: Option<String>,
    /// Rows of the page.
    #[schema(minimum = 1, maximum = 200, default = 50, example = 50)]
    #[serde(default = "usual_limit")]
    pub limit: i64,
}

fn usual_limit() -> i64 {
    50
}

impl Input for ContactSearch {}

/// What the database can be asked of contacts.
///
/// # Errors
/// Those of the database.
pub fn columns(tx: &mut Tx) -> Result<Vec<Column>, StoreError> {
    let own = Fields::of(tx, CustomFieldObject::Contact)?;
    let standard = [
        ("id", ColumnKind::Id),
        ("customer_id", ColumnKind::Id),
        ("name", ColumnKind::Text),
        ("title", ColumnKind::Text),
        ("decision_role", ColumnKind::Text),
        ("is_primary", ColumnKind::Boolean),
        ("born_on", ColumnKind::Date),
        ("notes", ColumnKind::Text),
        ("created_at", ColumnKind::Instant),
        ("updated_at", ColumnKind::Instant),
    ];
    Ok(standard.map(|(name, kind)| Column::new(name, kind)).into_iter().chain(custom_columns(&own)).collect())
}

/// A page of the contacts that are selected.
///
/// # Errors
/// 422 for a condition that can't be asked and an order that doesn't fit, 400 for a cursor of another search.
pub fn search(tx: &mut Tx, app: &App, search: &ContactSearch) -> Result<ContactList, Problem> {
    let selection = match &search.filter {
        Some(text) => {
            let columns = columns(tx)?;
            Some(filters::selection(tx, "/filter", text, &columns)?)
        }
        None => None,
    };
    let query = ContactQuery {
        q: search.q.clone(),
        sort: search.sort.into_iter().collect(),
        include: search.include.clone(),
        count: search.count,
        cursor: search.cursor.clone(),
        limit: search.limit,
        ..Default::default()
    };
    service::list_selected(tx, app, &query, search.filter.as_deref(), selection)
        .map_err(|problem| problem.in_body(""))
}
