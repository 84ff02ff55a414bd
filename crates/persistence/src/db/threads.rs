//! The threads that speak to the database: as many as connections, for all of the server's event loops together.

use std::time::Duration;

use tokio::runtime::{Builder, Runtime};
use tokio::task::JoinHandle;

/// How long a thread without work stays.
const KEPT: Duration = Duration::from_secs(60);

/// Threads for blocking work. Each event loop has a pool of its own, which starts another thread whenever none is idle
/// at that moment; these are few and warm, and so is the memory that they work in.
pub(super) struct Threads(Option<Runtime>);

impl Threads {
    /// So many at most, started when they are needed.
    pub(super) fn new(count: usize) -> Threads {
        let runtime = Builder::new_current_thread()
            .thread_name("database")
            .max_blocking_threads(count)
            .thread_keep_alive(KEPT)
            .build();
        Threads(runtime.ok())
    }

    /// Does the work on one of them, or on one of the caller's event loop if there are none.
    pub(super) fn spawn<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> JoinHandle<T> {
        match &self.0 {
            Some(runtime) => runtime.spawn_blocking(work),
            None => tokio::task::spawn_blocking(work),
        }
    }
}

impl Drop for Threads {
    fn drop(&mut self) {
        // Work that is under way comes to its end; nobody waits for it.
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}
