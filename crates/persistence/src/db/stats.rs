//! How many statements a request made and how long the database took for them.

use std::cell::Cell;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use diesel::connection::{Instrumentation, InstrumentationEvent};

/// The account of one request.
#[derive(Debug, Default)]
pub struct QueryStats {
    queries: AtomicU32,
    database_micros: AtomicU64,
    busy_micros: AtomicU64,
}

impl QueryStats {
    /// Statements sent, `BEGIN` and `COMMIT` included.
    pub fn queries(&self) -> u32 {
        self.queries.load(Ordering::Relaxed)
    }

    /// Time between sending statements and having their results.
    pub fn database_time(&self) -> Duration {
        Duration::from_micros(self.database_micros.load(Ordering::Relaxed))
    }

    /// Time that a connection was held.
    pub fn busy_time(&self) -> Duration {
        Duration::from_micros(self.busy_micros.load(Ordering::Relaxed))
    }

    pub(super) fn add_busy(&self, time: Duration) {
        self.busy_micros.fetch_add(time.as_micros() as u64, Ordering::Relaxed);
    }
}

thread_local! {
    // A closure behind the door runs on one thread from begin to end.
    static COUNT: Cell<(u32, Duration)> = const { Cell::new((0, Duration::ZERO)) };
}

/// Runs the work and adds what it did to the account.
pub(super) fn counted<T>(stats: &Arc<QueryStats>, work: impl FnOnce() -> T) -> T {
    COUNT.set((0, Duration::ZERO));
    let result = work();
    let (queries, time) = COUNT.get();
    stats.queries.fetch_add(queries, Ordering::Relaxed);
    stats.database_micros.fetch_add(time.as_micros() as u64, Ordering::Relaxed);
    result
}

/// Counts the statements of one connection.
#[derive(Default)]
pub(super) struct Counter {
    started: Option<Instant>,
}

impl Instrumentation for Counter {
    fn on_connection_event(&mut self, event: InstrumentationEvent<'_>) {
        match event {
            InstrumentationEvent::StartQuery { .. } => self.started = Some(Instant::now()),
            InstrumentationEvent::FinishQuery { .. } => {
                if let Some(started) = self.started.take() {
                    let (queries, time) = COUNT.get();
                    COUNT.set((queries + 1, time + started.elapsed()));
                }
            }
            _ => {}
        }
    }
}
