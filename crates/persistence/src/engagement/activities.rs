//! Activities: what people did, and on which records it shows.

use chrono::{DateTime, Utc};
use diesel::pg::Pg;
use diesel::prelude::*;
use diesel::query_builder::{AstPass, QueryFragment};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::access::scope::{self, Within, hand_written};
use crate::paging::{PageRequest, Position, SortKey, keyset};
use crate::platform::{explain, external_ids};
use crate::schema::{activities, activity_links};
use crate::{Json, StoreError, Tx};

/// The word for activities in events and external ids.
pub const SUBJECT: &str = "activity";

/// An activity.
#[derive(Clone, Debug, Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = activities, treat_none_as_null = true)]
#[allow(missing_docs)]
pub struct Activity {
    pub tenant_id: Uuid,
    pub id: Uuid,
    pub kind: String,
    pub direction: Option<String>,
    pub subject: String,
    pub body: Option<String>,
    pub outcome: Option<String>,
    pub started_at: DateTime<Utc>,
    pub duration_seconds: Option<i32>,
    /// `[{"type": …, "id": …, "name": …}]`
    pub participants: Json,
    /// `[{"kind": …, "text": …, "due_on": …, "done": …}]`
    pub items: Json,
    pub external_ids: Json,
    pub owner_id: Option<Uuid>,
    pub department_id: Uuid,
    pub version: i32,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
    pub deleted_at: Option<DateTime<Utc>>,
}

/// On which record an activity shows: one of the two.
#[derive(Clone, Debug, PartialEq, Queryable, Selectable)]
#[diesel(table_name = activity_links)]
#[allow(missing_docs)]
pub struct Link {
    pub activity_id: Uuid,
    pub customer_id: Option<Uuid>,
    pub contact_id: Option<Uuid>,
    pub created_at: DateTime<Utc>,
}

/// Which activities; empty lists and `None` don't restrict.
#[derive(Clone, Debug, Default)]
#[allow(missing_docs)]
pub struct Filter {
    pub kinds: Vec<String>,
    pub directions: Vec<String>,
    pub outcomes: Vec<String>,
    pub owner_ids: Vec<Uuid>,
    pub customer_ids: Vec<Uuid>,
    pub contact_ids: Vec<Uuid>,
    pub item_kinds: Vec<String>,
    /// With a promise that isn't kept yet.
    pub open_promises: bool,
    pub external_ids: Vec<(String, String)>,
    pub started_from: Option<DateTime<Utc>>,
    pub started_to: Option<DateTime<Utc>>,
    pub updated_from: Option<DateTime<Utc>>,
    pub updated_to: Option<DateTime<Utc>>,
}

/// In which order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Sort {
    Started { descending: bool },
    Updated { descending: bool },
}

/// Whether the actor may see an activity outside of the scope of the company: it is theirs or of their people, or it shows on a
/// customer that they see. Asked of each activity through the keys of what it shows on: as a set of all that can be seen, the planner
/// would make it before it looks at a single one.
#[derive(Clone, Copy, Debug)]
struct Seen {
    own: Within,
    customers: Within,
}

hand_written!(Seen);

impl QueryFragment<Pg> for Seen {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        out.push_sql("(");
        self.own.walk_ast(out.reborrow())?;
        // As `customers::visible` has it.
        out.push_sql(
            " or exists (select from activity_links join customers on customers.tenant_id = activity_links.tenant_id \
             and customers.id = activity_links.customer_id where activity_links.tenant_id = activities.tenant_id \
             and activity_links.activity_id = activities.id and ",
        );
        self.customers.walk_ast(out.reborrow())?;
        out.push_sql(" offset 0))");
        Ok(())
    }
}

/// Written out, because only a constant finds the index that has the same condition.
#[derive(Clone, Copy, Debug)]
struct OpenPromises;

hand_written!(OpenPromises);

impl QueryFragment<Pg> for OpenPromises {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        out.push_sql(r#"activities.items @> '[{"kind": "promise", "done": false}]'"#);
        Ok(())
    }
}

fn visible<'a>(tx: &Tx) -> activities::BoxedQuery<'a, Pg> {
    let query = activities::table.filter(activities::tenant_id.eq(tx.actor.tenant_id)).into_boxed();
    let own = scope::condition(tx, "activities.owner_id", "activities.department_id");
    let customers = scope::condition(tx, "customers.owner_id", "customers.department_id");
    match own.zip(customers) {
        Some((own, customers)) => query.filter(Seen { own, customers }),
        None => query,
    }
}

/// Adds an activity.
///
/// # Errors
/// Those of the database.
pub fn insert(tx: &mut Tx, activity: &Activity, links: &[Link]) -> Result<(), StoreError> {
    diesel::insert_into(activities::table).values(activity).execute(tx.conn)?;
    add_links(tx, activity, links)
}

