//! Pairs that are noted for somebody to decide.

use fulcrum_domain::customers::duplicates::Assessment;
use fulcrum_persistence::customers::contacts;
use fulcrum_persistence::customers::customers::Customer;
use fulcrum_persistence::customers::duplicates::{self as store, Pair};
use fulcrum_persistence::{StoreError, Tx};
use uuid::Uuid;

use super::checking::alike;
use super::views::{DuplicateOrigin, DuplicateState};
use crate::http::problem::Problem;

/// Notes that a customer that was just written is likely to be another one, too.
///
/// # Errors
/// Those of the database.
pub(crate) fn flag(tx: &mut Tx, row: &Customer, origin: DuplicateOrigin) -> Result<i64, Problem> {
    let people = match row.version {
        // A new one has none.
        1 => vec![],
        _ => contacts::of_customers(tx, &[row.id], 50)?,
    };
    let identity = store::with_contacts(store::identity_of(row), people.iter());
    let found = alike(tx, &identity, Some(row.id))?;
    let pairs: Vec<Pair> = found
        .iter()
        .filter(|(_, assessment)| assessment.is_likely())
        .take(20)
        .map(|(other, assessment)| pair(tx, row, other, assessment, origin))
        .collect();
    Ok(noted(tx, &pairs)?.len() as i64)
}

/// Two customers to be looked at. Who has the one that was there first is to decide.
pub(crate) fn pair(
    tx: &Tx,
    one: &Customer,
    other: &Customer,
    assessment: &Assessment,
    origin: DuplicateOrigin,
) -> Pair {
    let (first_id, second_id) = store::in_order(one.id, other.id);
    let (first, second) = if one.id == first_id { (one, other) } else { (other, one) };
    Pair {
        tenant_id: tx.actor.tenant_id,
        id: Uuid::now_v7(),
        first_id,
        second_id,
        score: i16::from(assessment.score),
        reasons: assessment.reasons.iter().map(ToString::to_string).collect(),
        origin: origin.to_string(),
        state: DuplicateState::Open.to_string(),
        assignee_id: first.owner_id.or(second.owner_id),
        note: None,
        decided_by_type: None,
        decided_by_id: None,
        decided_at: None,
        version: 1,
        created_at: tx.now,
        updated_at: tx.now,
    }
}

/// Stores pairs that aren't known yet.
pub(crate) fn noted(tx: &mut Tx, pairs: &[Pair]) -> Result<Vec<Pair>, StoreError> {
    store::note(tx, pairs)
}
