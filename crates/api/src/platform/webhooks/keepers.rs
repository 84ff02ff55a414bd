//! Those who look after the webhooks of a company.

use fulcrum_domain::access::Permission;
use fulcrum_domain::platform::notifications::Content;
use fulcrum_persistence::access::users;
use fulcrum_persistence::platform::webhooks::{self as store, Webhook};
use fulcrum_persistence::{StoreError, Tx};

use crate::platform::notifications::{NewNotification, notify};

/// People who are told: in a company where everybody may, it is enough that some know.
const MOST: i64 = 50;

/// Tells those who can do something about it that a webhook was disabled. Once for each of its periods.
///
/// # Errors
/// Those of the database.
pub(super) fn tell(tx: &mut Tx, webhook: &Webhook, reason: &str) -> Result<(), StoreError> {
    for user_id in users::who_may(tx, Permission::WebhooksWrite.word(), MOST)? {
        let new = NewNotification {
            user_id,
            content: Content::WebhookDisabled { name: webhook.name.clone(), reason: reason.into() },
            key: format!("webhook_disabled/{}/{}", webhook.id, webhook.period),
            subject: Some((store::SUBJECT, webhook.id)),
            customer_id: None,
        };
        notify(tx, &new)?;
    }
    Ok(())
}
