//! Permissions: words of the form `area.resource:action`.

use serde::{Deserialize, Serialize};
use strum::{Display, EnumIter, EnumString, IntoStaticStr};
use utoipa::ToSchema;

/// A permission as a type, so that a handler names the one it needs in its signature.
pub trait Grant: Send + Sync + 'static {
    /// The permission, or `None` where being signed in is enough.
    const PERMISSION: Option<Permission>;
}

macro_rules! permissions {
    ($($(#[$doc:meta])* $name:ident = $word:literal),+ $(,)?) => {
        /// One thing that somebody may do.
        #[derive(
            Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema,
            Display, EnumString, EnumIter, IntoStaticStr,
        )]
        pub enum Permission {
            $($(#[$doc])* #[serde(rename = $word)] #[strum(serialize = $word)] $name),+
        }

        /// The permissions as types, for the signatures of handlers.
        pub mod permit {
            use super::{Grant, Permission};
            $($(#[$doc])* pub enum $name {}
              impl Grant for $name { const PERMISSION: Option<Permission> = Some(Permission::$name); })+

            /// Being signed in is enough: what is answered concerns the caller alone.
            pub enum SignedIn {}
            impl Grant for SignedIn { const PERMISSION: Option<Permission> = None; }
        }
    };
}

permissions! {
    /// See departments.
    DepartmentsRead = "access.departments:read",
    /// Create, change, move and delete departments.
    DepartmentsWrite = "access.departments:write",
    /// See users within the data scope.
    UsersRead = "access.users:read",
    /// Create, change, disable and delete users.
    UsersWrite = "access.users:write",
    /// See roles.
    RolesRead = "access.roles:read",
    /// Create, change and delete roles.
    RolesWrite = "access.roles:write",
    /// See API clients and their keys.
    ApiClientsRead = "access.api_clients:read",
    /// Create, change and delete API clients and their keys.
    ApiClientsWrite = "access.api_clients:write",
    /// See what holds for the company as a whole.
    CompanyRead = "access.company:read",
    /// Change what holds for the company as a whole.
    CompanyWrite = "access.company:write",
    /// Ask why somebody may or may not do something.
    AccessExplain = "access.decisions:read",
    /// See customers within the data scope.
    CustomersRead = "customers.customers:read",
    /// Create and change customers within the data scope.
    CustomersWrite = "customers.customers:write",
    /// Delete and restore customers within the data scope.
    CustomersDelete = "customers.customers:delete",
    /// Give a customer to another owner.
    CustomersAssign = "customers.customers:assign",
    /// See the contacts of the customers within the data scope.
    ContactsRead = "customers.contacts:read",
    /// Create and change contacts.
    ContactsWrite = "customers.contacts:write",
    /// Delete and restore contacts.
    ContactsDelete = "customers.contacts:delete",
    /// Read credit codes, telephone numbers and mail addresses of customers and contacts in full; others get them masked.
    SensitiveRead = "customers.sensitive:read",
    /// See which fields the company has added to its records.
    CustomFieldsRead = "customers.custom_fields:read",
    /// Add fields to the company's records, change and archive them.
    CustomFieldsWrite = "customers.custom_fields:write",
    /// Make one of two customers, and two of one again.
    CustomersMerge = "customers.customers:merge",
    /// See which customers may be the same, of those that one sees, and ask before entering one.
    DuplicatesRead = "customers.duplicates:read",
    /// Decide that two customers are not the same, and who is to decide.
    DuplicatesWrite = "customers.duplicates:write",
    /// See the catalogue of tags.
    TagsRead = "customers.tags:read",
    /// Create, change and delete tags of the catalogue.
    TagsWrite = "customers.tags:write",
    /// See activities: of one's people, and of the customers that one sees.
    ActivitiesRead = "engagement.activities:read",
    /// Create activities, and change those of one's people.
    ActivitiesWrite = "engagement.activities:write",
    /// Delete and restore activities of one's people.
    ActivitiesDelete = "engagement.activities:delete",
    /// See tasks: of one's people, those that one made, and of the customers that one sees.
    TasksRead = "engagement.tasks:read",
    /// Create tasks, and change those of one's people and those that one made.
    TasksWrite = "engagement.tasks:write",
    /// Delete and restore tasks.
    TasksDelete = "engagement.tasks:delete",
    /// Read the event log (audit trail).
    EventsRead = "platform.events:read",
    /// See jobs: the work that is done later.
    JobsRead = "platform.jobs:read",
    /// Try jobs again, or give them up.
    JobsWrite = "platform.jobs:write",
    /// Follow the long requests that one has made.
    OperationsRead = "platform.operations:read",
    /// Stop the long requests that one has made.
    OperationsWrite = "platform.operations:write",
    /// See webhooks, and what was delivered.
    WebhooksRead = "platform.webhooks:read",
    /// Create, change and delete webhooks, and deliver again.
    WebhooksWrite = "platform.webhooks:write",
    /// See automations, and what they did: one's own, in the scope of the company all.
    AutomationsRead = "platform.automations:read",
    /// Create and change automations. They run with the rights of who wrote them last.
    AutomationsWrite = "platform.automations:write",
    /// See and download the files of the records that one sees.
    FilesRead = "platform.files:read",
    /// Upload files and link them to records that one sees.
    FilesWrite = "platform.files:write",
    /// Delete and restore files.
    FilesDelete = "platform.files:delete",
    /// Take the records that one sees out as a file.
    ExportsWrite = "platform.exports:write",
    /// See the spreadsheets that one has brought in and what became of them; in the scope of the company all.
    ImportsRead = "platform.imports:read",
    /// Bring spreadsheets in, as far as one may write what is in them, and take them back.
    ImportsWrite = "platform.imports:write",
    /// See what is told to whom in the whole company.
    NotificationsRead = "platform.notifications:read",
}

impl Permission {
    /// The word, as it stands in tokens, roles and the contract.
    pub fn word(self) -> &'static str {
        self.into()
    }

    /// Every permission there is.
    pub fn all() -> Vec<Permission> {
        <Permission as strum::IntoEnumIterator>::iter().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::Permission;

    #[test]
    fn every_word_has_an_area_a_resource_and_an_action() {
        for permission in Permission::all() {
            let (subject, action) = permission.word().split_once(':').expect("an action");
            let (area, resource) = subject.split_once('.').expect("an area");
            assert!(!area.is_empty() && !resource.is_empty() && !action.is_empty(), "{permission}");
            assert_eq!(permission.word().parse::<Permission>(), Ok(permission));
        }
    }
}
