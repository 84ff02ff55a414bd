//! Blocks of human-readable numbers.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::{Mutex, PoisonError};

use diesel::sql_types::{BigInt, Text, Uuid as SqlUuid};
use diesel::{Connection, PgConnection, QueryableByName, RunQueryDsl, sql_query};
use fulcrum_domain::platform::Series;
use uuid::Uuid;

use crate::StoreError;

/// A first block is small, so that a small company's numbers stay dense over restarts; a process that
/// needs many takes larger and larger ones.
const FIRST_BLOCK: i64 = 1;
const LARGEST_BLOCK: i64 = 128;

/// Hands out numbers from blocks that it takes on a connection of its own: a transaction that is still
/// open elsewhere never makes another one wait for its number.
pub(crate) struct Numbers {
    url: String,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    conn: Option<PgConnection>,
    blocks: HashMap<(Uuid, Series), Block>,
}

struct Block {
    left: Range<i64>,
    size: i64,
}

#[derive(QueryableByName)]
struct Next {
    #[diesel(sql_type = BigInt)]
    next: i64,
}

impl Numbers {
    pub(crate) fn new(url: String) -> Numbers {
        Numbers { url, state: Mutex::default() }
    }

    pub(crate) fn next(&self, tenant_id: Uuid, series: &Series) -> Result<String, StoreError> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let key = (tenant_id, series.clone());
        if let Some(position) = state.blocks.get_mut(&key).and_then(|block| block.left.next()) {
            return Ok(series.number(position));
        }
        let size = state.blocks.get(&key).map_or(FIRST_BLOCK, |block| (block.size * 2).min(LARGEST_BLOCK));
        let end = match self.take(&mut state, tenant_id, series, size) {
            // The connection may have been idle for days: once more on a fresh one.
            Err(StoreError::Unavailable(_)) => self.take(&mut state, tenant_id, series, size)?,
            taken => taken?,
        };
        let mut left = end - size..end;
        let position = left.next().unwrap_or(end);
        state.blocks.insert(key, Block { left, size });
        Ok(series.number(position))
    }

    fn take(
        &self,
        state: &mut State,
        tenant_id: Uuid,
        series: &Series,
        size: i64,
    ) -> Result<i64, StoreError> {
        let mut conn = match state.conn.take() {
            Some(conn) => conn,
            None => PgConnection::establish(&self.url)
                .map_err(|error| StoreError::Unavailable(error.to_string()))?,
        };
        let next: Next = sql_query(
            "insert into number_series as s (tenant_id, series, next) values ($1, $2, 1 + $3) \
             on conflict (tenant_id, series) do update set next = s.next + $3 returning next",
        )
        .bind::<SqlUuid, _>(tenant_id)
        .bind::<Text, _>(series.as_str())
        .bind::<BigInt, _>(size)
        .get_result(&mut conn)?;
        state.conn = Some(conn);
        Ok(next.next)
    }
}
