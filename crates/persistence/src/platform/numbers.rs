//! Blocks of human-readable numbers.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use diesel::connection::SimpleConnection;
use diesel::sql_types::{BigInt, Text, Uuid as SqlUuid};
use diesel::{Connection, PgConnection, QueryableByName, RunQueryDsl, sql_query};
use fulcrum_domain::platform::Series;
use uuid::Uuid;

use crate::StoreError;
use crate::db::connection::patient;

/// A first block is small, so that a small company's numbers stay dense over restarts; a process that
/// needs many takes larger and larger ones.
const FIRST_BLOCK: i64 = 1;
const LARGEST_BLOCK: i64 = 128;

/// Hands out numbers from blocks that it takes on a connection of its own: a transaction that is still
/// open elsewhere never makes another one wait for its number, and one series never waits for another.
pub(crate) struct Numbers {
    url: String,
    conn: Mutex<Option<PgConnection>>,
    blocks: Mutex<Blocks>,
}

type Blocks = HashMap<(Uuid, Series), Arc<Mutex<Block>>>;

#[derive(Default)]
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
    pub(crate) fn new(url: &str) -> Numbers {
        Numbers { url: patient(url), conn: Mutex::default(), blocks: Mutex::default() }
    }

    pub(crate) fn next(&self, tenant_id: Uuid, series: &Series) -> Result<String, StoreError> {
        let block = held(&self.blocks).entry((tenant_id, series.clone())).or_default().clone();
        let mut block = held(&block);
        if let Some(position) = block.left.next() {
            return Ok(series.number(position));
        }
        let size = if block.size == 0 { FIRST_BLOCK } else { (block.size * 2).min(LARGEST_BLOCK) };
        // The connection may have been idle for days: once more on a fresh one.
        let end = self.take(tenant_id, series, size).or_else(|error| match error {
            StoreError::Unavailable(_) => self.take(tenant_id, series, size),
            error => Err(error),
        })?;
        *block = Block { left: end - size + 1..end, size };
        Ok(series.number(end - size))
    }

    fn take(&self, tenant_id: Uuid, series: &Series, size: i64) -> Result<i64, StoreError> {
        let idle = held(&self.conn).take();
        let mut conn = match idle {
            Some(conn) => conn,
            None => {
                let mut conn = PgConnection::establish(&self.url)
                    .map_err(|error| StoreError::Unreachable(error.to_string()))?;
                conn.batch_execute("set statement_timeout = '5s'")?;
                conn
            }
        };
        let next: Next = sql_query(
            "insert into number_series as s (tenant_id, series, next) values ($1, $2, 1 + $3) \
             on conflict (tenant_id, series) do update set next = s.next + $3 returning next",
        )
        .bind::<SqlUuid, _>(tenant_id)
        .bind::<Text, _>(series.as_str())
        .bind::<BigInt, _>(size)
        .get_result(&mut conn)?;
        *held(&self.conn) = Some(conn);
        Ok(next.next)
    }
}

/// What a panic elsewhere left behind is still in order: nothing here is half done.
fn held<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
