//! Taking a handover back.

use std::sync::Arc;

use chrono::TimeDelta;
use fulcrum_domain::access::{Actor, DataScope, Permission};
use fulcrum_persistence::access::users;
use fulcrum_persistence::customers::customers;
use fulcrum_persistence::customers::handovers::{self as store, Handover, Item};
use fulcrum_persistence::{StoreError, Tx};
use serde::{Deserialize, Serialize};
use serde_json::json;
use uuid::Uuid;

use super::giving::refused;
use crate::customers::customers::input::CustomerInput;
use crate::customers::customers::service::Customers;
use crate::http::answer::Answer;
use crate::http::catalog::Code;
use crate::http::problem::Problem;
use crate::platform::jobs::{Context, Job, JobFailed};
use crate::platform::operations::service::begin;
use crate::platform::operations::{Step, in_steps};
use crate::records::{self, Resource, require};

/// How long a handover can be taken back.
const A_DAY: TimeDelta = TimeDelta::hours(24);

/// Gives customers back to who had them.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct GiveBack {
    id: Uuid,
}

impl Job for GiveBack {
    const KIND: &'static str = "customers.handover_undo";
}

/// Where the next step goes on.
#[derive(Default, Serialize, Deserialize)]
struct Behind {
    id: Uuid,
    returned: i64,
    kept: i64,
}

/// Customers in one transaction.
const STEP: i64 = 50;

/// Puts the job down.
///
/// # Errors
/// 404, 403 without the permission to give customers away, 409 when it is too late.
pub fn give_back(tx: &mut Tx, id: Uuid) -> Result<Answer, Problem> {
    require(&tx.actor, Permission::CustomersAssign)?;
    let handover = store::lock(tx, id)?;
    let whole = tx.actor.scope == DataScope::Tenant;
    let no = |reason: &str| Err(Problem::new(Code::HandoverStays).with("reason", reason));
    if !whole && handover.created_by_id != tx.actor.principal_id() {
        return no("not_yours");
    }
    let Some(finished_at) = handover.finished_at else {
        return no("not_finished");
    };
    if handover.undone_at.is_some() {
        return no("undone_already");
    }
    if tx.now - finished_at > A_DAY {
        return no("too_late");
    }
    store::replace(tx, &Handover { undone_at: Some(tx.now), ..handover })?;
    begin(tx, &GiveBack { id })
}

pub(crate) async fn run(context: Context, job: GiveBack) -> Result<(), JobFailed> {
    in_steps(&context, move |tx, behind| step(tx, job.id, behind.unwrap_or_default())).await
}

fn step(tx: &mut Tx, id: Uuid, mut behind: Behind) -> Result<Step<Behind>, JobFailed> {
    let handover = store::find(tx, id)?;
    // Who gave them away may not see them any more where they are now, and what is done here is no more than what was.
    let own = tx.actor.clone();
    tx.actor = Arc::new(Actor { scope: DataScope::Tenant, ..(*own).clone() });
    let items = store::items(tx, id, behind.id, STEP)?;
    for item in &items {
        if returned(tx, &handover, item)? {
            behind.returned += 1;
        } else {
            behind.kept += 1;
        }
    }
    tx.actor = own;
    let done = items.len() as i64;
    Ok(match items.last().filter(|_| done == STEP) {
        Some(last) => {
            behind.id = last.customer_id;
            Step::with_next(done, Some(handover.customer_count), behind)
        }
        None => {
            Step::last(done, json!({ "customers_returned": behind.returned, "customers_kept": behind.kept }))
        }
    })
}

/// Gives a customer back that is still with who got it, to an owner who is still there.
fn returned(tx: &mut Tx, handover: &Handover, item: &Item) -> Result<bool, JobFailed> {
    let row = match customers::lock(tx, item.customer_id) {
        Err(StoreError::NotFound) => return Ok(false),
        found => found?,
    };
    if row.deleted_at.is_some() || row.owner_id != Some(handover.to_owner_id) {
        return Ok(false);
    }
    let former = match item.from_owner_id {
        Some(id) => users::named(tx, &[id])?
            .pop()
            .filter(|user| user.deleted_at.is_none() && user.disabled_at.is_none()),
        None => None,
    };
    if item.from_owner_id.is_some() && former.is_none() {
        return Ok(false);
    }
    let input = CustomerInput { owner_id: item.from_owner_id, ..Customers::input_of(&row) };
    records::change_directly::<Customers>(tx, &row, input).map_err(refused)?;
    if let Some(former) = former {
        let (to, only) = ((former.id, former.department_id), Some(item.task_ids.as_slice()));
        store::give_tasks(tx, row.id, handover.to_owner_id, to, only)?;
    }
    Ok(true)
}
