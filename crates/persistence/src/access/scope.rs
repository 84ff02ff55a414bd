//! The data scope as a condition, one for all kinds of records.

use diesel::dsl::sql;
use diesel::expression::BoxableExpression;
use diesel::pg::Pg;
use diesel::sql_types::{Bool, Uuid as SqlUuid};
use fulcrum_domain::access::DataScope;

use crate::Tx;

/// A condition over the table `T`.
pub(crate) type Condition<T> = Box<dyn BoxableExpression<T, Pg, SqlType = Bool>>;

/// What of a table the actor may see, by the columns that hold a record's owner and its department.
/// `None` is everything in the tenant; the tenant itself is not part of the condition.
pub(crate) fn condition<T: 'static>(
    tx: &Tx,
    owner: &'static str,
    department: &'static str,
) -> Option<Condition<T>> {
    let actor = &tx.actor;
    let condition: Condition<T> = match (actor.scope, actor.user_id(), actor.department_id) {
        (DataScope::Tenant, ..) => return None,
        (DataScope::Own, Some(user), _) => Box::new(sql::<Bool>(owner).sql(" = ").bind::<SqlUuid, _>(user)),
        (DataScope::Department, _, Some(home)) => {
            Box::new(sql::<Bool>(department).sql(" = ").bind::<SqlUuid, _>(home))
        }
        // Looked up when the query runs, so that a department that moved is seen where it is now.
        (DataScope::Subtree, _, Some(home)) => Box::new(
            sql::<Bool>(department)
                .sql(" = any (array(select d.id from departments d where d.tenant_id = ")
                .bind::<SqlUuid, _>(actor.tenant_id)
                .sql(" and starts_with(d.path, (select t.path from departments t where t.tenant_id = ")
                .bind::<SqlUuid, _>(actor.tenant_id)
                .sql(" and t.id = ")
                .bind::<SqlUuid, _>(home)
                .sql("))))"),
        ),
        // A scope without anything that it could refer to, such as a program's own records.
        _ => Box::new(sql::<Bool>("false")),
    };
    Some(condition)
}
