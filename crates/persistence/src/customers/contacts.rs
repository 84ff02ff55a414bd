//! Contacts: the people at a customer. Who sees the customer sees them.

use chrono::{DateTime, NaiveDate, Utc};
use diesel::pg::Pg;
use diesel::prelude::*;
use fulcrum_domain::platform::search_terms::{email_terms, phone_terms};
use fulcrum_domain::platform::selecting::Selection;
use serde_json::Value;
use uuid::Uuid;

use super::customers;
use crate::db::prepared;
use crate::paging::{PageRequest, Position, SortKey, keyset};
use crate::platform::search::{self, Field, MatchingIds, Ranked, SearchQuery, Target, Terms};
use crate::platform::selection::Selected;
use crate::schema::{contacts, customers as customer_table};
use crate::{Json, StoreError, Tx};

/// The word for contacts in events, external ids and explanations.
pub const SUBJECT: &str = "contact";

/// A contact.
#[derive(Clone, Debug, Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = contacts, treat_none_as_null = true, treat_none_as_default_value = false)]
#[allow(missing_docs)]
pub struct Contact {
    pub tenant_id: Uuid,
    pub id: Uuid,
    pub customer_id: Uuid,
    pub name: String,
    pub title: Option<String>,
    /// `[{"number": …, "label": …}]`
    pub phones: Json,
    /// `[{"address": …, "label": …}]`
    pub emails: Json,
    pub decision_role: Option<String>,
    pub is_primary: bool,
    pub born_on: Option<NaiveDate>,
    pub notes: Option<String>,
    pub external_ids: Json,
    pub version: i32,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
    pub deleted_at: Option<DateTime<Utc>>,
    /// Values of custom fields by key.
    pub custom: Json,
    /// Those of them that the record is found by.
    pub custom_texts: Vec<String>,
}

impl Contact {
    /// What the contact, and its customer by it, is found by; nothing while it is deleted.
    pub(crate) fn terms(&self) -> Terms {
        let mut terms = Terms::default();
        if self.deleted_at.is_some() {
            return terms;
        }
        terms.add_name(
            &self.name,
            [Field::ContactNameStart, Field::ContactNameInside, Field::ContactPinyin, Field::ContactPinyin],
        );
        terms.add(
            Field::ContactPhone,
            texts(&self.phones, "number").iter().flat_map(|text| phone_terms(text)),
        );
        terms.add(
            Field::ContactEmail,
            texts(&self.emails, "address").iter().flat_map(|text| email_terms(text)),
        );
        terms.add_texts(&self.custom_texts, Field::ContactCustom);
        terms
    }
}

pub(crate) fn texts(list: &Json, key: &str) -> Vec<String> {
    let entries: Vec<Value> = list.read().unwrap_or_default();
    entries.iter().filter_map(|entry| entry[key].as_str().map(str::to_owned)).collect()
}

/// Which contacts; empty lists and `None` don't restrict.
#[derive(Clone, Debug, Default)]
#[allow(missing_docs)]
pub struct Filter {
    pub search: Option<SearchQuery>,
    /// A condition of the company's, as the database is asked.
    pub selection: Option<Selection>,
    pub customer_ids: Vec<Uuid>,
    pub decision_roles: Vec<String>,
    pub is_primary: Option<bool>,
    pub external_ids: Vec<(String, String)>,
    pub created_from: Option<DateTime<Utc>>,
    pub created_to: Option<DateTime<Utc>>,
    pub updated_from: Option<DateTime<Utc>>,
    pub updated_to: Option<DateTime<Utc>>,
}

/// In which order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Sort {
    Created {
        descending: bool,
    },
    Updated {
        descending: bool,
    },
    Name {
        descending: bool,
    },
    /// Best hit first; only with a search.
    Relevance,
}

