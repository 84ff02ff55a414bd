//! Conditions of companies as conditions of the database.

use diesel::pg::Pg;
use diesel::prelude::*;
use diesel::query_builder::{AstPass, QueryFragment};
use diesel::sql_types::{Array, BigInt, Bool, Date, Numeric, Text, Timestamptz, Uuid as SqlUuid};
use fulcrum_domain::platform::selecting::{
    Column, ColumnKind, Comparison, Entry, Literal, Selection, Test, TextTest,
};

use crate::access::scope::hand_written;
use crate::customers::custom_field_indexes::LONGEST_TEXT;

/// A custom field as a column.
pub(crate) struct CustomColumn {
    key: String,
    class: Class,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Class {
    Text,
    Number,
    Money,
}

impl CustomColumn {
    /// Of a key and a kind of field; `None` for what holds several values.
    pub(crate) fn of(key: &str, kind: &str) -> Option<CustomColumn> {
        let class = match kind {
            "number" | "decimal" => Class::Number,
            "money" => Class::Money,
            "choices" => return None,
            _ => Class::Text,
        };
        Some(CustomColumn { key: key.to_owned(), class })
    }

    /// The kinds of fields that share an index with this one.
    pub(crate) fn kinds_of_class(kind: &str) -> &'static [&'static str] {
        match kind {
            "number" | "decimal" => &["number", "decimal"],
            "money" => &["money"],
            "choices" => &[],
            _ => &["text", "date", "instant", "boolean", "choice", "user", "reference", "url"],
        }
    }

    pub(crate) fn class(&self) -> &'static str {
        match self.class {
            Class::Text => "text",
            Class::Number => "number",
            Class::Money => "money",
        }
    }

    /// As the index has it.
    pub(crate) fn expression(&self) -> String {
        let key = &self.key;
        match self.class {
            Class::Text => format!("(custom ->> '{key}') collate \"C\""),
            Class::Number => format!("custom_number(custom -> '{key}')"),
            Class::Money => format!("custom_number(custom -> '{key}' -> 'amount')"),
        }
    }

    /// What holds of the rows in the index.
    pub(crate) fn is_short(&self) -> String {
        match self.class {
            Class::Text => format!("octet_length(custom ->> '{}') <= {LONGEST_TEXT}", self.key),
            Class::Number | Class::Money => format!("{} is not null", self.expression()),
        }
    }
}

/// Selects rows of a table.
#[derive(Clone, Debug)]
pub(crate) struct Selected {
    pub(crate) table: &'static str,
    pub(crate) selection: Selection,
}

hand_written!(Selected);

impl QueryFragment<Pg> for Selected {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        // Every condition is another statement: kept prepared, they would pile up on each connection. And planned once for all
        // values, a range would be taken for a third of all rows whatever it is.
        out.unsafe_to_cache_prepared();
        walk(self.table, &self.selection, out)
    }
}

fn walk<'b>(table: &str, selection: &'b Selection, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
    match selection {
        Selection::Constant(value) => {
            out.push_sql(if *value { "true" } else { "false" });
            Ok(())
        }
        Selection::All(parts) => join(parts, " and ", "true", out, |part, out| walk(table, part, out)),
        Selection::Any(parts) => join(parts, " or ", "false", out, |part, out| walk(table, part, out)),
        Selection::Is { column, test, negated } => {
            out.push_sql("(");
            // A member of something that isn't there can't be asked for.
            if let Some(parent) = &column.parent {
                out.push_sql(&sql_of(table, &Column::new(parent.clone(), ColumnKind::Object)));
                out.push_sql(" is not null and ");
            }
            asked(table, &sql_of(table, column), column, test, *negated, out.reborrow())?;
            out.push_sql(")");
            Ok(())
        }
    }
}

fn join<'b, T>(
    parts: &'b [T],
    between: &str,
    none: &str,
    mut out: AstPass<'_, 'b, Pg>,
    each: impl Fn(&'b T, AstPass<'_, 'b, Pg>) -> QueryResult<()>,
) -> QueryResult<()> {
    if parts.is_empty() {
        out.push_sql(none);
        return Ok(());
    }
    out.push_sql("(");
    for (index, part) in parts.iter().enumerate() {
        if index > 0 {
            out.push_sql(between);
        }
        each(part, out.reborrow())?;
    }
    out.push_sql(")");
    Ok(())
}

