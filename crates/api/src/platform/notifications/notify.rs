//! Telling somebody something, in the transaction of what there is to tell.

use fulcrum_domain::platform::notifications::{Content, MailTiming, USUAL_DIGEST_HOUR, next_digest};
use fulcrum_persistence::platform::events::{self, NewEvent};
use fulcrum_persistence::platform::notifications::{self as store, Notification, Recipient};
use fulcrum_persistence::{Json, StoreError, Tx};
use serde_json::{Value, json};
use uuid::Uuid;

use super::digest::NotificationDigest;
use super::mail::NotificationMail;
use super::preferences::channels;
use super::texts::{self, Reader};
use crate::platform::jobs::enqueue_for_company;

/// Something that somebody is to be told.
#[derive(Clone, Debug)]
pub struct NewNotification {
    /// Whom.
    pub user_id: Uuid,
    /// What.
    pub content: Content,
    /// What it is the notification of, such as `task_overdue/{id}/{due_at}`: whoever was told of it isn't told again.
    pub key: String,
    /// The record that it is about.
    pub subject: Option<(&'static str, Uuid)>,
    /// The customer that it concerns.
    pub customer_id: Option<Uuid>,
}

/// What came of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Notified {
    /// It is on its way.
    Told(Uuid),
    /// They were told before.
    Already,
    /// They don't want to hear of it.
    NotWanted,
    /// The account is disabled or has gone: somebody else has to be told.
    NobodyThere,
}

/// Tells somebody of the actor's company something by the ways that they want. What leaves the house is put down as a job, and goes
/// out when the transaction has been committed.
///
/// # Errors
/// Those of the database.
pub fn notify(tx: &mut Tx, new: &NewNotification) -> Result<Notified, StoreError> {
    let Some(recipient) = store::recipient(tx, new.user_id)? else { return Ok(Notified::NobodyThere) };
    let kind = new.content.kind();
    let channels = channels(recipient.preferences.as_ref(), kind);
    let mail_state = match channels.mail {
        MailTiming::Now if recipient.mails => "waiting",
        MailTiming::Digest if recipient.mails => "digest",
        _ => "none",
    };
    if !channels.in_app && !channels.webhook && mail_state == "none" {
        return Ok(Notified::NotWanted);
    }
    let notification = Notification {
        tenant_id: tx.actor.tenant_id,
        id: Uuid::now_v7(),
        user_id: new.user_id,
        kind: kind.word().into(),
        key: new.key.clone(),
        subject_type: new.subject.map(|(subject_type, _)| subject_type.to_owned()),
        subject_id: new.subject.map(|(_, id)| id),
        customer_id: new.customer_id,
        data: Json::of(&new.content.data()),
        in_app: channels.in_app,
        mail_state: mail_state.into(),
        mailed_at: None,
        digest_id: None,
        created_at: tx.now,
        read_at: None,
    };
    if !store::insert(tx, &notification)? {
        return Ok(Notified::Already);
    }
    let about = json!({ "user_id": new.user_id, "kind": kind });
    append(tx, "created", &notification, &about)?;
    if channels.webhook {
        let told = outbound(&notification, &new.content, &recipient);
        append(tx, "outbound", &notification, &told)?;
    }
    post(tx, &notification, &recipient)?;
    Ok(Notified::Told(notification.id))
}

/// Puts down who sends the mail, if there is to be one.
fn post(tx: &mut Tx, notification: &Notification, recipient: &Recipient) -> Result<(), StoreError> {
    let now = tx.now;
    match notification.mail_state.as_str() {
        "waiting" => {
            let job = NotificationMail { notification_id: notification.id };
            enqueue_for_company(tx, &job, now)?;
        }
        "digest" => plan_digest(tx, recipient)?,
        _ => {}
    }
    Ok(())
}

/// Has somebody send the next digest at its hour.
pub(super) fn plan_digest(tx: &mut Tx, recipient: &Recipient) -> Result<(), StoreError> {
    let time_zone = recipient.time_zone.parse().unwrap_or_default();
    let at = next_digest(recipient.digest_hour.unwrap_or(USUAL_DIGEST_HOUR), time_zone, tx.now);
    enqueue_for_company(tx, &NotificationDigest { user_id: recipient.id }, at).map(|_| ())
}

/// What a sender of SMS and the like needs to know.
fn outbound(notification: &Notification, content: &Content, recipient: &Recipient) -> Value {
    let reader = Reader::of(&recipient.locale, &recipient.time_zone);
    let texts = texts::of(&notification.kind, Some(content), &reader);
    json!({
        "user_id": recipient.id,
        "kind": notification.kind,
        "title": texts.title,
        "body": texts.body,
        "locale": recipient.locale,
        "subject_type": notification.subject_type,
        "subject_id": notification.subject_id,
    })
}

fn append(tx: &mut Tx, what: &str, notification: &Notification, fields: &Value) -> Result<(), StoreError> {
    let fields = fields.as_object().into_iter().flatten();
    let changes = fields.map(|(name, value)| (name.clone(), json!({ "from": null, "to": value })));
    let event = NewEvent {
        kind: format!("{}.{what}", store::SUBJECT),
        subject_type: store::SUBJECT,
        subject_id: notification.id,
        customer_id: notification.customer_id,
        version: None,
        changes: changes.collect(),
    };
    events::append(tx, event)
}
