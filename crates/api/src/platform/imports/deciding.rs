//! Which customer a row is: one that is there already, one that an earlier row of the file has made, or a new one.

use std::collections::{BTreeSet, HashMap};

use fulcrum_domain::customers::CustomerKind;
use fulcrum_domain::customers::duplicates::{Assessment, Identity, assess};
use fulcrum_domain::platform::search_terms::{whole_email, whole_phone};
use fulcrum_persistence::customers::contacts::{self, Contact};
use fulcrum_persistence::customers::customers::{self, Customer};
use fulcrum_persistence::customers::duplicates;
use fulcrum_persistence::platform::search::Field;
use fulcrum_persistence::platform::{external_ids, import_rows};
use fulcrum_persistence::{StoreError, Tx};
use uuid::Uuid;

use super::rows::Said;
use super::views::{MatchKey, OnMatch};

/// What is decided by.
pub(super) struct Rules {
    pub(super) import_id: Uuid,
    pub(super) on_match: OnMatch,
    pub(super) match_by: Vec<MatchKey>,
    pub(super) external_system: Option<String>,
    /// Other imports of the very same file, the newest first.
    pub(super) same_file: Vec<Uuid>,
}

/// A customer that is there already.
pub(super) struct KnownCustomer {
    pub(super) row: Customer,
    identity: Identity,
    pub(super) contacts: Vec<Contact>,
    /// Whether the actor sees it.
    seen: bool,
    /// Whether this import has made it.
    made_here: bool,
}

/// What is there already of what some rows name.
#[derive(Default)]
pub(super) struct Known {
    numbers: HashMap<String, Uuid>,
    codes: HashMap<String, Uuid>,
    external: HashMap<String, Uuid>,
    terms: HashMap<(i16, String), Vec<Uuid>>,
    same_row: HashMap<i32, Uuid>,
    pub(super) customers: HashMap<Uuid, KnownCustomer>,
}

/// What a row is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Match {
    /// A customer that is there.
    There(Uuid),
    /// One that an earlier row made in this import, or in an earlier import of the same file.
    Ours(Uuid),
    /// The same row was brought in before.
    Again(Uuid),
    /// One that an earlier row of this batch makes.
    Coming(usize),
    /// Something is another customer's that can't be: the number of it, if the actor sees that.
    Taken(&'static str, Option<Uuid>),
    /// Nobody knows it.
    New,
}

fn terms(identity: &Identity) -> Vec<(Field, String)> {
    let mut terms = Vec::new();
    if !identity.name_key.is_empty() {
        terms.push((Field::NameKey, identity.name_key.clone()));
    }
    for phone in identity.phones.iter().chain(&identity.contact_phones) {
        terms.push((Field::Phone, whole_phone(phone)));
        terms.push((Field::ContactPhone, whole_phone(phone)));
    }
    for email in identity.emails.iter().chain(&identity.contact_emails) {
        terms.push((Field::Email, whole_email(email)));
        terms.push((Field::ContactEmail, whole_email(email)));
    }
    terms
}

