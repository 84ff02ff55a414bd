//! SQL around a query that diesel makes: groups and sums over the records that somebody sees.

use std::marker::PhantomData;

use diesel::pg::Pg;
use diesel::prelude::*;
use diesel::query_builder::{AstPass, Query, QueryFragment, QueryId};

/// `before (query) after`; the query is named as `after` says.
pub(crate) struct Around<Q, ST> {
    before: String,
    query: Q,
    after: String,
    row: PhantomData<ST>,
}

impl<Q, ST> Around<Q, ST> {
    pub(crate) fn new(before: impl Into<String>, query: Q, after: impl Into<String>) -> Around<Q, ST> {
        Around { before: before.into(), query, after: after.into(), row: PhantomData }
    }
}

impl<Q, ST> QueryId for Around<Q, ST> {
    type QueryId = ();
    const HAS_STATIC_QUERY_ID: bool = false;
}

impl<Q: Query, ST> Query for Around<Q, ST> {
    type SqlType = ST;
}

impl<Q, ST> diesel::RunQueryDsl<PgConnection> for Around<Q, ST> {}

impl<Q: QueryFragment<Pg>, ST> QueryFragment<Pg> for Around<Q, ST> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        out.push_sql(&self.before);
        out.push_sql(" (");
        self.query.walk_ast(out.reborrow())?;
        out.push_sql(") ");
        out.push_sql(&self.after);
        Ok(())
    }
}
