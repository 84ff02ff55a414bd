//! The permission in a handler's signature, and the only way from a handler to the database.

use std::future::{Ready, ready};
use std::marker::PhantomData;
use std::ops::Deref;
use std::sync::Arc;

use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpRequest, web};
use fulcrum_domain::access::{Actor, Grant};
use fulcrum_persistence::Tx;

use super::answer::Answer;
use super::catalog::Code;
use super::context::RequestContext;
use super::masking;
use super::problem::Problem;
use super::{idempotency, identity};
use crate::App;

/// A caller who holds the permission `P`. First in a handler's signature, so that nothing else of the request
/// is looked at before.
pub struct Allowed<P: Grant> {
    call: Call,
    permission: PhantomData<P>,
}

/// A request in the hands of somebody: who, in which installation, and everything else that is known.
#[derive(Clone)]
pub struct Call {
    /// The installation.
    pub app: web::Data<App>,
    /// Who calls.
    pub actor: Arc<Actor>,
    /// The request.
    pub context: Arc<RequestContext>,
}

impl<P: Grant> Deref for Allowed<P> {
    type Target = Call;
    fn deref(&self) -> &Call {
        &self.call
    }
}

impl<P: Grant> FromRequest for Allowed<P> {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let allowed = || {
            let anonymous = Anonymous::of(request)?;
            let actor = identity::required(&anonymous.context)?;
            if let Some(permission) = P::PERMISSION
                && !actor.may(permission)
            {
                return Err(Problem::forbidden(permission));
            }
            anonymous.context.check_headers()?;
            let call = Call { app: anonymous.app, actor, context: anonymous.context };
            Ok(Allowed { call, permission: PhantomData })
        };
        ready(allowed())
    }
}

impl Call {
    /// Reads, as the caller. The answer is written where the rows were read: the thousand texts of a page are freed by
    /// the thread that made them.
    ///
    /// # Errors
    /// What the closure returns, or why there is no database.
    pub async fn read(
        &self,
        work: impl Fn(&mut Tx) -> Result<Answer, Problem> + Send + 'static,
    ) -> Result<Answer, Problem> {
        let answer = self.app.db.read(&self.actor, &self.context.stats, work).await?;
        Ok(self.for_reader(answer))
    }

    /// As this caller may read it.
    fn for_reader(&self, answer: Answer) -> Answer {
        if masking::is_masked(&self.actor) { answer.masked() } else { answer }
    }

    /// Writes, as the caller, in one transaction; an answer to an idempotency key is kept in the same one.
    ///
    /// # Errors
    /// What the closure returns, or why there is no database.
    pub async fn write(
        &self,
        work: impl Fn(&mut Tx) -> Result<Answer, Problem> + Send + 'static,
    ) -> Result<Answer, Problem> {
        let request = idempotency::Request::of(self)?;
        let (request_id, keys) = (self.context.request_id.clone(), self.app.keys.clone());
        let written = self
            .app
            .db
            .write(&self.actor, &self.context.stats, move |tx| {
                tx.request_id = Some(request_id.clone());
                match &request {
                    Some(request) => request.answer_once(tx, &keys, &work),
                    None => work(tx),
                }
            })
            .await?;
        Ok(self.for_reader(written))
    }
}

/// A request by nobody in particular: for signing in, and for what everybody may know.
pub struct Anonymous {
    /// The installation.
    pub app: web::Data<App>,
    /// The request.
    pub context: Arc<RequestContext>,
}

impl Anonymous {
    fn of(request: &HttpRequest) -> Result<Anonymous, Problem> {
        match (request.app_data::<web::Data<App>>(), RequestContext::get(request)) {
            (Some(app), Some(context)) => Ok(Anonymous { app: app.clone(), context }),
            _ => Err(Problem::new(Code::Internal)),
        }
    }
}

impl FromRequest for Anonymous {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(Anonymous::of(request))
    }
}
