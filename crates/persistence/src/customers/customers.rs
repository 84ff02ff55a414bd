//! Customers.

use chrono::{DateTime, NaiveDate, Utc};
use diesel::dsl::exists;
use diesel::pg::Pg;
use diesel::prelude::*;
use diesel::sql_types::{Nullable, Text, Timestamptz, Uuid as SqlUuid};
use fulcrum_domain::customers::duplicates::{grams, name_key};
use fulcrum_domain::platform::search_terms::{code_terms, email_terms, phone_terms};
use fulcrum_domain::platform::selecting::Selection;
use rust_decimal::Decimal;
use serde_json::Value;
use uuid::Uuid;

use crate::access::scope;
use crate::db::prepared;
use crate::paging::{PageRequest, Position, SortKey, keyset};
use crate::platform::search::{self, Field, MatchingIds, Ranked, SearchQuery, Target, Terms};
use crate::platform::selection::Selected;
use crate::schema::{customers, search_terms};
use crate::{Json, StoreError, Tx};

/// The word for customers in events, external ids and explanations.
pub const SUBJECT: &str = "customer";

/// A customer.
#[derive(Clone, Debug, Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = customers, treat_none_as_null = true, treat_none_as_default_value = false)]
#[allow(missing_docs)]
pub struct Customer {
    pub tenant_id: Uuid,
    pub id: Uuid,
    pub number: String,
    pub kind: String,
    pub name: String,
    pub credit_code: Option<String>,
    pub phone: Option<String>,
    pub email: Option<String>,
    pub website: Option<String>,
    pub grade: Option<String>,
    pub vip: bool,
    pub lifecycle_stage: String,
    pub industry: Option<String>,
    pub industry_detail: Option<String>,
    pub staff_count: Option<i32>,
    pub annual_revenue_amount: Option<Decimal>,
    pub annual_revenue_currency: Option<String>,
    pub source: Option<String>,
    pub pain_points: Vec<String>,
    pub tags: Vec<String>,
    pub address: Option<Json>,
    pub born_on: Option<NaiveDate>,
    pub notes: Option<String>,
    pub external_ids: Json,
    pub owner_id: Option<Uuid>,
    pub department_id: Uuid,
    pub version: i32,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
    pub deleted_at: Option<DateTime<Utc>>,
    /// Values of custom fields by key.
    pub custom: Json,
    /// Those of them that the record is found by.
    pub custom_texts: Vec<String>,
    /// Percent of what the field standard wants.
    pub completeness: i16,
    /// What of it isn't there.
    pub missing: Vec<String>,
    /// The one that it is part of now.
    pub merged_into_id: Option<Uuid>,
}

impl Customer {
    /// What the customer is found by; nothing while it is deleted.
    pub(crate) fn terms(&self) -> Terms {
        let mut terms = Terms::default();
        if self.deleted_at.is_some() {
            return terms;
        }
        terms.add(Field::Code, code_terms(&self.number));
        terms.add_name(
            &self.name,
            [Field::NameStart, Field::NameInside, Field::PinyinStart, Field::PinyinInside],
        );
        terms.add(Field::Code, self.credit_code.iter().flat_map(|code| code_terms(code)));
        terms.add(Field::Phone, self.phone.iter().flat_map(|phone| phone_terms(phone)));
        terms.add(Field::Email, self.email.iter().flat_map(|email| email_terms(email)));
        terms.add(Field::Tag, self.tags.iter().map(|tag| search::tag_term(tag)));
        terms.add_texts(&self.custom_texts, Field::Custom);
        let key = name_key(&self.name);
        if self.kind != "individual" {
            terms.add(Field::NameGram, grams(&key));
        }
        terms.add(Field::NameKey, [key]);
        terms
    }
}