impl Known {
    /// Reads what rows name, in a few statements for all of them.
    ///
    /// # Errors
    /// Those of the database.
    pub(super) fn of(tx: &mut Tx, rules: &Rules, batch: &[Said]) -> Result<Known, StoreError> {
        let mut known = Known::default();
        let texts = |text: fn(&Said) -> Option<&String>| -> Vec<String> {
            batch.iter().filter_map(text).cloned().collect::<BTreeSet<_>>().into_iter().collect()
        };
        let numbers = texts(|said| said.number.as_ref());
        if !numbers.is_empty() {
            known.numbers = customers::with_numbers(tx, &numbers)?.into_iter().collect();
        }
        let codes = texts(|said| said.identity.credit_code.as_ref());
        if !codes.is_empty() {
            known.codes = customers::with_credit_codes(tx, &codes)?.into_iter().collect();
        }
        if let Some(system) = &rules.external_system {
            let ids = texts(|said| said.external_id.as_ref());
            known.external =
                external_ids::find_all(tx, customers::SUBJECT, system, &ids)?.into_iter().collect();
        }
        let wanted: BTreeSet<(i16, String)> = batch
            .iter()
            .flat_map(|said| terms(&said.identity))
            .map(|(field, term)| (field as i16, term))
            .collect();
        for (field, term, id) in duplicates::exactly(tx, &wanted.into_iter().collect::<Vec<_>>())? {
            known.terms.entry((field, term)).or_default().push(id);
        }
        let rows: Vec<i32> = batch.iter().map(|said| said.row_number).collect();
        for (row, customer_id) in import_rows::of_numbers(tx, &rules.same_file, &rows)? {
            known.same_row.entry(row).or_insert(customer_id);
        }
        known.read_customers(tx, rules)?;
        Ok(known)
    }

    fn read_customers(&mut self, tx: &mut Tx, rules: &Rules) -> Result<(), StoreError> {
        let mut ids: BTreeSet<Uuid> = self.terms.values().flatten().copied().collect();
        ids.extend(self.numbers.values().chain(self.codes.values()).chain(self.external.values()));
        ids.extend(self.same_row.values());
        if ids.is_empty() {
            return Ok(());
        }
        let ids: Vec<Uuid> = ids.into_iter().collect();
        let seen: BTreeSet<Uuid> = customers::seen(tx, &ids)?.into_iter().collect();
        let made: BTreeSet<Uuid> = import_rows::created(tx, rules.import_id, &ids)?.into_iter().collect();
        let visible: Vec<Uuid> = seen.iter().copied().collect();
        let mut people: HashMap<Uuid, Vec<Contact>> = HashMap::new();
        for contact in contacts::of_customers(tx, &visible, 200)? {
            people.entry(contact.customer_id).or_default().push(contact);
        }
        let mut identities: HashMap<Uuid, Identity> = duplicates::with_identities(tx, &ids)?
            .into_iter()
            .map(|(row, identity)| (row.id, identity))
            .collect();
        for row in customers::of_company(tx, &ids)? {
            let known = KnownCustomer {
                identity: identities.remove(&row.id).unwrap_or_else(|| duplicates::identity_of(&row)),
                contacts: people.remove(&row.id).unwrap_or_default(),
                seen: seen.contains(&row.id),
                made_here: made.contains(&row.id),
                row,
            };
            self.customers.insert(known.row.id, known);
        }
        Ok(())
    }

    /// What a row is. `coming` are the new customers of the rows before it.
    pub(super) fn match_of(&self, rules: &Rules, said: &Said, coming: &Coming) -> Match {
        for key in &rules.match_by {
            let found = match key {
                MatchKey::Number => said
                    .number
                    .as_ref()
                    .and_then(|number| self.strict("customer.number", self.numbers.get(number))),
                MatchKey::ExternalId => {
                    let id = said.external_id.as_ref();
                    id.and_then(|id| coming.external.get(id))
                        .map(|place| Match::Coming(*place))
                        .or_else(|| self.strict("customer.external_id", self.external.get(id?)))
                }
                MatchKey::CreditCode => {
                    let code = said.identity.credit_code.as_ref();
                    code.and_then(|code| coming.codes.get(code))
                        .map(|place| Match::Coming(*place))
                        .or_else(|| self.strict("customer.credit_code", self.codes.get(code?)))
                }
                MatchKey::NamePhone => self.by_name(rules, said, coming),
            };
            match found {
                // Two that can't be one customer: what comes new would need what the other has.
                Some(Match::There(id)) if rules.on_match.creates_another() => {
                    return Match::Taken(field_of(*key), Some(id));
                }
                Some(found) => return found,
                None => {}
            }
        }
        if let Some(again) = self.same_row.get(&said.row_number)
            && self.customers.get(again).is_some_and(|known| known.seen && known.row.deleted_at.is_none())
        {
            return Match::Again(*again);
        }
        self.in_the_way(said, coming).unwrap_or(Match::New)
    }

