//! Deciding on pairs.

use std::collections::HashMap;

use fulcrum_domain::access::Permission;
use fulcrum_domain::values::text::clean_text;
use fulcrum_persistence::Tx;
use fulcrum_persistence::customers::customers;
use fulcrum_persistence::customers::duplicates::{self as store, Filter, Pair};
use serde_json::json;
use uuid::Uuid;

use super::views::{
    DuplicateInput, DuplicateList, DuplicateOrigin, DuplicateQuery, DuplicateState, DuplicateView,
};
use crate::App;
use crate::access::users::service::assignable;
use crate::customers::contacts::views::CustomerSummary;
use crate::http::catalog::{Code, FieldCode};
use crate::http::cursor::List;
use crate::http::problem::Problem;
use crate::records::{Resource, Stamp};

/// Pairs as records: they are noted, never created by callers.
pub enum Duplicates {}

impl Resource for Duplicates {
    type Row = (Pair, HashMap<Uuid, CustomerSummary>);
    type Input = DuplicateInput;
    type View = DuplicateView;
    const SUBJECT: &'static str = store::SUBJECT;
    const COLLECTION: &'static str = "duplicates";
    const DELETE: Permission = Permission::DuplicatesWrite;

    fn input_of((pair, _): &Self::Row) -> DuplicateInput {
        DuplicateInput {
            state: pair.state.parse().unwrap_or(DuplicateState::Open),
            assignee_id: pair.assignee_id,
            note: pair.note.clone(),
        }
    }

    fn view((pair, names): &Self::Row) -> DuplicateView {
        view(pair, names)
    }

    fn stamp((pair, _): &Self::Row) -> Stamp {
        Stamp { customer_id: Some(pair.first_id), ..Stamp::of(pair.id, pair.version, None) }
    }

    fn find(tx: &mut Tx, id: Uuid) -> Result<Self::Row, Problem> {
        let pair = store::find(tx, id)?;
        let names = names(tx, std::slice::from_ref(&pair))?;
        Ok((pair, names))
    }

    fn lock(tx: &mut Tx, id: Uuid) -> Result<Self::Row, Problem> {
        let pair = store::lock(tx, id)?;
        let names = names(tx, std::slice::from_ref(&pair))?;
        Ok((pair, names))
    }

    fn insert(_: &mut Tx, _: DuplicateInput) -> Result<Self::Row, Problem> {
        Err(Problem::new(Code::NoSuchPath))
    }

    fn change(tx: &mut Tx, before: &Self::Row, input: DuplicateInput) -> Result<Self::Row, Problem> {
        let (pair, names) = before;
        let was = Self::input_of(before);
        if input.state != was.state && [input.state, was.state].contains(&DuplicateState::Merged) {
            return Err(Problem::field("/state", FieldCode::ByMerging));
        }
        if let Some(assignee_id) = input.assignee_id.filter(|id| Some(*id) != pair.assignee_id) {
            assignable(tx, assignee_id, "/assignee_id")?;
        }
        let after = Pair {
            state: input.state.to_string(),
            assignee_id: input.assignee_id,
            note: input.note.map(|text| clean_text(&text)).filter(|text| !text.is_empty()),
            ..pair.clone()
        };
        if json!(was) == json!(Self::input_of(&(after.clone(), HashMap::new()))) {
            return Ok(before.clone());
        }
        let mut after = Pair { version: pair.version + 1, updated_at: tx.now, ..after };
        if input.state != was.state {
            decide(tx, &mut after, input.state);
        }
        store::replace(tx, &after)?;
        Ok((after, names.clone()))
    }

    fn set_deleted(_: &mut Tx, _: &Self::Row, _: bool) -> Result<Self::Row, Problem> {
        Err(Problem::new(Code::NoSuchPath))
    }
}

/// Notes who has decided what.
pub(crate) fn decide(tx: &Tx, pair: &mut Pair, state: DuplicateState) {
    let decided = state != DuplicateState::Open;
    pair.state = state.to_string();
    pair.decided_by_type = decided.then(|| tx.actor.principal_type().to_owned());
    pair.decided_by_id = tx.actor.principal_id().filter(|_| decided);
    pair.decided_at = decided.then_some(tx.now);
}

fn names(tx: &mut Tx, pairs: &[Pair]) -> Result<HashMap<Uuid, CustomerSummary>, Problem> {
    let rows = customers::find_all(tx, &store::customers_of(pairs))?;
    let summary = |row: customers::Customer| {
        (row.id, CustomerSummary { id: row.id, number: row.number, name: row.name })
    };
    Ok(rows.into_iter().map(summary).collect())
}

fn view(pair: &Pair, names: &HashMap<Uuid, CustomerSummary>) -> DuplicateView {
    let named = |id: Uuid| {
        names.get(&id).cloned().unwrap_or(CustomerSummary { id, number: String::new(), name: String::new() })
    };
    DuplicateView {
        id: pair.id,
        first: named(pair.first_id),
        second: named(pair.second_id),
        score: pair.score,
        reasons: pair.reasons.iter().filter_map(|reason| reason.parse().ok()).collect(),
        origin: pair.origin.parse().unwrap_or(DuplicateOrigin::Scan),
        state: pair.state.parse().unwrap_or(DuplicateState::Open),
        assignee_id: pair.assignee_id,
        note: pair.note.clone(),
        decided_by_type: pair.decided_by_type.clone(),
        decided_by_id: pair.decided_by_id,
        decided_at: pair.decided_at,
        version: pair.version,
        created_at: pair.created_at,
        updated_at: pair.updated_at,
    }
}

/// A page of pairs whose customers the actor sees both.
///
/// # Errors
/// 400 when the cursor is not one of this list.
pub fn list(tx: &mut Tx, app: &App, query: &DuplicateQuery) -> Result<DuplicateList, Problem> {
    let unpaged = DuplicateQuery { cursor: None, limit: 0, ..query.clone() };
    let list = List::of(tx.actor.tenant_id, Duplicates::COLLECTION, &unpaged);
    let page = list.page(&app.keys, query.cursor.as_deref(), query.limit)?;
    let filter = Filter {
        states: query.state.iter().map(ToString::to_string).collect(),
        assignee_ids: query.assignee_id.clone(),
        customer_ids: query.customer_id.clone(),
        min_score: query.score_gte,
    };
    let rows = store::list(tx, &filter, &page)?;
    let names = names(tx, &rows)?;
    let place = |row: &Pair| (row.created_at, row.id);
    let (data, next_cursor) = list.cut_created(&app.keys, rows, query.limit, place, |row| view(row, &names));
    Ok(DuplicateList { data, next_cursor, total_count: None })
}
