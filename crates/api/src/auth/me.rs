//! The caller, as they see themselves.

use fulcrum_domain::access::Principal;
use fulcrum_persistence::access::api_clients;
use fulcrum_persistence::access::tenants;
use fulcrum_persistence::access::users::{self, Who};
use fulcrum_persistence::{StoreError, Tx};

use super::views::{Me, MyTenant};
use crate::http::catalog::Code;
use crate::http::problem::Problem;

/// The caller.
///
/// # Errors
/// 401 when the account has gone since the token was made.
pub fn of(tx: &mut Tx) -> Result<Me, Problem> {
    let gone = |error: StoreError| match error {
        StoreError::NotFound => Problem::new(Code::Unauthenticated),
        error => error.into(),
    };
    let actor = tx.actor.clone();
    let tenant = tenants::find(tx, actor.tenant_id)?.ok_or_else(|| Problem::new(Code::Unauthenticated))?;
    let (id, name, email, role_id, session_id) = match actor.principal {
        Principal::User { id, session_id } => {
            let (user, _) = users::with_role(tx, actor.tenant_id, Who::Id(id)).map_err(gone)?;
            (id, user.name, Some(user.email), Some(user.role_id), Some(session_id))
        }
        Principal::Client { id } => {
            let client = api_clients::to_sign_in(tx, actor.tenant_id, id).map_err(gone)?;
            (id, client.name, None, None, None)
        }
        Principal::System => return Err(Problem::new(Code::Unauthenticated)),
    };
    Ok(Me {
        principal_type: actor.principal_type(),
        id,
        name,
        email,
        tenant: MyTenant {
            id: tenant.id,
            slug: tenant.slug,
            name: tenant.name,
            time_zone: tenant.time_zone,
            currency: tenant.currency,
            region: tenant.region,
        },
        department_id: actor.department_id,
        role_id,
        session_id,
        permissions: actor.permissions.iter().copied().collect(),
        data_scope: actor.scope,
        locale: actor.locale.clone(),
        time_zone: actor.time_zone.to_string(),
    })
}
