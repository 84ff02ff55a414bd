//! Many records in one request, and upserts by the ids of other systems: the same for every resource.

use std::collections::BTreeSet;

use fulcrum_persistence::Tx;
use fulcrum_persistence::platform::external_ids::{self, ExternalId};
use serde::{Deserialize, Serialize};
use serde_json::value::{RawValue, to_raw_value};
use serde_json::{Value, json};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::http::allowed::Call;
use crate::http::answer::Answer;
use crate::http::body::{Input, judge};
use crate::http::catalog::{Code, FieldCode};
use crate::http::contract::Contract;
use crate::http::precondition::IfMatch;
use crate::http::problem::{FieldError, Problem};
use crate::http::wire::ExternalIdView;
use crate::records::{self, Resource, Upsert, require};

/// What to do with an item.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum BatchAction {
    /// Create a record from `data`.
    Create,
    /// Change the record `id` by the merge patch `data`.
    Update,
    /// Create or change the record that another system knows as `external_id`.
    Upsert,
    /// Delete the record `id`.
    Delete,
    /// Restore the record `id`.
    Restore,
}

/// One thing to do.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct BatchItem {
    /// What to do.
    pub action: BatchAction,
    /// Which record, for update, delete and restore.
    #[serde(default)]
    pub id: Option<Uuid>,
    /// Which record in another system, for upsert.
    #[serde(default)]
    pub external_id: Option<ExternalIdView>,
    /// The version that the caller has seen, for update, upsert, delete and restore.
    #[schema(minimum = 1, maximum = 2147483647)]
    #[serde(default)]
    pub version: Option<i32>,
    /// The body, for create, update and upsert: what the operations for one record take.
    #[schema(value_type = Option<Object>, example = json!({"kind": "company", "name": "杭州科创信息技术有限公司"}))]
    #[serde(default)]
    pub data: Option<Value>,
}

/// Things to do.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Batch {
    /// All or nothing.
    #[serde(default)]
    pub atomic: bool,
    /// At most 200.
    #[schema(min_items = 1, max_items = 200)]
    pub items: Vec<BatchItem>,
}

impl Input for Batch {
    fn check(body: &Value, _: &str) -> Vec<FieldError> {
        let mut errors = Vec::new();
        for (index, item) in body["items"].as_array().into_iter().flatten().enumerate() {
            let needed: &[&str] = match item["action"].as_str() {
                Some("create") => &["data"],
                Some("update") => &["id", "data"],
                Some("upsert") => &["external_id", "data"],
                Some("delete" | "restore") => &["id"],
                _ => &[],
            };
            for name in needed.iter().filter(|name| item[**name].is_null()) {
                errors.push(FieldError::new(format!("/items/{index}/{name}"), FieldCode::Required));
            }
        }
        errors
    }
}

/// What became of an item.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct BatchItemResult {
    /// Place of the item in the request, from 0.
    #[schema(minimum = 0, maximum = 199, example = 0)]
    pub index: usize,
    /// The status that the item would have had on its own.
    #[schema(minimum = 200, maximum = 599, example = 201)]
    pub status: u16,
    /// Id of the record, where there is one.
    #[schema(required)]
    pub id: Option<Uuid>,
    /// Version of the record now.
    #[schema(required, example = 1)]
    pub version: Option<i32>,
    /// The record as it is now, after create, update, upsert and restore.
    #[schema(required, value_type = Option<Object>, example = json!({"name": "杭州科创信息技术有限公司"}))]
    pub record: Option<Box<RawValue>>,
    /// Why it was not done.
    #[schema(required, value_type = Option<crate::http::problem::ProblemDocument>)]
    pub problem: Option<Value>,
}

/// What became of each item, in order.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct BatchResult {
    /// Whether everything was done.
    pub complete: bool,
    /// A result for each item.
    #[schema(max_items = 200)]
    pub results: Vec<BatchItemResult>,
}

/// The record is text already: 200 of them as trees would be the most memory that a request takes.
type Done = (u16, Uuid, Option<i32>, Option<Box<RawValue>>);

/// Does the items of a batch in one transaction. An item that fails is taken back on its own; with `atomic`,
/// everything is.
///
/// # Errors
/// What concerns the whole request.
pub async fn run<R: Resource>(call: &Call, batch: Batch) -> Result<Answer, Problem> {
    let (app, context) = (call.app.clone(), call.context.clone());
    call.write(move |tx| {
        let mut outcomes: Vec<Result<Done, Problem>> = Vec::new();
        let whole = tx.part(|tx| {
            hold_in_order::<R>(tx, &batch)?;
            for item in &batch.items {
                let outcome = tx.part(|tx| one::<R>(tx, &app.contract, item));
                if let Err(problem) = &outcome
                    && problem.status().is_server_error()
                {
                    return Err(Stop::Failed(problem.clone()));
                }
                let failed = outcome.is_err();
                outcomes.push(outcome);
                if failed && batch.atomic {
                    return Err(Stop::TakenBack);
                }
            }
            Ok(())
        });
        if let Err(Stop::Failed(problem)) = whole {
            return Err(problem);
        }
        if whole.is_err() {
            let failed = outcomes.len() - 1;
            let not_done = || Err(Problem::new(Code::NotApplied));
            outcomes[..failed].fill_with(not_done);
            outcomes.resize_with(batch.items.len(), not_done);
        }
        let locale = context.reader_locale();
        let results: Vec<_> = outcomes
            .into_iter()
            .enumerate()
            .map(|(index, outcome)| match outcome {
                Ok((status, id, version, record)) => {
                    BatchItemResult { index, status, id: Some(id), version, record, problem: None }
                }
                Err(problem) => BatchItemResult {
                    index,
                    status: problem.status().as_u16(),
                    id: batch.items[index].id,
                    version: None,
                    record: None,
                    problem: Some(problem.body(locale, &context.path, &context.request_id)),
                },
            })
            .collect();
        let complete = results.iter().all(|result| result.problem.is_none());
        Answer::with_status(207, &BatchResult { complete, results })
    })
    .await
}

