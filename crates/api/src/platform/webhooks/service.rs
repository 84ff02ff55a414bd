//! What can be done with webhooks.

use chrono::TimeDelta;
use fulcrum_domain::access::{DataScope, Permission};
use fulcrum_domain::values::text::clean_line;
use fulcrum_persistence::platform::log_places::{self, Follower};
use fulcrum_persistence::platform::webhooks::{self as store, Webhook};
use fulcrum_persistence::{StoreError, Tx};
use serde_json::{Value, json};
use uuid::Uuid;

use super::message;
use super::views::{EventType, NewWebhookView, WebhookInput, WebhookList, WebhookView};
use super::wanted::look_after;
use crate::App;
use crate::access::grants;
use crate::auth::keys::Keys;
use crate::http::answer::Answer;
use crate::http::catalog::Code;
use crate::http::cursor::List;
use crate::http::precondition::IfMatch;
use crate::http::problem::Problem;
use crate::http::wire::PageQuery;
use crate::platform::events::vocabulary;
use crate::records::{self, Resource, Stamp};

/// Webhooks of a company: each is asked about each event.
const MOST: i64 = 50;

/// How long messages are signed with the secret before a rotation, too.
const OVERLAP: TimeDelta = TimeDelta::hours(24);

/// Webhooks as records.
pub enum Webhooks {}

impl Resource for Webhooks {
    type Row = Webhook;
    type Input = WebhookInput;
    type View = WebhookView;
    const SUBJECT: &'static str = store::SUBJECT;
    const COLLECTION: &'static str = "webhooks";
    const DELETE: Permission = Permission::WebhooksWrite;
    // To robots of chats, the address alone is the credential.
    const UNTOLD: &'static [&'static str] = &["url"];

    fn input_of(row: &Webhook) -> WebhookInput {
        WebhookInput {
            name: row.name.clone(),
            url: row.url.clone(),
            event_types: row.event_types.iter().cloned().map(EventType).collect(),
            filter: row.filter.clone(),
            disabled: row.disabled_at.is_some(),
        }
    }

    fn view(row: &Webhook) -> WebhookView {
        WebhookView::from(row)
    }

    fn stamp(row: &Webhook) -> Stamp {
        Stamp::of(row.id, row.version, row.deleted_at)
    }

    fn find(tx: &mut Tx, id: Uuid) -> Result<Webhook, Problem> {
        Ok(store::find(tx, id)?)
    }

    fn lock(tx: &mut Tx, id: Uuid) -> Result<Webhook, Problem> {
        Ok(store::lock(tx, id)?)
    }

    fn insert(tx: &mut Tx, input: WebhookInput) -> Result<Webhook, Problem> {
        let blank = Webhook {
            tenant_id: tx.actor.tenant_id,
            id: Uuid::now_v7(),
            name: String::new(),
            url: String::new(),
            event_types: vec![],
            filter: None,
            // Creating sets a real one.
            secret: vec![],
            previous_secret: None,
            previous_secret_until: None,
            listens_after: String::new(),
            period: 1,
            disabled_at: None,
            disabled_reason: None,
            failing_since: None,
            busy_until: None,
            version: 1,
            created_at: tx.now,
            updated_at: tx.now,
            deleted_at: None,
        };
        let row = filled(tx, blank, input);
        may_hear(tx, &row)?;
        has_room(tx)?;
        let row = listening(tx, row)?;
        store::insert(tx, &row)?;
        Ok(row)
    }

    fn change(tx: &mut Tx, before: &Webhook, input: WebhookInput) -> Result<Webhook, Problem> {
        may_hear(tx, before)?;
        let mut after = filled(tx, before.clone(), input);
        may_hear(tx, &after)?;
        if json!(Self::input_of(before)) == json!(Self::input_of(&after)) {
            return Ok(after);
        }
        if before.disabled_at.is_some() && after.disabled_at.is_none() {
            after = listening(tx, after)?;
        }
        // What it doesn't want any more is given up.
        look_after(tx, after.id)?;
        after.version += 1;
        after.updated_at = tx.now;
        store::replace(tx, &after)?;
        Ok(after)
    }

    fn set_deleted(tx: &mut Tx, before: &Webhook, deleted: bool) -> Result<Webhook, Problem> {
        may_hear(tx, before)?;
        look_after(tx, before.id)?;
        if !deleted {
            has_room(tx)?;
        }
        let row = if deleted { before.clone() } else { listening(tx, before.clone())? };
        let after = Webhook {
            deleted_at: deleted.then_some(tx.now),
            version: before.version + 1,
            updated_at: tx.now,
            ..row
        };
        store::replace(tx, &after)?;
        Ok(after)
    }
}