/// The contacts of the customers that the actor may see, deleted ones included.
fn visible<'a>(tx: &Tx) -> contacts::BoxedQuery<'a, Pg> {
    let query = contacts::table.filter(contacts::tenant_id.eq(tx.actor.tenant_id)).into_boxed();
    query.filter(contacts::customer_id.eq_any(
        customers::visible(tx).filter(customer_table::deleted_at.is_null()).select(customer_table::id),
    ))
}

/// Several contacts by id.
///
/// # Errors
/// Those of the database.
pub fn find_all(tx: &mut Tx, ids: &[Uuid]) -> Result<Vec<Contact>, StoreError> {
    Ok(visible(tx).filter(contacts::id.eq_any(ids.to_vec())).select(Contact::as_select()).load(tx.conn)?)
}

/// Those of several contacts that the actor sees.
///
/// # Errors
/// Those of the database.
pub fn seen(tx: &mut Tx, ids: &[Uuid]) -> Result<Vec<Uuid>, StoreError> {
    Ok(visible(tx).filter(contacts::id.eq_any(ids.to_vec())).select(contacts::id).load(tx.conn)?)
}

/// Adds a contact and what it is found by.
///
/// # Errors
/// [`StoreError::Unique`] when the customer has a primary contact already.
pub fn insert(tx: &mut Tx, contact: &Contact) -> Result<(), StoreError> {
    diesel::insert_into(contacts::table).values(contact).execute(tx.conn)?;
    search::replace(tx, contact.customer_id, contact.id, &Terms::default(), &contact.terms())
}

/// One contact.
///
/// # Errors
/// [`StoreError::NotFound`] when there is none in the actor's scope.
pub fn find(tx: &mut Tx, id: Uuid) -> Result<Contact, StoreError> {
    Ok(visible(tx).filter(contacts::id.eq(id)).select(Contact::as_select()).first(tx.conn)?)
}

/// One contact, for a change. Its customer is held, too: which contact is the primary one concerns all.
///
/// # Errors
/// [`StoreError::NotFound`] when there is none in the actor's scope.
pub fn lock(tx: &mut Tx, id: Uuid) -> Result<Contact, StoreError> {
    let customer_id = find(tx, id)?.customer_id;
    customers::lock(tx, customer_id)?;
    Ok(contacts::table
        .find((tx.actor.tenant_id, id))
        .select(Contact::as_select())
        .for_update()
        .first(tx.conn)?)
}

/// The primary contact of a customer.
///
/// # Errors
/// Those of the database.
pub fn primary_of(tx: &mut Tx, customer_id: Uuid) -> Result<Option<Contact>, StoreError> {
    Ok(visible(tx)
        .filter(contacts::customer_id.eq(customer_id))
        .filter(contacts::deleted_at.is_null())
        .filter(contacts::is_primary)
        .select(Contact::as_select())
        .first(tx.conn)
        .optional()?)
}

/// The live contacts of a customer that the actor was shown: the one to turn to first, then the oldest, at most so many.
///
/// # Errors
/// Those of the database.
pub fn all_of(tx: &mut Tx, customer_id: Uuid, limit: i64) -> Result<Vec<Contact>, StoreError> {
    Ok(contacts::table
        .filter(contacts::tenant_id.eq(tx.actor.tenant_id))
        .filter(contacts::customer_id.eq(customer_id))
        .filter(contacts::deleted_at.is_null())
        .order((contacts::is_primary.desc(), contacts::created_at, contacts::id))
        .limit(limit)
        .select(Contact::as_select())
        .load(tx.conn)?)
}

