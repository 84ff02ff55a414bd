//! Wire types that every resource shares.

use fulcrum_persistence::platform::external_ids::ExternalId;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

/// Whether and how rows are counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Count {
    /// Every row.
    Exact,
    /// As the database's statistics say.
    Estimated,
}

/// Which page of a list that has no filters.
#[derive(Clone, Debug, Serialize, Deserialize, IntoParams)]
#[serde(default)]
#[into_params(parameter_in = Query)]
pub struct PageQuery {
    /// Where the page begins: `next_cursor` of the page before.
    #[param(min_length = 1, max_length = 2000)]
    pub cursor: Option<String>,
    /// Rows of the page.
    #[param(minimum = 1, maximum = 200, default = 50)]
    pub limit: i64,
}

impl Default for PageQuery {
    fn default() -> PageQuery {
        PageQuery { cursor: None, limit: 50 }
    }
}

/// A text to compare with.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[schema(min_length = 1, max_length = 200, pattern = r"^[^\u0000]*$", example = "展会")]
pub struct FilterText(pub String);

/// An id in another system, as `system:id`.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[schema(
    min_length = 3,
    max_length = 261,
    pattern = r"^[A-Za-z0-9._-]{1,60}:[^\u0000]{1,200}$",
    example = "erp:KD-10023"
)]
pub struct ExternalIdText(pub String);

/// The id of a record in another system.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = ExternalId)]
pub struct ExternalIdView {
    /// Name of the other system.
    #[schema(min_length = 1, max_length = 60, pattern = "^[A-Za-z0-9._-]+$", example = "erp")]
    pub system: String,
    /// The id there.
    #[schema(min_length = 1, max_length = 200, example = "KD-10023")]
    pub external_id: String,
}

impl From<ExternalIdView> for ExternalId {
    fn from(view: ExternalIdView) -> ExternalId {
        ExternalId { system: view.system, external_id: view.external_id }
    }
}
