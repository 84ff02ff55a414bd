//! Which events a webhook wants.

use std::sync::Arc;

use fulcrum_domain::platform::Condition;
use fulcrum_persistence::platform::events::Event;
use fulcrum_persistence::platform::webhooks::Webhook;

use crate::platform::events::vocabulary::{Unreadable, asked_about, fields, is_selected, read};

/// Which events a webhook wants, ready to be asked.
pub(super) struct Selection {
    event_types: Vec<String>,
    filter: Option<Arc<Condition>>,
}

impl Selection {
    /// Of a webhook.
    ///
    /// # Errors
    /// [`Unreadable`].
    pub(super) fn of(webhook: &Webhook) -> Result<Selection, Unreadable> {
        let types = &webhook.event_types;
        let read = |text| read(&types.join(","), text, || fields(types));
        let filter = webhook.filter.as_deref().map(read).transpose()?;
        Ok(Selection { event_types: types.clone(), filter })
    }

    /// Whether it wants this event. A filter that can't be answered, because the event hasn't what it asks about, doesn't hold.
    pub(super) fn wants(&self, event: &Event) -> bool {
        is_selected(&self.event_types, &event.type_)
            && self.filter.as_ref().is_none_or(|filter| filter.holds(&asked_about(event)).unwrap_or(false))
    }
}
