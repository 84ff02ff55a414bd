//! Nobody can give more than they have.

use fulcrum_domain::access::{Actor, DataScope, Permission, Principal};
use fulcrum_persistence::access::api_clients;
use fulcrum_persistence::access::users::{self, Who};
use fulcrum_persistence::{StoreError, Tx};

use crate::http::catalog::Code;
use crate::http::problem::Problem;

/// Refuses to hand on permissions or a scope that the actor doesn't have now. A token tells what its bearer might do
/// when it was made; who was disabled or demoted since must not use the rest of its life to undo that.
///
/// # Errors
/// 401 when the account has gone or is disabled, 403 that names the excess.
pub fn within(tx: &mut Tx, permissions: &[Permission], scope: DataScope) -> Result<(), Problem> {
    let actor = live(tx)?;
    let (missing, scope_fits) = actor.exceeding(permissions, scope);
    if missing.is_empty() && scope_fits {
        return Ok(());
    }
    let mut excess: Vec<String> = missing.iter().map(|permission| permission.word().to_owned()).collect();
    if !scope_fits {
        excess.push(format!("data_scope {scope}"));
    }
    Err(Problem::new(Code::WouldEscalate).with("excess", excess))
}

/// What the actor's token says and its account still grants.
///
/// # Errors
/// 401 when the account has gone or is disabled.
pub fn live(tx: &mut Tx) -> Result<Actor, Problem> {
    let mut actor = Actor::clone(&tx.actor);
    let gone = |error: StoreError| match error {
        StoreError::NotFound => Problem::new(Code::Unauthenticated),
        error => error.into(),
    };
    let (words, scope, department_id) = match actor.principal {
        Principal::System => return Ok(actor),
        Principal::User { id, .. } => {
            let (user, role) = users::with_role(tx, actor.tenant_id, Who::Id(id)).map_err(gone)?;
            if user.disabled_at.is_some() {
                return Err(Problem::new(Code::Unauthenticated));
            }
            (role.permissions, role.data_scope, user.department_id)
        }
        Principal::Client { id } => {
            let client = api_clients::to_sign_in(tx, actor.tenant_id, id).map_err(gone)?;
            (client.permissions, client.data_scope, client.department_id)
        }
    };
    let now = stored(&words);
    actor.permissions.retain(|permission| now.contains(permission));
    actor.scope = scope.parse().map_or(DataScope::Own, |scope: DataScope| scope.min(actor.scope));
    actor.department_id = Some(department_id);
    Ok(actor)
}

/// Permissions as they are stored; words that this release doesn't know are left out.
pub fn stored(words: &[String]) -> Vec<Permission> {
    words.iter().filter_map(|word| word.parse().ok()).collect()
}

/// Permissions for storing: each once, in order.
pub fn words(permissions: &[Permission]) -> Vec<String> {
    let mut sorted = permissions.to_vec();
    sorted.sort();
    sorted.dedup();
    sorted.iter().map(|permission| permission.word().to_owned()).collect()
}
