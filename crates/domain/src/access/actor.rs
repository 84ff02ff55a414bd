//! The one who acts: everything that a request needs to know of its caller, built from the token alone.

use std::collections::BTreeSet;

use chrono_tz::Tz;
use uuid::Uuid;

use super::{DataScope, Permission};

/// What kind of caller acts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Principal {
    /// A person, with the session that the token belongs to.
    User {
        /// The user.
        id: Uuid,
        /// The session that was opened by signing in.
        session_id: Uuid,
    },
    /// Another program.
    Client {
        /// The API client.
        id: Uuid,
    },
    /// The installation itself: the command line, seeding, scheduled work.
    System,
}

/// The caller: tenant, identity, permissions, data scope, locale and time zone.
#[derive(Clone, Debug)]
pub struct Actor {
    /// The company whose data this is about.
    pub tenant_id: Uuid,
    /// Who acts.
    pub principal: Principal,
    /// What the caller may do.
    pub permissions: BTreeSet<Permission>,
    /// On which records.
    pub scope: DataScope,
    /// Where the caller belongs; the records that it creates without an owner belong there too.
    pub department_id: Option<Uuid>,
    /// BCP 47 tag of the caller's language.
    pub locale: String,
    /// For everything that depends on the calendar day.
    pub time_zone: Tz,
    /// Default region for telephone numbers, ISO 3166-1 alpha-2.
    pub region: String,
}

impl Actor {
    /// The installation itself, with every permission in one tenant.
    pub fn system(tenant_id: Uuid, time_zone: Tz, region: &str) -> Actor {
        Actor {
            tenant_id,
            principal: Principal::System,
            permissions: Permission::all().into_iter().collect(),
            scope: DataScope::Tenant,
            department_id: None,
            locale: "en".into(),
            time_zone,
            region: region.into(),
        }
    }

    /// The id under which the caller appears in the event log and in idempotency keys.
    pub fn principal_id(&self) -> Option<Uuid> {
        match self.principal {
            Principal::User { id, .. } | Principal::Client { id } => Some(id),
            Principal::System => None,
        }
    }

    /// The kind of caller as a word for the event log.
    pub fn principal_type(&self) -> &'static str {
        match self.principal {
            Principal::User { .. } => "user",
            Principal::Client { .. } => "api_client",
            Principal::System => "system",
        }
    }

    /// The user, when a person acts.
    pub fn user_id(&self) -> Option<Uuid> {
        match self.principal {
            Principal::User { id, .. } => Some(id),
            _ => None,
        }
    }

    /// Whether the caller holds the permission.
    pub fn may(&self, permission: Permission) -> bool {
        self.permissions.contains(&permission)
    }

    /// The permissions that the caller would hand on without holding them: nobody can give more than
    /// they have, neither in permissions nor in scope. Empty and `true` mean that the grant is fine.
    pub fn exceeding(&self, permissions: &[Permission], scope: DataScope) -> (Vec<Permission>, bool) {
        let missing = permissions.iter().copied().filter(|p| !self.may(*p)).collect();
        (missing, scope <= self.scope)
    }
}
