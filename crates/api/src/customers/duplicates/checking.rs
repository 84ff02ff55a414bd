//! Whether a customer is there already.

use fulcrum_domain::customers::duplicates::{Assessment, Identity, WORTH_A_LOOK, assess, name_key};
use fulcrum_persistence::Tx;
use fulcrum_persistence::customers::customers::{self, Customer};
use fulcrum_persistence::customers::duplicates as store;
use serde_json::json;
use uuid::Uuid;

use super::views::{DuplicateCandidate, DuplicateCheck, DuplicateCheckRequest};
use crate::customers::customers::input::CustomerInput;
use crate::customers::rules;
use crate::http::catalog::Code;
use crate::http::problem::Problem;

/// Candidates of an answer.
const MOST: usize = 20;

/// Customers of the whole company that are worth a look, the most likely first.
///
/// # Errors
/// Those of the database.
pub(crate) fn alike(
    tx: &mut Tx,
    identity: &Identity,
    but: Option<Uuid>,
) -> Result<Vec<(Customer, Assessment)>, Problem> {
    let mut found: Vec<(Customer, Assessment)> = store::candidates(tx, identity, but)?
        .into_iter()
        .map(|(row, other)| (row, assess(identity, &other)))
        .filter(|(_, assessment)| assessment.score >= WORTH_A_LOOK)
        .collect();
    found.sort_by_key(|(row, assessment)| (std::cmp::Reverse(assessment.score), row.id));
    Ok(found)
}

/// What of it the actor may know.
fn told(tx: &mut Tx, found: Vec<(Customer, Assessment)>) -> Result<DuplicateCheck, Problem> {
    let ids: Vec<Uuid> = found.iter().map(|(row, _)| row.id).collect();
    let seen = customers::seen(tx, &ids)?;
    let (own, others): (Vec<_>, Vec<_>) = found.into_iter().partition(|(row, _)| seen.contains(&row.id));
    let unseen = others.iter().filter(|(_, assessment)| assessment.is_likely()).count() as i64;
    let candidate = |(row, assessment): (Customer, Assessment)| DuplicateCandidate {
        id: row.id,
        number: row.number,
        name: row.name,
        score: assessment.score,
        strict: assessment.is_strict(),
        reasons: assessment.reasons,
    };
    Ok(DuplicateCheck { data: own.into_iter().take(MOST).map(candidate).collect(), unseen })
}

/// Asks before a customer is entered.
///
/// # Errors
/// Those of the database.
pub fn check(tx: &mut Tx, request: &DuplicateCheckRequest) -> Result<DuplicateCheck, Problem> {
    let region = tx.actor.region.clone();
    let phones = request.phones.iter().filter_map(|phone| rules::phone(Some(phone.0.clone()), &region));
    let emails = request.emails.iter().filter_map(|email| rules::email(Some(email.0.clone())));
    let identity = Identity {
        kind: request.kind,
        name_key: request.name.as_deref().map(name_key).unwrap_or_default(),
        credit_code: rules::credit_code(request.credit_code.clone()),
        phones: phones.collect(),
        emails: emails.map(|email| email.to_lowercase()).collect(),
        ..Default::default()
    };
    let found = alike(tx, &identity, request.except_id)?;
    told(tx, found)
}

/// Refuses a customer that is likely to be there already.
///
/// # Errors
/// 409 with those that the actor sees, and how many there are beside them.
pub(crate) fn refuse_likely(tx: &mut Tx, input: &CustomerInput) -> Result<(), Problem> {
    let region = tx.actor.region.clone();
    let identity = Identity {
        kind: Some(input.kind),
        name_key: name_key(&input.name),
        credit_code: rules::credit_code(input.credit_code.clone()),
        phones: rules::phone(input.phone.clone(), &region).into_iter().collect(),
        emails: rules::email(input.email.clone()).map(|email| email.to_lowercase()).into_iter().collect(),
        ..Default::default()
    };
    let mut found = alike(tx, &identity, None)?;
    found.retain(|(_, assessment)| assessment.is_likely());
    if found.is_empty() {
        return Ok(());
    }
    let told = told(tx, found)?;
    let first = told.data.first().map(|candidate| candidate.id);
    let problem = Problem::new(Code::LikelyDuplicate)
        .member("duplicates", json!(told.data))
        .member("unseen", json!(told.unseen));
    Err(match first {
        Some(first) => problem.member("existing_id", json!(first)),
        None => problem,
    })
}
