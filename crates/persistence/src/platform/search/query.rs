//! Searching: which short index scans a query becomes.

use diesel::pg::Pg;
use diesel::prelude::*;
use diesel::query_builder::{AstPass, Query, QueryFragment, QueryId};
use diesel::sql_types::{Array, BigInt, SmallInt, Text, Uuid as SqlUuid};
use fulcrum_domain::platform::search_terms::{prefix_upper_bound, query_tokens};
use uuid::Uuid;

use super::Field::{self, *};

/// What is searched for: every token has to be found, somewhere in the record.
#[derive(Clone, Debug)]
pub struct SearchQuery {
    tokens: Vec<Token>,
}

#[derive(Clone, Debug)]
struct Token {
    from: String,
    to: String,
    fields: Vec<i16>,
}

/// How far into a customer's file a search may look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reach {
    /// Into the fields of contacts.
    pub contacts: bool,
    /// Into telephone numbers and mail addresses.
    pub numbers: bool,
}

/// Which records a search is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target {
    /// Customers, found by their own fields and by those of their contacts.
    Customers,
    /// Contacts.
    Contacts,
}

impl Target {
    fn fields(self, token: &str, reach: Reach) -> Vec<i16> {
        let han = !token.is_ascii();
        let digits = token.chars().all(|c| c.is_ascii_digit());
        let fields: &[Field] = match (self, han, digits) {
            (Target::Customers, true, _) => {
                &[NameStart, NameInside, Custom, ContactNameStart, ContactNameInside, ContactCustom]
            }
            (Target::Customers, _, true) => &[
                Code,
                NameStart,
                NameInside,
                Phone,
                Email,
                Custom,
                ContactNameStart,
                ContactPhone,
                ContactEmail,
                ContactCustom,
            ],
            (Target::Customers, ..) => &[
                Code,
                NameStart,
                NameInside,
                PinyinStart,
                PinyinInside,
                Email,
                Custom,
                ContactNameStart,
                ContactNameInside,
                ContactPinyin,
                ContactEmail,
                ContactCustom,
            ],
            (Target::Contacts, true, _) => &[ContactNameStart, ContactNameInside, ContactCustom],
            (Target::Contacts, _, true) => &[ContactNameStart, ContactPhone, ContactEmail, ContactCustom],
            (Target::Contacts, ..) => {
                &[ContactNameStart, ContactNameInside, ContactPinyin, ContactEmail, ContactCustom]
            }
        };
        let within = |field: &&Field| {
            (reach.contacts || **field < ContactNameStart)
                && (reach.numbers || !matches!(**field, Phone | Email | ContactPhone | ContactEmail))
        };
        fields.iter().filter(within).map(|field| *field as i16).collect()
    }

    /// All terms of the record that a term of `outer` is of, as a table. `offset 0` keeps conditions on the term out of
    /// it: the planner, which takes any range of terms for a short one, would else look through all records that have
    /// the term, once for each.
    fn terms_of_same_record(self, outer: &str, out: &mut AstPass<'_, '_, Pg>) {
        out.push_sql("(select t.field, t.term, t.source_id from search_terms t where t.tenant_id = ");
        out.push_sql(outer);
        out.push_sql(".tenant_id and t.subject_id = ");
        out.push_sql(outer);
        out.push_sql(".subject_id");
        if self == Target::Contacts {
            out.push_sql(" and t.source_id = ");
            out.push_sql(outer);
            out.push_sql(".source_id");
        }
        out.push_sql(" offset 0)");
    }

    /// Which id of a term is the id of the record that is searched for.
    fn id_column(self) -> &'static str {
        match self {
            Target::Customers => "subject_id",
            Target::Contacts => "source_id",
        }
    }
}

