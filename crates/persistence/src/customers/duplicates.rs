//! Customers that may be the same.

use std::collections::{BTreeSet, HashMap};

use chrono::{DateTime, Utc};
use diesel::pg::Pg;
use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt, Jsonb, Nullable, SmallInt, Text, Uuid as SqlUuid};
use fulcrum_domain::customers::CustomerKind;
use fulcrum_domain::customers::duplicates::{Identity, grams, name_key};
use fulcrum_domain::platform::search_terms::{whole_email, whole_phone};
use uuid::Uuid;

use super::contacts::Contact;
use super::customers::{self, Customer};
use crate::db::prepared;
use crate::paging::{PageRequest, keyset};
use crate::platform::search::Field;
use crate::schema::{customers as customer_table, duplicate_pairs};
use crate::{Json, StoreError, Tx};

/// The word in events.
pub const SUBJECT: &str = "duplicate";

/// Two customers that may be the same.
#[derive(Clone, Debug, Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = duplicate_pairs, treat_none_as_null = true)]
#[allow(missing_docs)]
pub struct Pair {
    pub tenant_id: Uuid,
    pub id: Uuid,
    /// The smaller one.
    pub first_id: Uuid,
    pub second_id: Uuid,
    pub score: i16,
    pub reasons: Vec<String>,
    pub origin: String,
    pub state: String,
    pub assignee_id: Option<Uuid>,
    pub note: Option<String>,
    pub decided_by_type: Option<String>,
    pub decided_by_id: Option<Uuid>,
    pub decided_at: Option<DateTime<Utc>>,
    pub version: i32,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

/// What a stored customer is compared by, without its contacts.
pub fn identity_of(row: &Customer) -> Identity {
    let kind: Option<CustomerKind> = row.kind.parse().ok();
    Identity {
        kind,
        name_key: name_key(&row.name),
        credit_code: row.credit_code.clone(),
        phones: row.phone.iter().cloned().collect(),
        emails: row.email.iter().map(|email| email.to_lowercase()).collect(),
        ..Default::default()
    }
}

/// Adds what contacts bring along.
pub fn with_contacts<'c>(mut identity: Identity, contacts: impl Iterator<Item = &'c Contact>) -> Identity {
    for contact in contacts {
        add_contact(&mut identity, &contact.phones, &contact.emails);
    }
    identity
}

fn add_contact(identity: &mut Identity, phones: &Json, emails: &Json) {
    identity.contact_phones.extend(super::contacts::texts(phones, "number"));
    let emails = super::contacts::texts(emails, "address");
    identity.contact_emails.extend(emails.into_iter().map(|email| email.to_lowercase()));
}

/// What a contact is compared by.
#[derive(QueryableByName)]
struct Reachable {
    #[diesel(sql_type = SqlUuid)]
    customer_id: Uuid,
    #[diesel(sql_type = Jsonb)]
    phones: Json,
    #[diesel(sql_type = Jsonb)]
    emails: Json,
}

#[derive(QueryableByName)]
struct Found {
    #[diesel(sql_type = SqlUuid)]
    id: Uuid,
}

/// Rows that are looked at for each thing that customers have in common: what everybody has tells nothing.
const EACH: i64 = 200;

/// Live customers of the whole company that have something in common with an identity, whether the actor sees them or not, with what
/// they are compared by; `but` is left out. It takes the same time in a company of any size.
///
/// # Errors
/// Those of the database.
pub fn candidates(
    tx: &mut Tx,
    identity: &Identity,
    but: Option<Uuid>,
) -> Result<Vec<(Customer, Identity)>, StoreError> {
    let parts: Vec<String> = match identity.kind {
        Some(CustomerKind::Individual) => vec![],
        _ => grams(&identity.name_key).into_iter().collect(),
    };
    let (mut fields, mut terms) = (Vec::new(), Vec::new());
    let mut wanted = |field: Field, term: String| {
        fields.push(field as i16);
        terms.push(term);
    };
    if !identity.name_key.is_empty() {
        wanted(Field::NameKey, identity.name_key.clone());
    }
    for phone in identity.phones.iter().chain(&identity.contact_phones) {
        wanted(Field::Phone, whole_phone(phone));
        wanted(Field::ContactPhone, whole_phone(phone));
    }
    for email in identity.emails.iter().chain(&identity.contact_emails) {
        wanted(Field::Email, whole_email(email));
        wanted(Field::ContactEmail, whole_email(email));
    }
    // Half of the parts of a name have to be there: fewer can't make it similar enough.
    let share = parts.len().div_ceil(2) as i64;
    let found: Vec<Found> = prepared(
        "select distinct id from ( \
           select s.subject_id as id from unnest($2::smallint[], $3::text[]) as w (field, term) cross join lateral \
             (select t.subject_id from search_terms t where t.tenant_id = $1 and t.field = w.field and t.term = w.term \
              limit $7) s \
           union all (select p.subject_id from unnest($4::text[]) as g (term) cross join lateral \
             (select t.subject_id from search_terms t where t.tenant_id = $1 and t.field = 22 and t.term = g.term \
              limit $7) p group by 1 having count(*) >= $5 order by count(*) desc limit 40) \
           union all (select id from customers where tenant_id = $1 and credit_code = $6 and deleted_at is null) \
         ) c limit 300",
    )
    .bind::<SqlUuid, _>(tx.actor.tenant_id)
    .bind::<Array<SmallInt>, _>(fields)
    .bind::<Array<Text>, _>(terms)
    .bind::<Array<Text>, _>(parts)
    .bind::<BigInt, _>(share)
    .bind::<Nullable<Text>, _>(identity.credit_code.clone())
    .bind::<BigInt, _>(EACH)
    .load(tx.conn)?;
    let ids: Vec<Uuid> = found.into_iter().map(|row| row.id).filter(|id| Some(*id) != but).collect();
    if ids.is_empty() {
        return Ok(vec![]);
    }
    with_identities(tx, &ids)
}

