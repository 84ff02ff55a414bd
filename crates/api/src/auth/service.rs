//! Signing in, staying signed in, signing out.

use std::sync::Arc;

use actix_web::web;
use chrono::TimeDelta;
use fulcrum_domain::access::{Actor, Permission, Principal};
use fulcrum_persistence::access::api_clients;
use fulcrum_persistence::access::roles::Role;
use fulcrum_persistence::access::sessions::{self, Session, Which};
use fulcrum_persistence::access::tenants::{self, Tenant};
use fulcrum_persistence::access::users::{self, User, Who};
use fulcrum_persistence::platform::events::{self, NewEvent};
use fulcrum_persistence::{StoreError, Tx};
use serde_json::json;
use uuid::Uuid;

use super::keys::random;
use super::throttle::Throttle;
use super::views::{ClientToken, LoginInput, PasswordInput, TokenRequest, Tokens};
use super::{api_keys, passwords, refresh, tokens};
use crate::App;
use crate::http::allowed::{Anonymous, Call};
use crate::http::catalog::{Code, FieldCode};
use crate::http::problem::Problem;

/// The actor for looking up who wants to sign in: it has a tenant only once that is known.
fn nobody(tenant_id: Uuid) -> Arc<Actor> {
    Arc::new(Actor::system(tenant_id, chrono_tz::Tz::UTC, "CN"))
}

/// Opens a session. Unknown tenant, unknown user, disabled user and wrong password get the same answer after the
/// same time.
///
/// # Errors
/// 401, 429.
pub async fn login(call: &Anonymous, input: LoginInput) -> Result<Tokens, Problem> {
    let (app, context) = (call.app.clone(), call.context.clone());
    let account =
        format!("{}/{}", input.tenant.as_deref().unwrap_or_default(), input.email.trim().to_lowercase());
    let throttle = Throttle::of(&account, context.address);
    let (known, slug) = (throttle.clone(), input.tenant.clone());
    let email = input.email.trim().to_lowercase();
    let found = app
        .db
        .write(&nobody(Uuid::nil()), &context.stats, move |tx| {
            known.attempt(tx)?;
            look_up(tx, slug.as_deref(), &email)
        })
        .await?;
    let hash = found.as_ref().and_then(|(_, user, _)| user.password_hash.clone());
    let fits = passwords::fits_in_turn(input.password, hash).await?;
    let found = found.filter(|(_, user, _)| fits && user.disabled_at.is_none());
    let tenant_id = found.as_ref().map_or(Uuid::nil(), |(tenant, ..)| tenant.id);
    let agent = context.user_agent.clone();
    let address = context.address.map(|address| address.to_string());
    let request_id = context.request_id.clone();
    let installation = app.clone();
    let Some((tenant, user, _)) = found else { return Err(Problem::new(Code::InvalidCredentials)) };
    app.db
        .write(&nobody(tenant_id), &context.stats, move |tx| {
            // As they are now: hashing takes long enough to be disabled in the meantime.
            let (user, role) = match users::with_role(tx, tenant.id, Who::Id(user.id)) {
                Ok((now, role)) if now.disabled_at.is_none() && now.password_hash == user.password_hash => {
                    (now, role)
                }
                Ok(_) | Err(StoreError::NotFound) => return Ok(None),
                Err(error) => return Err(error.into()),
            };
            throttle.succeeded(tx)?;
            let session = Session {
                tenant_id: tenant.id,
                id: Uuid::now_v7(),
                user_id: user.id,
                salt: random::<16>().to_vec(),
                generation: 1,
                user_agent: agent.clone(),
                address: address.clone(),
                created_at: tx.now,
                rotated_at: tx.now,
                expires_at: tx.now + TimeDelta::days(i64::from(installation.settings.session_days)),
                revoked_at: None,
                revoked_reason: None,
            };
            sessions::insert(tx, &session)?;
            let actor = actor_of(&tenant, &user, &role, session.id)?;
            // The log names the person, not the installation.
            tx.actor = Arc::new(actor.clone());
            tx.request_id = Some(request_id.clone());
            note(tx, "session.opened", session.id, json!({}))?;
            tokens_for(&installation, tx, &actor, &session).map(Some)
        })
        .await?
        .ok_or_else(|| Problem::new(Code::InvalidCredentials))
}

