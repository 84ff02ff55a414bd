//! What one gets behind the door.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use diesel::{Connection, PgConnection};
use fulcrum_domain::access::Actor;
use fulcrum_domain::platform::Series;

use super::{Inner, StoreError};

/// A connection in the hands of one actor at one time.
pub struct Tx<'c> {
    pub(crate) conn: &'c mut PgConnection,
    door: &'c Inner,
    /// Who acts.
    pub actor: Arc<Actor>,
    /// The time of the whole request.
    pub now: DateTime<Utc>,
    /// The request that this belongs to, for the event log.
    pub request_id: Option<String>,
}

impl<'c> Tx<'c> {
    pub(super) fn new(conn: &'c mut PgConnection, door: &'c Inner, actor: Arc<Actor>) -> Tx<'c> {
        Tx { conn, door, actor, now: door.clock.now(), request_id: None }
    }

    /// Runs a part that can fail on its own: what it wrote is taken back, what came before it stays.
    ///
    /// # Errors
    /// What the part returns.
    pub fn part<T, E: From<StoreError>>(
        &mut self,
        work: impl FnOnce(&mut Tx) -> Result<T, E>,
    ) -> Result<T, E> {
        struct Wrapped<E>(E);
        impl<E: From<StoreError>> From<diesel::result::Error> for Wrapped<E> {
            fn from(error: diesel::result::Error) -> Self {
                Wrapped(StoreError::from(error).into())
            }
        }
        let (door, actor, now, request_id) =
            (self.door, self.actor.clone(), self.now, self.request_id.clone());
        self.conn
            .transaction(|conn| work(&mut Tx { conn, door, actor, now, request_id }).map_err(Wrapped))
            .map_err(|Wrapped(error)| error)
    }

    /// Lets every statement of this transaction see the same moment, and none write. It has to be the first one.
    ///
    /// # Errors
    /// Those of the database.
    pub fn at_one_moment(&mut self) -> Result<(), StoreError> {
        use diesel::RunQueryDsl;
        diesel::sql_query("set transaction isolation level repeatable read, read only").execute(self.conn)?;
        Ok(())
    }

    /// The next human-readable number of a series. Taken outside of the transaction, so that concurrent
    /// ones don't wait for each other; a number of a transaction that fails is lost.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] when a new block of numbers can't be taken.
    pub fn next_number(&mut self, series: &Series) -> Result<String, StoreError> {
        self.door.numbers.next(self.actor.tenant_id, series)
    }
}
