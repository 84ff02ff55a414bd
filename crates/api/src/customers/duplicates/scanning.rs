//! Looking for duplicates in the whole book.

use fulcrum_domain::customers::duplicates::{WORTH_A_LOOK, assess};
use fulcrum_persistence::Tx;
use fulcrum_persistence::customers::customers as store;
use fulcrum_persistence::customers::duplicates::{self as pairs, Pair};
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;
use uuid::Uuid;

use super::flagging::{noted, pair};
use super::views::DuplicateOrigin;
use crate::http::answer::Answer;
use crate::http::body::Input;
use crate::http::problem::Problem;
use crate::platform::jobs::{Context, Job, JobFailed};
use crate::platform::operations::service::begin;
use crate::platform::operations::{Step, in_steps};

/// How duplicates are looked for.
#[derive(Clone, Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DuplicateScanRequest {
    /// Note pairs that are at least so likely, in percent.
    #[schema(minimum = 50, maximum = 100, default = 80, example = 80)]
    #[serde(default = "likely")]
    pub min_score: u8,
}

fn likely() -> u8 {
    fulcrum_domain::customers::duplicates::LIKELY
}

impl Input for DuplicateScanRequest {}

/// Compares the customers that who asked for it sees with all others.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Scan {
    request: DuplicateScanRequest,
}

impl Job for Scan {
    const KIND: &'static str = "customers.duplicate_scan";
}

/// Where the next step goes on.
#[derive(Serialize, Deserialize)]
struct Behind {
    id: Uuid,
    total: i64,
    noted: i64,
}

/// Customers in one transaction.
const STEP: i64 = 50;

/// Puts the job down.
///
/// # Errors
/// Those of the database.
pub fn scan(tx: &mut Tx, request: &DuplicateScanRequest) -> Result<Answer, Problem> {
    begin(tx, &Scan { request: request.clone() })
}

pub(crate) async fn run(context: Context, job: Scan) -> Result<(), JobFailed> {
    in_steps(&context, move |tx, behind| step(tx, &job.request, behind)).await
}

fn step(
    tx: &mut Tx,
    request: &DuplicateScanRequest,
    behind: Option<Behind>,
) -> Result<Step<Behind>, JobFailed> {
    let filter = store::Filter::default();
    let mut behind = match behind {
        Some(behind) => behind,
        None => Behind { id: Uuid::nil(), total: store::count(tx, &filter)?, noted: 0 },
    };
    let ids = store::selected(tx, &filter, behind.id, STEP)?;
    let mut found: Vec<Pair> = Vec::new();
    for (row, identity) in pairs::with_identities(tx, &ids)? {
        for (other, others) in pairs::candidates(tx, &identity, Some(row.id))? {
            let assessment = assess(&identity, &others);
            if assessment.score >= request.min_score.max(WORTH_A_LOOK) {
                found.push(pair(tx, &row, &other, &assessment, DuplicateOrigin::Scan));
            }
        }
    }
    // Two of one step find each other twice.
    found.sort_by_key(|pair| (pair.first_id, pair.second_id));
    found.dedup_by_key(|pair| (pair.first_id, pair.second_id));
    for some in found.chunks(500) {
        behind.noted += noted(tx, some)?.len() as i64;
    }
    let (done, total) = (ids.len() as i64, behind.total);
    Ok(match ids.last() {
        Some(last) if done == STEP => {
            behind.id = *last;
            Step::with_next(done, Some(total), behind)
        }
        _ => Step::last(done, json!({ "pairs_found": behind.noted })),
    })
}