/// Which customers; empty lists and `None` don't restrict.
#[derive(Clone, Debug, Default)]
#[allow(missing_docs)]
pub struct Filter {
    pub search: Option<SearchQuery>,
    pub ids: Vec<Uuid>,
    /// Not of this owner.
    pub but_owner: Option<Uuid>,
    /// A condition of the company's, as the database is asked.
    pub selection: Option<Selection>,
    pub kinds: Vec<String>,
    pub grades: Vec<String>,
    pub vip: Option<bool>,
    pub lifecycle_stages: Vec<String>,
    pub industries: Vec<String>,
    pub sources: Vec<String>,
    pub tags: Vec<String>,
    pub owner_ids: Vec<Uuid>,
    pub department_ids: Vec<Uuid>,
    pub numbers: Vec<String>,
    /// (system, external id)
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
    Number {
        descending: bool,
    },
    /// Best hit first; only with a search.
    Relevance,
}

/// The customers that the actor may see, deleted ones included.
pub(crate) fn visible<'a>(tx: &Tx) -> customers::BoxedQuery<'a, Pg> {
    let query = customers::table.filter(customers::tenant_id.eq(tx.actor.tenant_id)).into_boxed();
    match scope::condition(tx, "customers.owner_id", "customers.department_id") {
        Some(condition) => query.filter(condition),
        None => query,
    }
}

/// Adds a customer and what it is found by.
///
/// # Errors
/// [`StoreError::Unique`] when the number or the credit code is taken.
pub fn insert(tx: &mut Tx, customer: &Customer) -> Result<(), StoreError> {
    diesel::insert_into(customers::table).values(customer).execute(tx.conn)?;
    search::replace(tx, customer.id, customer.id, &Terms::default(), &customer.terms())
}

/// One customer.
///
/// # Errors
/// [`StoreError::NotFound`] when there is none in the actor's scope.
pub fn find(tx: &mut Tx, id: Uuid) -> Result<Customer, StoreError> {
    Ok(visible(tx).filter(customers::id.eq(id)).select(Customer::as_select()).first(tx.conn)?)
}

/// One customer, for a change: nobody else changes it until the transaction ends.
///
/// # Errors
/// [`StoreError::NotFound`] when there is none in the actor's scope.
pub fn lock(tx: &mut Tx, id: Uuid) -> Result<Customer, StoreError> {
    let query = customers::table.find((tx.actor.tenant_id, id)).select(Customer::as_select()).for_update();
    Ok(match scope::condition(tx, "customers.owner_id", "customers.department_id") {
        Some(condition) => query.filter(condition).first(tx.conn)?,
        None => query.first(tx.conn)?,
    })
}

/// Several customers by id.
///
/// # Errors
/// Those of the database.
pub fn find_all(tx: &mut Tx, ids: &[Uuid]) -> Result<Vec<Customer>, StoreError> {
    Ok(visible(tx).filter(customers::id.eq_any(ids.to_vec())).select(Customer::as_select()).load(tx.conn)?)
}

/// Those of several customers that the actor sees.
///
/// # Errors
/// Those of the database.
pub fn seen(tx: &mut Tx, ids: &[Uuid]) -> Result<Vec<Uuid>, StoreError> {
    Ok(visible(tx).filter(customers::id.eq_any(ids.to_vec())).select(customers::id).load(tx.conn)?)
}

/// The name of a customer, for who is told of what concerns it, whether they see it or not.
///
/// # Errors
/// Those of the database.
pub fn name_of(tx: &mut Tx, id: Uuid) -> Result<Option<String>, StoreError> {
    let named = customers::table.find((tx.actor.tenant_id, id)).select(customers::name);
    Ok(named.first(tx.conn).optional()?)
}

/// Writes what customers are found by, where it isn't there yet.
///
/// # Errors
/// Those of the database.
pub fn find_by_all_terms(tx: &mut Tx, rows: &[Customer]) -> Result<(), StoreError> {
    for row in rows {
        search::add_all(tx, row.id, &[(row.id, row.terms())])?;
    }
    Ok(())
}

