//! Who calls: an access token or an API key.

use std::sync::Arc;

use actix_web::dev::ServiceRequest;
use actix_web::http::header;

use super::catalog::Code;
use super::context::RequestContext;
use super::problem::Problem;
use crate::App;
use crate::auth::{api_keys, tokens};

/// Finds out who calls and notes it in the context; a request without credentials stays without identity.
pub async fn resolve(app: &App, request: &ServiceRequest, context: &Arc<RequestContext>) {
    // Health and documentation ask nobody who they are, and so not the database either.
    if !request.path().starts_with("/v1/") {
        return;
    }
    let Some(credential) = presented(request) else { return };
    let identity = if credential.starts_with(api_keys::PREFIX) {
        api_keys::verify(app, &credential, context).await
    } else {
        tokens::verify(app, &credential).map(|verified| {
            let _ = context.valid_until.set(verified.expires_at);
            verified.actor
        })
    };
    let _ = context.identity.set(identity);
}

fn presented(request: &ServiceRequest) -> Option<String> {
    let headers = request.headers();
    if let Some(key) = headers.get("x-api-key").and_then(|value| value.to_str().ok()) {
        return Some(key.to_owned());
    }
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, credential) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| credential.trim().to_owned())
}

/// The caller, or why there is none.
pub fn required(context: &RequestContext) -> Result<Arc<fulcrum_domain::access::Actor>, Problem> {
    match context.identity.get() {
        Some(Ok(actor)) => Ok(actor.clone()),
        Some(Err(problem)) => Err(problem.clone()),
        None => Err(Problem::new(Code::Unauthenticated)),
    }
}