/// Takes the locks that the items will need in one order for everybody: two batches over the same records, in
/// whatever order they name them, come one after the other and don't wait for each other in a circle.
fn hold_in_order<R: Resource>(tx: &mut Tx, batch: &Batch) -> Result<(), Stop> {
    let externals: BTreeSet<ExternalId> =
        batch.items.iter().filter_map(|item| item.external_id.clone()).map(ExternalId::from).collect();
    for external_id in &externals {
        external_ids::lock(tx, R::SUBJECT, external_id)?;
    }
    let ids: BTreeSet<Uuid> = batch.items.iter().filter_map(|item| item.id).collect();
    for id in ids {
        match R::lock(tx, id) {
            // What isn't there is said where it is asked for.
            Err(problem) if problem.status().is_server_error() => return Err(Stop::Failed(problem)),
            _ => {}
        }
    }
    Ok(())
}

/// Why the items of a batch don't go on.
enum Stop {
    TakenBack,
    Failed(Problem),
}

impl From<fulcrum_persistence::StoreError> for Stop {
    fn from(error: fulcrum_persistence::StoreError) -> Self {
        Stop::Failed(error.into())
    }
}

fn one<R: Resource>(tx: &mut Tx, contract: &Contract, item: &BatchItem) -> Result<Done, Problem> {
    let if_match = IfMatch::version(item.version);
    let data = item.data.as_ref().unwrap_or(&Value::Null);
    // The judge of the batch has seen that these are there.
    let id = item.id.unwrap_or_default();
    let shown = |status: u16, row: &R::Row| {
        let stamp = R::stamp(row);
        let record = to_raw_value(&R::view(row)).map_err(|_| Problem::new(Code::Internal))?;
        Ok((status, stamp.id, Some(stamp.version), Some(record)))
    };
    match item.action {
        BatchAction::Create => {
            let input = judge::<R::Input>(contract, &tx.actor.region.clone(), data)?;
            shown(201, &records::create::<R>(tx, input)?)
        }
        BatchAction::Update => shown(200, &records::update::<R>(tx, contract, id, &if_match, data)?),
        BatchAction::Upsert => {
            let Some(external_id) = item.external_id.clone() else {
                return Err(Problem::new(Code::Internal));
            };
            let wanted = Upsert {
                external_id: external_id.into(),
                create_only: false,
                if_match: &if_match,
                body: data,
            };
            let (row, created) = records::upsert::<R>(tx, contract, &wanted)?;
            shown(if created { 201 } else { 200 }, &row)
        }
        BatchAction::Delete => {
            require(&tx.actor, R::DELETE)?;
            records::delete::<R>(tx, id, &if_match)?;
            Ok((204, id, None, None))
        }
        BatchAction::Restore => {
            require(&tx.actor, R::DELETE)?;
            shown(200, &records::restore::<R>(tx, id, &if_match)?)
        }
    }
}

/// Creates or changes the one record that another system knows by an id.
///
/// # Errors
/// As for [`records::upsert`].
pub async fn upsert_one<R: Resource>(
    call: &Call,
    path: (String, String),
    body: Value,
) -> Result<Answer, Problem> {
    let (app, if_match) = (call.app.clone(), IfMatch::of(&call.context)?);
    let create_only = match call.context.if_none_match.as_deref().map(str::trim) {
        None => false,
        Some("*") => true,
        Some(_) => {
            let problem = Problem::new(Code::InvalidHeader);
            return Err(problem.with("header", "If-None-Match").with("reason", "expected *"));
        }
    };
    let external_id = ExternalId { system: path.0, external_id: path.1 };
    let view = json!(external_id);
    let wrong = app.contract.errors("ExternalId", &view);
    if !wrong.is_empty() {
        return Err(Problem::invalid(wrong));
    }
    call.write(move |tx| {
        let wanted =
            Upsert { external_id: external_id.clone(), create_only, if_match: &if_match, body: &body };
        match records::upsert::<R>(tx, &app.contract, &wanted)? {
            (row, true) => records::created::<R>(&row),
            (row, false) => records::shown::<R>(&row),
        }
    })
    .await
}
