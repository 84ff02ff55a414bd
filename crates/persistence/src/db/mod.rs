//! The door to the database.

mod around;
mod clock;
pub(crate) mod connection;
mod errors;
mod prepared;
mod stats;
mod threads;
mod tx;

use std::cell::Cell;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use diesel::r2d2::{Pool, PooledConnection, R2D2Connection};
use diesel::{Connection, PgConnection};
use fulcrum_domain::access::Actor;
use tokio::sync::Semaphore;

pub(crate) use around::Around;
pub use clock::Clock;
pub use errors::StoreError;
pub(crate) use prepared::prepared;
pub use stats::QueryStats;
pub use tx::Tx;

use crate::platform::numbers::Numbers;
use connection::Manager;
use threads::Threads;

/// How to reach the database and how much of it to use.
#[derive(Clone, Debug)]
pub struct DbSettings {
    /// libpq URL.
    pub url: String,
    /// Connections, and therefore database work at one time.
    pub connections: u32,
    /// How long a request waits for its turn before it is told to come back later.
    pub wait: Duration,
    /// How long one statement may run.
    pub statement_timeout: Duration,
}

/// Requests that may wait for each connection; more would only wait in vain.
const WAITING_PER_CONNECTION: usize = 64;

/// The pool, and the only way to a [`Tx`].
#[derive(Clone)]
pub struct Db(Arc<Inner>);

struct Inner {
    pool: Pool<Manager>,
    permits: Arc<Semaphore>,
    threads: Threads,
    waiting: AtomicUsize,
    settings: DbSettings,
    clock: Clock,
    numbers: Numbers,
}

impl Db {
    /// A door to the database; connects when first used.
    pub fn new(settings: DbSettings, clock: Clock) -> Db {
        let pool = Pool::builder()
            .max_size(settings.connections)
            .min_idle(Some(0))
            .connection_timeout(settings.wait)
            // A ping on every check-out would double the round trips; broken connections are dropped
            // when they show it.
            .test_on_check_out(false)
            .error_handler(Box::new(connection::LogPoolErrors))
            .build_unchecked(Manager::new(settings.url.clone(), settings.statement_timeout));
        Db(Arc::new(Inner {
            pool,
            permits: Arc::new(Semaphore::new(settings.connections as usize)),
            threads: Threads::new(settings.connections as usize),
            waiting: AtomicUsize::new(0),
            numbers: Numbers::new(&settings.url),
            settings,
            clock,
        }))
    }

    /// Another door to the same database, with connections of its own: what goes through it doesn't wait for requests.
    pub fn apart(&self, connections: u32) -> Db {
        Db::new(DbSettings { connections, ..self.0.settings.clone() }, self.0.clock.clone())
    }

    /// How many connections there are, and so how much is done at one time.
    pub fn connections(&self) -> u32 {
        self.0.settings.connections
    }

    /// The clock that transactions take their time from.
    pub fn clock(&self) -> &Clock {
        &self.0.clock
    }

    /// Connections in use and connections open.
    pub fn pool_state(&self) -> (u32, u32) {
        let state = self.0.pool.state();
        (state.connections - state.idle_connections, state.connections)
    }

    /// Runs a closure that only reads, without a transaction of its own. It may be run a second time
    /// when the connection turns out to be broken.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] when the database can't be reached, [`StoreError::Overloaded`] when it
    /// wasn't this request's turn in time, and what the closure returns.
    pub async fn read<T, E, F>(&self, actor: &Arc<Actor>, stats: &Arc<QueryStats>, work: F) -> Result<T, E>
    where
        F: Fn(&mut Tx) -> Result<T, E> + Send + 'static,
        T: Send + 'static,
        E: From<StoreError> + AsStoreError + Send + 'static,
    {
        self.in_turn(Some(self.patience()), actor, stats, move |db, actor| {
            let attempt =
                |living| db.with_connection(living, |conn| work(&mut Tx::new(conn, db, actor.clone())));
            match attempt(Living::Believed) {
                Err(error) if lost_connection(&error) => attempt(Living::Proven),
                result => result,
            }
        })
        .await
    }

