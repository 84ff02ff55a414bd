//! API keys as they are presented: `fk_` and the id, the tenant and the secret in base64url.

use std::sync::Arc;
use std::time::Instant;

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use chrono::{DateTime, Utc};
use fulcrum_domain::access::{Actor, Permission, Principal};
use fulcrum_persistence::access::{api_clients::ApiClient, api_keys, tenants};
use fulcrum_persistence::{StoreError, Tx};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use uuid::Uuid;

use super::keys::random;
use crate::http::catalog::Code;
use crate::http::context::RequestContext;
use crate::http::problem::Problem;
use crate::http::rate;
use crate::{App, KnownKey};

/// What every key begins with, so that a scanner recognises one that leaked.
pub const PREFIX: &str = "fk_";

/// Characters of a key that may be shown.
const VISIBLE: usize = 15;

/// A secret that leads to its record: id, tenant and random bytes.
pub struct Presentable {
    /// The record.
    pub id: Uuid,
    /// Its tenant.
    pub tenant_id: Uuid,
    secret: Vec<u8>,
}

impl Presentable {
    /// A new one.
    pub fn new(tenant_id: Uuid, id: Uuid) -> Presentable {
        Presentable { id, tenant_id, secret: random::<24>().to_vec() }
    }

    /// The text that is shown once.
    pub fn text(&self) -> String {
        let bytes = [&self.id.as_bytes()[..], &self.tenant_id.as_bytes()[..], &self.secret[..]].concat();
        format!("{PREFIX}{}", BASE64_URL_SAFE_NO_PAD.encode(bytes))
    }

    /// The id of a record together with its tenant: enough to find it, of no use to sign in.
    pub fn public_id(tenant_id: Uuid, id: Uuid) -> String {
        BASE64_URL_SAFE_NO_PAD.encode([&id.as_bytes()[..], &tenant_id.as_bytes()[..]].concat())
    }

    /// Reads a public id: the record and its tenant.
    pub fn parse_public(text: &str) -> Option<(Uuid, Uuid)> {
        let bytes = BASE64_URL_SAFE_NO_PAD.decode(text).ok().filter(|bytes| bytes.len() == 32)?;
        Some((Uuid::from_slice(&bytes[..16]).ok()?, Uuid::from_slice(&bytes[16..]).ok()?))
    }

    /// The beginning of the text, which may always be shown.
    pub fn visible(&self) -> String {
        self.text().chars().take(VISIBLE).collect()
    }

    /// What is stored. The secret is random, so a plain hash is enough.
    pub fn hash(&self) -> Vec<u8> {
        Sha256::digest(&self.secret).to_vec()
    }

    /// Reads a text.
    pub fn parse(text: &str) -> Option<Presentable> {
        let bytes = BASE64_URL_SAFE_NO_PAD.decode(text.strip_prefix(PREFIX)?).ok()?;
        if bytes.len() != 56 {
            return None;
        }
        Some(Presentable {
            id: Uuid::from_slice(&bytes[..16]).ok()?,
            tenant_id: Uuid::from_slice(&bytes[16..32]).ok()?,
            secret: bytes[32..].to_vec(),
        })
    }

    /// Whether the stored hash is this secret's.
    pub fn fits(&self, hash: &[u8]) -> bool {
        self.hash().ct_eq(hash).into()
    }
}

/// The actor of a key. A verified one is believed for half a minute; so long a revoked key may go on.
///
/// # Errors
/// A 401 problem when there is no such key, and what keeps the database from telling.
pub async fn verify(app: &App, text: &str, context: &Arc<RequestContext>) -> Result<Arc<Actor>, Problem> {
    let unknown = || Problem::new(Code::Unauthenticated);
    let key = Presentable::parse(text).ok_or_else(unknown)?;
    let fingerprint: [u8; 32] = Sha256::digest(text).into();
    let now = app.db.clock().now();
    if let Some(known) = app.keyed.get(&fingerprint)
        && known.since.elapsed() < app.settings.api_key_memory
        && known.expires_at.is_none_or(|end| end > now)
    {
        return Ok(known.actor);
    }
    // Made-up keys are no way around the share of an address to the database.
    if let Some(problem) = rate::take_anonymous(app, context).await.problem() {
        return Err(problem);
    }
    let nobody = Arc::new(Actor::system(key.tenant_id, chrono_tz::Tz::UTC, "CN"));
    let (actor, expires_at) = app
        .db
        .read(&nobody, &context.stats, move |tx| match look_up(tx, &key) {
            Err(StoreError::NotFound) => Ok(None),
            found => found.map(Some).map_err(Problem::from),
        })
        .await?
        .ok_or_else(unknown)?;
    let actor = Arc::new(actor);
    app.keyed.insert(fingerprint, KnownKey { actor: actor.clone(), since: Instant::now(), expires_at });
    Ok(actor)
}

fn look_up(tx: &mut Tx, key: &Presentable) -> Result<(Actor, Option<DateTime<Utc>>), StoreError> {
    let (row, client) = api_keys::present(tx, key.tenant_id, key.id)?;
    if !key.fits(&row.secret_hash) {
        return Err(StoreError::NotFound);
    }
    api_keys::note_use(tx, &row)?;
    let mut actor = actor_of(tx, &client)?;
    // A key may carry fewer permissions than its client, never more.
    let words: Vec<Permission> = row.permissions.iter().filter_map(|word| word.parse().ok()).collect();
    actor.permissions.retain(|permission| words.contains(permission));
    Ok((actor, row.expires_at))
}

/// The actor that an API client is.
///
/// # Errors
/// Those of the database.
pub fn actor_of(tx: &mut Tx, client: &ApiClient) -> Result<Actor, StoreError> {
    let tenant = tenants::find(tx, client.tenant_id)?.ok_or(StoreError::NotFound)?;
    Ok(Actor {
        tenant_id: client.tenant_id,
        principal: Principal::Client { id: client.id },
        permissions: client.permissions.iter().filter_map(|word| word.parse().ok()).collect(),
        scope: client.data_scope.parse().map_err(|_| StoreError::Internal("unknown data scope".into()))?,
        department_id: Some(client.department_id),
        locale: tenant.locale,
        time_zone: tenant.time_zone.parse().unwrap_or(chrono_tz::Tz::UTC),
        region: tenant.region,
    })
}
