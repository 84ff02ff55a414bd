//! What somebody wants to be told by which way.

use std::collections::BTreeMap;

use fulcrum_domain::platform::notifications::{Channels, NotificationKind, USUAL_DIGEST_HOUR, Wishes};
use fulcrum_persistence::platform::events::{self, NewEvent};
use fulcrum_persistence::platform::notification_preferences::{self as store, Preferences};
use fulcrum_persistence::{Json, Tx};
use serde_json::{Value, json};
use uuid::Uuid;

use super::preference_views::{ChannelsByKind, PreferencesInput, PreferencesView};
use crate::http::answer::Answer;
use crate::http::contract::Contract;
use crate::http::precondition::IfMatch;
use crate::http::problem::Problem;
use crate::records;

/// By which ways a kind goes to somebody. What another release wrote and this one can't read is as usual.
pub(super) fn channels(preferences: Option<&Json>, kind: NotificationKind) -> Channels {
    let stored: BTreeMap<String, Value> = preferences.and_then(Json::read).unwrap_or_default();
    let said = stored.get(kind.word()).and_then(|wishes| serde_json::from_value(wishes.clone()).ok());
    let wishes: Wishes = said.unwrap_or_default();
    wishes.about(kind)
}

/// What somebody wants, with what is as usual filled in.
///
/// # Errors
/// Those of the database.
pub fn show(tx: &mut Tx, user_id: Uuid) -> Result<Answer, Problem> {
    let row = store::find(tx, user_id)?;
    shown(tx, &row)
}

fn shown(tx: &Tx, row: &Preferences) -> Result<Answer, Problem> {
    let view = PreferencesView {
        kinds: ChannelsByKind::of(|kind| channels(Some(&row.preferences), kind)),
        digest_hour: row.digest_hour.unwrap_or(USUAL_DIGEST_HOUR),
        time_zone: tx.actor.time_zone.to_string(),
        version: row.version,
        updated_at: (row.version > 1).then_some(row.updated_at),
    };
    Ok(Answer::ok(&view)?.version(row.version))
}

/// Changes what somebody wants by a merge patch on what they said so far: null makes it as usual again.
///
/// # Errors
/// 412, 422.
pub fn update(
    tx: &mut Tx,
    contract: &Contract,
    user_id: Uuid,
    if_match: &IfMatch,
    patch: &Value,
) -> Result<Answer, Problem> {
    let before = store::lock(tx, user_id)?;
    if_match.check(before.version)?;
    let old = input_of(&before);
    let input = records::patched::<PreferencesInput>(tx, contract, &old, patch)?;
    let after = Preferences {
        preferences: Json::of(&input.kinds.unwrap_or_default()),
        digest_hour: input.digest_hour,
        version: before.version + 1,
        updated_at: tx.now,
        ..before.clone()
    };
    let new = input_of(&after);
    if new == old {
        return shown(tx, &before);
    }
    store::replace(tx, &after)?;
    let event = NewEvent {
        kind: format!("{}.updated", store::SUBJECT),
        subject_type: store::SUBJECT,
        subject_id: user_id,
        customer_id: None,
        version: Some(after.version),
        changes: records::changed_fields(&old, &new),
    };
    events::append(tx, event)?;
    shown(tx, &after)
}

/// What somebody said so far, as they could have sent it.
fn input_of(row: &Preferences) -> Value {
    let kinds = row.preferences.read().unwrap_or_default();
    json!(PreferencesInput { kinds: Some(kinds), digest_hour: row.digest_hour })
}
