//! What the planner thinks of a query.

use diesel::pg::Pg;
use diesel::prelude::*;
use diesel::query_builder::{AstPass, Query, QueryFragment, QueryId};
use diesel::sql_types::Json;
use serde_json::Value;

use crate::{StoreError, Tx};

struct Explain<Q>(Q);

impl<Q> QueryId for Explain<Q> {
    type QueryId = ();
    const HAS_STATIC_QUERY_ID: bool = false;
}

impl<Q> Query for Explain<Q> {
    type SqlType = Json;
}

impl<Q> diesel::RunQueryDsl<PgConnection> for Explain<Q> {}

impl<Q: QueryFragment<Pg>> QueryFragment<Pg> for Explain<Q> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        out.unsafe_to_cache_prepared();
        out.push_sql("explain (format json) ");
        self.0.walk_ast(out)
    }
}

/// The plan of a query.
pub(crate) fn plan<Q: QueryFragment<Pg>>(tx: &mut Tx, query: Q) -> Result<Value, StoreError> {
    Ok(Explain(query).get_result(tx.conn)?)
}

/// How many rows the planner expects from a query.
pub(crate) fn estimated_rows<Q: QueryFragment<Pg>>(tx: &mut Tx, query: Q) -> Result<i64, StoreError> {
    let plan = plan(tx, query)?;
    Ok(plan[0]["Plan"]["Plan Rows"].as_f64().unwrap_or_default() as i64)
}
