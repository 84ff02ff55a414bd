//! How a long request is done that isn't done step by step.

use fulcrum_persistence::platform::operations as store;
use fulcrum_persistence::{Json, Tx};
use serde_json::Value;

use crate::platform::jobs::{Context, JobFailed};

/// What came of it.
#[derive(Clone)]
pub(crate) struct Ended {
    /// Units of work that were done.
    pub(crate) done: i64,
    /// What came out.
    pub(crate) result: Value,
}

/// Whether it is still to be done: nobody has stopped it, and it hasn't been done before.
///
/// # Errors
/// Those of the database.
pub(crate) async fn is_wanted(context: &Context) -> Result<bool, JobFailed> {
    let id = context.job_id;
    context
        .write(move |tx| {
            let mut progress = store::lock(tx, id)?;
            if progress.cancel_requested_at.is_some() && progress.result.is_none() {
                progress.cancelled_at = Some(tx.now);
                store::replace(tx, &progress)?;
            }
            Ok(progress.result.is_none() && progress.cancelled_at.is_none())
        })
        .await
}

/// Notes what came of it, in one transaction with `last`, unless somebody has stopped it meanwhile.
///
/// # Errors
/// What `last` returns, and those of the database.
pub(crate) async fn finish(
    context: &Context,
    ended: Ended,
    last: impl Fn(&mut Tx) -> Result<(), JobFailed> + Send + 'static,
) -> Result<(), JobFailed> {
    let id = context.job_id;
    context
        .write(move |tx| {
            let mut progress = store::lock(tx, id)?;
            if progress.result.is_some() || progress.cancelled_at.is_some() {
                return Ok(());
            }
            if progress.cancel_requested_at.is_some() {
                progress.cancelled_at = Some(tx.now);
            } else {
                last(tx)?;
                progress.done = ended.done;
                progress.total = Some(ended.done);
                progress.result = Some(Json::of(&ended.result));
            }
            store::replace(tx, &progress)?;
            Ok(())
        })
        .await
}
