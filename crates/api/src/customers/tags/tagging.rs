//! Giving tags to many customers, and taking them away.

use fulcrum_persistence::Tx;
use fulcrum_persistence::customers::customers as store;
use serde::{Deserialize, Serialize};
use serde_json::json;
use uuid::Uuid;

use super::views::TaggingRequest;
use crate::customers::customers::input::{CustomerInput, Tag};
use crate::customers::customers::service::Customers;
use crate::http::answer::Answer;
use crate::http::problem::Problem;
use crate::platform::jobs::{Context, Job, JobFailed};
use crate::platform::operations::service::begin;
use crate::platform::operations::{Step, in_steps};
use crate::records::{self, Resource};

/// Tags many customers, in the name of who asked for it.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct TagMany {
    request: TaggingRequest,
}

impl Job for TagMany {
    const KIND: &'static str = "customers.tagging";
}

/// Where the next step goes on.
#[derive(Serialize, Deserialize)]
struct Behind {
    id: Uuid,
    total: i64,
    changed: i64,
}

/// Customers in one transaction.
const STEP: i64 = 100;

/// Puts the job down.
///
/// # Errors
/// 422 for a condition that can't be asked.
pub fn tag_many(tx: &mut Tx, request: &TaggingRequest) -> Result<Answer, Problem> {
    request.customers.filter(tx, "/customers")?;
    begin(tx, &TagMany { request: request.clone() })
}

pub(crate) async fn run(context: Context, job: TagMany) -> Result<(), JobFailed> {
    in_steps(&context, move |tx, behind| step(tx, &job.request, behind)).await
}

fn step(tx: &mut Tx, request: &TaggingRequest, behind: Option<Behind>) -> Result<Step<Behind>, JobFailed> {
    let filter = request.customers.filter(tx, "/customers");
    let filter = filter.map_err(|problem| JobFailed::for_good(problem.to_string()))?;
    let mut behind = match behind {
        Some(behind) => behind,
        None => Behind { id: Uuid::nil(), total: store::count(tx, &filter)?, changed: 0 },
    };
    let ids = store::selected(tx, &filter, behind.id, STEP)?;
    for id in &ids {
        let changed = retagged(tx, *id, |tags| {
            let gone = |tag: &Tag| request.remove.iter().any(|other| same(other, tag));
            let mut kept: Vec<Tag> = tags.into_iter().filter(|tag| !gone(tag)).collect();
            for tag in &request.add {
                if !kept.iter().any(|other| same(other, tag)) && kept.len() < 50 {
                    kept.push(tag.clone());
                }
            }
            kept
        });
        behind.changed += i64::from(changed.map_err(|problem| JobFailed::for_now(problem.to_string()))?);
    }
    let (done, total) = (ids.len() as i64, behind.total);
    Ok(match ids.last() {
        Some(last) if done == STEP => {
            behind.id = *last;
            Step::with_next(done, Some(total), behind)
        }
        _ => Step::last(done, json!({ "customers_changed": behind.changed })),
    })
}

fn same(one: &Tag, other: &Tag) -> bool {
    one.0.to_lowercase() == other.0.to_lowercase()
}

/// Gives a customer other tags, with a version and an event of its own; returns whether anything changed.
///
/// # Errors
/// 404, and those of the database.
pub(super) fn retagged(
    tx: &mut Tx,
    id: Uuid,
    change: impl Fn(Vec<Tag>) -> Vec<Tag>,
) -> Result<bool, Problem> {
    let before = store::lock(tx, id)?;
    if before.deleted_at.is_some() {
        return Ok(false);
    }
    let input = Customers::input_of(&before);
    let tags = change(input.tags.clone());
    if json!(tags) == json!(input.tags) {
        return Ok(false);
    }
    records::change_directly::<Customers>(tx, &before, CustomerInput { tags, ..input })?;
    Ok(true)
}
