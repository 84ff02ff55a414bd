//! Customers selected by a condition.

use fulcrum_domain::customers::custom_fields::CustomFieldObject;
use fulcrum_domain::platform::selecting::{Column, ColumnKind};
use fulcrum_persistence::{StoreError, Tx};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::query::{CustomerInclude, CustomerQuery, CustomerSort};
use super::service;
use super::views::CustomerList;
use crate::App;
use crate::customers::custom_fields::columns::columns as custom_columns;
use crate::customers::custom_fields::values::Fields;
use crate::http::body::Input;
use crate::http::masking;
use crate::http::problem::Problem;
use crate::http::wire::Count;
use crate::platform::filters;

/// Which customers, in which order, which page.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CustomerSearch {
    /// A condition in CEL over the fields of a customer: comparisons of a field with a value that is written out (`grade ==
    /// "A"`, `owner_id == null`, `double(annual_revenue.amount) > 1000000.0`, `timestamp(created_at) > timestamp(now) -
    /// duration("720h")`, `size(tags) > 0`, `completeness.percent < 60`, `"credit_code" in completeness.missing`), `in`, `startsWith`, `endsWith`, `contains`, `exists` and `all` over `tags` and
    /// `pain_points`, `&&`, `||` and `!`. What isn't there is null and compares with nothing but `==` and `!=`. The company's
    /// own fields stand under `custom`.
    #[schema(min_length = 1, max_length = 4000, example = "grade == \"A\" && \"高潜力\" in tags")]
    #[serde(default)]
    pub filter: Option<String>,
    /// As `q` of the list.
    #[schema(min_length = 1, max_length = 100, example = "科创")]
    #[serde(default)]
    pub q: Option<String>,
    /// Order; newest first, or best hit first with `q`.
    #[serde(default)]
    pub sort: Option<CustomerSort>,
    /// What to show beside ids.
    #[schema(max_items = 4)]
    #[serde(default)]
    pub include: Vec<CustomerInclude>,
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

impl Input for CustomerSearch {}

/// What the database can be asked of customers, apart from the company's own fields.
const COLUMNS: [(&str, ColumnKind); 23] = [
    ("id", ColumnKind::Id),
    ("number", ColumnKind::Text),
    ("kind", ColumnKind::Text),
    ("name", ColumnKind::Text),
    ("credit_code", ColumnKind::Text),
    ("phone", ColumnKind::Text),
    ("email", ColumnKind::Text),
    ("website", ColumnKind::Text),
    ("grade", ColumnKind::Text),
    ("vip", ColumnKind::Boolean),
    ("lifecycle_stage", ColumnKind::Text),
    ("industry", ColumnKind::Text),
    ("industry_detail", ColumnKind::Text),
    ("staff_count", ColumnKind::Number),
    ("annual_revenue", ColumnKind::Object),
    ("source", ColumnKind::Text),
    ("pain_points", ColumnKind::Texts),
    ("tags", ColumnKind::Texts),
    ("address", ColumnKind::Object),
    ("born_on", ColumnKind::Date),
    ("notes", ColumnKind::Text),
    ("owner_id", ColumnKind::Id),
    ("department_id", ColumnKind::Id),
];

/// What the database can be asked of customers.
///
/// # Errors
/// Those of the database.
pub fn columns(tx: &mut Tx) -> Result<Vec<Column>, StoreError> {
    let own = Fields::of(tx, CustomFieldObject::Customer)?;
    // Who may not read them can't ask for them letter by letter either.
    let hidden = masking::is_masked(&tx.actor);
    let known =
        |column: &Column| !hidden || !["credit_code", "phone", "email"].contains(&column.path.as_str());
    Ok(standard_columns().filter(known).chain(custom_columns(&own)).collect())
}

/// The same without the company's own fields.
pub fn standard_columns() -> impl Iterator<Item = Column> {
    let members = ["country", "region", "city", "district", "street", "postal_code"];
    let of_address = members.into_iter().map(|name| Column::of("address", name, ColumnKind::Text));
    let of_revenue = [
        Column::of("annual_revenue", "amount", ColumnKind::Decimal),
        Column::of("annual_revenue", "currency", ColumnKind::Text),
    ];
    let of_completeness = [
        Column::new("completeness.percent", ColumnKind::Number),
        Column::new("completeness.missing", ColumnKind::Texts),
    ];
    let times = ["created_at", "updated_at"].map(|name| Column::new(name, ColumnKind::Instant));
    let own = COLUMNS.into_iter().map(|(name, kind)| Column::new(name, kind));
    own.chain(of_address).chain(of_revenue).chain(of_completeness).chain(times)
}

/// A page of the customers that are selected.
///
/// # Errors
/// 422 for a condition that can't be asked and an order that doesn't fit, 400 for a cursor of another search.
pub fn search(tx: &mut Tx, app: &App, search: &CustomerSearch) -> Result<CustomerList, Problem> {
    let selection = match &search.filter {
        Some(text) => {
            let columns = columns(tx)?;
            Some(filters::selection(tx, "/filter", text, &columns)?)
        }
        None => None,
    };
    let query = CustomerQuery {
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
