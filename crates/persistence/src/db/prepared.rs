//! SQL that is written out by hand and prepared once for each connection. `diesel::sql_query` has its text parsed and
//! planned each time.

use std::marker::PhantomData;

use diesel::pg::Pg;
use diesel::prelude::*;
use diesel::query_builder::{AstPass, Query, QueryFragment, QueryId};
use diesel::serialize::ToSql;
use diesel::sql_types::{HasSqlType, Untyped};

/// A statement whose text is always the same. `$1` is what was bound first; it may stand in the text several times.
pub(crate) fn prepared(sql: &'static str) -> Prepared<()> {
    Prepared { sql, values: () }
}

/// A statement with the values bound so far.
pub(crate) struct Prepared<V> {
    sql: &'static str,
    values: V,
}

/// Values bound before, and one more.
pub(crate) struct Bound<V, ST, T>(V, T, PhantomData<ST>);

impl<V> Prepared<V> {
    /// Binds the next value.
    pub(crate) fn bind<ST, T>(self, value: T) -> Prepared<Bound<V, ST, T>> {
        Prepared { sql: self.sql, values: Bound(self.values, value, PhantomData) }
    }
}

/// Values that were bound, counted from 1.
pub(crate) trait Values {
    const COUNT: usize;
    fn push<'b>(&'b self, place: usize, out: &mut AstPass<'_, 'b, Pg>) -> QueryResult<()>;
}

impl Values for () {
    const COUNT: usize = 0;
    fn push<'b>(&'b self, place: usize, _: &mut AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        Err(diesel::result::Error::QueryBuilderError(format!("${place} is not bound").into()))
    }
}

impl<V: Values, ST, T: ToSql<ST, Pg>> Values for Bound<V, ST, T>
where
    Pg: HasSqlType<ST>,
{
    const COUNT: usize = V::COUNT + 1;
    fn push<'b>(&'b self, place: usize, out: &mut AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        if place == Self::COUNT { out.push_bind_param::<ST, T>(&self.1) } else { self.0.push(place, out) }
    }
}

impl<V> QueryId for Prepared<V> {
    type QueryId = ();
    // The text is its own key among the prepared statements.
    const HAS_STATIC_QUERY_ID: bool = false;
}

impl<V> Query for Prepared<V> {
    type SqlType = Untyped;
}

impl<V> diesel::RunQueryDsl<PgConnection> for Prepared<V> {}

impl<V: Values> QueryFragment<Pg> for Prepared<V> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        let mut parts = self.sql.split('$');
        out.push_sql(parts.next().unwrap_or_default());
        for part in parts {
            let digits = part.bytes().take_while(u8::is_ascii_digit).count();
            let place = part[..digits].parse().unwrap_or_default();
            self.values.push(place, &mut out)?;
            out.push_sql(&part[digits..]);
        }
        Ok(())
    }
}