/// The live customer with this credit code, if the actor may see it.
///
/// # Errors
/// Those of the database.
pub fn find_by_credit_code(tx: &mut Tx, credit_code: &str) -> Result<Option<Uuid>, StoreError> {
    Ok(visible(tx)
        .filter(customers::credit_code.eq(credit_code.to_owned()))
        .filter(customers::deleted_at.is_null())
        .select(customers::id)
        .first(tx.conn)
        .optional()?)
}

/// Stores a changed customer and what it is found by.
///
/// # Errors
/// [`StoreError::Unique`] when the credit code is taken.
pub fn replace(tx: &mut Tx, before: &Customer, after: &Customer) -> Result<(), StoreError> {
    diesel::update(customers::table.find((tx.actor.tenant_id, after.id))).set(after).execute(tx.conn)?;
    search::replace(tx, after.id, after.id, &before.terms(), &after.terms())
}

fn filtered<'a>(tx: &Tx, filter: &Filter) -> customers::BoxedQuery<'a, Pg> {
    let mut query = visible(tx).filter(customers::deleted_at.is_null());
    if let Some(selection) = filter.selection.clone() {
        query = query.filter(Selected { table: "customers", selection });
    }
    macro_rules! any_of {
        ($field:ident, $column:ident) => {
            // For one value an index gives the rows in order; for several they would have to be sorted.
            query = match filter.$field.as_slice() {
                [] => query,
                [one] => query.filter(customers::$column.eq(one.clone())),
                several => query.filter(customers::$column.eq_any(several.to_vec())),
            };
        };
    }
    any_of!(ids, id);
    if let Some(owner) = filter.but_owner {
        query = query.filter(customers::owner_id.is_distinct_from(owner));
    }
    any_of!(kinds, kind);
    any_of!(grades, grade);
    any_of!(lifecycle_stages, lifecycle_stage);
    any_of!(industries, industry);
    any_of!(sources, source);
    any_of!(owner_ids, owner_id);
    any_of!(department_ids, department_id);
    any_of!(numbers, number);
    query = match filter.vip {
        // As the partial index says it.
        Some(true) => query.filter(customers::vip),
        Some(false) => query.filter(diesel::dsl::not(customers::vip)),
        None => query,
    };
    if !filter.tags.is_empty() {
        let terms: Vec<_> = filter.tags.iter().map(|tag| search::tag_term(tag)).collect();
        let tagged = search_terms::table
            .filter(search_terms::tenant_id.eq(tx.actor.tenant_id))
            .filter(search_terms::field.eq(Field::Tag as i16))
            .filter(search_terms::term.eq_any(terms))
            .select(search_terms::subject_id);
        query = query.filter(customers::id.eq_any(tagged));
    }
    if !filter.external_ids.is_empty() {
        let known = crate::platform::external_ids::subjects(tx, SUBJECT, &filter.external_ids);
        query = query.filter(customers::id.eq_any(known));
    }
    if let Some(from) = filter.created_from {
        query = query.filter(customers::created_at.ge(from));
    }
    if let Some(to) = filter.created_to {
        query = query.filter(customers::created_at.le(to));
    }
    if let Some(from) = filter.updated_from {
        query = query.filter(customers::updated_at.ge(from));
    }
    if let Some(to) = filter.updated_to {
        query = query.filter(customers::updated_at.le(to));
    }
    query
}

