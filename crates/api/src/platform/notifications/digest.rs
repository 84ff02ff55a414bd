//! One mail a day about everything that can wait.

use fulcrum_domain::platform::notifications::{MailTiming, NotificationKind};
use fulcrum_persistence::StoreError;
use fulcrum_persistence::Tx;
use fulcrum_persistence::platform::notifications::{self as store, Notification, Recipient};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::notify::plan_digest;
use super::post::{self, ATTEMPTS, Post, content_of, settled};
use super::preferences::channels;
use super::texts::{self, Reader};
use crate::platform::jobs::{Context, Job, JobFailed, Lane};
use crate::platform::mail::Letter;

/// Notifications of one mail.
const MOST: i64 = 1000;

/// Mails what waits for somebody's digest. It is put down for the next hour of the digest with the first notification that waits.
#[derive(Serialize, Deserialize)]
pub(crate) struct NotificationDigest {
    pub(super) user_id: Uuid,
}

impl Job for NotificationDigest {
    const KIND: &'static str = "platform.notification_digest";
    const LANE: Lane = Lane::Waiting;
    const MAX_ATTEMPTS: i32 = ATTEMPTS;

    fn unique_key(&self) -> Option<String> {
        Some(self.user_id.to_string())
    }
}

pub(crate) async fn run(context: Context, job: NotificationDigest) -> Result<(), JobFailed> {
    let user_id = job.user_id;
    match context.write(move |tx| begin(tx, user_id)).await? {
        // What came while it was being sent waits for tomorrow.
        Some(post) => post::send(&context, post, move |tx| plan_next(tx, user_id)).await,
        None => Ok(()),
    }
}

fn plan_next(tx: &mut Tx, user_id: Uuid) -> Result<(), StoreError> {
    if store::waits_for_digest(tx, user_id)?
        && let Some(recipient) = store::recipient(tx, user_id)?
    {
        plan_digest(tx, &recipient)?;
    }
    Ok(())
}

/// The letter, unless there is nothing to tell any more. What it tells of is settled now: who begins again after a crash sends the
/// very same letter, and not one of the same name that tells of more.
fn begin(tx: &mut Tx, user_id: Uuid) -> Result<Option<Post>, JobFailed> {
    let rows = store::lock_for_digest(tx, user_id, MOST)?;
    let Some(first) = rows.first() else { return Ok(None) };
    let begun = first.digest_id;
    let recipient = store::recipient(tx, user_id)?;
    let wanted = |row: &Notification| recipient.as_ref().is_some_and(|one| is_wanted(row, one));
    let (told, dropped): (Vec<_>, Vec<_>) =
        rows.into_iter().partition(|row| begun.is_some() && recipient.is_some() || wanted(row));
    settled(tx, &ids(&dropped), "none", None)?;
    let (Some(recipient), Some(_)) = (recipient, told.first()) else {
        plan_next(tx, user_id)?;
        return Ok(None);
    };
    let digest_id = begun.unwrap_or_else(Uuid::now_v7);
    store::settle_digest(tx, &ids(&told), digest_id)?;
    let letter = letter(digest_id, &told, recipient)?;
    Ok(Some(Post { letter, notification_ids: ids(&told), is_taken_along: true }))
}

/// Whether somebody has still to be told by mail.
fn is_wanted(row: &Notification, recipient: &Recipient) -> bool {
    // Of a kind that this release doesn't know, whoever knows it has asked.
    let kind = row.kind.parse::<NotificationKind>().ok();
    let off = kind.is_some_and(|kind| channels(recipient.preferences.as_ref(), kind).mail == MailTiming::Off);
    row.read_at.is_none() && !off
}

fn letter(id: Uuid, told: &[Notification], recipient: Recipient) -> Result<Letter, JobFailed> {
    let reader = Reader::of(&recipient.locale, &recipient.time_zone);
    let mut items = Vec::new();
    for row in told {
        let content = content_of(row)?;
        items.push((texts::of(&row.kind, Some(&content), &reader), row.created_at));
    }
    let texts = texts::digest(&items, &reader).map_err(|error| JobFailed::for_good(error.to_string()))?;
    Ok(Letter {
        id,
        to_name: recipient.name,
        to_address: recipient.email,
        subject: texts.title,
        text: texts.body,
    })
}

fn ids(rows: &[Notification]) -> Vec<Uuid> {
    rows.iter().map(|row| row.id).collect()
}