/// The live contacts of several customers, oldest first within a customer, at most so many of each.
///
/// # Errors
/// Those of the database.
pub fn of_customers(tx: &mut Tx, customer_ids: &[Uuid], each: i64) -> Result<Vec<Contact>, StoreError> {
    use diesel::sql_types::{Array, BigInt, Uuid as SqlUuid};
    // The ids come from a list of customers that the actor was shown.
    let ids: Vec<ContactId> = prepared(
        "select h.id from unnest($2) as w (customer_id) cross join lateral (select c.id from contacts c \
         where c.tenant_id = $1 and c.customer_id = w.customer_id and c.deleted_at is null \
         order by c.created_at, c.id limit $3) h",
    )
    .bind::<SqlUuid, _>(tx.actor.tenant_id)
    .bind::<Array<SqlUuid>, _>(customer_ids)
    .bind::<BigInt, _>(each)
    .load(tx.conn)?;
    let ids: Vec<Uuid> = ids.into_iter().map(|row| row.id).collect();
    Ok(visible(tx)
        .filter(contacts::id.eq_any(ids))
        .order((contacts::created_at, contacts::id))
        .select(Contact::as_select())
        .load(tx.conn)?)
}

#[derive(QueryableByName)]
struct ContactId {
    #[diesel(sql_type = diesel::sql_types::Uuid)]
    id: Uuid,
}

/// Stores a changed contact and what it is found by.
///
/// # Errors
/// [`StoreError::Unique`] when the customer has another primary contact.
pub fn replace(tx: &mut Tx, before: &Contact, after: &Contact) -> Result<(), StoreError> {
    diesel::update(contacts::table.find((tx.actor.tenant_id, after.id))).set(after).execute(tx.conn)?;
    search::replace(tx, after.customer_id, after.id, &before.terms(), &after.terms())
}

/// Hides the contacts of a customer that is deleted from the search, or brings them back with it.
///
/// # Errors
/// Those of the database.
pub fn set_findable(tx: &mut Tx, customer_id: Uuid, findable: bool) -> Result<(), StoreError> {
    let of_customer: Vec<Contact> = contacts::table
        .filter(contacts::tenant_id.eq(tx.actor.tenant_id))
        .filter(contacts::customer_id.eq(customer_id))
        .filter(contacts::deleted_at.is_null())
        .select(Contact::as_select())
        .load(tx.conn)?;
    if findable {
        let terms: Vec<_> = of_customer.iter().map(|contact| (contact.id, contact.terms())).collect();
        search::add_all(tx, customer_id, &terms)?;
    } else {
        search::remove_all(tx, customer_id)?;
    }
    Ok(())
}

fn filtered<'a>(tx: &Tx, filter: &Filter) -> contacts::BoxedQuery<'a, Pg> {
    let mut query = visible(tx).filter(contacts::deleted_at.is_null());
    if let Some(selection) = filter.selection.clone() {
        query = query.filter(Selected { table: "contacts", selection });
    }
    if !filter.customer_ids.is_empty() {
        query = query.filter(contacts::customer_id.eq_any(filter.customer_ids.clone()));
    }
    if !filter.decision_roles.is_empty() {
        query = query.filter(contacts::decision_role.eq_any(filter.decision_roles.clone()));
    }
    if let Some(is_primary) = filter.is_primary {
        query = query.filter(contacts::is_primary.eq(is_primary));
    }
    if !filter.external_ids.is_empty() {
        let known = crate::platform::external_ids::subjects(tx, SUBJECT, &filter.external_ids);
        query = query.filter(contacts::id.eq_any(known));
    }
    if let Some(from) = filter.created_from {
        query = query.filter(contacts::created_at.ge(from));
    }
    if let Some(to) = filter.created_to {
        query = query.filter(contacts::created_at.le(to));
    }
    if let Some(from) = filter.updated_from {
        query = query.filter(contacts::updated_at.ge(from));
    }
    if let Some(to) = filter.updated_to {
        query = query.filter(contacts::updated_at.le(to));
    }
    query
}

fn matching<'a>(tx: &Tx, filter: &Filter) -> contacts::BoxedQuery<'a, Pg> {
    let query = filtered(tx, filter);
    match filter.search.clone() {
        Some(search) => {
            let tenant_id = tx.actor.tenant_id;
            query.filter(MatchingIds { target: Target::Contacts, search, tenant_id })
        }
        None => query,
    }
}

