//! Processes that do jobs, and whether they live.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use diesel::prelude::*;
use diesel::sql_types::{BigInt, Integer, Text, Timestamptz, Uuid as SqlUuid};
use uuid::Uuid;

use super::jobs::CHANNEL;
use crate::db::prepared;
use crate::{StoreError, Tx};

/// Makes a worker known, and how long it may be silent.
///
/// # Errors
/// Those of the database.
pub fn register(
    tx: &mut Tx,
    id: Uuid,
    host: &str,
    process: u32,
    silence: Duration,
) -> Result<(), StoreError> {
    prepared(
        "insert into workers (id, host, process, started_at, seen_at, silence) \
         values ($1, $2, $3, $4, clock_timestamp(), $5)",
    )
    .bind::<SqlUuid, _>(id)
    .bind::<Text, _>(host)
    .bind::<Integer, _>(process as i32)
    .bind::<Timestamptz, _>(tx.now)
    .bind::<BigInt, _>(silence.as_millis() as i64)
    .execute(tx.conn)?;
    Ok(())
}

/// Says that a worker lives; `false` when the others have taken it for dead.
///
/// # Errors
/// Those of the database.
pub fn beat(tx: &mut Tx, id: Uuid) -> Result<bool, StoreError> {
    let known = prepared("update workers set seen_at = clock_timestamp() where id = $1")
        .bind::<SqlUuid, _>(id)
        .execute(tx.conn)?;
    Ok(known == 1)
}

/// Forgets workers that were silent for longer than they may be.
///
/// # Errors
/// Those of the database.
pub fn bury(tx: &mut Tx) -> Result<usize, StoreError> {
    Ok(prepared("delete from workers where seen_at < clock_timestamp() - silence * interval '1 millisecond'")
        .execute(tx.conn)?)
}

/// Takes a worker that ends from the list.
///
/// # Errors
/// Those of the database.
pub fn leave(tx: &mut Tx, id: Uuid) -> Result<(), StoreError> {
    prepared("delete from workers where id = $1").bind::<SqlUuid, _>(id).execute(tx.conn)?;
    Ok(())
}

/// Listens for new jobs on a connection of its own until this is dropped.
pub struct Listener(Arc<AtomicBool>);

/// How often the connection is looked at: libpq shows nothing that could be waited for.
const LOOK: Duration = Duration::from_millis(50);
/// How long to wait after a connection was lost. Workers look by themselves meanwhile.
const AGAIN: Duration = Duration::from_secs(2);

impl Listener {
    /// Calls `wake` whenever there is something to do, from a thread of its own.
    pub fn start(url: String, wake: impl Fn() + Send + 'static) -> Listener {
        let stopped = Arc::new(AtomicBool::new(false));
        let seen = stopped.clone();
        std::thread::spawn(move || {
            while !seen.load(Ordering::Relaxed) {
                if let Err(error) = listen(&url, &seen, &wake) {
                    tracing::debug!(%error, "the connection for hearing of new jobs was lost");
                    std::thread::sleep(AGAIN);
                }
            }
        });
        Listener(stopped)
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

fn listen(url: &str, stopped: &AtomicBool, wake: &impl Fn()) -> Result<(), StoreError> {
    let mut conn =
        PgConnection::establish(url).map_err(|error| StoreError::Unavailable(error.to_string()))?;
    diesel::sql_query(format!("listen {CHANNEL}")).execute(&mut conn)?;
    // What came before the connection was there.
    wake();
    while !stopped.load(Ordering::Relaxed) {
        let mut heard = false;
        for notification in conn.notifications_iter() {
            notification?;
            heard = true;
        }
        if heard {
            wake();
        }
        std::thread::sleep(LOOK);
    }
    Ok(())
}

/// Whether any worker has given a sign of life lately.
///
/// # Errors
/// Those of the database.
pub fn is_any_alive(tx: &mut Tx) -> Result<bool, StoreError> {
    bury(tx)?;
    #[derive(QueryableByName)]
    struct Answer {
        #[diesel(sql_type = diesel::sql_types::Bool)]
        answer: bool,
    }
    let found: Answer = prepared("select exists (select from workers) as answer").get_result(tx.conn)?;
    Ok(found.answer)
}
