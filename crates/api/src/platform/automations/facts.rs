//! What automations are about: the records whose fields they can ask for and change, and everything else that they know.

use std::collections::BTreeMap;

use fulcrum_domain::access::Permission;
use fulcrum_domain::platform::Field;
use fulcrum_persistence::Tx;
use fulcrum_persistence::platform::events::Event;
use serde_json::{Map, Value, json};
use utoipa::{PartialSchema, ToSchema as _};
use uuid::Uuid;

use super::views::{AutomationTrigger, TriggerType};
use crate::customers::contacts::service::Contacts;
use crate::customers::custom_fields::columns;
use crate::customers::custom_fields::values::Fields;
use crate::customers::customers::service::Customers;
use crate::engagement::activities::service::Activities;
use crate::engagement::tasks::service::Tasks;
use crate::http::contract::Contract;
use crate::http::document::patch_name;
use crate::http::masking;
use crate::http::precondition::IfMatch;
use crate::http::problem::{FieldError, Problem};
use crate::platform::events::vocabulary;
use crate::records::{self, Resource, require};

/// What automations have to know of a kind of record.
pub(super) struct RecordKind {
    /// The word in events.
    pub(super) word: &'static str,
    /// Needed to see it.
    read: Permission,
    /// Needed to change it.
    pub(super) write: Permission,
    /// The field that says whose it is, if it has one of its own.
    pub(super) owner: Option<&'static str>,
    /// Whether it has tags.
    pub(super) tags: bool,
    fields: fn() -> Vec<String>,
    find: fn(&mut Tx, Uuid) -> Result<Found, Problem>,
    change: fn(&mut Tx, &Contract, Uuid, &Value) -> Result<(), Problem>,
    wrong: fn(&Contract, &Value) -> Vec<FieldError>,
}

/// A record as it is.
pub(super) struct Found {
    /// As callers see it.
    pub(super) view: Value,
    /// The customer that it is or belongs to.
    pub(super) customer_id: Option<Uuid>,
}

/// A kind of record, filled in from what the resource says of itself.
const fn kind<R: Resource>(
    read: Permission,
    write: Permission,
    owner: Option<&'static str>,
    tags: bool,
) -> RecordKind
where
    R::View: PartialSchema,
{
    RecordKind {
        word: R::SUBJECT,
        read,
        write,
        owner,
        tags,
        fields: || {
            let schema = json!(R::View::schema());
            schema["properties"].as_object().into_iter().flatten().map(|(name, _)| name.clone()).collect()
        },
        find: |tx, id| {
            let row = R::find(tx, id)?;
            let mut view = json!(R::view(&row));
            // Fields of the company's own that are empty can be asked for, too.
            if let Ok(object) = R::SUBJECT.parse() {
                let fields = Fields::of(tx, object)?;
                columns::complete(&mut view, &fields);
            }
            Ok(Found { view, customer_id: R::stamp(&row).customer_id })
        },
        change: |tx, contract, id, patch| {
            records::update::<R>(tx, contract, id, &IfMatch::Absent, patch).map(|_| ())
        },
        wrong: |contract, patch| contract.errors(&patch_name(&R::Input::name()), patch),
    }
}

const KINDS: [RecordKind; 4] = [
    kind::<Customers>(Permission::CustomersRead, Permission::CustomersWrite, Some("owner_id"), true),
    kind::<Contacts>(Permission::ContactsRead, Permission::ContactsWrite, None, false),
    kind::<Activities>(Permission::ActivitiesRead, Permission::ActivitiesWrite, Some("owner_id"), false),
    kind::<Tasks>(Permission::TasksRead, Permission::TasksWrite, Some("assignee_id"), false),
];

/// The kind of record that a word stands for, if automations can look at it.
pub(super) fn kind_of(word: &str) -> Option<&'static RecordKind> {
    KINDS.iter().find(|kind| kind.word == word)
}

/// The words of the kinds for which something holds, for error messages.
pub(super) fn words(holds: impl Fn(&RecordKind) -> bool) -> String {
    let words: Vec<&str> = KINDS.iter().filter(|kind| holds(kind)).map(|kind| kind.word).collect();
    words.join(", ")
}

impl RecordKind {
    /// A record that the actor sees.
    ///
    /// # Errors
    /// 403, 404.
    pub(super) fn find(&self, tx: &mut Tx, id: Uuid) -> Result<Found, Problem> {
        require(&tx.actor, self.read)?;
        (self.find)(tx, id)
    }

    /// Changes a record by a merge patch as its own endpoint would.
    ///
    /// # Errors
    /// 403, 404, 409 when it is deleted, or what its rules say.
    pub(super) fn change(
        &self,
        tx: &mut Tx,
        contract: &Contract,
        id: Uuid,
        patch: &Value,
    ) -> Result<(), Problem> {
        require(&tx.actor, self.write)?;
        (self.change)(tx, contract, id, patch)
    }

    /// What is wrong with a merge patch, whatever it is applied to.
    pub(super) fn wrong(&self, contract: &Contract, patch: &Value) -> Vec<FieldError> {
        (self.wrong)(contract, patch)
    }
}

/// The kinds of records that a trigger leads to, those that automations can look at and others.
pub(super) fn subjects_of(trigger: &AutomationTrigger) -> Vec<String> {
    match trigger.kind {
        TriggerType::Schedule => vec![],
        TriggerType::Relative => trigger.subject_type.iter().cloned().collect(),
        TriggerType::Event => {
            let found = vocabulary::subjects_of(&trigger.event_types());
            found
                .into_iter()
                .map(|(subject, _)| subject.to_owned())
                .filter(|name| name != "automation")
                .collect()
        }
    }
}

/// The one kind of record that a trigger leads to; `None` when there are several, none, or one that can't be looked at.
pub(super) fn only_kind(trigger: &AutomationTrigger) -> Option<&'static RecordKind> {
    match subjects_of(trigger).as_slice() {
        [only] => kind_of(only),
        _ => None,
    }
}

/// Everything that a condition or a template can ask for.
pub(super) fn fields(trigger: &AutomationTrigger) -> Field {
    let mut fields = match vocabulary::fields(&trigger.event_types()) {
        Field::Object(fields) if trigger.kind == TriggerType::Event => fields,
        _ => BTreeMap::new(),
    };
    fields.insert("now".into(), Field::Value);
    let subjects = subjects_of(trigger);
    let known = KINDS.iter().filter(|kind| subjects.iter().any(|subject| subject == kind.word));
    let record: BTreeMap<String, Field> =
        known.flat_map(|kind| (kind.fields)()).map(|name| (name, Field::Any)).collect();
    if !record.is_empty() {
        fields.insert("record".into(), Field::Object(record));
    }
    Field::Object(fields)
}

/// What is known when an automation is asked.
pub(super) fn known(tx: &Tx, event: Option<&Event>, record: Option<&Found>) -> Map<String, Value> {
    let mut known = event.map(vocabulary::asked_about).unwrap_or_default();
    known.insert("now".into(), json!(tx.now));
    known.extend(record.map(|found| ("record".to_owned(), found.view.clone())));
    // What the author may not read is not put into texts for others.
    if masking::is_masked(&tx.actor) {
        let mut all = Value::Object(known);
        masking::mask(&mut all);
        known = all.as_object().cloned().unwrap_or_default();
    }
    known
}
