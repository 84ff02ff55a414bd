//! In whose name a job is done: of who asked for it, with the rights that they have now.

use std::sync::Arc;

use chrono_tz::Tz;
use fulcrum_domain::access::Actor;
use fulcrum_persistence::access::users::{self, Who};
use fulcrum_persistence::access::{api_clients, tenants};
use fulcrum_persistence::platform::jobs::Job;
use fulcrum_persistence::{StoreError, Tx};
use uuid::Uuid;

use super::JobFailed;
use crate::auth;

/// The installation, working for itself.
pub(super) fn installation() -> Arc<Actor> {
    system_of(Uuid::nil())
}

/// The installation, putting something down for a company.
pub(crate) fn system_of(tenant_id: Uuid) -> Arc<Actor> {
    Arc::new(Actor::system(tenant_id, Tz::UTC, "CN"))
}

/// The actor of a job.
///
/// # Errors
/// For good when who asked for it has gone or may not sign in any more.
pub(super) fn of(tx: &mut Tx, job: &Job) -> Result<Arc<Actor>, JobFailed> {
    who(tx, job.tenant_id, job.requested_by_type.as_deref().zip(job.requested_by_id))
}

/// Somebody of a company with the rights that they have now; the installation for nobody.
///
/// # Errors
/// For good when they have gone or may not sign in any more.
pub(crate) fn who(
    tx: &mut Tx,
    tenant_id: Uuid,
    principal: Option<(&str, Uuid)>,
) -> Result<Arc<Actor>, JobFailed> {
    let gone = |error: StoreError| match error {
        StoreError::NotFound => JobFailed::for_good("who asked for it has gone"),
        error => error.into(),
    };
    let tenant = tenants::find(tx, tenant_id)?.ok_or_else(|| gone(StoreError::NotFound))?;
    let unreadable = |_| JobFailed::for_good("the rights of who asked for it can't be read");
    let actor = match principal {
        Some(("user", id)) => {
            let (user, role) = users::with_role(tx, tenant.id, Who::Id(id)).map_err(gone)?;
            if user.disabled_at.is_some() {
                return Err(JobFailed::for_good("who asked for it is disabled"));
            }
            auth::service::actor_of(&tenant, &user, &role, Uuid::nil()).map_err(unreadable)?
        }
        Some(("api_client", id)) => {
            let client = api_clients::to_sign_in(tx, tenant.id, id).map_err(gone)?;
            auth::api_keys::actor_of(tx, &client)?
        }
        _ => Actor::system(tenant.id, tenant.time_zone.parse().unwrap_or(Tz::UTC), &tenant.region),
    };
    Ok(Arc::new(actor))
}