/// Live customers of the whole company with what they are compared by.
///
/// # Errors
/// Those of the database.
pub fn with_identities(tx: &mut Tx, ids: &[Uuid]) -> Result<Vec<(Customer, Identity)>, StoreError> {
    let rows: Vec<Customer> = customer_table::table
        .filter(customer_table::tenant_id.eq(tx.actor.tenant_id))
        .filter(customer_table::id.eq_any(ids.to_vec()))
        .filter(customer_table::deleted_at.is_null())
        .select(Customer::as_select())
        .load(tx.conn)?;
    // For each customer through the index: the planner would rather read a table of contacts from end to end for a few
    // hundred of them, and a customer with thousands of contacts isn't told apart any better by all of them.
    let people: Vec<Reachable> = prepared(
        "select c.customer_id, c.phones, c.emails from unnest($2::uuid[]) as w (id) cross join lateral \
           (select customer_id, phones, emails from contacts where tenant_id = $1 and customer_id = w.id \
              and deleted_at is null limit 50) c",
    )
    .bind::<SqlUuid, _>(tx.actor.tenant_id)
    .bind::<Array<SqlUuid>, _>(ids.to_vec())
    .load(tx.conn)?;
    let mut by_customer: HashMap<Uuid, Vec<&Reachable>> = HashMap::new();
    for person in &people {
        by_customer.entry(person.customer_id).or_default().push(person);
    }
    let compared = rows.into_iter().map(|row| {
        let mut identity = identity_of(&row);
        for person in by_customer.get(&row.id).into_iter().flatten() {
            add_contact(&mut identity, &person.phones, &person.emails);
        }
        (row, identity)
    });
    Ok(compared.collect())
}

/// Pairs whose customers the actor sees both, and that are both there.
fn visible<'a>(tx: &Tx) -> duplicate_pairs::BoxedQuery<'a, Pg> {
    let seen =
        || customers::visible(tx).filter(customer_table::deleted_at.is_null()).select(customer_table::id);
    duplicate_pairs::table
        .filter(duplicate_pairs::tenant_id.eq(tx.actor.tenant_id))
        .filter(duplicate_pairs::state.eq("merged").or(duplicate_pairs::first_id.eq_any(seen())))
        .filter(duplicate_pairs::state.eq("merged").or(duplicate_pairs::second_id.eq_any(seen())))
        // Of two that were merged one is gone: who sees the other one sees the pair.
        .filter(duplicate_pairs::first_id.eq_any(seen()).or(duplicate_pairs::second_id.eq_any(seen())))
        .into_boxed()
}

/// Notes pairs that aren't known yet; returns those that are new. What was decided stays so.
///
/// # Errors
/// Those of the database.
pub fn note(tx: &mut Tx, pairs: &[Pair]) -> Result<Vec<Pair>, StoreError> {
    if pairs.is_empty() {
        return Ok(vec![]);
    }
    // One order for everybody, so that two who note the same pairs don't wait for each other in a circle.
    let mut pairs: Vec<&Pair> = pairs.iter().collect();
    pairs.sort_by_key(|pair| (pair.first_id, pair.second_id));
    Ok(diesel::insert_into(duplicate_pairs::table)
        .values(pairs)
        .on_conflict((duplicate_pairs::tenant_id, duplicate_pairs::first_id, duplicate_pairs::second_id))
        .do_nothing()
        .returning(Pair::as_returning())
        .get_results(tx.conn)?)
}

/// One pair.
///
/// # Errors
/// [`StoreError::NotFound`] when the actor doesn't see both customers.
pub fn find(tx: &mut Tx, id: Uuid) -> Result<Pair, StoreError> {
    Ok(visible(tx).filter(duplicate_pairs::id.eq(id)).select(Pair::as_select()).first(tx.conn)?)
}