/// A column in SQL. Names come from the list of columns and from keys of custom fields, never from what somebody wrote.
fn sql_of(table: &str, column: &Column) -> String {
    let path = column.path.as_str();
    if let Some(custom) = path.strip_prefix("custom.") {
        let of = |key: &str| format!("{table}.custom -> '{key}'");
        return match (custom.split_once('.'), column.kind) {
            (Some((key, "amount")), _) => format!("custom_number({} -> 'amount')", of(key)),
            (Some((key, member)), _) => format!("({} ->> '{member}')", of(key)),
            (None, ColumnKind::Number | ColumnKind::Decimal) => format!("custom_number({})", of(custom)),
            // Of other companies there may be anything under this key, and the order of conditions is the planner's.
            (None, ColumnKind::Boolean) => {
                format!(
                    "(case {table}.custom ->> '{custom}' when 'true' then true when 'false' then false end)"
                )
            }
            (None, ColumnKind::Texts) => {
                format!("(case when jsonb_typeof({0}) = 'array' then {0} end)", of(custom))
            }
            (None, ColumnKind::Object) => format!("({})", of(custom)),
            (None, _) => format!("(({table}.custom ->> '{custom}') collate \"C\")"),
        };
    }
    match (path.split_once('.'), path) {
        (Some(("completeness", "percent")), _) => format!("{table}.completeness"),
        (Some(("completeness", "missing")), _) => format!("{table}.missing"),
        (Some(("address", member)), _) => format!("({table}.address ->> '{member}')"),
        (Some((parent, member)), _) => format!("{table}.{parent}_{member}"),
        (None, "annual_revenue") => format!("{table}.annual_revenue_amount"),
        (None, _) => format!("{table}.{path}"),
    }
}

/// Whether a column is one of those in JSON whose values aren't of a type of the database.
fn is_custom(column: &Column) -> bool {
    column.path.starts_with("custom.")
}

fn asked<'b>(
    table: &str,
    sql: &str,
    column: &Column,
    test: &'b Test,
    negated: bool,
    mut out: AstPass<'_, 'b, Pg>,
) -> QueryResult<()> {
    if negated && !matches!(test, Test::Null | Test::OneOf(_)) {
        out.push_sql("not ");
    }
    match test {
        Test::Null => {
            out.push_sql(sql);
            out.push_sql(if negated { " is not null" } else { " is null" });
        }
        Test::True => out.push_sql(sql),
        Test::Compare(comparison, literal, null_is_a_value) => {
            out.push_sql("(");
            index_guard(table, column, *comparison, literal, &mut out);
            out.push_sql(sql);
            if column.kind == ColumnKind::Text && !is_custom(column) && is_ordered(*comparison) {
                out.push_sql(" collate \"C\"");
            }
            out.push_sql(match (comparison, null_is_a_value) {
                (Comparison::Equal, _) => " = ",
                (Comparison::Unequal, true) => " is distinct from ",
                (Comparison::Unequal, false) => " <> ",
                (Comparison::Less, _) => " < ",
                (Comparison::AtMost, _) => " <= ",
                (Comparison::More, _) => " > ",
                (Comparison::AtLeast, _) => " >= ",
            });
            literal_of(column, literal, &mut out)?;
            out.push_sql(")");
        }
        Test::OneOf(literals) => {
            out.push_sql("(");
            if negated {
                // Nothing is none of them.
                out.push_sql(sql);
                out.push_sql(" is null");
            } else {
                out.push_sql("false");
            }
            if negated && literals.is_empty() {
                out.push_sql(" or true");
            }
            for (index, literal) in literals.iter().enumerate() {
                out.push_sql(match (negated, index) {
                    (true, 0) => " or (",
                    (true, _) => " and ",
                    (false, _) => " or ",
                });
                out.push_sql(sql);
                out.push_sql(if negated { " <> " } else { " = " });
                literal_of(column, literal, &mut out)?;
            }
            out.push_sql(if negated && !literals.is_empty() { "))" } else { ")" });
        }
        Test::Text(test) => text_test(sql, test, &mut out)?,
        Test::Holds(text) => {
            if is_custom(column) {
                out.push_sql("jsonb_exists(");
                out.push_sql(sql);
                out.push_sql(", ");
                out.push_bind_param::<Text, _>(text)?;
                out.push_sql(")");
            } else {
                out.push_sql("(");
                out.push_bind_param::<Text, _>(text)?;
                out.push_sql(" = any(");
                out.push_sql(sql);
                out.push_sql("))");
            }
        }
        Test::Size(comparison, size) => {
            let function = match (column.kind, is_custom(column)) {
                (ColumnKind::Texts, true) => "jsonb_array_length",
                (ColumnKind::Texts, false) => "cardinality",
                _ => "char_length",
            };
            out.push_sql("(");
            out.push_sql(function);
            out.push_sql("(");
            out.push_sql(sql);
            out.push_sql(match comparison {
                Comparison::Equal => ") = ",
                Comparison::Unequal => ") <> ",
                Comparison::Less => ") < ",
                Comparison::AtMost => ") <= ",
                Comparison::More => ") > ",
                Comparison::AtLeast => ") >= ",
            });
            out.push_bind_param::<BigInt, _>(size)?;
            out.push_sql(")");
        }
        Test::AnyEntry(entry) => {
            // Of nothing it can't be told.
            out.push_sql("(case when ");
            out.push_sql(sql);
            out.push_sql(" is not null then exists (select from ");
            out.push_sql(if is_custom(column) { "jsonb_array_elements_text(" } else { "unnest(" });
            out.push_sql(sql);
            out.push_sql(") as each (entry) where ");
            entry_of(entry, out.reborrow())?;
            out.push_sql(") end)");
        }
    }
    Ok(())
}