    /// Runs a closure in one transaction: committed when it returns `Ok`, else rolled back. It may be run
    /// a second time after a deadlock, or when the connection broke before anything could be committed.
    ///
    /// # Errors
    /// As for [`Db::read`]; also [`StoreError::Unavailable`] when the connection broke during the commit,
    /// in which case nobody knows whether it happened (an idempotency key tells).
    pub async fn write<T, E, F>(&self, actor: &Arc<Actor>, stats: &Arc<QueryStats>, work: F) -> Result<T, E>
    where
        F: Fn(&mut Tx) -> Result<T, E> + Send + 'static,
        T: Send + 'static,
        E: From<StoreError> + AsStoreError + Send + 'static,
    {
        self.in_turn(Some(self.patience()), actor, stats, move |db, actor| db.write(actor, &work)).await
    }

    /// [`Db::write`] for work that nobody waits for: it takes its turn like the others, and may take longer than a request
    /// may. Each of its statements has the usual limit.
    ///
    /// # Errors
    /// As for [`Db::write`].
    pub async fn work<T, E, F>(&self, actor: &Arc<Actor>, stats: &Arc<QueryStats>, work: F) -> Result<T, E>
    where
        F: Fn(&mut Tx) -> Result<T, E> + Send + 'static,
        T: Send + 'static,
        E: From<StoreError> + AsStoreError + Send + 'static,
    {
        self.in_turn(None, actor, stats, move |db, actor| db.write(actor, &work)).await
    }

    /// The same without waiting in line and without the async runtime: for the command line, seeding and
    /// start-up.
    ///
    /// # Errors
    /// As for [`Db::write`].
    pub fn write_now<T, E>(&self, actor: &Arc<Actor>, work: impl Fn(&mut Tx) -> Result<T, E>) -> Result<T, E>
    where
        E: From<StoreError> + AsStoreError,
    {
        self.0.transaction(Living::Believed, actor, &work).map_err(|failure| failure.error)
    }

    /// How long a request waits for its work. The server's own limit doesn't hold when the server is frozen or the network
    /// is gone. The thread goes on with its permit, so that no more of them pile up than there are connections.
    fn patience(&self) -> Duration {
        self.0.settings.wait + self.0.settings.statement_timeout
    }

    async fn in_turn<T, E, F>(
        &self,
        patience: Option<Duration>,
        actor: &Arc<Actor>,
        stats: &Arc<QueryStats>,
        work: F,
    ) -> Result<T, E>
    where
        F: FnOnce(&Inner, &Arc<Actor>) -> Result<T, E> + Send + 'static,
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
    {
        let inner = self.0.clone();
        let permit = inner.turn().await?;
        let (actor, stats, span) = (actor.clone(), stats.clone(), tracing::Span::current());
        let work = self.0.threads.spawn(move || {
            let _turn = permit;
            let started = Instant::now();
            let result = span.in_scope(|| stats::counted(&stats, || work(&inner, &actor)));
            stats.add_busy(started.elapsed());
            result
        });
        let result = match patience {
            Some(patience) => tokio::time::timeout(patience, work).await.map_err(|_| StoreError::Timeout)?,
            None => work.await,
        };
        result
            // The panic was logged where it happened; its connection is thrown away.
            .unwrap_or_else(|panicked| Err(StoreError::Internal(panicked.to_string()).into()))
    }
}

