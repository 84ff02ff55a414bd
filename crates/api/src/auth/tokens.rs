//! Access tokens: signed statements of who somebody is and what they may do.

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use fulcrum_domain::access::{Actor, DataScope, Permission, Principal};
use jsonwebtoken::{Algorithm, Header, Validation};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::keys::Keys;
use crate::App;
use crate::http::catalog::Code;
use crate::http::problem::Problem;

const AUDIENCE: &str = "fulcrum";

#[derive(Serialize, Deserialize)]
struct Claims {
    aud: String,
    /// User or API client.
    sub: Uuid,
    /// Tenant.
    tid: Uuid,
    /// Session; absent for API clients.
    #[serde(skip_serializing_if = "Option::is_none")]
    sid: Option<Uuid>,
    /// Permissions, separated by spaces (RFC 8693, section 4.2).
    scope: String,
    /// Data scope.
    dsc: DataScope,
    /// Department.
    dep: Option<Uuid>,
    locale: String,
    zoneinfo: chrono_tz::Tz,
    /// Region for telephone numbers.
    reg: String,
    iat: i64,
    exp: i64,
    jti: Uuid,
}

/// A token that was verified, for as long as it is valid.
#[derive(Clone)]
pub struct Verified {
    /// Who the token is for.
    pub actor: Arc<Actor>,
    /// When it ends.
    pub expires_at: DateTime<Utc>,
}

/// Signs a token for an actor; returns it with its life in seconds.
///
/// # Errors
/// An internal problem when signing fails.
pub fn issue(
    keys: &Keys,
    actor: &Actor,
    now: DateTime<Utc>,
    life: TimeDelta,
) -> Result<(String, i64), Problem> {
    let (sub, sid) = match actor.principal {
        Principal::User { id, session_id } => (id, Some(session_id)),
        Principal::Client { id } => (id, None),
        Principal::System => return Err(Problem::new(Code::Internal)),
    };
    let words: Vec<&str> = actor.permissions.iter().map(|permission| permission.word()).collect();
    let claims = Claims {
        aud: AUDIENCE.into(),
        sub,
        tid: actor.tenant_id,
        sid,
        scope: words.join(" "),
        dsc: actor.scope,
        dep: actor.department_id,
        locale: actor.locale.clone(),
        zoneinfo: actor.time_zone,
        reg: actor.region.clone(),
        iat: now.timestamp(),
        exp: (now + life).timestamp(),
        jti: Uuid::now_v7(),
    };
    let header = Header { kid: Some(keys.key_id().to_owned()), ..Header::new(Algorithm::EdDSA) };
    let token =
        jsonwebtoken::encode(&header, &claims, keys.signing()).map_err(|_| Problem::new(Code::Internal))?;
    Ok((token, life.num_seconds()))
}

/// The actor of a token. What was verified once is remembered, because a signature costs more than a query.
///
/// # Errors
/// A 401 problem when the token is not ours, or has expired.
pub fn verify(app: &App, token: &str) -> Result<Verified, Problem> {
    let fingerprint: [u8; 32] = Sha256::digest(token).into();
    let now = app.db.clock().now();
    let verified = match app.verified.get(&fingerprint) {
        Some(verified) => verified,
        None => {
            let verified = decode(&app.keys, token).ok_or_else(|| Problem::new(Code::Unauthenticated))?;
            app.verified.insert(fingerprint, verified.clone());
            verified
        }
    };
    if verified.expires_at <= now {
        app.verified.invalidate(&fingerprint);
        return Err(Problem::new(Code::TokenExpired));
    }
    Ok(verified)
}

fn decode(keys: &Keys, token: &str) -> Option<Verified> {
    let mut validation = Validation::new(Algorithm::EdDSA);
    validation.set_audience(&[AUDIENCE]);
    // Checked against our own clock, each time.
    validation.validate_exp = false;
    let header = jsonwebtoken::decode_header(token).ok()?;
    let key = keys.verifying(header.kid.as_deref())?;
    let claims = jsonwebtoken::decode::<Claims>(token, key, &validation).ok()?.claims;
    let principal = match claims.sid {
        Some(session_id) => Principal::User { id: claims.sub, session_id },
        None => Principal::Client { id: claims.sub },
    };
    let actor = Actor {
        tenant_id: claims.tid,
        principal,
        // A word of another release is of no use to this one.
        permissions: claims.scope.split(' ').filter_map(|word| word.parse::<Permission>().ok()).collect(),
        scope: claims.dsc,
        department_id: claims.dep,
        locale: claims.locale,
        time_zone: claims.zoneinfo,
        region: claims.reg,
    };
    Some(Verified { actor: Arc::new(actor), expires_at: DateTime::from_timestamp(claims.exp, 0)? })
}
