//! `Idempotency-Key`: the same request, sent again, gets the same answer and happens once.

use fulcrum_persistence::platform::idempotency::{self as store, KeyOwner, Known, StoredAnswer};
use fulcrum_persistence::{StoreError, Tx};

use super::allowed::Call;
use super::answer::Answer;
use super::catalog::Code;
use super::locale::Locale;
use super::problem::Problem;
use crate::auth::keys::Keys;

/// With our key: a body can hold a password, and a plain hash of it would help to guess it.
const PURPOSE: &[u8] = b"idempotent request";
const SEALED: &str = "idempotent answer";

/// A request that carries a key.
pub struct Request {
    owner: KeyOwner,
    content: Vec<u8>,
    locale: Locale,
    request_id: String,
}

impl Request {
    /// The key of a write, if it has one.
    ///
    /// # Errors
    /// A problem when the key can't be one.
    pub fn of(call: &Call) -> Result<Option<Request>, Problem> {
        let context = &call.context;
        let (Some(key), Some(principal_id)) = (&context.idempotency_key, call.actor.principal_id()) else {
            return Ok(None);
        };
        let content =
            [context.uri.as_bytes(), &[0], context.body_hash.get().map_or(&[][..], |hash| &hash[..])]
                .concat();
        Ok(Some(Request {
            owner: KeyOwner {
                principal_id,
                method: context.method.clone(),
                path: context.path.clone(),
                key: key.clone(),
            },
            content,
            locale: context.reader_locale(),
            request_id: context.request_id.clone(),
        }))
    }

    /// Does the work and keeps its answer, or gives the answer that was kept. Refusals are kept, too; what the
    /// work wrote before it refused is taken back.
    pub fn answer_once(
        &self,
        tx: &mut Tx,
        keys: &Keys,
        work: &impl Fn(&mut Tx) -> Result<Answer, Problem>,
    ) -> Result<Answer, Problem> {
        match store::claim(tx, &self.owner)? {
            Known::Running => return Err(Problem::new(Code::StillRunning).retry_after(1)),
            Known::Answered(stored) if !keys.is_authentic(PURPOSE, &self.content, &stored.request_hash) => {
                return Err(Problem::new(Code::IdempotencyKeyReused));
            }
            Known::Answered(stored) => {
                let answer = keys
                    .open(SEALED, &stored.answer)
                    .and_then(|json| serde_json::from_slice::<Answer>(&json).ok());
                // Kept under another secret of the installation: nobody can say any more what it was.
                let mut answer = answer.ok_or_else(|| Problem::new(Code::IdempotencyKeyReused))?;
                answer.replayed = true;
                return Ok(answer);
            }
            Known::New => {}
        }
        let answer = match tx.part(|tx| work(tx)) {
            Ok(answer) => answer,
            Err(problem) if problem.status().is_server_error() || problem.status() == 429 => {
                return Err(problem);
            }
            Err(problem) => {
                let body = problem.body(self.locale, &self.owner.path, &self.request_id);
                Answer::problem(problem.status().as_u16(), body.to_string())
            }
        };
        let json = serde_json::to_vec(&answer).map_err(|_| Problem::new(Code::Internal))?;
        let sealed = keys
            .seal(SEALED, &json)
            .ok_or_else(|| StoreError::Internal("an answer can't be sealed".into()))?;
        let stored = StoredAnswer {
            request_hash: keys.authenticate(PURPOSE, &self.content).to_vec(),
            status: answer.status() as i16,
            answer: sealed,
        };
        store::keep(tx, &self.owner, &stored)?;
        Ok(answer)
    }
}