/// A page, one row more than asked for when there is a next one, each with its position.
///
/// # Errors
/// Those of the database.
pub fn list(
    tx: &mut Tx,
    filter: &Filter,
    sort: Sort,
    page: &PageRequest,
) -> Result<Vec<(Contact, Position)>, StoreError> {
    if let (Sort::Relevance, Some(search)) = (sort, filter.search.clone()) {
        return ranked(tx, filter, search, page);
    }
    let query = matching(tx, filter);
    let query = match sort {
        Sort::Created { descending } => {
            keyset!(query, contacts::created_at, contacts::id, descending, page.after_time())
        }
        Sort::Updated { descending } => {
            keyset!(query, contacts::updated_at, contacts::id, descending, page.after_time())
        }
        Sort::Name { descending } => {
            keyset!(query, contacts::name, contacts::id, descending, page.after_text())
        }
        Sort::Relevance => keyset!(query, contacts::created_at, contacts::id, true, page.after_time()),
    };
    let rows: Vec<Contact> = query.limit(page.limit + 1).select(Contact::as_select()).load(tx.conn)?;
    Ok(rows
        .into_iter()
        .map(|row| {
            let key = match sort {
                Sort::Updated { .. } => SortKey::Time(row.updated_at),
                Sort::Name { .. } => SortKey::Text(row.name.clone()),
                Sort::Created { .. } | Sort::Relevance => SortKey::Time(row.created_at),
            };
            let id = row.id;
            (row, Position { key, id })
        })
        .collect())
}

fn ranked(
    tx: &mut Tx,
    filter: &Filter,
    search: SearchQuery,
    page: &PageRequest,
) -> Result<Vec<(Contact, Position)>, StoreError> {
    let hits: Vec<(i16, String, Contact)> = Ranked {
        records: filtered(tx, filter).select(Contact::as_select()),
        target: Target::Contacts,
        search,
        tenant_id: tx.actor.tenant_id,
        after: page.after_rank(),
        limit: page.limit + 1,
    }
    .load(tx.conn)?;
    Ok(hits
        .into_iter()
        .map(|(field, term, row)| {
            let id = row.id;
            (row, Position { key: SortKey::Rank(field, term), id })
        })
        .collect())
}

/// Some that match, in the order of ids, behind one.
///
/// # Errors
/// Those of the database.
pub fn selected_rows(
    tx: &mut Tx,
    filter: &Filter,
    after: Uuid,
    limit: i64,
) -> Result<Vec<Contact>, StoreError> {
    let query = matching(tx, filter).filter(contacts::id.gt(after)).order(contacts::id).limit(limit);
    Ok(query.select(Contact::as_select()).load(tx.conn)?)
}

/// How many match, exactly.
///
/// # Errors
/// [`StoreError::Timeout`] when there are too many to count in time.
pub fn count(tx: &mut Tx, filter: &Filter) -> Result<i64, StoreError> {
    Ok(matching(tx, filter).count().get_result(tx.conn)?)
}

/// How many match, as the planner believes from its statistics.
///
/// # Errors
/// Those of the database.
pub fn estimate(tx: &mut Tx, filter: &Filter) -> Result<i64, StoreError> {
    let query = matching(tx, filter).select(contacts::id);
    crate::platform::explain::estimated_rows(tx, query)
}

/// Some of the company's contacts with a value of a custom field, by id, held for a change.
///
/// # Errors
/// Those of the database.
pub fn with_custom(tx: &mut Tx, key: &str, after: Uuid, limit: i64) -> Result<Vec<Contact>, StoreError> {
    use diesel::sql_types::{Bool, Text};
    let has =
        diesel::dsl::sql::<Bool>("jsonb_exists(contacts.custom, ").bind::<Text, _>(key.to_owned()).sql(")");
    Ok(contacts::table
        .filter(contacts::tenant_id.eq(tx.actor.tenant_id))
        .filter(contacts::id.gt(after))
        .filter(has)
        .order(contacts::id)
        .limit(limit)
        .select(Contact::as_select())
        .for_update()
        .load(tx.conn)?)
}
