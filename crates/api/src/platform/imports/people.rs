//! Colleagues as spreadsheets name them.

use std::collections::HashMap;

use fulcrum_persistence::access::users;
use fulcrum_persistence::{StoreError, Tx};
use uuid::Uuid;

/// Colleagues that the actor sees and that customers can be given to.
#[derive(Default)]
pub(super) struct People {
    /// By address and by name; a name that two have is nobody's.
    pub(super) by_name: HashMap<String, Option<Uuid>>,
    /// Where they work.
    pub(super) departments: HashMap<Uuid, Uuid>,
}

impl People {
    /// All of them.
    ///
    /// # Errors
    /// Those of the database.
    pub(super) fn of(tx: &mut Tx) -> Result<People, StoreError> {
        let mut people = People::default();
        for user in users::to_assign(tx)? {
            people.departments.insert(user.id, user.department_id);
            people.by_name.insert(user.email.to_lowercase(), Some(user.id));
            let named = people.by_name.entry(user.name.to_lowercase()).or_insert(Some(user.id));
            if *named != Some(user.id) {
                *named = None;
            }
        }
        Ok(people)
    }
}