impl SearchQuery {
    /// What a person typed; `None` when there is nothing in it to search for.
    pub fn parse(text: &str, target: Target, reach: Reach) -> Option<SearchQuery> {
        let mut tokens: Vec<Token> = query_tokens(text)
            .into_iter()
            .map(|token| Token {
                to: prefix_upper_bound(&token),
                fields: target.fields(&token, reach),
                from: token,
            })
            .collect();
        // The longest token is the rarest: the scan follows it, the others are looked up.
        tokens.sort_by_key(|token| std::cmp::Reverse(token.from.len()));
        (!tokens.is_empty()).then_some(SearchQuery { tokens })
    }
}

/// A query whose records are those of `records` that match, best first.
pub(crate) struct Ranked<Q> {
    pub(crate) records: Q,
    pub(crate) target: Target,
    pub(crate) search: SearchQuery,
    pub(crate) tenant_id: Uuid,
    pub(crate) after: Option<(i16, String, Uuid)>,
    pub(crate) limit: i64,
}

impl<Q> QueryId for Ranked<Q> {
    type QueryId = ();
    const HAS_STATIC_QUERY_ID: bool = false;
}

impl<Q: Query> Query for Ranked<Q> {
    type SqlType = (SmallInt, Text, Q::SqlType);
}

impl<Q> diesel::RunQueryDsl<PgConnection> for Ranked<Q> {}

impl<Q: QueryFragment<Pg>> QueryFragment<Pg> for Ranked<Q> {
    /// One short index scan for each field that can match, each no longer than a page and none once the page is full;
    /// what a record matches with apart from its best place is passed over.
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        let id = self.target.id_column();
        let [first, others @ ..] = self.search.tokens.as_slice() else {
            return Err(diesel::result::Error::QueryBuilderError("a search needs a token".into()));
        };
        // Values in a subquery are hidden from the planner, which would else plan each search anew because it takes every
        // range for a short one when it sees it: that costs more than most searches.
        out.push_sql("select h.* from (select u.field from unnest((select ");
        out.push_bind_param::<Array<SmallInt>, _>(&first.fields)?;
        // Sorted, so that the planner knows that a full page of the first fields ends the search.
        out.push_sql(
            "::smallint[])) as u (field) order by u.field) f cross join lateral \
             (select s.field, s.term, c.* from search_terms s join (",
        );
        self.records.walk_ast(out.reborrow())?;
        out.push_sql(") c on c.id = s.");
        out.push_sql(id);
        out.push_sql(" where s.tenant_id = ");
        out.push_bind_param::<SqlUuid, _>(&self.tenant_id)?;
        out.push_sql(" and s.field = f.field and s.term >= (select ");
        out.push_bind_param::<Text, _>(&first.from)?;
        out.push_sql("::text) and s.term < (select ");
        out.push_bind_param::<Text, _>(&first.to)?;
        out.push_sql("::text)");
        if let Some((field, term, after_id)) = &self.after {
            out.push_sql(" and f.field >= ");
            out.push_bind_param::<SmallInt, _>(field)?;
            out.push_sql(" and (f.field > ");
            out.push_bind_param::<SmallInt, _>(field)?;
            out.push_sql(" or (s.term, s.");
            out.push_sql(id);
            out.push_sql(") > (");
            out.push_bind_param::<Text, _>(term)?;
            out.push_sql(", ");
            out.push_bind_param::<SqlUuid, _>(after_id)?;
            out.push_sql("))");
        }
        out.push_sql(" and not exists (select from ");
        self.target.terms_of_same_record("s", &mut out);
        out.push_sql(" b where ");
        first.hidden("b", &mut out)?;
        out.push_sql(" and (b.field, b.term, b.source_id) < (s.field, s.term, s.source_id))");
        for token in others {
            out.push_sql(" and exists (");
            token.walk(&self.target, "s", out.reborrow())?;
            out.push_sql(")");
        }
        out.push_sql(" order by s.term, s.");
        out.push_sql(id);
        out.push_sql(" limit (select ");
        out.push_bind_param::<BigInt, _>(&self.limit)?;
        out.push_sql("::bigint)) h order by f.field, h.term, h.id limit (select ");
        out.push_bind_param::<BigInt, _>(&self.limit)?;
        out.push_sql("::bigint)");
        Ok(())
    }
}

