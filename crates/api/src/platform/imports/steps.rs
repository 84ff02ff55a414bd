//! Some rows of a spreadsheet, written in one transaction or tried out.

use std::collections::HashSet;
use std::hash::{DefaultHasher, Hash, Hasher};

use fulcrum_domain::access::Permission;
use fulcrum_domain::customers::CustomerKind;
use fulcrum_domain::customers::custom_fields::CustomFieldKind;
use fulcrum_domain::customers::duplicates::{Identity, assess};
use fulcrum_persistence::customers::contacts::{self, Contact};
use fulcrum_persistence::customers::custom_fields::UniqueValue;
use fulcrum_persistence::customers::customers::Customer;
use fulcrum_persistence::platform::bulk::{self, Load};
use fulcrum_persistence::platform::external_ids::ExternalId;
use fulcrum_persistence::platform::import_rows::ImportRow;
use fulcrum_persistence::platform::imports as store;
use fulcrum_persistence::{AsStoreError, Json, StoreError, Tx};
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::deciding::{Coming, Known, Match, Rules};
use super::people::People;
use super::rows::{Reading, Said, kind_of};
use super::views::{ImportDuplicate, ImportOutcome, OnMatch, StoredError};
use crate::customers::completeness::measuring::{measure, of_people};
use crate::customers::contacts::service::{self as contact_service, Contacts};
use crate::customers::contacts::views::ContactInput;
use crate::customers::custom_fields::values::{Fields, Judged};
use crate::customers::customers::input::CustomerInput;
use crate::customers::customers::service::{self as customer_service, Customers};
use crate::customers::duplicates::flagging::{noted, pair};
use crate::customers::duplicates::views::DuplicateOrigin;
use crate::customers::rules as customer_rules;
use crate::http::body::judge;
use crate::http::catalog::{Code, FieldCode};
use crate::http::problem::{FieldError, Problem};
use crate::records::{self, Resource};

/// Everything that rows are written with.
pub(super) struct Work {
    pub(super) rules: Rules,
    pub(super) reading: Reading,
    pub(super) people: People,
    /// Whether nothing is written.
    pub(super) dry_run: bool,
    pub(super) may_assign: bool,
    pub(super) may_write_contacts: bool,
    /// Whose customers become that name nobody.
    pub(super) owner: Option<Uuid>,
    pub(super) department: Option<Uuid>,
}

/// A customer that rows of a batch make.
pub(super) struct NewCustomer {
    id: Uuid,
    row_number: i32,
    said: Map<String, Value>,
    input: CustomerInput,
    custom: Judged,
    department_id: Uuid,
    contacts: Vec<NewContact>,
    pub(super) identity: Identity,
}

struct NewContact {
    id: Uuid,
    input: ContactInput,
    custom: Judged,
}

/// What became of a row.
pub(super) struct Became {
    pub(super) row: ImportRow,
    pub(super) outcome: ImportOutcome,
    pub(super) errors: Vec<StoredError>,
    pub(super) duplicates: Vec<ImportDuplicate>,
    pub(super) contact_changed: bool,
}

/// Why a row comes to nothing: what is wrong with it, or something that is wrong with us.
enum Refused {
    Row(Vec<StoredError>),
    Store(StoreError),
}

impl From<StoreError> for Refused {
    fn from(error: StoreError) -> Refused {
        Refused::Store(error)
    }
}

/// What an earlier batch of a check has made, had it been none.
pub(super) type Made = HashSet<u64>;

/// Writes rows, or tries them out.
///
/// # Errors
/// Those of the database; then nothing of them is written.
pub(super) fn step(
    tx: &mut Tx,
    work: &Work,
    batch: &[Said],
    made: &Made,
) -> Result<(Vec<Became>, Vec<u64>), StoreError> {
    store::in_turn(tx)?;
    let mut attempts = 3;
    loop {
        attempts -= 1;
        let done = tx.part(|tx| Batch::new(work, batch.len()).go(tx, batch, made));
        match done {
            // Somebody created one of them in the meantime; now it is seen.
            Err(StoreError::Unique { .. }) if attempts > 0 => {}
            done => return done,
        }
    }
}

struct Batch<'w> {
    work: &'w Work,
    coming: Coming,
    became: Vec<Became>,
    made: Vec<u64>,
}

