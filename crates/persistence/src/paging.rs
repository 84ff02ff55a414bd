//! Pages by keyset: where a page begins, never how many rows to skip.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// The value of the sort column in the last row of a page.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SortKey {
    /// An instant.
    Time(DateTime<Utc>),
    /// A text, in byte order.
    Text(String),
    /// A place among search results.
    Rank(i16, String),
}

/// The last row of a page.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Position {
    /// Its sort key.
    pub key: SortKey,
    /// Its id.
    pub id: Uuid,
}

/// Which page.
#[derive(Clone, Debug)]
pub struct PageRequest {
    /// Begin behind this row.
    pub after: Option<Position>,
    /// Number of rows.
    pub limit: i64,
}

/// Orders a boxed query by a column and the id and starts it behind a position. The first condition is
/// implied by the second; it lets the index begin at the right place.
macro_rules! keyset {
    ($query:expr, $column:expr, $id:expr, $descending:expr, $after:expr) => {{
        let mut query = $query;
        match ($descending, $after) {
            (true, Some((key, id))) => {
                query = query
                    .filter($column.le(key.clone()))
                    .filter($column.lt(key.clone()).or($column.eq(key).and($id.lt(id))));
            }
            (false, Some((key, id))) => {
                query = query
                    .filter($column.ge(key.clone()))
                    .filter($column.gt(key.clone()).or($column.eq(key).and($id.gt(id))));
            }
            _ => {}
        }
        if $descending {
            query.order(($column.desc(), $id.desc()))
        } else {
            query.order(($column.asc(), $id.asc()))
        }
    }};
}
pub(crate) use keyset;

impl PageRequest {
    /// The instant and id to begin behind; `None` for the first page or for a key of another kind.
    pub(crate) fn after_time(&self) -> Option<(DateTime<Utc>, Uuid)> {
        match &self.after {
            Some(Position { key: SortKey::Time(time), id }) => Some((*time, *id)),
            _ => None,
        }
    }

    pub(crate) fn after_text(&self) -> Option<(String, Uuid)> {
        match &self.after {
            Some(Position { key: SortKey::Text(text), id }) => Some((text.clone(), *id)),
            _ => None,
        }
    }

    pub(crate) fn after_rank(&self) -> Option<(i16, String, Uuid)> {
        match &self.after {
            Some(Position { key: SortKey::Rank(field, term), id }) => Some((*field, term.clone(), *id)),
            _ => None,
        }
    }
}
