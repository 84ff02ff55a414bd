//! Tasks: what somebody has to do.

use chrono::{DateTime, Utc};
use diesel::pg::Pg;
use diesel::prelude::*;
use diesel::query_builder::{AstPass, QueryFragment};
use diesel::sql_types::{Nullable, Timestamptz, Uuid as SqlUuid};
use serde_json::Value;
use uuid::Uuid;

use crate::access::scope::{self, Within, hand_written};
use crate::db::prepared;
use crate::paging::{PageRequest, Position, SortKey, keyset};
use crate::platform::{explain, external_ids};
use crate::schema::{task_reminders, tasks};
use crate::{Json, StoreError, Tx};

/// The word for tasks in events and external ids.
pub const SUBJECT: &str = "task";

/// A task.
#[derive(Clone, Debug, Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = tasks, treat_none_as_null = true)]
#[allow(missing_docs)]
pub struct Task {
    pub tenant_id: Uuid,
    pub id: Uuid,
    pub title: String,
    pub description: Option<String>,
    pub state: String,
    pub priority: String,
    pub due_at: Option<DateTime<Utc>>,
    pub time_zone: String,
    pub recurrence: Option<String>,
    pub series_id: Option<Uuid>,
    pub occurrence: Option<i32>,
    pub series_starts_at: Option<DateTime<Utc>>,
    pub scheduled_at: Option<DateTime<Utc>>,
    pub escalate_after_minutes: Option<i32>,
    pub escalate_at: Option<DateTime<Utc>>,
    pub escalated_at: Option<DateTime<Utc>>,
    pub customer_id: Option<Uuid>,
    pub contact_id: Option<Uuid>,
    /// `[{"text": …, "done": …}]`
    pub checklist: Json,
    pub external_ids: Json,
    pub assignee_id: Uuid,
    pub department_id: Uuid,
    pub created_by_type: String,
    pub created_by_id: Option<Uuid>,
    pub completed_at: Option<DateTime<Utc>>,
    pub completed_by_id: Option<Uuid>,
    pub version: i32,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
    pub deleted_at: Option<DateTime<Utc>>,
}

/// Which tasks; empty lists and `None` don't restrict.
#[derive(Clone, Debug, Default)]
#[allow(missing_docs)]
pub struct Filter {
    pub states: Vec<String>,
    pub priorities: Vec<String>,
    pub assignee_ids: Vec<Uuid>,
    pub created_by_ids: Vec<Uuid>,
    pub customer_ids: Vec<Uuid>,
    pub contact_ids: Vec<Uuid>,
    pub series_id: Option<Uuid>,
    pub external_ids: Vec<(String, String)>,
    pub due_from: Option<DateTime<Utc>>,
    pub due_to: Option<DateTime<Utc>>,
    pub updated_from: Option<DateTime<Utc>>,
    pub updated_to: Option<DateTime<Utc>>,
}

/// In which order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Sort {
    Due { descending: bool },
    Created { descending: bool },
    Updated { descending: bool },
}

/// Whether the actor may see a task outside of the scope of the company: it is theirs or of their people, they made it, or it belongs to a
/// customer that they see.
#[derive(Clone, Copy, Debug)]
struct Seen {
    own: Within,
    maker: Option<Uuid>,
    customers: Within,
}

hand_written!(Seen);

impl QueryFragment<Pg> for Seen {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        out.push_sql("(");
        self.own.walk_ast(out.reborrow())?;
        out.push_sql(" or tasks.created_by_id = ");
        out.push_bind_param::<Nullable<SqlUuid>, _>(&self.maker)?;
        // As `customers::visible` has it; asked of each task.
        out.push_sql(
            " or exists (select from customers where customers.tenant_id = tasks.tenant_id \
             and customers.id = tasks.customer_id and ",
        );
        self.customers.walk_ast(out.reborrow())?;
        out.push_sql(" offset 0))");
        Ok(())
    }
}

/// Whether a task is the actor's, of their people, or made by them.
#[derive(Clone, Copy, Debug)]
struct InReach {
    own: Within,
    maker: Option<Uuid>,
}

