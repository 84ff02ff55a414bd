//! `/v1/auth`, `/v1/oauth`, `/v1/me`, and the public keys.

use actix_web::web::Path;
use actix_web::{delete, get, post};
use fulcrum_domain::access::permit::SignedIn;
use fulcrum_persistence::access::sessions;
use uuid::Uuid;

use super::form::TokenForm;
use super::views::{
    ClientToken, KeySet, LoginInput, Me, PasswordInput, PublicKey, RefreshInput, SessionList, SessionView,
    TokenRequest, Tokens,
};
use super::{me, service};
use crate::http::allowed::{Allowed, Anonymous};
use crate::http::answer::Answer;
use crate::http::body::Body;
use crate::http::problem::Problem;

/// Sign in
#[utoipa::path(operation_id = "login", tag = "auth", request_body = LoginInput, security(()),
    responses((status = 200, description = "Tokens.", body = Tokens)))]
#[post("/v1/auth/login")]
pub async fn login(call: Anonymous, body: Body<LoginInput>) -> Result<Answer, Problem> {
    Answer::ok(&service::login(&call, body.0).await?)
}

/// Stay signed in
///
/// The refresh token is replaced by a new one. The same one, sent again within 10 seconds, gets the same successor;
/// later it ends the session, because then somebody has a copy.
#[utoipa::path(operation_id = "refreshTokens", tag = "auth", request_body = RefreshInput, security(()),
    responses((status = 200, description = "Tokens.", body = Tokens)))]
#[post("/v1/auth/refresh")]
pub async fn refresh(call: Anonymous, body: Body<RefreshInput>) -> Result<Answer, Problem> {
    Answer::ok(&service::refresh(&call, body.0.refresh_token).await?)
}

/// Sign out
#[utoipa::path(operation_id = "logout", tag = "auth", request_body = RefreshInput, security(()),
    responses((status = 204, description = "The session has ended.")))]
#[post("/v1/auth/logout")]
pub async fn logout(call: Anonymous, body: Body<RefreshInput>) -> Result<Answer, Problem> {
    service::logout(&call, body.0.refresh_token).await.map(|()| Answer::no_content())
}

/// List my sessions
#[utoipa::path(operation_id = "listSessions", tag = "auth", security(("bearer" = [])),
    responses((status = 200, description = "The caller's live sessions.", body = SessionList)))]
#[get("/v1/auth/sessions")]
pub async fn list_sessions(call: Allowed<SignedIn>) -> Result<Answer, Problem> {
    let (user_id, current) = service::person(&call.actor)?;
    call.read(move |tx| {
        let rows = sessions::list_live(tx, user_id)?;
        let data = rows.iter().map(|row| SessionView::of(row, Some(current))).collect();
        Answer::ok(&SessionList { data, next_cursor: None })
    })
    .await
}

/// End one of my sessions
///
/// Its refresh token ends at once, its access token within minutes.
#[utoipa::path(operation_id = "revokeSession", tag = "auth", security(("bearer" = [])),
    params(("id" = Uuid, Path, description = "Id of the session.")),
    responses((status = 204, description = "It has ended.")))]
#[delete("/v1/auth/sessions/{id}")]
pub async fn revoke_session(call: Allowed<SignedIn>, id: Path<Uuid>) -> Result<Answer, Problem> {
    let (user_id, _) = service::person(&call.actor)?;
    call.write(move |tx| service::end_session(tx, user_id, *id).map(|()| Answer::no_content())).await
}

/// Change my password
///
/// All other sessions of mine end.
#[utoipa::path(operation_id = "changePassword", tag = "auth", request_body = PasswordInput, security(("bearer" = [])),
    responses((status = 204, description = "It is changed.")))]
#[post("/v1/auth/password")]
pub async fn change_password(call: Allowed<SignedIn>, body: Body<PasswordInput>) -> Result<Answer, Problem> {
    service::change_password(&call, body.0).await.map(|()| Answer::no_content())
}

/// Get a token for a program
///
/// OAuth 2.0 client credentials (RFC 6749, section 4.4).
#[utoipa::path(operation_id = "createClientToken", tag = "auth", security(()),
    request_body(content = TokenRequest, content_type = "application/x-www-form-urlencoded"),
    responses((status = 200, description = "A token.", body = ClientToken)))]
#[post("/v1/oauth/token")]
pub async fn client_token(call: Anonymous, form: TokenForm) -> Result<Answer, Problem> {
    Answer::ok(&service::client_token(&call, form.0).await?)
}

/// Who am I
///
/// The caller, their company, and what they may do.
#[utoipa::path(operation_id = "getMe", tag = "auth", security(("bearer" = [])),
    responses((status = 200, description = "The caller.", body = Me)))]
#[get("/v1/me")]
pub async fn get_me(call: Allowed<SignedIn>) -> Result<Answer, Problem> {
    call.read(|tx| Answer::ok(&me::of(tx)?)).await
}

/// Get the public keys
///
/// With them, other services can check access tokens by themselves (RFC 7517).
#[utoipa::path(operation_id = "getKeySet", tag = "auth", security(()),
    responses((status = 200, description = "The keys.", body = KeySet)))]
#[get("/.well-known/jwks.json")]
pub async fn key_set(call: Anonymous) -> Result<Answer, Problem> {
    let keys = call.app.keys.public().map(|key| PublicKey {
        kty: "OKP",
        crv: "Ed25519",
        alg: "EdDSA",
        usage: "sig",
        kid: key.id.clone(),
        x: key.x.clone(),
    });
    Ok(Answer::ok(&KeySet { keys: keys.collect() })?.public())
}
