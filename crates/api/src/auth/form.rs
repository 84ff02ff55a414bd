//! The form of a token request, and HTTP basic authentication beside it.

use std::future::Future;
use std::pin::Pin;

use actix_web::dev::Payload;
use actix_web::http::header;
use actix_web::{FromRequest, HttpRequest, web};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Map, Value};

use super::views::TokenRequest;
use crate::App;
use crate::http::body::{judge, read};
use crate::http::catalog::Code;
use crate::http::problem::Problem;

/// A token request.
pub struct TokenForm(pub TokenRequest);

impl FromRequest for TokenForm {
    type Error = Problem;
    type Future = Pin<Box<dyn Future<Output = Result<Self, Problem>>>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let raw = read(request, payload, &["application/x-www-form-urlencoded"]);
        let app = request.app_data::<web::Data<App>>().cloned();
        let basic = basic_credentials(request);
        Box::pin(async move {
            let raw = raw.await?;
            let fields: Map<String, Value> = url::form_urlencoded::parse(&raw)
                .map(|(name, value)| (name.into_owned(), Value::String(value.into_owned())))
                .collect();
            let app = app.ok_or_else(|| Problem::new(Code::Internal))?;
            let mut request: TokenRequest = judge(&app.contract, "CN", &Value::Object(fields))?;
            if let Some((id, secret)) = basic {
                request.client_id = Some(id);
                request.client_secret = Some(secret);
            }
            Ok(TokenForm(request))
        })
    }
}

fn basic_credentials(request: &HttpRequest) -> Option<(String, String)> {
    let value = request.headers().get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, encoded) = value.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let text = String::from_utf8(BASE64_STANDARD.decode(encoded.trim()).ok()?).ok()?;
    text.split_once(':').map(|(id, secret)| (id.to_owned(), secret.to_owned()))
}
