//! Stopping an automation that does harm, and telling who can do something about it.

use fulcrum_domain::access::Permission;
use fulcrum_domain::platform::notifications::Content;
use fulcrum_persistence::access::users;
use fulcrum_persistence::platform::automations::{self as store, Automation};
use fulcrum_persistence::platform::events::{self, NewEvent};
use fulcrum_persistence::{StoreError, Tx};
use serde_json::json;

use super::service::keep;
use super::views::StopReason;
use crate::platform::notifications::{NewNotification, Notified, notify};

/// People who are told when there is no author to tell.
const MOST: i64 = 50;

/// Disables an automation; what waits for it comes to nothing. Its author is told, and where there is none any more, those who may
/// write automations.
///
/// # Errors
/// Those of the database.
pub(super) fn stop(
    tx: &mut Tx,
    automation: &Automation,
    reason: StopReason,
) -> Result<Automation, StoreError> {
    let stopped = Automation {
        disabled_at: Some(tx.now),
        disabled_reason: Some(reason.to_string()),
        version: automation.version + 1,
        updated_at: tx.now,
        ..automation.clone()
    };
    store::replace(tx, &stopped)?;
    keep(tx, &stopped)?;
    tracing::warn!(automation = %stopped.id, tenant = %stopped.tenant_id, %reason, "an automation is stopped");
    events::append(
        tx,
        NewEvent {
            kind: format!("{}.disabled", store::SUBJECT),
            subject_type: store::SUBJECT,
            subject_id: stopped.id,
            customer_id: None,
            version: Some(stopped.version),
            changes: json!({
                "enabled": { "from": true, "to": false },
                "reason": { "from": null, "to": reason },
            }),
        },
    )?;
    tell(tx, &stopped, reason)?;
    Ok(stopped)
}

fn tell(tx: &mut Tx, automation: &Automation, reason: StopReason) -> Result<(), StoreError> {
    let new = |user_id| NewNotification {
        user_id,
        content: Content::AutomationStopped { name: automation.name.clone(), reason: reason.to_string() },
        key: format!("automation_stopped/{}/{}", automation.id, automation.version),
        subject: Some((store::SUBJECT, automation.id)),
        customer_id: None,
    };
    let is_user = automation.author_type == "user";
    if is_user && notify(tx, &new(automation.author_id))? != Notified::NobodyThere {
        return Ok(());
    }
    for user_id in users::who_may(tx, Permission::AutomationsWrite.word(), MOST)? {
        notify(tx, &new(user_id))?;
    }
    Ok(())
}