/// One activity, deleted or not.
///
/// # Errors
/// [`StoreError::NotFound`] when there is none that the actor may see.
pub fn find(tx: &mut Tx, id: Uuid) -> Result<Activity, StoreError> {
    Ok(visible(tx).filter(activities::id.eq(id)).select(Activity::as_select()).first(tx.conn)?)
}

/// Several activities by id.
///
/// # Errors
/// Those of the database.
pub fn find_all(tx: &mut Tx, ids: &[Uuid]) -> Result<Vec<Activity>, StoreError> {
    Ok(visible(tx).filter(activities::id.eq_any(ids.to_vec())).select(Activity::as_select()).load(tx.conn)?)
}

/// One activity, held until the transaction ends.
///
/// # Errors
/// [`StoreError::NotFound`] when there is none that the actor may see.
pub fn lock(tx: &mut Tx, id: Uuid) -> Result<Activity, StoreError> {
    find(tx, id)?;
    Ok(activities::table
        .find((tx.actor.tenant_id, id))
        .select(Activity::as_select())
        .for_update()
        .first(tx.conn)?)
}

/// Whether an activity is the actor's or of their people: others see it with its customer, and change nothing.
///
/// # Errors
/// Those of the database.
pub fn is_in_reach(tx: &mut Tx, id: Uuid) -> Result<bool, StoreError> {
    let one = activities::table.find((tx.actor.tenant_id, id)).select(activities::id).into_boxed();
    let one = match scope::condition(tx, "activities.owner_id", "activities.department_id") {
        Some(condition) => one.filter(condition),
        None => return Ok(true),
    };
    Ok(one.first::<Uuid>(tx.conn).optional()?.is_some())
}

/// Stores a changed activity, with the records that it shows on.
///
/// # Errors
/// Those of the database.
pub fn replace(
    tx: &mut Tx,
    before: &Activity,
    after: &Activity,
    links_before: &[Link],
    links_after: &[Link],
) -> Result<(), StoreError> {
    diesel::update(activities::table.find((tx.actor.tenant_id, after.id))).set(after).execute(tx.conn)?;
    let own = activity_links::table
        .filter(activity_links::tenant_id.eq(tx.actor.tenant_id))
        .filter(activity_links::activity_id.eq(after.id));
    let gone: Vec<Uuid> = links_before
        .iter()
        .filter(|link| !links_after.contains(link))
        .filter_map(|link| link.customer_id.or(link.contact_id))
        .collect();
    if !gone.is_empty() {
        diesel::delete(own.filter(activity_links::subject_id.eq_any(gone))).execute(tx.conn)?;
    }
    if before.started_at != after.started_at {
        diesel::update(own).set(activity_links::started_at.eq(after.started_at)).execute(tx.conn)?;
    }
    let new: Vec<Link> = links_after.iter().filter(|link| !links_before.contains(link)).cloned().collect();
    add_links(tx, after, &new)
}

fn add_links(tx: &mut Tx, activity: &Activity, links: &[Link]) -> Result<(), StoreError> {
    let rows: Vec<_> = links
        .iter()
        .map(|link| {
            (
                activity_links::tenant_id.eq(activity.tenant_id),
                activity_links::activity_id.eq(activity.id),
                activity_links::customer_id.eq(link.customer_id),
                activity_links::contact_id.eq(link.contact_id),
                activity_links::started_at.eq(activity.started_at),
                activity_links::created_at.eq(link.created_at),
            )
        })
        .collect();
    if !rows.is_empty() {
        diesel::insert_into(activity_links::table).values(rows).execute(tx.conn)?;
    }
    Ok(())
}

/// All links of activities, the first ones first, also those to records that the actor doesn't see.
///
/// # Errors
/// Those of the database.
pub fn links(tx: &mut Tx, ids: &[Uuid]) -> Result<Vec<Link>, StoreError> {
    Ok(activity_links::table
        .filter(activity_links::tenant_id.eq(tx.actor.tenant_id))
        .filter(activity_links::activity_id.eq_any(ids.to_vec()))
        .order((
            activity_links::created_at,
            activity_links::customer_id.is_null(),
            activity_links::subject_id,
        ))
        .select(Link::as_select())
        .load(tx.conn)?)
}

