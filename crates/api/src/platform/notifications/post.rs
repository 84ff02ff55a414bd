//! Sending a letter and noting what came of it, for one notification and for many.

use std::sync::Arc;
use std::time::Duration;

use chrono::TimeDelta;
use fulcrum_domain::platform::notifications::Content;
use fulcrum_persistence::platform::events;
use fulcrum_persistence::platform::notifications::{self as store, Notification};
use fulcrum_persistence::{StoreError, Tx};
use serde_json::json;
use uuid::Uuid;

use crate::platform::jobs::{Context, JobFailed};
use crate::platform::mail::{Letter, Unsent};

/// How often a letter is tried: with the waits in between for some three days.
pub(super) const ATTEMPTS: i32 = 24;
/// How long the installation is believed to send mail after one who does has said so last. What has waited for longer is not
/// mailed any more: nobody wants the reminders of a year when mail is set up at last.
pub(super) const KEEPS_ON_FOR: TimeDelta = TimeDelta::days(7);
/// How often it is tried to note what came of a letter, a second apart: what isn't noted is sent again.
const NOTING: u32 = 10;

/// A letter, and the notifications that it tells of.
pub(super) struct Post {
    pub(super) letter: Letter,
    pub(super) notification_ids: Vec<Uuid>,
    /// Whether the next letter to the same person takes it along, so that it hasn't failed because the server was away for long.
    pub(super) is_taken_along: bool,
}

/// Notes that somebody is there who sends mail.
///
/// # Errors
/// Those of the database.
pub(crate) fn sends_mail(tx: &mut Tx) -> Result<(), StoreError> {
    let until = tx.now + KEEPS_ON_FOR;
    store::mails_until(tx, until)
}

/// Sends a letter, notes what came of it, and does in the same transaction what follows from that.
///
/// # Errors
/// Why it is to be tried again, or won't ever work.
pub(super) async fn send(
    context: &Context,
    post: Post,
    then: impl Fn(&mut Tx) -> Result<(), StoreError> + Send + Sync + 'static,
) -> Result<(), JobFailed> {
    let Some(mailer) = &context.app.mail else {
        return Err(JobFailed::for_now("this worker sends no mail"));
    };
    let outcome = mailer.send(post.letter, context.app.db.clock().now()).await;
    let state = match &outcome {
        Ok(()) => Some("sent"),
        Err(Unsent::ForGood(_)) => Some("failed"),
        Err(Unsent::ForNow(_)) if context.attempt >= ATTEMPTS && !post.is_taken_along => Some("failed"),
        Err(Unsent::ForNow(_)) => None,
    };
    if let Some(state) = state {
        let reason = outcome.as_ref().err().map(|unsent| unsent.reason().to_owned());
        note(context, post.notification_ids, state, reason, then).await?;
    }
    outcome.map_err(|unsent| match unsent {
        Unsent::ForNow(reason) => JobFailed::for_now(reason),
        Unsent::ForGood(reason) => JobFailed::for_good(reason),
    })
}

/// Notes what came of a letter, however long the database is away, within bounds.
async fn note(
    context: &Context,
    ids: Vec<Uuid>,
    state: &'static str,
    reason: Option<String>,
    then: impl Fn(&mut Tx) -> Result<(), StoreError> + Send + Sync + 'static,
) -> Result<(), JobFailed> {
    let (what, mut tries) = (Arc::new((ids, reason, then)), 0);
    loop {
        let what = what.clone();
        let noted = context
            .write(move |tx| {
                let (ids, reason, then) = &*what;
                settled(tx, ids, state, reason.as_deref())?;
                sends_mail(tx)?;
                Ok(then(tx)?)
            })
            .await;
        if noted.is_ok() || tries == NOTING {
            return noted;
        }
        tries += 1;
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
}

/// Notes what became of the mail about these notifications; the log tells of those of which it wasn't known yet.
///
/// # Errors
/// Those of the database.
pub(super) fn settled(
    tx: &mut Tx,
    ids: &[Uuid],
    state: &str,
    reason: Option<&str>,
) -> Result<(), StoreError> {
    let changed = store::note_mail(tx, ids, state)?;
    let what = match state {
        "sent" => "mailed",
        "failed" => "mail_failed",
        // There was none to be sent any more.
        _ => return Ok(()),
    };
    if changed.is_empty() {
        return Ok(());
    }
    let mut changes = json!({ "mail": { "from": null, "to": state } });
    if let Some(reason) = reason {
        changes["reason"] = json!({ "from": null, "to": reason });
    }
    events::append_all(tx, &format!("{}.{what}", store::SUBJECT), store::SUBJECT, &changed, &changes)
}

/// What a notification says.
///
/// # Errors
/// When another release wrote it: a worker of that one can send it.
pub(super) fn content_of(notification: &Notification) -> Result<Content, JobFailed> {
    let data = notification.data.read().unwrap_or_default();
    Content::of(&notification.kind, data)
        .ok_or_else(|| JobFailed::for_now(format!("what is told by {} can't be read", notification.kind)))
}