impl Inner {
    async fn turn(&self) -> Result<tokio::sync::OwnedSemaphorePermit, StoreError> {
        if let Ok(permit) = self.permits.clone().try_acquire_owned() {
            return Ok(permit);
        }
        struct Waiting<'a>(&'a AtomicUsize);
        impl Drop for Waiting<'_> {
            fn drop(&mut self) {
                self.0.fetch_sub(1, Ordering::Relaxed);
            }
        }
        let ahead = self.waiting.fetch_add(1, Ordering::Relaxed);
        let _waiting = Waiting(&self.waiting);
        if ahead >= WAITING_PER_CONNECTION * self.settings.connections as usize {
            return Err(StoreError::Overloaded);
        }
        match tokio::time::timeout(self.settings.wait, self.permits.clone().acquire_owned()).await {
            Ok(Ok(permit)) => Ok(permit),
            _ => Err(StoreError::Overloaded),
        }
    }

    fn with_connection<T, E: From<StoreError> + AsStoreError>(
        &self,
        living: Living,
        work: impl FnOnce(&mut PgConnection) -> Result<T, E>,
    ) -> Result<T, E> {
        let mut conn = self.check_out()?;
        // After a restart of the database all idle connections are dead, not only the first one.
        while living == Living::Proven && conn.pg.ping().is_err() {
            conn.broken = true;
            drop(conn);
            conn = self.check_out()?;
        }
        let result = work(&mut conn.pg);
        conn.broken = matches!(&result, Err(error) if lost_connection(error));
        result
    }

    fn check_out(&self) -> Result<PooledConnection<Manager>, StoreError> {
        self.pool.get().map_err(|error| StoreError::Unreachable(error.to_string()))
    }

    fn write<T, E: From<StoreError> + AsStoreError>(
        &self,
        actor: &Arc<Actor>,
        work: &impl Fn(&mut Tx) -> Result<T, E>,
    ) -> Result<T, E> {
        match self.transaction(Living::Believed, actor, work) {
            Err(failure) if failure.safe_to_repeat() => {
                self.transaction(Living::Proven, actor, work).map_err(|failure| failure.error)
            }
            result => result.map_err(|failure| failure.error),
        }
    }

    fn transaction<T, E: From<StoreError> + AsStoreError>(
        &self,
        living: Living,
        actor: &Arc<Actor>,
        work: &impl Fn(&mut Tx) -> Result<T, E>,
    ) -> Result<T, Failure<E>> {
        let finished = Cell::new(false);
        self.with_connection(living, |conn| {
            conn.transaction(|conn| {
                let result = work(&mut Tx::new(conn, self, actor.clone()));
                finished.set(result.is_ok());
                result.map_err(Failure::before_commit)
            })
        })
        .map_err(|failure: Failure<E>| Failure { in_commit: finished.get(), ..failure })
    }
}

/// Whether a connection that lay idle is believed to live, or has to prove it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Living {
    Believed,
    Proven,
}

/// Why a transaction did not happen, or perhaps did.
struct Failure<E> {
    error: E,
    /// The closure was through: if the connection is lost, the commit may still have arrived.
    in_commit: bool,
}

impl<E: AsStoreError> Failure<E> {
    fn before_commit(error: E) -> Self {
        Failure { error, in_commit: false }
    }

    fn safe_to_repeat(&self) -> bool {
        match self.error.as_store_error() {
            Some(StoreError::Conflict) => true,
            Some(StoreError::Unavailable(_)) => !self.in_commit,
            _ => false,
        }
    }
}

impl<E: From<StoreError>> From<diesel::result::Error> for Failure<E> {
    fn from(error: diesel::result::Error) -> Self {
        Failure { error: StoreError::from(error).into(), in_commit: false }
    }
}

impl<E: From<StoreError>> From<StoreError> for Failure<E> {
    fn from(error: StoreError) -> Self {
        Failure { error: error.into(), in_commit: false }
    }
}

impl<E: AsStoreError> AsStoreError for Failure<E> {
    fn as_store_error(&self) -> Option<&StoreError> {
        self.error.as_store_error()
    }
}

/// Lets the door see through the error type of its user.
pub trait AsStoreError {
    /// The store's error, if it is one.
    fn as_store_error(&self) -> Option<&StoreError>;
}

impl AsStoreError for StoreError {
    fn as_store_error(&self) -> Option<&StoreError> {
        Some(self)
    }
}

fn lost_connection(error: &impl AsStoreError) -> bool {
    matches!(error.as_store_error(), Some(StoreError::Unavailable(_)))
}
