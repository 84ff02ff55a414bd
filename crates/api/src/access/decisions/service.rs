//! Explains decisions by making them: the record is looked up as the person would look it up.

use std::sync::Arc;

use fulcrum_persistence::access::tenants;
use fulcrum_persistence::access::users::{self, Who};
use fulcrum_persistence::customers::{contacts, customers};
use fulcrum_persistence::engagement::{activities, tasks};
use fulcrum_persistence::{StoreError, Tx};
use uuid::Uuid;

use super::views::{Decision, DecisionCheck, DecisionQuery, ExplainedRecord};
use crate::auth::service::{actor_of, person};
use crate::http::catalog::{Code, FieldCode};
use crate::http::problem::{FieldError, Problem};

/// Explains a decision. The caller has to see both the person and the record.
///
/// # Errors
/// 404 for a person or a record that the caller doesn't see, 400 when only half of a record is named.
pub fn explain(tx: &mut Tx, query: &DecisionQuery) -> Result<Decision, Problem> {
    let user_id = match query.user_id {
        Some(id) => users::find(tx, id)?.id,
        None => person(&tx.actor)?.0,
    };
    let record = match (query.record_type, query.record_id) {
        (Some(kind), Some(id)) => Some((kind, id)),
        (None, None) => None,
        (None, _) => return Err(missing("record_type")),
        (_, None) => return Err(missing("record_id")),
    };
    if let Some((kind, id)) = record {
        visible(tx, kind, id)?;
    }
    let (user, role) = users::with_role(tx, tx.actor.tenant_id, Who::Id(user_id))?;
    let tenant = tenants::find(tx, tx.actor.tenant_id)?.ok_or_else(|| Problem::new(Code::NotFound))?;
    let actor = actor_of(&tenant, &user, &role, Uuid::nil())?;
    let mut checks = vec![
        DecisionCheck {
            check: "account",
            passed: user.disabled_at.is_none(),
            reason: if user.disabled_at.is_none() {
                "The account is enabled."
            } else {
                "The account is disabled."
            }
            .into(),
        },
        DecisionCheck {
            check: "permission",
            passed: actor.may(query.permission),
            reason: format!(
                "The role {} {} {}.",
                role.key,
                if actor.may(query.permission) { "has" } else { "doesn't have" },
                query.permission
            ),
        },
    ];
    if let Some((kind, id)) = record {
        let caller = std::mem::replace(&mut tx.actor, Arc::new(actor));
        let seen = visible(tx, kind, id);
        tx.actor = caller;
        let passed = match seen {
            Ok(()) => true,
            Err(problem) if problem.code == Code::NotFound => false,
            Err(problem) => return Err(problem),
        };
        let place = if passed { "inside" } else { "outside" };
        checks.push(DecisionCheck {
            check: "data_scope",
            passed,
            reason: format!(
                "The role {} has the data scope {}; the record lies {place} of it.",
                role.key, role.data_scope
            ),
        });
    }
    Ok(Decision { allowed: checks.iter().all(|check| check.passed), checks })
}

fn missing(name: &str) -> Problem {
    Problem::bad_parameters(vec![FieldError::new(name, FieldCode::Required)])
}

fn visible(tx: &mut Tx, kind: ExplainedRecord, id: Uuid) -> Result<(), Problem> {
    let found = match kind {
        ExplainedRecord::Customer => customers::find(tx, id).map(|_| ()),
        ExplainedRecord::Contact => contacts::find(tx, id).map(|_| ()),
        ExplainedRecord::Activity => activities::find(tx, id).map(|_| ()),
        ExplainedRecord::Task => tasks::find(tx, id).map(|_| ()),
    };
    found.map_err(|error: StoreError| error.into())
}
