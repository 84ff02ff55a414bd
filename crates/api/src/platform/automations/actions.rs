//! Doing what an automation says, with the rights of its author: each action goes the way that a request of theirs would.

use chrono::TimeDelta;
use fulcrum_domain::access::Permission;
use fulcrum_domain::engagement::{TaskPriority, TaskState};
use fulcrum_domain::platform::notifications::Content;
use fulcrum_domain::values::text::{clean_line, clean_text};
use fulcrum_persistence::Tx;
use fulcrum_persistence::customers::customers;
use fulcrum_persistence::platform::events::{self, Event, NewEvent};
use fulcrum_persistence::platform::{automations as store, notifications};
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::facts::{Found, RecordKind};
use super::templates;
use super::views::{ActionType, AutomationAction, Recipient};
use crate::App;
use crate::engagement::tasks::service::Tasks;
use crate::engagement::tasks::views::TaskInput;
use crate::http::catalog::{Code, FieldCode};
use crate::http::problem::{FieldError, Problem};
use crate::platform::automation_runs::views::ActionResult;
use crate::platform::notifications::{NewNotification, Notified, notify};
use crate::platform::webhooks;
use crate::records::{self, Resource, require};
use crate::subjects::SubjectType;

/// What an automation is at, and what it knows.
pub(super) struct Doing<'a> {
    pub(super) app: &'a App,
    pub(super) automation: &'a store::Automation,
    pub(super) run_id: Uuid,
    pub(super) event: Option<&'a Event>,
    /// The record that it is about, of a kind that automations can look at.
    pub(super) record: Option<(&'static RecordKind, Uuid, &'a Found)>,
    pub(super) known: &'a Map<String, Value>,
}