hand_written!(InReach);

impl QueryFragment<Pg> for InReach {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        out.push_sql("(");
        self.own.walk_ast(out.reborrow())?;
        out.push_sql(" or tasks.created_by_id = ");
        out.push_bind_param::<Nullable<SqlUuid>, _>(&self.maker)?;
        out.push_sql(")");
        Ok(())
    }
}

fn own(tx: &Tx) -> Option<Within> {
    scope::condition(tx, "tasks.assignee_id", "tasks.department_id")
}

fn visible<'a>(tx: &Tx) -> tasks::BoxedQuery<'a, Pg> {
    let query = tasks::table.filter(tasks::tenant_id.eq(tx.actor.tenant_id)).into_boxed();
    let customers = scope::condition(tx, "customers.owner_id", "customers.department_id");
    match own(tx).zip(customers) {
        Some((own, customers)) => query.filter(Seen { own, customers, maker: tx.actor.principal_id() }),
        None => query,
    }
}

/// Adds a task.
///
/// # Errors
/// [`StoreError::Unique`] when that occurrence of a series is there already.
pub fn insert(tx: &mut Tx, task: &Task, reminders: &[DateTime<Utc>]) -> Result<(), StoreError> {
    diesel::insert_into(tasks::table).values(task).execute(tx.conn)?;
    add_reminders(tx, task.id, reminders)
}

/// One task, deleted or not.
///
/// # Errors
/// [`StoreError::NotFound`] when there is none that the actor may see.
pub fn find(tx: &mut Tx, id: Uuid) -> Result<Task, StoreError> {
    Ok(visible(tx).filter(tasks::id.eq(id)).select(Task::as_select()).first(tx.conn)?)
}

/// Several tasks by id.
///
/// # Errors
/// Those of the database.
pub fn find_all(tx: &mut Tx, ids: &[Uuid]) -> Result<Vec<Task>, StoreError> {
    Ok(visible(tx).filter(tasks::id.eq_any(ids.to_vec())).select(Task::as_select()).load(tx.conn)?)
}

/// One task, held until the transaction ends.
///
/// # Errors
/// [`StoreError::NotFound`] when there is none that the actor may see.
pub fn lock(tx: &mut Tx, id: Uuid) -> Result<Task, StoreError> {
    find(tx, id)?;
    Ok(tasks::table.find((tx.actor.tenant_id, id)).select(Task::as_select()).for_update().first(tx.conn)?)
}

/// Whether a task is the actor's, of their people, or made by them: others see it with its customer, and change nothing.
///
/// # Errors
/// Those of the database.
pub fn is_in_reach(tx: &mut Tx, id: Uuid) -> Result<bool, StoreError> {
    let Some(own) = own(tx) else { return Ok(true) };
    let mine = InReach { own, maker: tx.actor.principal_id() };
    let one = tasks::table.find((tx.actor.tenant_id, id)).filter(mine).select(tasks::id);
    Ok(one.first::<Uuid>(tx.conn).optional()?.is_some())
}

/// Whether an occurrence of a series is there already, deleted or not, seen or not.
///
/// # Errors
/// Those of the database.
pub fn has_occurrence(tx: &mut Tx, series_id: Uuid, occurrence: i32) -> Result<bool, StoreError> {
    let one = tasks::table
        .filter(tasks::tenant_id.eq(tx.actor.tenant_id))
        .filter(tasks::series_id.eq(series_id))
        .filter(tasks::occurrence.eq(occurrence));
    Ok(diesel::select(diesel::dsl::exists(one)).get_result(tx.conn)?)
}