fn has_room(tx: &mut Tx) -> Result<(), Problem> {
    match store::count(tx)? < MOST {
        true => Ok(()),
        false => Err(Problem::new(Code::TooMany).with("max", MOST)),
    }
}

/// From here on it is told what happens.
fn listening(tx: &mut Tx, webhook: Webhook) -> Result<Webhook, StoreError> {
    log_places::begin(tx, Follower::Webhooks, store::is_listened_to)?;
    Ok(Webhook {
        listens_after: log_places::snapshot(tx)?,
        period: webhook.period + 1,
        failing_since: None,
        ..webhook
    })
}

/// A webhook is the company's and stays when who made it goes. So nobody makes one, or leads one elsewhere, that hears of what
/// they couldn't read themselves.
pub(super) fn may_hear(tx: &mut Tx, webhook: &Webhook) -> Result<(), Problem> {
    may_read(tx, &webhook.event_types)
}

pub(super) fn may_read(tx: &mut Tx, event_types: &[String]) -> Result<(), Problem> {
    let subjects = vocabulary::subjects_of(event_types);
    let needed: Vec<Permission> =
        subjects.into_iter().flat_map(|(_, permissions)| permissions).copied().collect();
    grants::within(tx, &needed, DataScope::Tenant)
}

/// Changes a webhook by a merge patch. `address` is what was found of the new address, if there is one: it counts after
/// everything else, because it was looked at before.
///
/// # Errors
/// 404, 409 when it is deleted, 412, or what the rules say.
pub fn update(
    tx: &mut Tx,
    app: &App,
    id: Uuid,
    if_match: &IfMatch,
    patch: &Value,
    address: &Result<(), Problem>,
) -> Result<Answer, Problem> {
    let row = records::update::<Webhooks>(tx, &app.contract, id, if_match, patch)?;
    address.clone()?;
    records::shown::<Webhooks>(&row)
}

/// Looks at the address in a patch, if there is one.
///
/// # Errors
/// 422 at `/url`.
pub async fn examine(app: &App, patch: &Value) -> Result<(), Problem> {
    match patch["url"].as_str() {
        Some(url) => app.sender.examine(url).await,
        None => Ok(()),
    }
}

fn filled(tx: &Tx, row: Webhook, input: WebhookInput) -> Webhook {
    let disabled_at = if input.disabled { row.disabled_at.or(Some(tx.now)) } else { None };
    let reason = disabled_at.map(|_| row.disabled_reason.unwrap_or_else(|| "manual".into()));
    Webhook {
        name: clean_line(&input.name),
        url: input.url,
        event_types: input.event_types.into_iter().map(|event_type| event_type.0).collect(),
        filter: input.filter,
        disabled_at,
        disabled_reason: reason,
        ..row
    }
}

/// Creates a webhook and shows its secret. `address` is what was found of its address.
///
/// # Errors
/// What the rules say.
pub fn create(
    tx: &mut Tx,
    keys: &Keys,
    input: WebhookInput,
    address: &Result<(), Problem>,
) -> Result<Answer, Problem> {
    let row = records::create::<Webhooks>(tx, input)?;
    address.clone()?;
    let view = with_secret(tx, keys, row)?;
    Ok(Answer::created(Webhooks::COLLECTION, view.webhook.id, &view)?.version(view.webhook.version))
}

