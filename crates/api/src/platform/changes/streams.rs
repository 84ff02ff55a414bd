//! All open streams of this process: how they hear that there is something new, without a connection each.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use chrono_tz::Tz;
use fulcrum_domain::access::Actor;
use fulcrum_persistence::platform::changes;
use fulcrum_persistence::{Db, QueryStats, StoreError, Tx};
use tokio::sync::{Semaphore, watch};
use uuid::Uuid;

use crate::http::problem::Problem;

/// How often the log is looked at, once for all streams.
const LOOK: Duration = Duration::from_millis(250);
/// Streams that a process has at most.
const MOST: usize = 5000;
/// Connections for all streams together, beside those of requests.
const CONNECTIONS: u32 = 2;

/// The streams of a process.
pub struct Streams {
    db: Db,
    /// All streams of a company hear the bell at once, and then wait here, however many they are.
    turns: Semaphore,
    bells: Mutex<HashMap<Uuid, Bell>>,
    stopping: watch::Sender<bool>,
}

struct Bell {
    rings: watch::Sender<u64>,
    listeners: usize,
    /// Nobody has looked for it yet: it is rung once in any case.
    fresh: bool,
}

/// An open stream; it is counted until this is dropped.
pub(super) struct Listening {
    streams: Arc<Streams>,
    tenant_id: Uuid,
    /// Changes whenever there is something new for the company.
    pub(super) bell: watch::Receiver<u64>,
    /// Becomes true when the process stops.
    pub(super) stopping: watch::Receiver<bool>,
}

impl Streams {
    /// None yet.
    pub fn new(db: &Db) -> Arc<Streams> {
        Arc::new(Streams {
            db: db.apart(CONNECTIONS),
            turns: Semaphore::new(CONNECTIONS as usize),
            bells: Mutex::default(),
            stopping: watch::channel(false).0,
        })
    }

    /// Ends all streams: whoever follows connects again, to another process.
    pub fn stop(&self) {
        self.stopping.send_replace(true);
    }

    /// Number of open streams.
    pub fn count(&self) -> usize {
        self.lock().values().map(|bell| bell.listeners).sum()
    }

    /// Reads for a stream, when it is its turn.
    ///
    /// # Errors
    /// What the closure returns, and those of the database.
    pub(super) async fn read<T: Send + 'static>(
        &self,
        actor: &Arc<Actor>,
        work: impl Fn(&mut Tx) -> Result<T, Problem> + Send + 'static,
    ) -> Result<T, Problem> {
        let _turn = self.turns.acquire().await;
        self.db.read(actor, &Arc::new(QueryStats::default()), work).await
    }

    pub(super) fn listen(self: &Arc<Self>, tenant_id: Uuid) -> Option<Listening> {
        if self.count() >= MOST {
            return None;
        }
        let mut bells = self.lock();
        let bell = bells.entry(tenant_id).or_insert_with(|| Bell {
            rings: watch::channel(0).0,
            listeners: 0,
            fresh: true,
        });
        bell.listeners += 1;
        let receiver = bell.rings.subscribe();
        let stopping = self.stopping.subscribe();
        Some(Listening { streams: self.clone(), tenant_id, bell: receiver, stopping })
    }

    /// Looks at the log and rings, for as long as the process lives.
    pub async fn ring(self: Arc<Self>) {
        let mut since = None;
        while !*self.stopping.borrow() {
            tokio::time::sleep(LOOK).await;
            let (mut tenants, mut fresh) = (Vec::new(), Vec::new());
            for (tenant, bell) in self.lock().iter_mut() {
                tenants.push(*tenant);
                if std::mem::take(&mut bell.fresh) {
                    fresh.push(*tenant);
                }
            }
            if tenants.is_empty() {
                since = None;
                continue;
            }
            match self.look(since, tenants).await {
                Ok((horizon, changed)) => {
                    since = Some(horizon);
                    let bells = self.lock();
                    for bell in changed.iter().chain(&fresh).filter_map(|tenant| bells.get(tenant)) {
                        bell.rings.send_modify(|rings| *rings += 1);
                    }
                }
                Err(error) => tracing::debug!(%error, "streams have to wait for the database"),
            }
        }
    }

    async fn look(&self, since: Option<i64>, tenants: Vec<Uuid>) -> Result<(i64, Vec<Uuid>), StoreError> {
        let nobody = Arc::new(Actor::system(Uuid::nil(), Tz::UTC, "CN"));
        let stats = Arc::new(QueryStats::default());
        self.db.read(&nobody, &stats, move |tx| changes::news(tx, since, &tenants)).await
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<Uuid, Bell>> {
        self.bells.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Listening {
    fn drop(&mut self) {
        let mut bells = self.streams.lock();
        if let Some(bell) = bells.get_mut(&self.tenant_id) {
            bell.listeners -= 1;
            if bell.listeners == 0 {
                bells.remove(&self.tenant_id);
            }
        }
    }
}