/// Stores a changed task.
///
/// # Errors
/// Those of the database.
pub fn replace(
    tx: &mut Tx,
    task: &Task,
    reminders_before: &[DateTime<Utc>],
    reminders_after: &[DateTime<Utc>],
) -> Result<(), StoreError> {
    diesel::update(tasks::table.find((tx.actor.tenant_id, task.id))).set(task).execute(tx.conn)?;
    let others = |some: &[DateTime<Utc>], than: &[DateTime<Utc>]| -> Vec<DateTime<Utc>> {
        some.iter().filter(|at| !than.contains(at)).copied().collect()
    };
    let gone = others(reminders_before, reminders_after);
    if !gone.is_empty() {
        let own = task_reminders::table
            .filter(task_reminders::tenant_id.eq(tx.actor.tenant_id))
            .filter(task_reminders::task_id.eq(task.id));
        diesel::delete(own.filter(task_reminders::at.eq_any(gone))).execute(tx.conn)?;
    }
    add_reminders(tx, task.id, &others(reminders_after, reminders_before))
}

fn add_reminders(tx: &mut Tx, task_id: Uuid, at: &[DateTime<Utc>]) -> Result<(), StoreError> {
    let rows: Vec<_> = at
        .iter()
        .map(|at| {
            (
                task_reminders::tenant_id.eq(tx.actor.tenant_id),
                task_reminders::task_id.eq(task_id),
                task_reminders::at.eq(*at),
            )
        })
        .collect();
    if !rows.is_empty() {
        diesel::insert_into(task_reminders::table).values(rows).execute(tx.conn)?;
    }
    Ok(())
}

/// The reminders of tasks that the actor was shown: task and time, in order.
///
/// # Errors
/// Those of the database.
pub fn reminders(tx: &mut Tx, ids: &[Uuid]) -> Result<Vec<(Uuid, DateTime<Utc>)>, StoreError> {
    Ok(task_reminders::table
        .filter(task_reminders::tenant_id.eq(tx.actor.tenant_id))
        .filter(task_reminders::task_id.eq_any(ids.to_vec()))
        .order((task_reminders::task_id, task_reminders::at))
        .select((task_reminders::task_id, task_reminders::at))
        .load(tx.conn)?)
}

/// Sets when who leads the assignee is told of the open tasks that go by what the company has.
///
/// # Errors
/// Those of the database.
pub fn escalate_after(tx: &mut Tx, minutes: i32) -> Result<(), StoreError> {
    prepared(
        "update tasks set escalate_at = due_at + make_interval(mins => $2) where tenant_id = $1 and state = 'open' \
         and deleted_at is null and escalated_at is null and escalate_after_minutes is null and due_at is not null",
    )
    .bind::<SqlUuid, _>(tx.actor.tenant_id)
    .bind::<diesel::sql_types::Integer, _>(minutes)
    .execute(tx.conn)?;
    Ok(())
}

/// Whether somebody has open tasks.
///
/// # Errors
/// Those of the database.
pub fn open_of(tx: &mut Tx, assignee_id: Uuid) -> Result<bool, StoreError> {
    let open = tasks::table
        .filter(tasks::tenant_id.eq(tx.actor.tenant_id))
        .filter(tasks::assignee_id.eq(assignee_id))
        .filter(tasks::state.eq("open"))
        .filter(tasks::deleted_at.is_null());
    Ok(diesel::select(diesel::dsl::exists(open)).get_result(tx.conn)?)
}

/// Gives the open tasks of somebody who moves their new department, each with a version and an event.
///
/// # Errors
/// Those of the database.
pub fn follow_assignee(tx: &mut Tx, assignee_id: Uuid, department_id: Uuid) -> Result<(), StoreError> {
    prepared(
        "with old as (select id, department_id from tasks where tenant_id = $1 and assignee_id = $2 \
           and state = 'open' and department_id <> $3 for update), \
         moved as (update tasks t set department_id = $3, version = t.version + 1, updated_at = $4 from old \
           where t.tenant_id = $1 and t.id = old.id returning t.id, t.customer_id, t.version, old.department_id) \
         insert into events (tenant_id, at, xid, type, subject_type, subject_id, customer_id, actor_type, actor_id, \
           request_id, version, changes) \
         select $1, $4, pg_current_xact_id()::text::bigint, 'task.updated', 'task', id, customer_id, $5, $6, $7, version, \
           jsonb_build_object('department_id', jsonb_build_object('from', department_id, 'to', $3)) from moved",
    )
    .bind::<SqlUuid, _>(tx.actor.tenant_id)
    .bind::<SqlUuid, _>(assignee_id)
    .bind::<SqlUuid, _>(department_id)
    .bind::<Timestamptz, _>(tx.now)
    .bind::<diesel::sql_types::Text, _>(tx.actor.principal_type())
    .bind::<Nullable<SqlUuid>, _>(tx.actor.principal_id())
    .bind::<Nullable<diesel::sql_types::Text>, _>(tx.request_id.clone())
    .execute(tx.conn)?;
    Ok(())
}

