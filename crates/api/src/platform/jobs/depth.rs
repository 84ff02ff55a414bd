//! How many jobs there are, as metrics.

use std::collections::HashSet;

use chrono::{DateTime, Utc};
use fulcrum_persistence::platform::jobs::Depth;

use super::Kinds;

const STATES: [&str; 3] = ["waiting", "running", "dead"];

/// Remembers what was shown, because what isn't there any more has to be shown as nothing.
pub(super) struct Depths {
    kinds: HashSet<String>,
}

impl Depths {
    /// Shows the kinds that the worker does from the beginning.
    pub(super) fn new(kinds: &Kinds) -> Depths {
        Depths { kinds: kinds.names().into_iter().map(str::to_owned).collect() }
    }

    /// Shows what was counted at a time.
    pub(super) fn show(&mut self, now: DateTime<Utc>, found: Vec<Depth>) {
        self.kinds.extend(found.iter().map(|depth| depth.kind.clone()));
        for kind in &self.kinds {
            let of = |state: &str| found.iter().find(|depth| depth.kind == *kind && depth.state == state);
            for state in STATES {
                metrics::gauge!("fulcrum_jobs", "kind" => kind.clone(), "state" => state)
                    .set(of(state).map_or(0.0, |depth| depth.count as f64));
            }
            let due = of("waiting").map_or(0, |depth| (now - depth.oldest).num_milliseconds().max(0));
            metrics::gauge!("fulcrum_job_oldest_seconds", "kind" => kind.clone()).set(due as f64 / 1000.0);
        }
    }
}