/// One pair, for a change.
///
/// # Errors
/// [`StoreError::NotFound`] when the actor doesn't see both customers.
pub fn lock(tx: &mut Tx, id: Uuid) -> Result<Pair, StoreError> {
    find(tx, id)?;
    let query = duplicate_pairs::table.find((tx.actor.tenant_id, id)).select(Pair::as_select());
    Ok(query.for_update().first(tx.conn)?)
}

/// Stores a changed pair.
///
/// # Errors
/// Those of the database.
pub fn replace(tx: &mut Tx, pair: &Pair) -> Result<(), StoreError> {
    diesel::update(duplicate_pairs::table.find((tx.actor.tenant_id, pair.id))).set(pair).execute(tx.conn)?;
    Ok(())
}

/// Which pairs.
#[derive(Clone, Debug, Default)]
#[allow(missing_docs)]
pub struct Filter {
    pub states: Vec<String>,
    pub assignee_ids: Vec<Uuid>,
    pub customer_ids: Vec<Uuid>,
    pub min_score: Option<i16>,
}

/// A page, newest first; one row more than asked for when there is a next one.
///
/// # Errors
/// Those of the database.
pub fn list(tx: &mut Tx, filter: &Filter, page: &PageRequest) -> Result<Vec<Pair>, StoreError> {
    let mut query = visible(tx);
    query = match filter.states.as_slice() {
        [] => query,
        [one] => query.filter(duplicate_pairs::state.eq(one.clone())),
        several => query.filter(duplicate_pairs::state.eq_any(several.to_vec())),
    };
    query = match filter.assignee_ids.as_slice() {
        [] => query,
        [one] => query.filter(duplicate_pairs::assignee_id.eq(*one)),
        several => query.filter(duplicate_pairs::assignee_id.eq_any(several.to_vec())),
    };
    if !filter.customer_ids.is_empty() {
        let ids = filter.customer_ids.clone();
        query = query
            .filter(duplicate_pairs::first_id.eq_any(ids.clone()).or(duplicate_pairs::second_id.eq_any(ids)));
    }
    if let Some(score) = filter.min_score {
        query = query.filter(duplicate_pairs::score.ge(score));
    }
    let query = keyset!(query, duplicate_pairs::created_at, duplicate_pairs::id, true, page.after_time());
    Ok(query.limit(page.limit + 1).select(Pair::as_select()).load(tx.conn)?)
}

/// Every pair that a customer is part of, for a merge: whether the actor sees it or not.
///
/// # Errors
/// Those of the database.
pub fn of_customer(tx: &mut Tx, customer_id: Uuid) -> Result<Vec<Pair>, StoreError> {
    Ok(duplicate_pairs::table
        .filter(duplicate_pairs::tenant_id.eq(tx.actor.tenant_id))
        .filter(duplicate_pairs::first_id.eq(customer_id).or(duplicate_pairs::second_id.eq(customer_id)))
        .order(duplicate_pairs::id)
        .select(Pair::as_select())
        .for_update()
        .load(tx.conn)?)
}

/// The smaller id first.
pub fn in_order(one: Uuid, other: Uuid) -> (Uuid, Uuid) {
    if one < other { (one, other) } else { (other, one) }
}

/// Ids that occur in pairs.
pub fn customers_of(pairs: &[Pair]) -> Vec<Uuid> {
    let ids: BTreeSet<Uuid> = pairs.iter().flat_map(|pair| [pair.first_id, pair.second_id]).collect();
    ids.into_iter().collect()
}

/// Which customers of the whole company have the very key of a name, a number, or an address, for many at once: `(field, term, id)`, a few
/// for each. It takes the same time in a company of any size.
///
/// # Errors
/// Those of the database.
pub fn exactly(tx: &mut Tx, wanted: &[(i16, String)]) -> Result<Vec<(i16, String, Uuid)>, StoreError> {
    #[derive(QueryableByName)]
    struct Hit {
        #[diesel(sql_type = SmallInt)]
        field: i16,
        #[diesel(sql_type = Text)]
        term: String,
        #[diesel(sql_type = SqlUuid)]
        id: Uuid,
    }
    let (fields, terms): (Vec<i16>, Vec<String>) = wanted.iter().cloned().unzip();
    let hits: Vec<Hit> = prepared(
        "select w.field, w.term, s.subject_id as id from unnest($2::smallint[], $3::text[]) as w (field, term) \
         cross join lateral (select distinct t.subject_id from search_terms t where t.tenant_id = $1 \
           and t.field = w.field and t.term = w.term limit 5) s",
    )
    .bind::<SqlUuid, _>(tx.actor.tenant_id)
    .bind::<Array<SmallInt>, _>(fields)
    .bind::<Array<Text>, _>(terms)
    .load(tx.conn)?;
    Ok(hits.into_iter().map(|hit| (hit.field, hit.term, hit.id)).collect())
}
