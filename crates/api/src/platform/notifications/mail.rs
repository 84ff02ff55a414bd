//! Mail about one notification, at once.

use fulcrum_domain::platform::notifications::MailTiming;
use fulcrum_persistence::platform::notifications as store;
use fulcrum_persistence::{StoreError, Tx};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::post::{self, ATTEMPTS, KEEPS_ON_FOR, Post, content_of, settled};
use super::preferences::channels;
use super::texts::{self, Reader};
use crate::platform::jobs::{Context, Job, JobFailed, Lane};
use crate::platform::mail::Letter;

/// Mails one notification.
#[derive(Serialize, Deserialize)]
pub(crate) struct NotificationMail {
    pub(super) notification_id: Uuid,
}

impl Job for NotificationMail {
    const KIND: &'static str = "platform.notification_mail";
    const LANE: Lane = Lane::Waiting;
    const MAX_ATTEMPTS: i32 = ATTEMPTS;

    fn unique_key(&self) -> Option<String> {
        Some(self.notification_id.to_string())
    }
}

pub(crate) async fn run(context: Context, job: NotificationMail) -> Result<(), JobFailed> {
    match context.write(move |tx| begin(tx, job.notification_id)).await? {
        Some(post) => post::send(&context, post, |_| Ok(())).await,
        None => Ok(()),
    }
}

/// The letter, unless there is none to be sent any more: somebody has read it in the inbox meanwhile, doesn't want it any more, or
/// has gone.
fn begin(tx: &mut Tx, id: Uuid) -> Result<Option<Post>, JobFailed> {
    let notification = match store::lock_anybodys(tx, id) {
        Err(StoreError::NotFound) => return Ok(None),
        found => found?,
    };
    // One that failed is here because an administrator tries it again.
    if !["waiting", "failed"].contains(&notification.mail_state.as_str()) {
        return Ok(None);
    }
    let content = content_of(&notification)?;
    let recipient = store::recipient(tx, notification.user_id)?
        .filter(|recipient| channels(recipient.preferences.as_ref(), content.kind()).mail != MailTiming::Off);
    let Some(recipient) = recipient.filter(|_| notification.read_at.is_none()) else {
        settled(tx, &[id], "none", None)?;
        return Ok(None);
    };
    if notification.mail_state == "waiting" && notification.created_at < tx.now - KEEPS_ON_FOR {
        settled(tx, &[id], "failed", Some("nobody sent mail for a week"))?;
        return Ok(None);
    }
    let reader = Reader::of(&recipient.locale, &recipient.time_zone);
    let texts = texts::of(&notification.kind, Some(&content), &reader);
    let letter = Letter {
        id,
        to_name: recipient.name,
        to_address: recipient.email,
        subject: texts.title,
        text: texts.body,
    };
    Ok(Some(Post { letter, notification_ids: vec![id], is_taken_along: false }))
}