/// Gives a webhook a new secret; messages are signed with the old one, too, for a day.
///
/// # Errors
/// 404, 409 when it is deleted, 412, 403 for one that hears more than the actor may read.
pub fn rotate_secret(tx: &mut Tx, keys: &Keys, id: Uuid, if_match: &IfMatch) -> Result<Answer, Problem> {
    let before = changeable(tx, id)?;
    if_match.check(before.version)?;
    // After a restore without the key of the installation nobody can.
    let readable = keys.open(&secret_of(&before), &before.secret).is_some();
    let after = Webhook {
        previous_secret: readable.then(|| before.secret.clone()),
        previous_secret_until: readable.then(|| tx.now + OVERLAP),
        version: before.version + 1,
        updated_at: tx.now,
        ..before
    };
    let view = with_secret(tx, keys, after)?;
    let row = store::find(tx, id)?;
    records::note::<Webhooks>(tx, "secret_rotated", &row)?;
    Ok(Answer::ok(&view)?.version(view.webhook.version))
}

/// A webhook that isn't deleted and that the actor may change, held until the transaction ends.
///
/// # Errors
/// 404, 409 when it is deleted, 403 for one that hears more than the actor may read.
pub(super) fn changeable(tx: &mut Tx, id: Uuid) -> Result<Webhook, Problem> {
    let webhook = store::lock(tx, id)?;
    if webhook.deleted_at.is_some() {
        return Err(Problem::deleted(webhook.id));
    }
    may_hear(tx, &webhook)?;
    Ok(webhook)
}

fn with_secret(tx: &mut Tx, keys: &Keys, row: Webhook) -> Result<NewWebhookView, Problem> {
    let secret = message::new_secret();
    let sealed = keys.seal(&secret_of(&row), secret.as_bytes());
    let sealed = sealed.ok_or_else(|| StoreError::Internal("a secret can't be sealed".into()))?;
    let row = Webhook { secret: sealed, ..row };
    store::replace(tx, &row)?;
    Ok(NewWebhookView { webhook: WebhookView::from(&row), secret })
}

/// As what the secrets of a webhook are encrypted.
pub(super) fn secret_of(webhook: &Webhook) -> String {
    format!("secret of the webhook {}/{}", webhook.tenant_id, webhook.id)
}

/// Encrypts the secrets of all webhooks of the installation with the newest key. Returns how many there are, and how many can't be
/// decrypted: their key isn't among those that are known.
///
/// # Errors
/// Those of the database.
pub(crate) fn seal_anew(tx: &mut Tx, keys: &Keys) -> Result<(usize, usize), Problem> {
    let (mut sealed, mut unreadable) = (0, 0);
    for webhook in store::all_secrets(tx)? {
        let what = secret_of(&webhook);
        let anew = |sealed: &Vec<u8>| keys.open(&what, sealed).and_then(|plain| keys.seal(&what, &plain));
        let Some(secret) = anew(&webhook.secret) else {
            unreadable += 1;
            continue;
        };
        // A former one that can't be read is of no use.
        let previous_secret = webhook.previous_secret.as_ref().and_then(anew);
        store::replace_secrets(tx, &Webhook { secret, previous_secret, ..webhook })?;
        sealed += 1;
    }
    Ok((sealed, unreadable))
}

/// A page of webhooks.
///
/// # Errors
/// 400 when the cursor is not one of this list.
pub fn list(tx: &mut Tx, app: &App, query: &PageQuery) -> Result<WebhookList, Problem> {
    let list = List::of(tx.actor.tenant_id, Webhooks::COLLECTION, &());
    let page = list.page(&app.keys, query.cursor.as_deref(), query.limit)?;
    let rows = store::list(tx, &page)?;
    let place = |row: &Webhook| (row.created_at, row.id);
    let (data, next_cursor) =
        list.cut_created(&app.keys, rows, query.limit, place, |row| WebhookView::from(row));
    Ok(WebhookList { data, next_cursor, total_count: None })
}