fn is_ordered(comparison: Comparison) -> bool {
    !matches!(comparison, Comparison::Equal | Comparison::Unequal)
}

/// What the index of a custom field says of its rows, so that it is used.
fn index_guard(
    table: &str,
    column: &Column,
    comparison: Comparison,
    literal: &Literal,
    out: &mut AstPass<'_, '_, Pg>,
) {
    let short = match literal {
        Literal::Text(text) => text.len() <= LONGEST_TEXT && comparison == Comparison::Equal,
        Literal::Id(_) | Literal::Date(_) | Literal::Instant(_) => true,
        _ => false,
    };
    if let (true, Some(key)) =
        (short && comparison != Comparison::Unequal, column.path.strip_prefix("custom."))
        && column.kind != ColumnKind::Boolean
        && !key.contains('.')
    {
        out.push_sql(&format!("octet_length({table}.custom ->> '{key}') <= {LONGEST_TEXT} and "));
    }
}

/// A value, as the column has it: in JSON days, instants and ids are texts.
fn literal_of<'b>(column: &Column, literal: &'b Literal, out: &mut AstPass<'_, 'b, Pg>) -> QueryResult<()> {
    match literal {
        Literal::Text(text) => out.push_bind_param::<Text, _>(text),
        Literal::Boolean(value) => out.push_bind_param::<Bool, _>(value),
        Literal::Number(number) => {
            out.push_bind_param::<Numeric, _>(number)?;
            if column.path == "staff_count" || column.path == "completeness.percent" {
                // A whole number is compared with an exact one.
                out.push_sql("::numeric");
            }
            Ok(())
        }
        Literal::Id(id) if is_custom(column) => {
            out.push_bind_param::<SqlUuid, _>(id)?;
            out.push_sql("::text");
            Ok(())
        }
        Literal::Id(id) => out.push_bind_param::<SqlUuid, _>(id),
        Literal::Date(day) if is_custom(column) => {
            out.push_sql("to_char(");
            out.push_bind_param::<Date, _>(day)?;
            out.push_sql("::date, 'YYYY-MM-DD')");
            Ok(())
        }
        Literal::Date(day) => out.push_bind_param::<Date, _>(day),
        Literal::Instant(instant) if is_custom(column) => {
            out.push_sql("to_char(");
            out.push_bind_param::<Timestamptz, _>(instant)?;
            // With all digits: a text with fewer of them comes before.
            out.push_sql(" at time zone 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.USZ')");
            Ok(())
        }
        Literal::Instant(instant) => out.push_bind_param::<Timestamptz, _>(instant),
    }
}

fn text_test<'b>(sql: &str, test: &'b TextTest, out: &mut AstPass<'_, 'b, Pg>) -> QueryResult<()> {
    match test {
        TextTest::StartsWith(text) => {
            out.push_sql("starts_with(");
            out.push_sql(sql);
            out.push_sql(", ");
            out.push_bind_param::<Text, _>(text)?;
            out.push_sql(")");
        }
        TextTest::EndsWith(text) => {
            out.push_sql("(right(");
            out.push_sql(sql);
            out.push_sql(", char_length(");
            out.push_bind_param::<Text, _>(text)?;
            out.push_sql(")) = ");
            out.push_bind_param::<Text, _>(text)?;
            out.push_sql(")");
        }
        TextTest::Contains(text) => {
            out.push_sql("(strpos(");
            out.push_sql(sql);
            out.push_sql(", ");
            out.push_bind_param::<Text, _>(text)?;
            out.push_sql(") > 0)");
        }
    }
    Ok(())
}

fn entry_of<'b>(entry: &'b Entry, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
    match entry {
        Entry::All(parts) => join(parts, " and ", "true", out, |part, out| entry_of(part, out)),
        Entry::Any(parts) => join(parts, " or ", "false", out, |part, out| entry_of(part, out)),
        Entry::Not(inner) => {
            out.push_sql("not ");
            entry_of(inner, out)
        }
        Entry::OneOf(texts) => {
            out.push_sql("(each.entry = any(");
            out.push_bind_param::<Array<Text>, _>(texts)?;
            out.push_sql("))");
            Ok(())
        }
        Entry::Text(test) => text_test("each.entry", test, &mut out),
    }
}
