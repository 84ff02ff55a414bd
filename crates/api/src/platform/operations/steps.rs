//! How a long request is done: step by step, each in a transaction with the note of how far it has come.

use fulcrum_persistence::platform::operations as store;
use fulcrum_persistence::{Json, Tx};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::platform::jobs::{Context, JobFailed};

/// What a step has come to.
pub struct Step<C> {
    /// Units of work that it did.
    done: i64,
    /// Units of work in all, as far as that is known now.
    total: Option<i64>,
    then: Then<C>,
}

enum Then<C> {
    /// There is another step, from here.
    Next(C),
    /// This was the last one, and this came out.
    End(Value),
}

impl<C> Step<C> {
    /// There is another step.
    pub fn with_next(done: i64, total: Option<i64>, from: C) -> Step<C> {
        Step { done, total, then: Then::Next(from) }
    }

    /// This was the last one.
    pub fn last(done: i64, result: Value) -> Step<C> {
        Step { done, total: None, then: Then::End(result) }
    }
}

/// Does an operation step by step until there is no next one, or until somebody stops it. Each step begins where the last one
/// that was committed ended, whoever did that; so every step has its effect exactly once.
///
/// # Errors
/// What a step returns.
pub async fn in_steps<C: Serialize + DeserializeOwned>(
    context: &Context,
    work: impl Fn(&mut Tx, Option<C>) -> Result<Step<C>, JobFailed> + Clone + Send + 'static,
) -> Result<(), JobFailed> {
    let id = context.job_id;
    loop {
        let work = work.clone();
        let goes_on = context
            .write(move |tx| {
                let mut progress = store::lock(tx, id)?;
                if progress.result.is_some() || progress.cancelled_at.is_some() {
                    return Ok(false);
                }
                if progress.cancel_requested_at.is_some() {
                    progress.cancelled_at = Some(tx.now);
                    store::replace(tx, &progress)?;
                    return Ok(false);
                }
                let unreadable = || JobFailed::for_good("what is stored of its progress can't be read");
                let from = progress
                    .checkpoint
                    .as_ref()
                    .map(|kept| kept.read::<C>().ok_or_else(unreadable))
                    .transpose()?;
                let step = work(tx, from)?;
                progress.done += step.done;
                progress.total = step.total.or(progress.total);
                match &step.then {
                    Then::Next(from) => progress.checkpoint = Some(Json::of(from)),
                    Then::End(result) => {
                        progress.total = Some(progress.done);
                        progress.result = Some(Json::of(result));
                    }
                }
                store::replace(tx, &progress)?;
                Ok(matches!(step.then, Then::Next(_)))
            })
            .await?;
        if !goes_on {
            return Ok(());
        }
    }
}
