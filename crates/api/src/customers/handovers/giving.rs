//! Giving customers to another owner, step by step.

use fulcrum_domain::access::Permission;
use fulcrum_domain::platform::notifications::Content;
use fulcrum_domain::values::text::clean_text;
use fulcrum_persistence::access::users;
use fulcrum_persistence::customers::customers::{self, Customer};
use fulcrum_persistence::customers::handovers::{self as store, Handover, Item};
use fulcrum_persistence::{Json, Tx};
use serde::{Deserialize, Serialize};
use serde_json::json;
use uuid::Uuid;

use super::views::{HandoverRequest, HandoverSummary};
use crate::access::users::service::assignable;
use crate::customers::customers::input::CustomerInput;
use crate::customers::customers::service::Customers;
use crate::http::answer::Answer;
use crate::http::problem::Problem;
use crate::platform::jobs::{Context, Job, JobFailed};
use crate::platform::notifications::{NewNotification, notify};
use crate::platform::operations::service::begin;
use crate::platform::operations::{Step, in_steps};
use crate::records::{self, Resource, require};

/// Gives customers to somebody, in the name of who asked for it.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct GiveOver {
    id: Uuid,
    request: HandoverRequest,
}

impl Job for GiveOver {
    const KIND: &'static str = "customers.handover";
}

/// Where the next step goes on.
#[derive(Serialize, Deserialize)]
struct Behind {
    id: Uuid,
    total: i64,
    percents: i64,
}

/// Customers in one transaction.
const STEP: i64 = 50;

/// Puts the job down.
///
/// # Errors
/// 403 without the permission to give customers away, 422 for who can't get any and for a condition that can't be asked.
pub fn give_over(tx: &mut Tx, request: &HandoverRequest) -> Result<Answer, Problem> {
    require(&tx.actor, Permission::CustomersAssign)?;
    request.customers.filter(tx, "/customers")?;
    assignable(tx, request.to_owner_id, "/to_owner_id")?;
    let handover = Handover {
        tenant_id: tx.actor.tenant_id,
        id: Uuid::now_v7(),
        to_owner_id: request.to_owner_id,
        with_tasks: request.with_tasks,
        note: request.note.as_deref().map(clean_text).filter(|text| !text.is_empty()),
        customer_count: 0,
        task_count: 0,
        summary: Json::of(&HandoverSummary::default()),
        created_by_type: tx.actor.principal_type().to_owned(),
        created_by_id: tx.actor.principal_id(),
        created_at: tx.now,
        finished_at: None,
        undone_at: None,
    };
    store::insert(tx, &handover)?;
    begin(tx, &GiveOver { id: handover.id, request: request.clone() })
}

pub(crate) async fn run(context: Context, job: GiveOver) -> Result<(), JobFailed> {
    in_steps(&context, move |tx, behind| step(tx, &job, behind)).await
}

/// What a rule said: it would say so again.
pub(super) fn refused(problem: Problem) -> JobFailed {
    JobFailed::for_good(problem.to_string())
}

fn step(tx: &mut Tx, job: &GiveOver, behind: Option<Behind>) -> Result<Step<Behind>, JobFailed> {
    let mut filter = job.request.customers.filter(tx, "/customers").map_err(refused)?;
    filter.but_owner = Some(job.request.to_owner_id);
    let mut behind = match behind {
        Some(behind) => behind,
        None => Behind { id: Uuid::nil(), total: customers::count(tx, &filter)?, percents: 0 },
    };
    let mut handover = store::lock(tx, job.id)?;
    let mut summary: HandoverSummary = handover.summary.read().unwrap_or_default();
    let ids = customers::selected(tx, &filter, behind.id, STEP)?;
    let mut items = Vec::new();
    for id in &ids {
        let row = customers::lock(tx, *id)?;
        // Somebody else was faster.
        if row.deleted_at.is_some() || row.owner_id == Some(handover.to_owner_id) {
            continue;
        }
        count(&mut summary, &row);
        behind.percents += i64::from(row.completeness);
        let (tasks, overdue) = give(tx, &row, handover.to_owner_id, handover.with_tasks)?;
        summary.overdue_tasks += overdue;
        handover.customer_count += 1;
        handover.task_count += tasks.len() as i64;
        items.push(Item {
            tenant_id: tx.actor.tenant_id,
            handover_id: handover.id,
            customer_id: row.id,
            from_owner_id: row.owner_id,
            task_ids: tasks,
        });
    }
    store::add_items(tx, &items)?;
    summary.completeness_percent = behind.percents / handover.customer_count.max(1);
    handover.summary = Json::of(&summary);
    let (done, total) = (ids.len() as i64, behind.total);
    let more = done == STEP;
    if !more {
        handover.finished_at = Some(tx.now);
        tell_receiver(tx, &handover)?;
    }
    store::replace(tx, &handover)?;
    Ok(match ids.last().filter(|_| more) {
        Some(last) => {
            behind.id = *last;
            Step::with_next(done, Some(total), behind)
        }
        None => Step::last(
            done,
            json!({ "handover_id": handover.id, "customers": handover.customer_count, "tasks": handover.task_count }),
        ),
    })
}

/// Gives one customer to somebody, with the open tasks about it of who had it.
fn give(tx: &mut Tx, row: &Customer, to: Uuid, with_tasks: bool) -> Result<(Vec<Uuid>, i64), JobFailed> {
    let input = CustomerInput { owner_id: Some(to), ..Customers::input_of(row) };
    records::change_directly::<Customers>(tx, row, input).map_err(refused)?;
    let Some(from) = row.owner_id.filter(|_| with_tasks) else { return Ok((vec![], 0)) };
    let receiver = users::named(tx, &[to])?.pop();
    let receiver = receiver.ok_or_else(|| JobFailed::for_good("who was to get the customers has gone"))?;
    Ok(store::give_tasks(tx, row.id, from, (to, receiver.department_id), None)?)
}

fn count(summary: &mut HandoverSummary, row: &Customer) {
    match row.grade.as_deref() {
        Some("A") => summary.grade_a += 1,
        Some("B") => summary.grade_b += 1,
        Some("C") => summary.grade_c += 1,
        _ => {}
    }
    summary.vip += i64::from(row.vip);
}

fn tell_receiver(tx: &mut Tx, handover: &Handover) -> Result<(), JobFailed> {
    if handover.customer_count == 0 {
        return Ok(());
    }
    let by = match tx.actor.user_id() {
        Some(id) => users::named(tx, &[id])?.pop().map(|user| user.name),
        None => None,
    };
    let content = Content::CustomersHandedOver {
        by,
        customers: handover.customer_count,
        tasks: handover.task_count,
        note: handover.note.clone(),
    };
    let key = format!("customers_handed_over/{}", handover.id);
    let user_id = handover.to_owner_id;
    notify(tx, &NewNotification { user_id, content, key, subject: None, customer_id: None })?;
    Ok(())
}
