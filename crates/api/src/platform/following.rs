//! Following the logs of all companies, for who has to do something about what happens. Any number of workers may: a company's place in
//! its log is held by one at a time.

use std::collections::BTreeSet;
use std::sync::Arc;

use fulcrum_persistence::platform::changes;
use fulcrum_persistence::{Db, QueryStats, StoreError, Tx};
use uuid::Uuid;

use crate::platform::jobs::system_of;

/// How far it went.
pub(crate) enum Went {
    /// To the end of the log.
    Everything,
    /// A piece.
    Some,
    /// Nowhere: somebody else is at it.
    BySomebodyElse,
}

/// One who follows, and what a worker knows of the logs.
pub(crate) struct Following {
    /// Companies whose log is to be followed.
    followed: fn(&mut Tx) -> Result<Vec<Uuid>, StoreError>,
    /// Reads on in the log of the actor's company.
    go_on: fn(&mut Tx) -> Result<Went, StoreError>,
    /// Up to which transaction the logs were looked at.
    since: Option<i64>,
    /// Companies that were followed then.
    known: BTreeSet<Uuid>,
    /// Companies where something has happened.
    behind: BTreeSet<Uuid>,
}

impl Following {
    pub(crate) fn new(
        followed: fn(&mut Tx) -> Result<Vec<Uuid>, StoreError>,
        go_on: fn(&mut Tx) -> Result<Went, StoreError>,
    ) -> Following {
        Following { followed, go_on, since: None, known: BTreeSet::new(), behind: BTreeSet::new() }
    }

    /// Looks whether anything happened, and reads it. Of a company that is far behind a piece, so that the others have their turn: the
    /// rest the next time.
    ///
    /// # Errors
    /// Those of the database; what wasn't read is read the next time.
    pub(crate) async fn look(&mut self, db: &Db) -> Result<(), StoreError> {
        let stats = Arc::new(QueryStats::default());
        let nobody = system_of(Uuid::nil());
        let (since, followed) = (self.since, self.followed);
        let (tenants, horizon, changed) = db
            .read(&nobody, &stats, move |tx| {
                let tenants = followed(tx)?;
                let (horizon, changed) = match tenants.as_slice() {
                    [] => (None, vec![]),
                    some => {
                        changes::news(tx, since, some).map(|(horizon, changed)| (Some(horizon), changed))?
                    }
                };
                Ok::<_, StoreError>((tenants, horizon, changed))
            })
            .await?;
        self.behind.extend(changed);
        // Of those who have begun to listen since, the news may lie before this look.
        self.behind.extend(tenants.iter().filter(|tenant| !self.known.contains(*tenant)));
        self.known = tenants.into_iter().collect();
        self.since = horizon;
        for tenant in self.behind.clone() {
            match db.write(&system_of(tenant), &stats, self.go_on).await {
                Ok(Went::Everything) => {
                    self.behind.remove(&tenant);
                }
                // If who is at it doesn't come to an end, somebody has to go on.
                Ok(Went::Some | Went::BySomebodyElse) => {}
                // One company's trouble isn't the others'.
                Err(error) => tracing::warn!(%error, %tenant, "a log could not be followed"),
            }
        }
        Ok(())
    }
}

/// Everybody who follows.
pub(crate) fn all() -> Vec<Following> {
    vec![super::webhooks::telling(), super::automations::asking()]
}
