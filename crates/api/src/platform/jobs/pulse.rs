//! Whether the worker of this process lives, for who asks whether the process can do its work.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// The last sign of life of the worker, if there is to be one.
#[derive(Default)]
pub struct Pulse(Mutex<Option<(Instant, Duration)>>);

impl Pulse {
    /// From now on there has to be one, never longer apart than this.
    pub(super) fn expect(&self, silence: Duration) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some((Instant::now(), silence));
    }

    /// The worker lives.
    pub(super) fn beat(&self) {
        if let Some((last, _)) = self.0.lock().unwrap_or_else(PoisonError::into_inner).as_mut() {
            *last = Instant::now();
        }
    }

    /// Whether a worker should have given a sign of life and didn't.
    pub fn is_missing(&self) -> bool {
        let pulse = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        pulse.is_some_and(|(last, silence)| last.elapsed() > silence)
    }
}