fn matching<'a>(tx: &Tx, filter: &Filter) -> customers::BoxedQuery<'a, Pg> {
    let query = filtered(tx, filter);
    match filter.search.clone() {
        Some(search) => {
            let tenant_id = tx.actor.tenant_id;
            query.filter(MatchingIds { target: Target::Customers, search, tenant_id })
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
) -> Result<Vec<(Customer, Position)>, StoreError> {
    if let (Sort::Relevance, Some(search)) = (sort, filter.search.clone()) {
        return ranked(tx, filter, search, page);
    }
    let query = matching(tx, filter);
    let query = match sort {
        Sort::Created { descending } => {
            keyset!(query, customers::created_at, customers::id, descending, page.after_time())
        }
        Sort::Updated { descending } => {
            keyset!(query, customers::updated_at, customers::id, descending, page.after_time())
        }
        Sort::Name { descending } => {
            keyset!(query, customers::name, customers::id, descending, page.after_text())
        }
        Sort::Number { descending } => {
            keyset!(query, customers::number, customers::id, descending, page.after_text())
        }
        Sort::Relevance => keyset!(query, customers::created_at, customers::id, true, page.after_time()),
    };
    let rows: Vec<Customer> = query.limit(page.limit + 1).select(Customer::as_select()).load(tx.conn)?;
    Ok(rows
        .into_iter()
        .map(|row| {
            let key = match sort {
                Sort::Updated { .. } => SortKey::Time(row.updated_at),
                Sort::Name { .. } => SortKey::Text(row.name.clone()),
                Sort::Number { .. } => SortKey::Text(row.number.clone()),
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
) -> Result<Vec<(Customer, Position)>, StoreError> {
    let hits: Vec<(i16, String, Customer)> = Ranked {
        records: filtered(tx, filter).select(Customer::as_select()),
        target: Target::Customers,
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

/// The ids of some that match, in the order of ids, behind one: for what is done to many, step by step.
///
/// # Errors
/// Those of the database.
pub fn selected(tx: &mut Tx, filter: &Filter, after: Uuid, limit: i64) -> Result<Vec<Uuid>, StoreError> {
    let query = matching(tx, filter).filter(customers::id.gt(after)).order(customers::id).limit(limit);
    Ok(query.select(customers::id).load(tx.conn)?)
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
) -> Result<Vec<Customer>, StoreError> {
    let query = matching(tx, filter).filter(customers::id.gt(after)).order(customers::id).limit(limit);
    Ok(query.select(Customer::as_select()).load(tx.conn)?)
}

/// How many match, exactly.
///
/// # Errors
/// [`StoreError::Timeout`] when there are too many to count in time.
pub fn count(tx: &mut Tx, filter: &Filter) -> Result<i64, StoreError> {
    Ok(matching(tx, filter).count().get_result(tx.conn)?)
}

/// How many there are, deleted ones included.
///
/// # Errors
/// [`StoreError::Timeout`] when there are too many to count in time.
pub fn count_all(tx: &mut Tx) -> Result<i64, StoreError> {
    Ok(visible(tx).count().get_result(tx.conn)?)
}

/// How many match, as the planner believes from its statistics.
///
/// # Errors
/// Those of the database.
pub fn estimate(tx: &mut Tx, filter: &Filter) -> Result<i64, StoreError> {
    let query = matching(tx, filter).select(customers::id);
    crate::platform::explain::estimated_rows(tx, query)
}

/// The plan of the first page of a list, for the test that an index serves it.
///
/// # Errors
/// Those of the database.
pub fn explain(tx: &mut Tx, filter: &Filter, search: SearchQuery) -> Result<Value, StoreError> {
    let query = Ranked {
        records: filtered(tx, filter).select(Customer::as_select()),
        target: Target::Customers,
        search,
        tenant_id: tx.actor.tenant_id,
        after: None,
        limit: 51,
    };
    crate::platform::explain::plan(tx, query)
}

/// Gives the customers of an owner the department that the owner is in now, each with its own event.
///
/// # Errors
/// Those of the database.
pub fn follow_owner(tx: &mut Tx, owner_id: Uuid, department_id: Uuid) -> Result<(), StoreError> {
    prepared(
        "with old as (select id, department_id from customers where tenant_id = $1 and owner_id = $2 \
           and department_id <> $3 for update), \
         moved as (update customers c set department_id = $3, version = c.version + 1, updated_at = $4 from old \
           where c.tenant_id = $1 and c.id = old.id \
           returning c.id, c.version, old.department_id) \
         insert into events (tenant_id, at, xid, type, subject_type, subject_id, customer_id, actor_type, actor_id, \
           request_id, version, changes) \
         select $1, $4, pg_current_xact_id()::text::bigint, 'customer.updated', 'customer', id, id, $5, $6, $7, version, \
           jsonb_build_object('department_id', jsonb_build_object('from', department_id, 'to', $3)) from moved",
    )
    .bind::<SqlUuid, _>(tx.actor.tenant_id)
    .bind::<SqlUuid, _>(owner_id)
    .bind::<SqlUuid, _>(department_id)
    .bind::<Timestamptz, _>(tx.now)
    .bind::<Text, _>(tx.actor.principal_type())
    .bind::<Nullable<SqlUuid>, _>(tx.actor.principal_id())
    .bind::<Nullable<Text>, _>(tx.request_id.clone())
    .execute(tx.conn)?;
    Ok(())
}

/// Whether somebody owns live customers.
///
/// # Errors
/// Those of the database.
pub fn owned_by(tx: &mut Tx, owner_id: Uuid) -> Result<bool, StoreError> {
    let owned = customers::table
        .filter(customers::tenant_id.eq(tx.actor.tenant_id))
        .filter(customers::owner_id.eq(owner_id))
        .filter(customers::deleted_at.is_null());
    Ok(diesel::select(exists(owned)).get_result(tx.conn)?)
}

/// Some of the company's customers with a value of a custom field, by id, held for a change.
///
/// # Errors
/// Those of the database.
pub fn with_custom(tx: &mut Tx, key: &str, after: Uuid, limit: i64) -> Result<Vec<Customer>, StoreError> {
    use diesel::sql_types::{Bool, Text};
    let has =
        diesel::dsl::sql::<Bool>("jsonb_exists(customers.custom, ").bind::<Text, _>(key.to_owned()).sql(")");
    Ok(customers::table
        .filter(customers::tenant_id.eq(tx.actor.tenant_id))
        .filter(customers::id.gt(after))
        .filter(has)
        .order(customers::id)
        .limit(limit)
        .select(Customer::as_select())
        .for_update()
        .load(tx.conn)?)
}

/// Customers of the whole company that have one of these numbers, whether the actor sees them or not.
///
/// # Errors
/// Those of the database.
pub fn with_numbers(tx: &mut Tx, numbers: &[String]) -> Result<Vec<(String, Uuid)>, StoreError> {
    Ok(customers::table
        .filter(customers::tenant_id.eq(tx.actor.tenant_id))
        .filter(customers::number.eq_any(numbers.to_vec()))
        .select((customers::number, customers::id))
        .load(tx.conn)?)
}

/// Live customers of the whole company that have one of these credit codes, whether the actor sees them or not.
///
/// # Errors
/// Those of the database.
pub fn with_credit_codes(tx: &mut Tx, codes: &[String]) -> Result<Vec<(String, Uuid)>, StoreError> {
    let found: Vec<(Option<String>, Uuid)> = customers::table
        .filter(customers::tenant_id.eq(tx.actor.tenant_id))
        .filter(customers::credit_code.eq_any(codes.to_vec()))
        .filter(customers::deleted_at.is_null())
        .select((customers::credit_code, customers::id))
        .load(tx.conn)?;
    Ok(found.into_iter().filter_map(|(code, id)| Some((code?, id))).collect())
}

/// Customers of the whole company by id, deleted ones included, whether the actor sees them or not: to compare with.
///
/// # Errors
/// Those of the database.
pub fn of_company(tx: &mut Tx, ids: &[Uuid]) -> Result<Vec<Customer>, StoreError> {
    Ok(customers::table
        .filter(customers::tenant_id.eq(tx.actor.tenant_id))
        .filter(customers::id.eq_any(ids.to_vec()))
        .select(Customer::as_select())
        .load(tx.conn)?)
}
