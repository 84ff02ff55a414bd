//! Which customers something is done to that is done to many.

use fulcrum_persistence::Tx;
use fulcrum_persistence::customers::customers::Filter;
use fulcrum_persistence::platform::search::Target;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;
use uuid::Uuid;

use super::searching::columns;
use super::service::search_of;
use crate::http::catalog::FieldCode;
use crate::http::problem::{FieldError, Problem};
use crate::platform::filters;

/// Customers: those with these ids, or all within the data scope that a condition holds for.
#[derive(Clone, Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CustomerSelection {
    /// These; without `filter`, `q` and `owner_id`.
    #[schema(max_items = 1000)]
    #[serde(default)]
    pub ids: Vec<Uuid>,
    /// A condition as in `POST /v1/customers/search`; `true` is all of them.
    #[schema(min_length = 1, max_length = 4000, example = "grade == \"A\"")]
    #[serde(default)]
    pub filter: Option<String>,
    /// As `q` of the list.
    #[schema(min_length = 1, max_length = 100, example = "科创")]
    #[serde(default)]
    pub q: Option<String>,
    /// Those of this owner: a whole book.
    #[serde(default)]
    pub owner_id: Option<Uuid>,
}

impl CustomerSelection {
    /// What the schema can't say: nothing at all is more likely a slip than everything.
    pub fn check(pointer: &str, body: &Value) -> Vec<FieldError> {
        let ids = body["ids"].as_array().is_some_and(|ids| !ids.is_empty());
        let others = ["filter", "q", "owner_id"].into_iter().filter(|name| !body[*name].is_null());
        let others: Vec<&str> = others.collect();
        match (ids, others.as_slice()) {
            (false, []) if body.is_object() => {
                vec![FieldError::new(format!("{pointer}/filter"), FieldCode::Required)]
            }
            (true, [other, ..]) => {
                vec![FieldError::new(format!("{pointer}/{other}"), FieldCode::NotForType).with("type", "ids")]
            }
            _ => vec![],
        }
    }

    /// As the database is asked, now.
    ///
    /// # Errors
    /// 422 for a condition that can't be asked, and for nothing to search for.
    pub fn filter(&self, tx: &mut Tx, pointer: &str) -> Result<Filter, Problem> {
        let selection = match &self.filter {
            Some(text) => {
                let columns = columns(tx)?;
                Some(filters::selection(tx, &format!("{pointer}/filter"), text, &columns)?)
            }
            None => None,
        };
        Ok(Filter {
            ids: self.ids.clone(),
            selection,
            search: search_of(tx, self.q.as_deref(), Target::Customers)
                .map_err(|problem| problem.in_body(pointer))?,
            owner_ids: self.owner_id.into_iter().collect(),
            ..Default::default()
        })
    }
}
