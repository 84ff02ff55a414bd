//! The data scope as a condition, one for all kinds of records.

use diesel::pg::Pg;
use diesel::prelude::*;
use diesel::query_builder::{AstPass, QueryFragment};
use diesel::sql_types::Uuid as SqlUuid;
use fulcrum_domain::access::DataScope;
use uuid::Uuid;

use crate::Tx;

/// What of a table the actor may see, by the columns that hold a record's owner and its department.
/// `None` is everything in the tenant; the tenant itself is not part of the condition.
pub(crate) fn condition(tx: &Tx, owner: &'static str, department: &'static str) -> Option<Within> {
    let actor = &tx.actor;
    match (actor.scope, actor.user_id(), actor.department_id) {
        (DataScope::Tenant, ..) => None,
        (DataScope::Own, Some(user), _) => Some(Within::Is(owner, user)),
        (DataScope::Department, _, Some(home)) => Some(Within::Is(department, home)),
        (DataScope::Subtree, _, Some(home)) => {
            Some(Within::Below { column: department, tenant_id: actor.tenant_id, home })
        }
        // A scope without anything that it could refer to, such as a program's own records.
        _ => Some(Within::Nothing),
    }
}

/// Whether the actor sees all of the company: for what belongs to nobody in it.
pub(crate) fn is_whole_company(tx: &Tx) -> bool {
    tx.actor.scope == DataScope::Tenant
}

/// A condition. Written out by hand, because diesel never keeps a prepared statement with an `sql` literal in it.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Within {
    Is(&'static str, Uuid),
    Below { column: &'static str, tenant_id: Uuid, home: Uuid },
    Nothing,
}

/// Makes a condition of a type whose SQL is written out by hand.
macro_rules! hand_written {
    ($name:ty) => {
        impl diesel::expression::Expression for $name {
            type SqlType = diesel::sql_types::Bool;
        }
        impl<T> diesel::expression::AppearsOnTable<T> for $name {}
        impl<T> diesel::expression::SelectableExpression<T> for $name {}
        impl<G> diesel::expression::ValidGrouping<G> for $name {
            type IsAggregate = diesel::expression::is_aggregate::Never;
        }
        impl diesel::query_builder::QueryId for $name {
            type QueryId = ();
            // The text differs by actor, so it is its own key among the prepared statements.
            const HAS_STATIC_QUERY_ID: bool = false;
        }
    };
}
pub(crate) use hand_written;

hand_written!(Within);

impl QueryFragment<Pg> for Within {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        match self {
            Within::Is(column, id) => {
                out.push_sql(column);
                out.push_sql(" = ");
                out.push_bind_param::<SqlUuid, _>(id)
            }
            // Looked up when the query runs, so that a department that moved is seen where it is now.
            Within::Below { column, tenant_id, home } => {
                out.push_sql(column);
                out.push_sql(" = any (array(select d.id from departments d where d.tenant_id = ");
                out.push_bind_param::<SqlUuid, _>(tenant_id)?;
                out.push_sql(
                    " and starts_with(d.path, (select t.path from departments t where t.tenant_id = ",
                );
                out.push_bind_param::<SqlUuid, _>(tenant_id)?;
                out.push_sql(" and t.id = ");
                out.push_bind_param::<SqlUuid, _>(home)?;
                out.push_sql("))))");
                Ok(())
            }
            Within::Nothing => {
                out.push_sql("false");
                Ok(())
            }
        }
    }
}