fn matching<'a>(tx: &Tx, filter: &Filter) -> tasks::BoxedQuery<'a, Pg> {
    let mut query = visible(tx).filter(tasks::deleted_at.is_null());
    if !filter.states.is_empty() {
        query = query.filter(tasks::state.eq_any(filter.states.clone()));
    }
    if !filter.priorities.is_empty() {
        query = query.filter(tasks::priority.eq_any(filter.priorities.clone()));
    }
    if !filter.assignee_ids.is_empty() {
        query = query.filter(tasks::assignee_id.eq_any(filter.assignee_ids.clone()));
    }
    if !filter.created_by_ids.is_empty() {
        query = query.filter(tasks::created_by_id.eq_any(filter.created_by_ids.clone()));
    }
    if !filter.customer_ids.is_empty() {
        query = query.filter(tasks::customer_id.eq_any(filter.customer_ids.clone()));
    }
    if !filter.contact_ids.is_empty() {
        query = query.filter(tasks::contact_id.eq_any(filter.contact_ids.clone()));
    }
    if let Some(series_id) = filter.series_id {
        query = query.filter(tasks::series_id.eq(series_id));
    }
    if !filter.external_ids.is_empty() {
        query = query.filter(tasks::id.eq_any(external_ids::subjects(tx, SUBJECT, &filter.external_ids)));
    }
    // By what the lists are in order of.
    if let Some(from) = filter.due_from {
        query = query.filter(tasks::due_order.ge(from)).filter(tasks::due_at.is_not_null());
    }
    if let Some(to) = filter.due_to {
        query = query.filter(tasks::due_order.le(to)).filter(tasks::due_at.is_not_null());
    }
    if let Some(from) = filter.updated_from {
        query = query.filter(tasks::updated_at.ge(from));
    }
    if let Some(to) = filter.updated_to {
        query = query.filter(tasks::updated_at.le(to));
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
) -> Result<Vec<(Task, Position)>, StoreError> {
    let query = matching(tx, filter);
    let query = match sort {
        Sort::Due { descending } => {
            keyset!(query, tasks::due_order, tasks::id, descending, page.after_time())
        }
        Sort::Created { descending } => {
            keyset!(query, tasks::created_at, tasks::id, descending, page.after_time())
        }
        Sort::Updated { descending } => {
            keyset!(query, tasks::updated_at, tasks::id, descending, page.after_time())
        }
    };
    let rows: Vec<(Task, DateTime<Utc>)> =
        query.limit(page.limit + 1).select((Task::as_select(), tasks::due_order)).load(tx.conn)?;
    let positioned = rows.into_iter().map(|(row, due_order)| {
        let time = match sort {
            Sort::Due { .. } => due_order,
            Sort::Created { .. } => row.created_at,
            Sort::Updated { .. } => row.updated_at,
        };
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
    let query = matching(tx, filter).select(tasks::id);
    explain::estimated_rows(tx, query)
}

/// How PostgreSQL would look for one task, and for the first page of a list: for the tests that hold it to its indexes.
///
/// # Errors
/// Those of the database.
pub fn explain(tx: &mut Tx, id: Uuid, filter: &Filter) -> Result<[Value; 2], StoreError> {
    let one = visible(tx).filter(tasks::id.eq(id)).select(Task::as_select()).limit(1);
    let page = matching(tx, filter).order((tasks::due_order.asc(), tasks::id.asc())).limit(51);
    Ok([explain::plan(tx, one)?, explain::plan(tx, page.select(Task::as_select()))?])
}