fn look_up(tx: &mut Tx, slug: Option<&str>, email: &str) -> Result<Option<(Tenant, User, Role)>, Problem> {
    let Some(tenant) = tenants::find_by_slug(tx, slug)? else { return Ok(None) };
    match users::with_role(tx, tenant.id, Who::Email(email.to_owned())) {
        Ok((user, role)) => Ok(Some((tenant, user, role))),
        Err(StoreError::NotFound) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// Goes on with a session: a new access token, and a new refresh token that takes the place of the old one. The
/// one before may be sent again for a few seconds and gets the same successor; any older one ends the session.
///
/// # Errors
/// 401 when the session has ended.
pub async fn refresh(call: &Anonymous, token: String) -> Result<Tokens, Problem> {
    let (app, context) = (call.app.clone(), call.context.clone());
    let ended = || Problem::new(Code::InvalidRefreshToken);
    let presented = refresh::Presented::parse(&token).ok_or_else(ended)?;
    let installation = app.clone();
    let request_id = context.request_id.clone();
    let outcome = app
        .db
        .write(&nobody(presented.tenant_id), &context.stats, move |tx| {
            tx.request_id = Some(request_id.clone());
            let session = match sessions::lock(tx, presented.tenant_id, presented.session_id) {
                Err(StoreError::NotFound) => return Ok(None),
                found => found?,
            };
            if !presented.is_authentic(&installation.keys, &session) {
                return Ok(None);
            }
            if session.revoked_at.is_some() || session.expires_at <= tx.now {
                return Ok(None);
            }
            let Some(actor) = live_actor(tx, &session)? else { return Ok(None) };
            tx.actor = Arc::new(actor.clone());
            match presented.place(&session, tx.now) {
                refresh::Place::Newest => {
                    let expires_at = tx.now + TimeDelta::days(i64::from(installation.settings.session_days));
                    sessions::rotate(tx, &session, expires_at)?;
                    let session = Session { generation: session.generation + 1, ..session };
                    tokens_for(&installation, tx, &actor, &session).map(Some)
                }
                refresh::Place::JustReplaced => tokens_for(&installation, tx, &actor, &session).map(Some),
                refresh::Place::Stolen => {
                    sessions::revoke(
                        tx,
                        session.tenant_id,
                        session.user_id,
                        Which::One(session.id),
                        "reuse",
                    )?;
                    note(tx, "session.reuse_detected", session.id, json!({}))?;
                    Ok(None)
                }
            }
        })
        .await?;
    outcome.ok_or_else(ended)
}

/// The person behind a session as they are now, unless they may not go on.
fn live_actor(tx: &mut Tx, session: &Session) -> Result<Option<Actor>, Problem> {
    let found = match users::with_role(tx, session.tenant_id, Who::Id(session.user_id)) {
        Err(StoreError::NotFound) => return Ok(None),
        found => found?,
    };
    let Some(tenant) = tenants::find(tx, session.tenant_id)? else { return Ok(None) };
    let (user, role) = found;
    if user.disabled_at.is_some() {
        return Ok(None);
    }
    Ok(Some(actor_of(&tenant, &user, &role, session.id)?))
}

/// Ends the session of a refresh token; a token that is of no use any more is no error.
///
/// # Errors
/// Those of the database.
pub async fn logout(call: &Anonymous, token: String) -> Result<(), Problem> {
    let (app, context) = (call.app.clone(), call.context.clone());
    let Some(presented) = refresh::Presented::parse(&token) else { return Ok(()) };
    let request_id = context.request_id.clone();
    app.clone()
        .db
        .write(&nobody(presented.tenant_id), &context.stats, move |tx| {
            match sessions::lock(tx, presented.tenant_id, presented.session_id) {
                Ok(session) if presented.is_authentic(&app.keys, &session) => {
                    tx.request_id = Some(request_id.clone());
                    if let Some(actor) = live_actor(tx, &session)? {
                        tx.actor = Arc::new(actor);
                    }
                    let which = Which::One(session.id);
                    if sessions::revoke(tx, session.tenant_id, session.user_id, which, "signed_out")? > 0 {
                        note(tx, "session.closed", session.id, json!({}))?;
                    }
                    Ok(())
                }
                Ok(_) | Err(StoreError::NotFound) => Ok(()),
                Err(error) => Err(Problem::from(error)),
            }
        })
        .await
}

fn tokens_for(app: &web::Data<App>, tx: &Tx, actor: &Actor, session: &Session) -> Result<Tokens, Problem> {
    let life = TimeDelta::minutes(i64::from(app.settings.access_token_minutes));
    let (access_token, expires_in) = tokens::issue(&app.keys, actor, tx.now, life)?;
    let refresh_token = refresh::token(&app.keys, session);
    Ok(Tokens { access_token, token_type: "Bearer", expires_in, refresh_token })
}

/// The actor that a person is in a session.
///
/// # Errors
/// An internal problem when the role's scope can't be read.
pub fn actor_of(tenant: &Tenant, user: &User, role: &Role, session_id: Uuid) -> Result<Actor, Problem> {
    let time_zone = user.time_zone.as_deref().unwrap_or(&tenant.time_zone);
    Ok(Actor {
        tenant_id: tenant.id,
        principal: Principal::User { id: user.id, session_id },
        permissions: role.permissions.iter().filter_map(|word| word.parse().ok()).collect(),
        scope: role.data_scope.parse().map_err(|_| Problem::new(Code::Internal))?,
        department_id: Some(user.department_id),
        locale: user.locale.clone(),
        time_zone: time_zone.parse().unwrap_or(chrono_tz::Tz::UTC),
        region: tenant.region.clone(),
    })
}

/// A token for a program (RFC 6749, section 4.4).
///
/// # Errors
/// 400 for another grant, 401, 429.
pub async fn client_token(call: &Anonymous, request: TokenRequest) -> Result<ClientToken, Problem> {
    if request.grant_type != "client_credentials" {
        return Err(Problem::new(Code::InvalidGrant));
    }
    let (app, context) = (call.app.clone(), call.context.clone());
    let client_id = request.client_id.unwrap_or_default();
    let throttle = Throttle::of(&format!("client/{client_id}"), context.address);
    let known = api_keys::Presentable::parse_public(&client_id);
    let secret = request.client_secret.as_deref().and_then(api_keys::Presentable::parse);
    let tenant_id = known.map_or(Uuid::nil(), |(_, tenant_id)| tenant_id);
    let attempt = throttle.clone();
    app.db.write(&nobody(tenant_id), &context.stats, move |tx| attempt.attempt(tx)).await?;
    let actor = app
        .db
        .write(&nobody(tenant_id), &context.stats, move |tx| {
            let client = match known.map(|(id, tenant_id)| api_clients::to_sign_in(tx, tenant_id, id)) {
                Some(Ok(client)) => client,
                Some(Err(StoreError::NotFound)) | None => return Ok(None),
                Some(Err(error)) => return Err(Problem::from(error)),
            };
            if !secret.as_ref().is_some_and(|secret| secret.fits(&client.secret_hash)) {
                return Ok(None);
            }
            throttle.succeeded(tx)?;
            Ok(Some(api_keys::actor_of(tx, &client)?))
        })
        .await?;
    let mut actor = actor.ok_or_else(|| Problem::new(Code::InvalidClient))?;
    if let Some(scope) = &request.scope {
        let wanted: Vec<Option<Permission>> =
            scope.split_whitespace().map(|word| word.parse().ok()).collect();
        if wanted.iter().any(|word| word.is_none_or(|permission| !actor.may(permission))) {
            return Err(Problem::new(Code::InvalidScope));
        }
        actor.permissions.retain(|permission| wanted.contains(&Some(*permission)));
    }
    let words: Vec<&str> = actor.permissions.iter().map(|permission| permission.word()).collect();
    let life = TimeDelta::minutes(i64::from(app.settings.access_token_minutes));
    let (access_token, expires_in) = tokens::issue(&app.keys, &actor, app.db.clock().now(), life)?;
    Ok(ClientToken { access_token, token_type: "Bearer", expires_in, scope: words.join(" ") })
}

/// The caller as a person with a session.
///
/// # Errors
/// 403 for programs.
pub fn person(actor: &Actor) -> Result<(Uuid, Uuid), Problem> {
    match actor.principal {
        Principal::User { id, session_id } => Ok((id, session_id)),
        _ => Err(Problem::new(Code::NotForClients)),
    }
}

/// Changes the caller's password, and ends all their other sessions.
///
/// # Errors
/// 422 when the current password is wrong, 429 after too many wrong ones, 403 for programs.
pub async fn change_password(call: &Call, input: PasswordInput) -> Result<(), Problem> {
    let (user_id, session_id) = person(&call.actor)?;
    let throttle = Throttle::of(&format!("password/{user_id}"), call.context.address);
    let known = throttle.clone();
    let (hash, email) = call
        .app
        .db
        .write(&call.actor, &call.context.stats, move |tx| {
            known.attempt(tx)?;
            let (user, _) = users::with_role(tx, tx.actor.tenant_id, Who::Id(user_id))?;
            Ok::<_, Problem>((user.password_hash, user.email))
        })
        .await?;
    if let Some(code) = passwords::weakness(&input.new_password, &email) {
        return Err(Problem::field("/new_password", code));
    }
    if !passwords::fits_in_turn(input.current_password, hash).await? {
        return Err(Problem::field("/current_password", FieldCode::WrongPassword));
    }
    let hash = passwords::hash_in_turn(input.new_password).await?;
    let request_id = call.context.request_id.clone();
    call.app
        .db
        .write(&call.actor, &call.context.stats, move |tx| {
            tx.request_id = Some(request_id.clone());
            throttle.succeeded(tx)?;
            let user = users::lock_anybody(tx, user_id)?;
            if user.disabled_at.is_some() {
                return Err(Problem::new(Code::Unauthenticated));
            }
            let after = User {
                password_hash: Some(hash.clone()),
                version: user.version + 1,
                updated_at: tx.now,
                ..user
            };
            users::replace(tx, &after)?;
            sessions::revoke(tx, after.tenant_id, user_id, Which::AllBut(session_id), "password_changed")?;
            note(tx, "user.password_changed", user_id, json!({}))
        })
        .await
}

fn note(tx: &mut Tx, kind: &str, subject_id: Uuid, changes: serde_json::Value) -> Result<(), Problem> {
    let subject_type = if kind.starts_with("user.") { "user" } else { "session" };
    let event = NewEvent {
        kind: kind.to_owned(),
        subject_type,
        subject_id,
        customer_id: None,
        version: None,
        changes,
    };
    Ok(events::append(tx, event)?)
}

/// Notes that a session ended by its owner's wish.
///
/// # Errors
/// Those of the database.
pub fn end_session(tx: &mut Tx, user_id: Uuid, id: Uuid) -> Result<(), Problem> {
    if sessions::revoke(tx, tx.actor.tenant_id, user_id, Which::One(id), "revoked")? == 0 {
        return Err(Problem::new(Code::NotFound));
    }
    note(tx, "session.closed", id, json!({}))
}