    /// A customer with a key that only one can have.
    fn strict(&self, field: &'static str, id: Option<&Uuid>) -> Option<Match> {
        let known = self.customers.get(id?)?;
        Some(match known {
            known if !known.seen => Match::Taken(field, None),
            known if known.row.deleted_at.is_some() && field == "customer.number" => return None,
            known if known.row.deleted_at.is_some() => Match::Taken(field, Some(known.row.id)),
            known if known.made_here => Match::Ours(known.row.id),
            known => Match::There(known.row.id),
        })
    }

    fn by_name(&self, rules: &Rules, said: &Said, coming: &Coming) -> Option<Match> {
        let key = &said.identity.name_key;
        if key.is_empty() {
            return None;
        }
        let earlier = coming.names.get(key).into_iter().flatten();
        let mut earlier =
            earlier.filter(|place| may_be_one(&said.identity, &coming.customers[**place].identity));
        if let Some(place) = earlier.next() {
            return Some(Match::Coming(*place));
        }
        let named = self.terms.get(&(Field::NameKey as i16, key.clone())).into_iter().flatten();
        let named: Vec<&KnownCustomer> = named
            .filter_map(|id| self.customers.get(id))
            .filter(|known| known.seen && known.row.deleted_at.is_none())
            .filter(|known| may_be_one(&said.identity, &known.identity))
            .collect();
        if let Some(ours) = named.iter().find(|known| known.made_here) {
            return Some(Match::Ours(ours.row.id));
        }
        // Another one of the same name can be created.
        named.first().filter(|_| !rules.on_match.creates_another()).map(|known| Match::There(known.row.id))
    }

    /// What only one can have and that another one has, though nobody is matched by it.
    fn in_the_way(&self, said: &Said, coming: &Coming) -> Option<Match> {
        let seen = |id: &Uuid| self.customers.get(id).filter(|known| known.seen).map(|known| known.row.id);
        if let Some(code) = &said.identity.credit_code {
            if let Some(id) = self.codes.get(code) {
                return Some(Match::Taken("customer.credit_code", seen(id)));
            }
            if coming.codes.contains_key(code) {
                return Some(Match::Taken("customer.credit_code", None));
            }
        }
        let id = said.external_id.as_ref()?;
        if let Some(id) = self.external.get(id) {
            return Some(Match::Taken("customer.external_id", seen(id)));
        }
        coming.external.contains_key(id).then_some(Match::Taken("customer.external_id", None))
    }

    /// Customers that are likely to be the same as a new one, the likeliest first.
    pub(super) fn alike(&self, identity: &Identity, but: Uuid) -> Vec<(&Customer, bool, Assessment)> {
        let ids: BTreeSet<Uuid> = terms(identity)
            .into_iter()
            .filter_map(|(field, term)| self.terms.get(&(field as i16, term)))
            .flatten()
            .copied()
            .filter(|id| *id != but)
            .collect();
        let mut alike: Vec<(&Customer, bool, Assessment)> = ids
            .iter()
            .filter_map(|id| self.customers.get(id))
            .filter(|known| known.row.deleted_at.is_none())
            .map(|known| (&known.row, known.seen, assess(identity, &known.identity)))
            .filter(|(.., assessment)| assessment.is_likely())
            .collect();
        alike.sort_by_key(|(row, _, assessment)| (std::cmp::Reverse(assessment.score), row.id));
        alike.truncate(20);
        alike
    }
}

fn field_of(key: MatchKey) -> &'static str {
    match key {
        MatchKey::Number => "customer.number",
        MatchKey::ExternalId => "customer.external_id",
        MatchKey::CreditCode => "customer.credit_code",
        MatchKey::NamePhone => "customer.name",
    }
}