impl Token {
    /// A subquery for the terms of the same record (`outer`'s) that this token matches.
    fn walk<'b>(&'b self, target: &Target, outer: &str, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        out.push_sql("select from ");
        target.terms_of_same_record(outer, &mut out);
        out.push_sql(" x where ");
        self.hidden("x", &mut out)
    }

    /// The same without a fence, for where all hits are wanted and not the first ones: then the planner may join.
    fn walk_unfenced<'b>(&'b self, target: Target, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        out.push_sql(
            "select from search_terms x where x.tenant_id = s.tenant_id and x.subject_id = s.subject_id",
        );
        if target == Target::Contacts {
            out.push_sql(" and x.source_id = s.source_id");
        }
        out.push_sql(" and x.field = any(");
        out.push_bind_param::<Array<SmallInt>, _>(&self.fields)?;
        out.push_sql(") and x.term >= ");
        out.push_bind_param::<Text, _>(&self.from)?;
        out.push_sql(" and x.term < ");
        out.push_bind_param::<Text, _>(&self.to)
    }

    /// Whether a term matches, with values that the planner doesn't see.
    fn hidden<'b>(&'b self, term: &str, out: &mut AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        out.push_sql(term);
        out.push_sql(".term >= (select ");
        out.push_bind_param::<Text, _>(&self.from)?;
        out.push_sql("::text) and ");
        out.push_sql(term);
        out.push_sql(".term < (select ");
        out.push_bind_param::<Text, _>(&self.to)?;
        out.push_sql("::text) and ");
        out.push_sql(term);
        out.push_sql(".field = any((select ");
        out.push_bind_param::<Array<SmallInt>, _>(&self.fields)?;
        out.push_sql("::smallint[])::smallint[])");
        Ok(())
    }
}

/// The ids of the records that match, as a condition for lists in another order than by rank.
#[derive(Clone)]
pub(crate) struct MatchingIds {
    pub(crate) target: Target,
    pub(crate) search: SearchQuery,
    pub(crate) tenant_id: Uuid,
}

impl QueryId for MatchingIds {
    type QueryId = ();
    const HAS_STATIC_QUERY_ID: bool = false;
}

impl diesel::expression::Expression for MatchingIds {
    type SqlType = diesel::sql_types::Bool;
}

impl<T> diesel::expression::AppearsOnTable<T> for MatchingIds {}
impl<T> diesel::expression::SelectableExpression<T> for MatchingIds {}
impl<G> diesel::expression::ValidGrouping<G> for MatchingIds {
    type IsAggregate = diesel::expression::is_aggregate::Never;
}

impl QueryFragment<Pg> for MatchingIds {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        let [first, others @ ..] = self.search.tokens.as_slice() else {
            return Err(diesel::result::Error::QueryBuilderError("a search needs a token".into()));
        };
        out.push_sql(match self.target {
            Target::Customers => {
                "customers.id in (select s.subject_id from search_terms s where s.tenant_id = "
            }
            Target::Contacts => "contacts.id in (select s.source_id from search_terms s where s.tenant_id = ",
        });
        out.push_bind_param::<SqlUuid, _>(&self.tenant_id)?;
        out.push_sql(" and s.field = any(");
        out.push_bind_param::<Array<SmallInt>, _>(&first.fields)?;
        out.push_sql(") and s.term >= ");
        out.push_bind_param::<Text, _>(&first.from)?;
        out.push_sql(" and s.term < ");
        out.push_bind_param::<Text, _>(&first.to)?;
        for token in others {
            out.push_sql(" and exists (");
            token.walk_unfenced(self.target, out.reborrow())?;
            out.push_sql(")");
        }
        out.push_sql(")");
        Ok(())
    }
}
