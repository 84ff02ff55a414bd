//! Roles: a named set of permissions and a data scope.

use serde::{Deserialize, Serialize};
use strum::{Display, EnumString, IntoStaticStr};
use utoipa::ToSchema;

use super::Permission::{self, *};

/// On which records the permissions hold. Ordered from the narrowest to the widest.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    Deserialize,
    ToSchema,
    Display,
    EnumString,
    IntoStaticStr,
)]
#[serde(rename_all = "lowercase")]
#[strum(serialize_all = "lowercase")]
pub enum DataScope {
    /// Records that one owns.
    Own,
    /// Records of one's own department.
    Department,
    /// Records of one's own department and of those below it.
    Subtree,
    /// Every record of the company.
    Tenant,
}

/// A role that every tenant starts with. Its permissions and scope are data afterwards.
pub struct BuiltInRole {
    /// Stable key.
    pub key: &'static str,
    /// Name in English.
    pub name: &'static str,
    /// Name in Chinese.
    pub name_zh: &'static str,
    /// Which records.
    pub data_scope: DataScope,
    permissions: [&'static [Permission]; 2],
}

impl BuiltInRole {
    /// What the role may do; the administrator may do everything, also what later releases add.
    pub fn permissions(&self) -> Vec<Permission> {
        if self.key == "admin" { Permission::all() } else { self.permissions.concat() }
    }
}

/// What everybody has who works with people and records.
const COLLEAGUE: &[Permission] = &[
    DepartmentsRead,
    UsersRead,
    CompanyRead,
    AccessExplain,
    OperationsRead,
    OperationsWrite,
    FilesRead,
    TasksRead,
    TasksWrite,
    CustomFieldsRead,
    TagsRead,
];

/// The roles that a new tenant has.
pub const BUILT_IN_ROLES: [BuiltInRole; 8] = [
    BuiltInRole {
        key: "admin",
        name: "Administrator",
        name_zh: "管理员",
        data_scope: DataScope::Tenant,
        permissions: [&[], &[]],
    },
    BuiltInRole {
        key: "sales_manager",
        name: "Sales manager",
        name_zh: "销售经理",
        data_scope: DataScope::Subtree,
        permissions: [
            COLLEAGUE,
            &[
                RolesRead,
                CustomersRead,
                SensitiveRead,
                CustomersWrite,
                CustomersDelete,
                CustomersAssign,
                ContactsRead,
                ContactsWrite,
                ContactsDelete,
                ActivitiesRead,
                ActivitiesWrite,
                ActivitiesDelete,
                TasksDelete,
                TagsWrite,
                CustomersMerge,
                DuplicatesRead,
                DuplicatesWrite,
                ExportsWrite,
                ImportsRead,
                ImportsWrite,
                AutomationsRead,
                AutomationsWrite,
                EventsRead,
                FilesWrite,
                FilesDelete,
            ],
        ],
    },
    BuiltInRole {
        key: "sales_rep",
        name: "Sales representative",
        name_zh: "销售",
        data_scope: DataScope::Own,
        permissions: [
            COLLEAGUE,
            &[
                CustomersRead,
                SensitiveRead,
                CustomersWrite,
                ContactsRead,
                ContactsWrite,
                ContactsDelete,
                FilesWrite,
                ActivitiesRead,
                ActivitiesWrite,
                ActivitiesDelete,
                DuplicatesRead,
            ],
        ],
    },
    BuiltInRole {
        key: "service_agent",
        name: "Service agent",
        name_zh: "客服",
        data_scope: DataScope::Tenant,
        permissions: [
            COLLEAGUE,
            &[
                CustomersRead,
                SensitiveRead,
                ContactsRead,
                ContactsWrite,
                FilesWrite,
                ActivitiesRead,
                ActivitiesWrite,
                DuplicatesRead,
            ],
        ],
    },
    BuiltInRole {
        key: "service_supervisor",
        name: "Service supervisor",
        name_zh: "客服主管",
        data_scope: DataScope::Tenant,
        permissions: [
            COLLEAGUE,
            &[
                CustomersRead,
                SensitiveRead,
                CustomersWrite,
                ContactsRead,
                ContactsWrite,
                ContactsDelete,
                ActivitiesRead,
                ActivitiesWrite,
                ActivitiesDelete,
                TasksDelete,
                TagsWrite,
                CustomersMerge,
                DuplicatesRead,
                DuplicatesWrite,
                ExportsWrite,
                AutomationsRead,
                AutomationsWrite,
                EventsRead,
                FilesWrite,
                FilesDelete,
            ],
        ],
    },
    BuiltInRole {
        key: "marketing",
        name: "Marketing",
        name_zh: "市场",
        data_scope: DataScope::Tenant,
        permissions: [
            COLLEAGUE,
            &[CustomersRead, SensitiveRead, ContactsRead, TagsWrite, DuplicatesRead, ExportsWrite],
        ],
    },
    BuiltInRole {
        key: "finance",
        name: "Finance",
        name_zh: "财务",
        data_scope: DataScope::Tenant,
        permissions: [COLLEAGUE, &[CustomersRead, SensitiveRead, ContactsRead, FilesWrite, ExportsWrite]],
    },
    BuiltInRole {
        key: "integration",
        name: "Integration",
        name_zh: "系统集成",
        data_scope: DataScope::Tenant,
        permissions: [
            &[
                CompanyRead,
                CustomFieldsRead,
                TagsRead,
                OperationsRead,
                OperationsWrite,
                FilesRead,
                FilesWrite,
                TasksRead,
                TasksWrite,
            ],
            &[
                DepartmentsRead,
                UsersRead,
                CustomersRead,
                SensitiveRead,
                CustomersWrite,
                ContactsRead,
                ContactsWrite,
                ActivitiesRead,
                ActivitiesWrite,
                EventsRead,
                NotificationsRead,
                DuplicatesRead,
                ExportsWrite,
                ImportsRead,
                ImportsWrite,
            ],
        ],
    },
];