impl<'w> Batch<'w> {
    fn new(work: &'w Work, size: usize) -> Batch<'w> {
        Batch { work, coming: Coming::default(), became: Vec::with_capacity(size), made: Vec::new() }
    }

    fn go(mut self, tx: &mut Tx, batch: &[Said], made: &Made) -> Result<(Vec<Became>, Vec<u64>), StoreError> {
        let known = Known::of(tx, &self.work.rules, batch)?;
        for said in batch {
            let mut became = self.blank(tx, said);
            match self.decide(tx, &known, said, &mut became, made) {
                Ok(outcome) => became.outcome = outcome,
                Err(Refused::Row(errors)) => {
                    became = self.blank(tx, said);
                    became.errors = errors;
                }
                Err(Refused::Store(error)) => return Err(error),
            }
            became.row.outcome = became.outcome.to_string();
            self.became.push(became);
        }
        self.finish(tx, &known)?;
        for became in &mut self.became {
            let some =
                |list: Value| list.as_array().is_some_and(|list| !list.is_empty()).then(|| Json::of(&list));
            became.row.errors = some(json!(became.errors));
            became.row.duplicates = some(json!(became.duplicates));
        }
        Ok((self.became, self.made))
    }

    fn blank(&self, tx: &Tx, said: &Said) -> Became {
        let row = ImportRow {
            tenant_id: tx.actor.tenant_id,
            import_id: self.work.rules.import_id,
            row_number: said.row_number,
            outcome: String::new(),
            customer_id: None,
            contact_id: None,
            customer_created: false,
            contact_created: false,
            customer_version: None,
            contact_version: None,
            customer_before: None,
            contact_before: None,
            errors: None,
            duplicates: None,
            undo: None,
        };
        Became {
            row,
            outcome: ImportOutcome::Failed,
            errors: vec![],
            duplicates: vec![],
            contact_changed: false,
        }
    }

    fn decide(
        &mut self,
        tx: &mut Tx,
        known: &Known,
        said: &Said,
        became: &mut Became,
        made: &Made,
    ) -> Result<ImportOutcome, Refused> {
        if !said.errors.is_empty() {
            return Err(Refused::Row(said.errors.clone()));
        }
        if said.contact.is_some() && !self.work.may_write_contacts {
            return Err(self.wrong(
                "contact.name",
                FieldError::new("", FieldCode::PermissionNeeded)
                    .with("permission", Permission::ContactsWrite.word()),
            ));
        }
        let update = self.work.rules.on_match == OnMatch::Update;
        match known.match_of(&self.work.rules, said, &self.coming) {
            Match::Taken(field, id) => Err(self.taken(
                field,
                id.and_then(|id| known.customers.get(&id)).map(|known| known.row.number.as_str()),
            )),
            Match::Coming(place) => self.join(tx, place, said, became),
            Match::Ours(id) => self.change(tx, known, id, said, became, false),
            Match::There(id) if update => self.change(tx, known, id, said, became, true),
            Match::Again(id) if update => self.change(tx, known, id, said, became, true),
            Match::There(id) | Match::Again(id) => {
                became.row.customer_id = Some(id);
                Ok(ImportOutcome::Skipped)
            }
            Match::New => self.create(tx, said, became, made),
        }
    }

    fn wrong(&self, field: &str, error: FieldError) -> Refused {
        Refused::Row(vec![StoredError {
            field: Some(field.to_owned()),
            header: None,
            value: None,
            code: error.code.word().into(),
            params: error.params,
        }])
    }

    fn taken(&self, field: &str, number: Option<&str>) -> Refused {
        self.wrong(
            field,
            match number {
                Some(number) => FieldError::new("", FieldCode::TakenBy).with("number", number),
                None => FieldError::new("", FieldCode::Taken),
            },
        )
    }

    /// A problem of a record as what is wrong with its row.
    fn refused(&self, object: &str, said: &Said, problem: Problem) -> Refused {
        match problem.as_store_error() {
            Some(StoreError::Unique { .. } | StoreError::NotFound | StoreError::ForeignKey { .. }) | None => {
            }
            Some(error) => return Refused::Store(error.clone()),
        }
        let errors = problem.field_errors();
        if !errors.is_empty() {
            return Refused::Row(
                errors.iter().map(|error| self.work.reading.told(object, error, said)).collect(),
            );
        }
        let error = match problem.code {
            Code::AlreadyExists => FieldError::new("", FieldCode::Taken),
            _ => FieldError::new("", FieldCode::RecordRefused).with("reason", problem.in_words()),
        };
        self.wrong(&format!("{object}.name"), error)
    }

    /// The owner that a row names, if the actor may give customers to them.
    fn owner(&self, said: &Said) -> Result<(Option<Uuid>, Option<Uuid>), Refused> {
        let Some(owner) = said.owner else { return Ok((self.work.owner, self.work.department)) };
        if self.work.owner != Some(owner) && !self.work.may_assign {
            let error = FieldError::new("", FieldCode::PermissionNeeded)
                .with("permission", Permission::CustomersAssign.word());
            return Err(self.wrong("customer.owner", error));
        }
        match self.work.people.departments.get(&owner) {
            Some(department) => Ok((Some(owner), Some(*department))),
            None => Err(self.wrong("customer.owner", FieldError::new("", FieldCode::NotFound))),
        }
    }

    fn create(
        &mut self,
        tx: &mut Tx,
        said: &Said,
        became: &mut Became,
        made: &Made,
    ) -> Result<ImportOutcome, Refused> {
        let (Some(input), true) = (said.new_customer.clone(), said.wrong_as_new.is_empty()) else {
            return Err(Refused::Row(said.wrong_as_new.clone()));
        };
        customer_rules::born_already(input.born_on, tx)
            .map_err(|problem| self.refused("customer", said, problem))?;
        let (owner_id, department) = self.owner(said)?;
        let Some(department_id) = department else {
            return Err(self.wrong("customer.owner", FieldError::new("", FieldCode::Required)));
        };
        if self.work.dry_run && self.is_made(said, made) {
            became.contact_changed = said.contact.is_some();
            became.row.contact_created = said.contact.is_some();
            return Ok(if said.contact.is_some() {
                ImportOutcome::Updated
            } else {
                ImportOutcome::Unchanged
            });
        }
        let id = Uuid::now_v7();
        let custom = self.custom(tx, "customer", said, id, Some(input.kind), &[], &input.custom.0)?;
        let mut new = NewCustomer {
            id,
            row_number: said.row_number,
            said: said.customer.clone(),
            input: CustomerInput { owner_id, ..input },
            custom,
            department_id,
            contacts: vec![],
            identity: said.identity.clone(),
        };
        if let Some(contact) = &said.new_contact {
            became.row.contact_id = Some(self.add_contact(tx, &mut new, contact, said)?);
            became.row.contact_created = true;
            became.row.contact_version = Some(1);
            became.contact_changed = true;
        }
        became.row.customer_id = Some(id);
        became.row.customer_created = true;
        became.row.customer_version = Some(1);
        self.coming.add(new, said.external_id.as_ref());
        Ok(ImportOutcome::Created)
    }

    /// Whether an earlier batch of a check would have made this customer.
    fn is_made(&mut self, said: &Said, made: &Made) -> bool {
        let key = |kind: &str, text: &str| {
            let mut hasher = DefaultHasher::new();
            (kind, text).hash(&mut hasher);
            hasher.finish()
        };
        let identity = &said.identity;
        let mut keys: Vec<u64> = identity.credit_code.iter().map(|code| key("code", code)).collect();
        keys.extend(said.external_id.iter().map(|id| key("external", id)));
        if kind_of(&said.customer) == CustomerKind::Company {
            keys.push(key("name", &identity.name_key));
        } else {
            let phones = identity.phones.iter().chain(&identity.contact_phones);
            keys.extend(phones.map(|phone| key("person", &format!("{}/{phone}", identity.name_key))));
        }
        let is_made = keys.iter().any(|key| made.contains(key));
        self.made.extend(keys);
        is_made
    }

    fn add_contact(
        &self,
        tx: &mut Tx,
        new: &mut NewCustomer,
        input: &ContactInput,
        said: &Said,
    ) -> Result<Uuid, Refused> {
        customer_rules::born_already(input.born_on, tx)
            .map_err(|problem| self.refused("contact", said, problem))?;
        let id = Uuid::now_v7();
        let custom = self.custom(tx, "contact", said, id, None, &[], &input.custom.0)?;
        // The first one is the one to turn to.
        let is_primary = new.contacts.is_empty();
        let input = ContactInput { customer_id: new.id, is_primary, ..input.clone() };
        new.contacts.push(NewContact { id, input, custom });
        Ok(id)
    }

    /// Another row of a customer that an earlier one makes: what that left empty, and another contact.
    fn join(
        &mut self,
        tx: &mut Tx,
        place: usize,
        said: &Said,
        became: &mut Became,
    ) -> Result<ImportOutcome, Refused> {
        let new = &self.coming.customers[place];
        let (id, mut merged) = (new.id, new.said.clone());
        fill(&mut merged, &said.customer, false);
        let mut changed = false;
        if merged != new.said {
            let body = Value::Object(merged.clone());
            let mut whole = body.clone();
            whole["kind"] = json!(new.input.kind);
            let reading = &self.work.reading;
            let input = judge::<CustomerInput>(&reading.contract, &reading.region, &whole)
                .map_err(|problem| self.refused("customer", said, problem))?;
            let (values, errors) = reading.customer_fields.canonical(Some(input.kind), None, &input.custom);
            if !errors.is_empty() {
                return Err(Refused::Row(
                    errors.iter().map(|error| reading.told("customer", error, said)).collect(),
                ));
            }
            let held = new.custom.unique.clone();
            let custom = self.custom(tx, "customer", said, id, Some(input.kind), &held, &values)?;
            let new = &mut self.coming.customers[place];
            new.input = CustomerInput { owner_id: new.input.owner_id, ..input };
            (new.custom, new.said, changed) = (custom, merged, true);
        }
        self.coming.know_more(place, said);
        became.row.customer_id = Some(id);
        if let Some(contact) = &said.new_contact {
            let known = self.coming.customers[place]
                .contacts
                .iter_mut()
                .find(|known| same_person(&known.input.name, &contact.name));
            match known {
                Some(known) => {
                    became.row.contact_id = Some(known.id);
                    changed |= more_ways(&mut known.input, contact);
                }
                None => {
                    let mut new = self.coming.customers.swap_remove(place);
                    let added = self.add_contact(tx, &mut new, contact, said);
                    self.coming.customers.push(new);
                    let last = self.coming.customers.len() - 1;
                    self.coming.customers.swap(place, last);
                    became.row.contact_id = Some(added?);
                    became.row.contact_created = true;
                    became.row.contact_version = Some(1);
                    became.contact_changed = true;
                    changed = true;
                }
            }
        }
        Ok(if changed { ImportOutcome::Updated } else { ImportOutcome::Unchanged })
    }

    /// Values of the company's own fields, with the records that they name looked up and what only one may have held.
    #[allow(clippy::too_many_arguments)]
    fn custom(
        &self,
        tx: &mut Tx,
        object: &str,
        said: &Said,
        id: Uuid,
        kind: Option<CustomerKind>,
        held: &[UniqueValue],
        values: &Map<String, Value>,
    ) -> Result<Judged, Refused> {
        let reading = &self.work.reading;
        let fields = if object == "contact" { &reading.contact_fields } else { &reading.customer_fields };
        if values.is_empty() {
            return Ok(Judged::default());
        }
        let judged = if looks_up(fields, values) {
            let given = crate::customers::custom_fields::values::CustomValues(values.clone());
            fields.judge(tx, kind, None, &given).map_err(|problem| self.refused(object, said, problem))?
        } else {
            fields.derived(values.clone())
        };
        if judged.unique.is_empty() || self.work.dry_run {
            return Ok(judged);
        }
        let hold = tx.part(|tx| fields.hold(tx, id, held, &judged.unique));
        hold.map_err(|problem| match problem.code {
            Code::AlreadyExists => {
                let unique = judged.unique.first().map(|(field, _)| *field);
                let key = fields.live().find(|field| Some(field.id) == unique).map_or("", |field| &field.key);
                self.wrong(&format!("{object}.custom.{key}"), FieldError::new("", FieldCode::Taken))
            }
            _ => self.refused(object, said, problem),
        })?;
        Ok(judged)
    }

    /// Changes a customer that is there; empty cells change nothing, and unless it is to be `over`written, neither do others what
    /// is there.
    fn change(
        &mut self,
        tx: &mut Tx,
        known: &Known,
        id: Uuid,
        said: &Said,
        became: &mut Became,
        over: bool,
    ) -> Result<ImportOutcome, Refused> {
        became.row.customer_id = Some(id);
        let mut changed = false;
        let before = match (self.work.dry_run, known.customers.get(&id)) {
            (true, Some(known)) => known.row.clone(),
            _ => Customers::lock(tx, id).map_err(|problem| self.refused("customer", said, problem))?,
        };
        if let Some(input) = self.changed_customer(tx, &before, said, over)? {
            if !self.work.dry_run {
                let after = tx.part(|tx| records::change_and_tell::<Customers>(tx, &before, input));
                let after = after.map_err(|problem| self.refused("customer", said, problem))?;
                if after.version != before.version {
                    became.row.customer_version = Some(after.version);
                    became.row.customer_before = Some(Json::of(&customer_service::input_of(&before)));
                    changed = true;
                }
            } else {
                changed = true;
            }
        }
        if let Some(contact) = &said.contact {
            changed |= self.change_contact(tx, known, id, contact, said, became, over)?;
        }
        Ok(if changed { ImportOutcome::Updated } else { ImportOutcome::Unchanged })
    }

    /// What a customer is to be, if that is something else than it is.
    fn changed_customer(
        &self,
        tx: &mut Tx,
        before: &Customer,
        said: &Said,
        over: bool,
    ) -> Result<Option<CustomerInput>, Refused> {
        let old = records::without_nulls(json!(customer_service::input_of(before)));
        let mut merged = old.as_object().cloned().unwrap_or_default();
        let kind = said.customer.get("kind").and_then(Value::as_str);
        if over && kind.is_some_and(|kind| kind != before.kind) {
            return Err(self.wrong("customer.kind", FieldError::new("", FieldCode::NotChangeable)));
        }
        let mut news = said.customer.clone();
        news.remove("kind");
        fill(&mut merged, &news, over);
        if let Some(owner) = said.owner.filter(|owner| over && before.owner_id != Some(*owner)) {
            self.owner(said)?;
            merged.insert("owner_id".into(), json!(owner));
        }
        let merged = Value::Object(merged);
        if merged == old {
            return Ok(None);
        }
        let reading = &self.work.reading;
        let input = judge::<CustomerInput>(&reading.contract, &reading.region, &merged)
            .map_err(|problem| self.refused("customer", said, problem))?;
        customer_rules::born_already(input.born_on, tx)
            .map_err(|problem| self.refused("customer", said, problem))?;
        let as_it_would_be = json!(customer_service::canonical(&input, &reading.region));
        if self.work.dry_run {
            let kind = Some(input.kind);
            let had = customer_service::input_of(before).custom.0;
            let (_, errors) = reading.customer_fields.canonical(kind, Some(&had), &input.custom);
            if !errors.is_empty() {
                return Err(Refused::Row(
                    errors.iter().map(|error| reading.told("customer", error, said)).collect(),
                ));
            }
        }
        Ok((records::without_nulls(as_it_would_be) != old).then_some(input))
    }

    #[allow(clippy::too_many_arguments)]
    fn change_contact(
        &self,
        tx: &mut Tx,
        known: &Known,
        customer_id: Uuid,
        contact: &Map<String, Value>,
        said: &Said,
        became: &mut Became,
        over: bool,
    ) -> Result<bool, Refused> {
        let people: Vec<Contact> = match (self.work.dry_run, known.customers.get(&customer_id)) {
            (true, Some(known)) => known.contacts.clone(),
            _ => contacts::of_customers(tx, &[customer_id], 200)?,
        };
        let name = contact.get("name").and_then(Value::as_str).unwrap_or_default();
        let Some(before) = people.into_iter().find(|person| same_person(&person.name, name)) else {
            if let (Some(input), false) = (&said.new_contact, self.work.dry_run) {
                let input = ContactInput { customer_id, ..input.clone() };
                let made = tx.part(|tx| records::create::<Contacts>(tx, input));
                became.row.contact_id =
                    Some(made.map_err(|problem| self.refused("contact", said, problem))?.id);
                became.row.contact_version = Some(1);
            }
            became.row.contact_created = true;
            became.contact_changed = true;
            return Ok(true);
        };
        became.row.contact_id = Some(before.id);
        let old = records::without_nulls(json!(contact_service::input_of(&before)));
        let mut merged = old.as_object().cloned().unwrap_or_default();
        let mut news = contact.clone();
        let reading = &self.work.reading;
        // Numbers and addresses are compared as they are stored.
        if let Some(input) = &said.new_contact {
            let canonical = json!(contact_service::canonical(input, &reading.region));
            for list in ["phones", "emails"] {
                if news.contains_key(list) {
                    news.insert(list.into(), canonical[list].clone());
                }
            }
        }
        fill(&mut merged, &news, over);
        let merged = Value::Object(merged);
        if merged == old {
            return Ok(false);
        }
        let input = judge::<ContactInput>(&reading.contract, &reading.region, &merged)
            .map_err(|problem| self.refused("contact", said, problem))?;
        if self.work.dry_run {
            became.contact_changed = true;
            return Ok(true);
        }
        let after = tx.part(|tx| records::change_and_tell::<Contacts>(tx, &before, input));
        let after = after.map_err(|problem| self.refused("contact", said, problem))?;
        if after.version == before.version {
            return Ok(false);
        }
        became.row.contact_version = Some(after.version);
        became.row.contact_before = Some(Json::of(&contact_service::input_of(&before)));
        became.contact_changed = true;
        Ok(true)
    }

    /// Writes the new customers, and tells of those that may be there already.
    fn finish(&mut self, tx: &mut Tx, known: &Known) -> Result<(), StoreError> {
        let new = std::mem::take(&mut self.coming.customers);
        let flags = self.work.rules.on_match != OnMatch::Create;
        let mut alike = Vec::new();
        for customer in new.iter().filter(|_| flags) {
            let found = known.alike(&customer.identity, customer.id);
            let told: Vec<ImportDuplicate> = found
                .iter()
                .filter(|(_, seen, _)| *seen)
                .map(|(other, _, assessment)| ImportDuplicate {
                    row_number: customer.row_number,
                    customer_id: other.id,
                    number: other.number.clone(),
                    name: other.name.clone(),
                    score: assessment.score,
                    reasons: assessment.reasons.iter().map(ToString::to_string).collect(),
                })
                .collect();
            let creator = self.became.iter_mut().find(|became| became.row.row_number == customer.row_number);
            if let Some(creator) = creator {
                creator.duplicates = told;
            }
            alike.push((customer.id, found));
        }
        if self.work.dry_run {
            for became in &mut self.became {
                became.row.contact_id = became.row.contact_id.filter(|_| !became.row.contact_created);
                became.row.customer_id = became.row.customer_id.filter(|_| !became.row.customer_created);
            }
            return Ok(());
        }
        let rows = write(tx, self.work, new)?;
        let mut pairs = Vec::new();
        for (id, found) in &alike {
            let Some((row, _)) = rows.iter().find(|(row, _)| row.id == *id) else { continue };
            let others = found
                .iter()
                .map(|(other, _, assessment)| pair(tx, row, other, assessment, DuplicateOrigin::Import));
            pairs.extend(others);
        }
        if flags {
            pairs.extend(alike_in_batch(tx, &rows));
        }
        noted(tx, &pairs)?;
        Ok(())
    }
}

/// Pairs of new customers of one name that other things tell apart.
fn alike_in_batch(
    tx: &Tx,
    rows: &[(Customer, Identity)],
) -> Vec<fulcrum_persistence::customers::duplicates::Pair> {
    let mut by_name: std::collections::HashMap<&str, Vec<&(Customer, Identity)>> = Default::default();
    let mut pairs = Vec::new();
    for one in rows.iter().filter(|(_, identity)| !identity.name_key.is_empty()) {
        let same = by_name.entry(&one.1.name_key).or_default();
        for other in same.iter().take(5) {
            let assessment = assess(&one.1, &other.1);
            if assessment.is_likely() {
                pairs.push(pair(tx, &one.0, &other.0, &assessment, DuplicateOrigin::Import));
            }
        }
        same.push(one);
    }
    pairs
}

/// Writes new customers with their contacts at the speed of `COPY`, each with its number and its event.
fn write(tx: &mut Tx, work: &Work, new: Vec<NewCustomer>) -> Result<Vec<(Customer, Identity)>, StoreError> {
    if new.is_empty() {
        return Ok(vec![]);
    }
    let loading = bulk::begin_beside_others(tx)?;
    let mut load = Load::default();
    let mut rows = Vec::with_capacity(new.len());
    for NewCustomer { id, input, custom, department_id, contacts, identity, .. } in new {
        let external = input.external_ids.iter().map(|id| ExternalId::from(id.clone()));
        load.external_ids.extend(external.map(|external| (id, external)));
        let mut row = customer_service::new_row(tx, id, department_id, input)?;
        row.custom = Json::of(&custom.values);
        row.custom_texts = custom.texts;
        let first = load.contacts.len();
        for NewContact { id, input, custom } in contacts {
            let mut contact = contact_service::new_row(tx, id, input);
            contact.custom = Json::of(&custom.values);
            contact.custom_texts = custom.texts;
            load.contacts.push(contact);
        }
        measure(&work.reading.customer_fields, &mut row, Some(&of_people(load.contacts[first..].iter())));
        loading.note(tx, &mut load, records::created_event::<Customers>(&row));
        for place in first..load.contacts.len() {
            let event = records::created_event::<Contacts>(&load.contacts[place]);
            loading.note(tx, &mut load, event);
        }
        rows.push((row.clone(), identity));
        load.customers.push(row);
    }
    loading.add(tx, load)?;
    Ok(rows)
}

/// Whether values name people or records, which have to be there.
fn looks_up(fields: &Fields, values: &Map<String, Value>) -> bool {
    let names = |kind| matches!(kind, CustomFieldKind::User | CustomFieldKind::Reference);
    fields.live().any(|field| names(field.kind) && values.contains_key(&field.key))
}

/// At one customer, who has the same name is the same person.
fn same_person(one: &str, other: &str) -> bool {
    let plain =
        |name: &str| name.chars().filter(|letter| !letter.is_whitespace()).collect::<String>().to_lowercase();
    plain(one) == plain(other)
}

/// Adds numbers and addresses that aren't known yet.
fn more_ways(known: &mut ContactInput, more: &ContactInput) -> bool {
    let before = (known.phones.len(), known.emails.len());
    for phone in &more.phones {
        if !known.phones.iter().any(|other| other.number == phone.number) && known.phones.len() < 10 {
            known.phones.push(phone.clone());
        }
    }
    for email in &more.emails {
        if !known.emails.iter().any(|other| other.address == email.address) && known.emails.len() < 10 {
            known.emails.push(email.clone());
        }
    }
    before != (known.phones.len(), known.emails.len())
}

/// Puts news into what is there: lists grow, objects are filled in, and what else there is is replaced only when it is to be
/// `over`written.
fn fill(there: &mut Map<String, Value>, news: &Map<String, Value>, over: bool) {
    for (name, value) in news {
        match (there.get_mut(name), value) {
            (Some(Value::Array(list)), Value::Array(more)) => {
                for entry in more {
                    let same = |other: &Value| match (entry.get("number"), entry.get("address")) {
                        (None, None) => other == entry,
                        _ => {
                            other.get("number") == entry.get("number")
                                && other.get("address") == entry.get("address")
                        }
                    };
                    if !list.iter().any(same) {
                        list.push(entry.clone());
                    }
                }
            }
            (Some(Value::Object(inner)), Value::Object(more)) => {
                // An amount and its currency are one thing.
                let amount = more.contains_key("amount");
                if !amount || over {
                    fill(inner, more, over);
                }
            }
            (Some(Value::Null) | None, _) => {
                there.insert(name.clone(), value.clone());
            }
            (Some(known), _) if over => *known = value.clone(),
            (Some(_), _) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn filling_in() {
        let there = json!({"name": "甲", "tags": ["a"], "address": {"city": "杭州"}, "annual_revenue": {"amount": "1.00", "currency": "CNY"}});
        let news = json!({"name": "乙", "tags": ["a", "b"], "address": {"city": "宁波", "street": "文三路"}, "phone": "1", "annual_revenue": {"amount": "2", "currency": "USD"}});
        let merged = |over: bool| {
            let mut merged = there.as_object().unwrap().clone();
            fill(&mut merged, news.as_object().unwrap(), over);
            Value::Object(merged)
        };
        assert_eq!(
            merged(false),
            json!({"name": "甲", "tags": ["a", "b"], "address": {"city": "杭州", "street": "文三路"}, "annual_revenue": {"amount": "1.00", "currency": "CNY"}, "phone": "1"})
        );
        assert_eq!(
            merged(true),
            json!({"name": "乙", "tags": ["a", "b"], "address": {"city": "宁波", "street": "文三路"}, "annual_revenue": {"amount": "2", "currency": "USD"}, "phone": "1"})
        );
    }
}