/// Whether two customers of the same name can be one: a company whose credit codes and telephone numbers don't tell them apart, a person
/// with the same number.
pub(super) fn may_be_one(one: &Identity, other: &Identity) -> bool {
    let all = |identity: &Identity| -> BTreeSet<String> {
        identity.phones.union(&identity.contact_phones).cloned().collect()
    };
    let share_number = !all(one).is_disjoint(&all(other));
    let individual = Some(CustomerKind::Individual);
    if one.kind == individual || other.kind == individual {
        return one.kind == other.kind && share_number;
    }
    let differ = |one: &Option<String>, other: &Option<String>| {
        one.as_ref().zip(other.as_ref()).is_some_and(|(one, other)| one != other)
    };
    if differ(&one.credit_code, &other.credit_code) {
        return false;
    }
    let told_apart =
        !one.phones.is_empty() && !other.phones.is_empty() && one.phones.is_disjoint(&other.phones);
    !told_apart || share_number || !one.emails.is_disjoint(&other.emails)
}

/// New customers of a batch, and what later rows find them by.
#[derive(Default)]
pub(super) struct Coming {
    pub(super) customers: Vec<super::steps::NewCustomer>,
    codes: HashMap<String, usize>,
    external: HashMap<String, usize>,
    names: HashMap<String, Vec<usize>>,
}

impl Coming {
    /// Adds one; returns its place.
    pub(super) fn add(&mut self, new: super::steps::NewCustomer, external_id: Option<&String>) -> usize {
        let place = self.customers.len();
        self.codes.extend(new.identity.credit_code.clone().map(|code| (code, place)));
        self.external.extend(external_id.map(|id| (id.clone(), place)));
        if !new.identity.name_key.is_empty() {
            self.names.entry(new.identity.name_key.clone()).or_default().push(place);
        }
        self.customers.push(new);
        place
    }

    /// What one is compared by has become more.
    pub(super) fn know_more(&mut self, place: usize, said: &Said) {
        let (identity, more) = (&mut self.customers[place].identity, &said.identity);
        identity.phones.extend(more.phones.iter().cloned());
        identity.emails.extend(more.emails.iter().cloned());
        identity.contact_phones.extend(more.contact_phones.iter().cloned());
        identity.contact_emails.extend(more.contact_emails.iter().cloned());
        if identity.credit_code.is_none() && more.credit_code.is_some() {
            identity.credit_code.clone_from(&more.credit_code);
            self.codes.extend(more.credit_code.clone().map(|code| (code, place)));
        }
        self.external.extend(said.external_id.clone().map(|id| (id, place)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn company(phones: &[&str], contact_phones: &[&str], code: Option<&str>) -> Identity {
        let set = |list: &[&str]| list.iter().map(|text| (*text).to_owned()).collect();
        Identity {
            kind: Some(CustomerKind::Company),
            name_key: "科创".into(),
            credit_code: code.map(str::to_owned),
            phones: set(phones),
            contact_phones: set(contact_phones),
            ..Identity::default()
        }
    }

    #[test]
    fn who_is_one() {
        let (plain, a, b) =
            (company(&[], &[], None), company(&["+861"], &[], None), company(&["+862"], &[], None));
        assert!(may_be_one(&plain, &a) && may_be_one(&a, &a));
        assert!(!may_be_one(&a, &b));
        // Two contacts with numbers of their own are two contacts.
        assert!(may_be_one(&company(&[], &["+863"], None), &company(&[], &["+864"], None)));
        assert!(!may_be_one(&company(&[], &[], Some("X")), &company(&[], &[], Some("Y"))));
        let person = |identity: Identity| Identity { kind: Some(CustomerKind::Individual), ..identity };
        assert!(!may_be_one(&person(plain.clone()), &person(plain)));
        assert!(may_be_one(&person(a.clone()), &person(a.clone())));
        assert!(!may_be_one(&person(a.clone()), &person(b)));
    }
}