fn matching<'a>(tx: &Tx, filter: &Filter) -> activities::BoxedQuery<'a, Pg> {
    let mut query = visible(tx).filter(activities::deleted_at.is_null());
    if !filter.kinds.is_empty() {
        query = query.filter(activities::kind.eq_any(filter.kinds.clone()));
    }
    if !filter.directions.is_empty() {
        query = query.filter(activities::direction.eq_any(filter.directions.clone()));
    }
    if !filter.outcomes.is_empty() {
        query = query.filter(activities::outcome.eq_any(filter.outcomes.clone()));
    }
    if !filter.owner_ids.is_empty() {
        query = query.filter(activities::owner_id.eq_any(filter.owner_ids.clone()));
    }
    let links = activity_links::table.filter(activity_links::tenant_id.eq(tx.actor.tenant_id));
    if !filter.customer_ids.is_empty() {
        let of = links.filter(activity_links::customer_id.eq_any(filter.customer_ids.clone()));
        query = query.filter(activities::id.eq_any(of.select(activity_links::activity_id)));
    }
    if !filter.contact_ids.is_empty() {
        let of = links.filter(activity_links::contact_id.eq_any(filter.contact_ids.clone()));
        query = query.filter(activities::id.eq_any(of.select(activity_links::activity_id)));
    }
    if !filter.item_kinds.is_empty() {
        let wanted = |kind: &String| activities::items.contains(json!([{ "kind": kind }]));
        let (first, others) = filter.item_kinds.split_at(1);
        let none: Box<dyn BoxableExpression<activities::table, Pg, SqlType = diesel::sql_types::Bool>> =
            Box::new(wanted(&first[0]));
        let any = others.iter().fold(none, |any, kind| Box::new(any.or(wanted(kind))));
        query = query.filter(any);
    }
    if filter.open_promises {
        query = query.filter(OpenPromises);
    }
    if !filter.external_ids.is_empty() {
        query =
            query.filter(activities::id.eq_any(external_ids::subjects(tx, SUBJECT, &filter.external_ids)));
    }
    if let Some(from) = filter.started_from {
        query = query.filter(activities::started_at.ge(from));
    }
    if let Some(to) = filter.started_to {
        query = query.filter(activities::started_at.le(to));
    }
    if let Some(from) = filter.updated_from {
        query = query.filter(activities::updated_at.ge(from));
    }
    if let Some(to) = filter.updated_to {
        query = query.filter(activities::updated_at.le(to));
    }
    query
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
) -> Result<Vec<(Activity, Position)>, StoreError> {
    let query = matching(tx, filter);
    let query = match sort {
        Sort::Started { descending } => {
            keyset!(query, activities::started_at, activities::id, descending, page.after_time())
        }
        Sort::Updated { descending } => {
            keyset!(query, activities::updated_at, activities::id, descending, page.after_time())
        }
    };
    let rows: Vec<Activity> = query.limit(page.limit + 1).select(Activity::as_select()).load(tx.conn)?;
    let positioned = rows.into_iter().map(|row| {
        let time = if matches!(sort, Sort::Started { .. }) { row.started_at } else { row.updated_at };
        let position = Position { key: SortKey::Time(time), id: row.id };
        (row, position)
    });
    Ok(positioned.collect())
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
    let query = matching(tx, filter).select(activities::id);
    explain::estimated_rows(tx, query)
}

/// How PostgreSQL would look for one activity, and for the first page of a list: for the tests that hold it to its indexes.
///
/// # Errors
/// Those of the database.
pub fn explain(tx: &mut Tx, id: Uuid, filter: &Filter) -> Result<[Value; 2], StoreError> {
    let one = visible(tx).filter(activities::id.eq(id)).select(Activity::as_select()).limit(1);
    let page = matching(tx, filter).order((activities::started_at.desc(), activities::id.desc())).limit(51);
    Ok([explain::plan(tx, one)?, explain::plan(tx, page.select(Activity::as_select()))?])
}

/// The live activities that show on a customer, the last ones first, behind a position. Who sees the customer sees them.
///
/// # Errors
/// Those of the database.
pub fn of_customer(
    tx: &mut Tx,
    customer_id: Uuid,
    kinds: &[String],
    times: (Option<DateTime<Utc>>, Option<DateTime<Utc>>),
    after: Option<(DateTime<Utc>, Uuid)>,
    limit: i64,
) -> Result<Vec<Activity>, StoreError> {
    let own_key = activities::tenant_id
        .eq(activity_links::tenant_id)
        .and(activities::id.eq(activity_links::activity_id));
    let mut query = activity_links::table
        .inner_join(activities::table.on(own_key))
        .filter(activity_links::tenant_id.eq(tx.actor.tenant_id))
        .filter(activity_links::customer_id.eq(customer_id))
        .filter(activities::deleted_at.is_null())
        .filter(activities::kind.eq_any(kinds.to_vec()))
        .into_boxed();
    if let Some(from) = times.0 {
        query = query.filter(activity_links::started_at.ge(from));
    }
    if let Some(to) = times.1 {
        query = query.filter(activity_links::started_at.le(to));
    }
    let query = keyset!(query, activity_links::started_at, activity_links::activity_id, true, after);
    Ok(query.limit(limit).select(Activity::as_select()).load(tx.conn)?)
}
