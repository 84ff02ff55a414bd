//! Records that others belong to: files, activities, tasks.

use fulcrum_domain::access::Permission;
use fulcrum_persistence::customers::{contacts, customers};
use fulcrum_persistence::{StoreError, Tx};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::http::catalog::FieldCode;
use crate::http::problem::Problem;
use crate::records::require;

/// What kind of record something belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum SubjectType {
    /// A customer.
    Customer,
    /// A contact.
    Contact,
}

impl SubjectType {
    /// The word in links and events.
    pub fn word(self) -> &'static str {
        match self {
            SubjectType::Customer => customers::SUBJECT,
            SubjectType::Contact => contacts::SUBJECT,
        }
    }

    /// The kind that a word stands for.
    pub fn of(word: &str) -> Option<SubjectType> {
        [SubjectType::Customer, SubjectType::Contact].into_iter().find(|subject| subject.word() == word)
    }
}

/// A record that something belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Subject {
    /// What kind.
    pub kind: SubjectType,
    /// Which one.
    pub id: Uuid,
    /// The customer that it is or belongs to.
    pub customer_id: Uuid,
}

/// The record that something shall belong to, or shall not any more: one that the actor sees. Held, so that it isn't deleted meanwhile.
///
/// # Errors
/// 403 without the permission to see such records, 422 at `pointer` for one that the actor doesn't see, 409 for one that is deleted.
pub fn lock(tx: &mut Tx, kind: SubjectType, id: Uuid, pointer: &str) -> Result<Subject, Problem> {
    let (needed, found) = match kind {
        SubjectType::Customer => {
            let found = customers::lock(tx, id).map(|customer| (customer.id, customer.deleted_at));
            (Permission::CustomersRead, found)
        }
        SubjectType::Contact => {
            let found = contacts::lock(tx, id).map(|contact| (contact.customer_id, contact.deleted_at));
            (Permission::ContactsRead, found)
        }
    };
    require(&tx.actor, needed)?;
    match found {
        Ok((_, Some(_))) => Err(Problem::deleted(id)),
        Ok((customer_id, None)) => Ok(Subject { kind, id, customer_id }),
        Err(StoreError::NotFound) => Err(Problem::field(pointer, FieldCode::NotFound)),
        Err(error) => Err(error.into()),
    }
}