impl Doing<'_> {
    /// Notes in the log that the automation does something. Returns the event.
    ///
    /// # Errors
    /// Those of the database.
    pub(super) fn begin(&self, tx: &mut Tx) -> Result<Event, Problem> {
        let fact = |value: Value| json!({ "from": null, "to": value });
        let record = self.record.as_ref().map(|(kind, id, _)| (kind.word.to_owned(), *id));
        let about = record.or(self.event.map(|event| (event.subject_type.clone(), event.subject_id)));
        let mut changes = json!({ "run_id": fact(json!(self.run_id)) });
        if let Some(event) = self.event {
            changes["event_id"] = fact(json!(event.seq.to_string()));
        }
        if let Some((word, id)) = about {
            changes["record_type"] = fact(json!(word));
            changes["record_id"] = fact(json!(id));
        }
        let new = NewEvent {
            kind: format!("{}.fired", store::SUBJECT),
            subject_type: store::SUBJECT,
            subject_id: self.automation.id,
            customer_id: self.customer_id(),
            version: None,
            changes,
        };
        let seq = events::append_known(tx, new)?;
        let now = tx.now;
        Ok(events::find_any(tx, seq, Some(now))?)
    }

    fn customer_id(&self) -> Option<Uuid> {
        let of_record = self.record.as_ref().and_then(|(_, _, found)| found.customer_id);
        of_record.or(self.event.and_then(|event| event.customer_id))
    }

    /// Does one action. `fired` is the event of [`Doing::begin`], `place` where the action stands.
    ///
    /// # Errors
    /// What a request that wanted the same would be answered.
    pub(super) fn act(
        &self,
        tx: &mut Tx,
        fired: &Event,
        place: usize,
        action: &AutomationAction,
    ) -> Result<ActionResult, Problem> {
        match action.kind {
            ActionType::CreateTask => self.create_task(tx, action),
            ActionType::Notify => self.notify(tx, place, action),
            ActionType::Assign => {
                let (kind, ..) = self.about()?;
                let owner = kind.owner.ok_or_else(|| Problem::new(Code::NotFound))?;
                let user_id = self.recipient(tx, action)?;
                self.change(tx, action.kind, &json!({ owner: user_id }))
            }
            ActionType::SetFields => self.change(tx, action.kind, &json!(action.fields)),
            ActionType::AddTag => {
                let (kind, id, _) = self.about()?;
                // As it is now: an action before this one may have changed it.
                let mut tags = kind.find(tx, id)?.view["tags"].take();
                let tag = json!(clean_line(action.tag.as_deref().unwrap_or_default()));
                if let Some(tags) = tags.as_array_mut().filter(|tags| !tags.contains(&tag)) {
                    tags.push(tag);
                }
                self.change(tx, action.kind, &json!({ "tags": tags }))
            }
            ActionType::CallWebhook => {
                require(&tx.actor, Permission::WebhooksWrite)?;
                let delivery_id = webhooks::call(tx, action.webhook_id.unwrap_or_default(), fired)?;
                Ok(ActionResult::done(action.kind, Some(("webhook_delivery", delivery_id))))
            }
        }
    }

    fn about(&self) -> Result<(&'static RecordKind, Uuid, &Found), Problem> {
        self.record.ok_or_else(|| Problem::new(Code::NotFound))
    }

    fn change(&self, tx: &mut Tx, what: ActionType, patch: &Value) -> Result<ActionResult, Problem> {
        let (kind, id, _) = self.about()?;
        let version = |found: Found| found.view["version"].as_i64();
        let before = kind.find(tx, id).map(version)?;
        kind.change(tx, &self.app.contract, id, patch)?;
        // It may be out of sight now, given to somebody else: then it has changed.
        let after = kind.find(tx, id).ok().and_then(version);
        let record = Some((kind.word, id));
        Ok(if before == after {
            ActionResult::unchanged(what, record)
        } else {
            ActionResult::done(what, record)
        })
    }

    fn create_task(&self, tx: &mut Tx, action: &AutomationAction) -> Result<ActionResult, Problem> {
        require(&tx.actor, Permission::TasksWrite)?;
        let subject = match (&self.record, self.customer_id()) {
            (Some((kind, id, _)), _) if SubjectType::of(kind.word).is_some() => {
                SubjectType::of(kind.word).map(|subject| (subject, *id))
            }
            (_, customer_id) => customer_id.map(|id| (SubjectType::Customer, id)),
        };
        let due = action.due_in_minutes.map(|minutes| tx.now + TimeDelta::minutes(minutes.into()));
        let input = TaskInput {
            title: self.title(tx, action, 200)?,
            description: self.text(tx, action.body.as_deref(), "body")?.map(|text| clean_text(&text)),
            state: TaskState::Open,
            priority: action.priority.unwrap_or(TaskPriority::Normal),
            due_at: due,
            reminders: vec![],
            escalate_after_minutes: None,
            recurrence: None,
            time_zone: None,
            subject_type: subject.map(|(kind, _)| kind),
            subject_id: subject.map(|(_, id)| id),
            checklist: vec![],
            assignee_id: Some(self.recipient(tx, action)?),
            external_ids: vec![],
        };
        let row = records::create::<Tasks>(tx, input)?;
        Ok(ActionResult::done(action.kind, Some((Tasks::SUBJECT, row.task.id))))
    }

    fn notify(&self, tx: &mut Tx, place: usize, action: &AutomationAction) -> Result<ActionResult, Problem> {
        let body = self.text(tx, action.body.as_deref(), "body")?.unwrap_or_default();
        let new = NewNotification {
            user_id: self.recipient(tx, action)?,
            content: Content::AutomationMessage { title: self.title(tx, action, 300)?, body },
            key: format!("automation/{}/{place}", self.run_id),
            subject: self.record.as_ref().map(|(kind, id, _)| (kind.word, *id)),
            customer_id: self.customer_id(),
        };
        Ok(match notify(tx, &new)? {
            Notified::Told(id) => ActionResult::done(action.kind, Some((notifications::SUBJECT, id))),
            Notified::Already | Notified::NotWanted | Notified::NobodyThere => {
                ActionResult::unchanged(action.kind, None)
            }
        })
    }

    fn title(&self, tx: &Tx, action: &AutomationAction, longest: usize) -> Result<String, Problem> {
        let text = self.text(tx, action.title.as_deref(), "title")?.unwrap_or_default();
        let line: String = clean_line(&text).chars().take(longest).collect();
        match line.trim() {
            "" => Err(Problem::field("/title", FieldCode::Blank)),
            line => Ok(line.to_owned()),
        }
    }

    fn text(&self, tx: &Tx, template: Option<&str>, name: &str) -> Result<Option<String>, Problem> {
        let Some(template) = template else { return Ok(None) };
        let text = templates::render(template, self.known, tx.actor.time_zone).map_err(|reason| {
            let error = FieldError::new(format!("/{name}"), FieldCode::Template).with("reason", reason);
            Problem::invalid(vec![error])
        })?;
        Ok(Some(text.chars().filter(|letter| *letter != '\0').take(10_000).collect()))
    }

    /// Whom it is about.
    fn recipient(&self, tx: &mut Tx, action: &AutomationAction) -> Result<Uuid, Problem> {
        let nobody = || Problem::field("/recipient", FieldCode::NotFound);
        match action.recipient {
            Some(Recipient::User) => action.user_id,
            Some(Recipient::Author) => tx.actor.user_id(),
            Some(Recipient::EventActor) => {
                self.event.filter(|event| event.actor_type == "user").and_then(|event| event.actor_id)
            }
            Some(Recipient::RecordOwner) => self.owner(tx)?,
            None => None,
        }
        .ok_or_else(nobody)
    }

    fn owner(&self, tx: &mut Tx) -> Result<Option<Uuid>, Problem> {
        let Some((kind, id, _)) = self.record else { return Ok(None) };
        let Some(field) = kind.owner else {
            // A contact is whose the customer is.
            return match self.customer_id() {
                Some(customer_id) => Ok(customers::find(tx, customer_id)?.owner_id),
                None => Ok(None),
            };
        };
        let found = kind.find(tx, id)?;
        Ok(found.view[field].as_str().and_then(|id| id.parse().ok()))
    }
}
