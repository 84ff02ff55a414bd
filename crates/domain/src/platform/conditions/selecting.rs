//! The part of conditions that a database can answer for all records at once.
//!
//! What can't be told of a record (a comparison with something that isn't there) is an error in CEL and NULL in SQL, and `&&`
//! and `||` treat both alike: `false && error` is false, `true || error` is true. Negation is moved down to where something is
//! asked, so that in the end unknown and false are the same: not selected.

use cel::IdedExpr;
use cel::common::ast::{CallExpr, ComprehensionExpr, Expr, LiteralValue};
use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use rust_decimal::Decimal;
use uuid::Uuid;

use super::{Condition, ConditionError, Fault, place_of};

/// What a column holds, as a condition sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ColumnKind {
    /// A text; words of a closed vocabulary, too.
    Text,
    /// An id.
    Id,
    /// True or false.
    Boolean,
    /// A number.
    Number,
    /// A decimal number that is a text in JSON: asked for with `double(…)`.
    Decimal,
    /// A day.
    Date,
    /// An instant: asked for with `timestamp(…)`.
    Instant,
    /// Several texts.
    Texts,
    /// Something with members of its own: it is there or not.
    Object,
}

/// Something that a record has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Column {
    /// Its name, such as `name`, `annual_revenue.amount` or `custom.region`.
    pub path: String,
    /// What it holds.
    pub kind: ColumnKind,
    /// What it is a member of, when that can be missing as a whole.
    pub parent: Option<String>,
}

impl Column {
    /// Of the record itself.
    pub fn new(path: impl Into<String>, kind: ColumnKind) -> Column {
        Column { path: path.into(), kind, parent: None }
    }

    /// A member of something that can be missing as a whole.
    pub fn of(parent: &str, name: &str, kind: ColumnKind) -> Column {
        Column { path: format!("{parent}.{name}"), kind, parent: Some(parent.to_owned()) }
    }
}

/// How two values are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Comparison {
    Equal,
    Unequal,
    Less,
    AtMost,
    More,
    AtLeast,
}

impl Comparison {
    fn of(name: &str) -> Option<Comparison> {
        Some(match name {
            "_==_" => Comparison::Equal,
            "_!=_" => Comparison::Unequal,
            "_<_" => Comparison::Less,
            "_<=_" => Comparison::AtMost,
            "_>_" => Comparison::More,
            "_>=_" => Comparison::AtLeast,
            _ => return None,
        })
    }

    fn opposite(self) -> Comparison {
        match self {
            Comparison::Equal => Comparison::Unequal,
            Comparison::Unequal => Comparison::Equal,
            Comparison::Less => Comparison::AtLeast,
            Comparison::AtMost => Comparison::More,
            Comparison::More => Comparison::AtMost,
            Comparison::AtLeast => Comparison::Less,
        }
    }

    /// With left and right changed.
    fn turned(self) -> Comparison {
        match self {
            Comparison::Less => Comparison::More,
            Comparison::AtMost => Comparison::AtLeast,
            Comparison::More => Comparison::Less,
            Comparison::AtLeast => Comparison::AtMost,
            same => same,
        }
    }
}

/// A value that is compared with.
#[derive(Clone, Debug, PartialEq)]
#[allow(missing_docs)]
pub enum Literal {
    Text(String),
    Id(Uuid),
    Boolean(bool),
    Number(Decimal),
    Date(NaiveDate),
    Instant(DateTime<Utc>),
}

/// What is asked of a column.
#[derive(Clone, Debug, PartialEq)]
pub enum Test {
    /// Whether there is nothing.
    Null,
    /// Whether it is true.
    True,
    /// Compared with a value. `null_is_a_value`: nothing is different from every value, instead of incomparable.
    Compare(Comparison, Literal, bool),
    /// Whether it is one of these; nothing is none of them.
    OneOf(Vec<Literal>),
    /// A test of a text.
    Text(TextTest),
    /// Whether this is among several texts.
    Holds(String),
    /// Characters of a text, or number of texts.
    Size(Comparison, i64),
    /// Whether there is one among several texts of which this holds.
    AnyEntry(Entry),
}

/// A test of a text.
#[derive(Clone, Debug, PartialEq)]
#[allow(missing_docs)]
pub enum TextTest {
    StartsWith(String),
    EndsWith(String),
    Contains(String),
}

/// What is asked of each of several texts.
#[derive(Clone, Debug, PartialEq)]
#[allow(missing_docs)]
pub enum Entry {
    All(Vec<Entry>),
    Any(Vec<Entry>),
    Not(Box<Entry>),
    OneOf(Vec<String>),
    Text(TextTest),
}

/// Which records are selected.
#[derive(Clone, Debug, PartialEq)]
#[allow(missing_docs)]
pub enum Selection {
    Constant(bool),
    All(Vec<Selection>),
    Any(Vec<Selection>),
    Is { column: Column, test: Test, negated: bool },
}

impl Condition {
    /// The condition as a selection of records with these columns; `now` is what `now` stands for.
    ///
    /// # Errors
    /// Everything in it that a database isn't asked, and where.
    pub fn selection(
        &self,
        columns: &[Column],
        now: DateTime<Utc>,
    ) -> Result<Selection, Vec<ConditionError>> {
        let mut reader = Reader { condition: self, columns, now, errors: vec![] };
        let selection = reader.expression(self.program.expression(), false);
        match selection {
            Some(selection) if reader.errors.is_empty() => Ok(selection),
            _ => Err(reader.errors),
        }
    }
}

struct Reader<'a> {
    condition: &'a Condition,
    columns: &'a [Column],
    now: DateTime<Utc>,
    errors: Vec<ConditionError>,
}

/// What stands on one side of a comparison.
enum Side {
    Column(Column),
    /// A column as another type; nothing can't be made one.
    Converted(Column),
    Size(Column),
    Null,
    Literal(Literal),
}

impl Reader<'_> {
    fn wrong<T>(&mut self, expr: &IdedExpr, why: impl Into<String>) -> Option<T> {
        let (line, column) = place_of(&self.condition.program, &self.condition.source, expr);
        self.errors.push(ConditionError { line, column, fault: Fault::NotSelectable(why.into()) });
        None
    }

    fn expression(&mut self, expr: &IdedExpr, negated: bool) -> Option<Selection> {
        match &expr.expr {
            Expr::Literal(LiteralValue::Boolean(value)) => {
                Some(Selection::Constant(*value.inner() != negated))
            }
            Expr::Call(call) => self.call(expr, call, negated),
            Expr::Comprehension(each) => self.entries(expr, each, negated),
            Expr::Select(select) if select.test => {
                self.wrong(expr, "has(…) is not asked of the database: compare with null instead")
            }
            Expr::Ident(_) | Expr::Select(_) => {
                let column = self.column(expr)?;
                if column.kind != ColumnKind::Boolean {
                    return self.wrong(expr, format!("{} is not true or false", column.path));
                }
                Some(Selection::Is { column, test: Test::True, negated })
            }
            _ => self.wrong(expr, "this is not true or false"),
        }
    }

    fn call(&mut self, expr: &IdedExpr, call: &CallExpr, negated: bool) -> Option<Selection> {
        let name = call.func_name.as_str();
        if let (Some(comparison), [left, right]) = (Comparison::of(name), call.args.as_slice()) {
            let comparison = if negated { comparison.opposite() } else { comparison };
            return self.comparison(expr, comparison, left, right);
        }
        match (name, call.target.as_deref(), call.args.as_slice()) {
            ("!_", None, [inner]) => self.expression(inner, !negated),
            ("_&&_" | "_||_", None, parts) => {
                // Both sides, so that everything that is wrong is told.
                let read: Vec<Option<Selection>> =
                    parts.iter().map(|part| self.expression(part, negated)).collect();
                let parts: Vec<Selection> = read.into_iter().collect::<Option<_>>()?;
                Some(if (name == "_&&_") != negated { Selection::All(parts) } else { Selection::Any(parts) })
            }
            ("@in", None, [needle, list]) => self.membership(expr, needle, list, negated),
            ("startsWith" | "endsWith" | "contains", Some(of), [text]) => {
                let (column, text) = (self.column(of), self.text(text));
                let (column, text) = (column?, text?);
                if column.kind != ColumnKind::Text {
                    return self.wrong(of, format!("{} is not a text", column.path));
                }
                let test = Test::Text(text_test(name, text)?);
                Some(Selection::Is { column, test, negated })
            }
            _ => {
                let said = name.trim_matches('_');
                self.wrong(expr, format!("{said} is not asked of the database here"))
            }
        }
    }

    fn comparison(
        &mut self,
        expr: &IdedExpr,
        comparison: Comparison,
        left: &IdedExpr,
        right: &IdedExpr,
    ) -> Option<Selection> {
        let (left_side, right_side) = (self.side(left), self.side(right));
        let (comparison, of, with, place) = match (left_side?, right_side?) {
            (left @ (Side::Column(_) | Side::Converted(_) | Side::Size(_)), with) => {
                (comparison, left, with, right)
            }
            (with, right) => (comparison.turned(), right, with, left),
        };
        let equality = matches!(comparison, Comparison::Equal | Comparison::Unequal);
        match (of, with) {
            (Side::Column(column), Side::Null) if equality => {
                let negated = comparison == Comparison::Unequal;
                Some(Selection::Is { column, test: Test::Null, negated })
            }
            (Side::Column(column), Side::Literal(literal)) => {
                self.compared(expr, place, comparison, column, literal)
            }
            (Side::Converted(column), Side::Literal(literal)) => {
                let fits = matches!(
                    (column.kind, &literal),
                    (ColumnKind::Decimal | ColumnKind::Number, Literal::Number(_))
                        | (ColumnKind::Instant, Literal::Instant(_))
                );
                if !fits {
                    return self.wrong(place, format!("{} is compared with another type", column.path));
                }
                let test = Test::Compare(comparison, literal, false);
                Some(Selection::Is { column, test, negated: false })
            }
            (Side::Size(column), Side::Literal(Literal::Number(number))) => {
                let Ok(size) = i64::try_from(number.trunc()) else {
                    return self.wrong(place, "this is too large");
                };
                if number.fract() != Decimal::ZERO {
                    return self.wrong(place, "a size is compared with a whole number");
                }
                Some(Selection::Is { column, test: Test::Size(comparison, size), negated: false })
            }
            _ => self.wrong(expr, "only a field is compared, with a value that is written out"),
        }
    }

    fn compared(
        &mut self,
        expr: &IdedExpr,
        place: &IdedExpr,
        comparison: Comparison,
        column: Column,
        literal: Literal,
    ) -> Option<Selection> {
        let equality = matches!(comparison, Comparison::Equal | Comparison::Unequal);
        let literal = match (column.kind, literal) {
            (ColumnKind::Text, text @ Literal::Text(_)) => text,
            (ColumnKind::Number, number @ Literal::Number(_)) => number,
            (ColumnKind::Boolean, truth @ Literal::Boolean(_)) if equality => truth,
            (ColumnKind::Id, Literal::Text(text)) if equality => {
                return self.id(place, column, comparison, &text);
            }
            (ColumnKind::Date, Literal::Text(text)) => match day(&text) {
                Some(day) => Literal::Date(day),
                None => return self.wrong(place, "a day is written like \"2026-03-31\""),
            },
            (ColumnKind::Decimal, Literal::Number(_)) => {
                return self.wrong(expr, format!("{0} is an exact decimal: write double({0})", column.path));
            }
            (ColumnKind::Instant, _) => {
                let path = &column.path;
                return self.wrong(
                    expr,
                    format!("{path} is an instant: write timestamp({path}) and timestamp(\"…\")"),
                );
            }
            _ => return self.wrong(place, format!("{} is compared with another type", column.path)),
        };
        Some(Selection::Is { column, test: Test::Compare(comparison, literal, equality), negated: false })
    }

    fn id(
        &mut self,
        place: &IdedExpr,
        column: Column,
        comparison: Comparison,
        text: &str,
    ) -> Option<Selection> {
        // As it stands in JSON: another way of writing it is another text.
        let id = Uuid::parse_str(text).ok().filter(|id| id.to_string() == text);
        let Some(id) = id else {
            return self.wrong(place, "an id is written like \"0197a1c2-8f3e-7d54-a1b2-3c4d5e6f7a8b\"");
        };
        Some(Selection::Is { column, test: Test::Compare(comparison, Literal::Id(id), true), negated: false })
    }

    fn membership(
        &mut self,
        expr: &IdedExpr,
        needle: &IdedExpr,
        list: &IdedExpr,
        negated: bool,
    ) -> Option<Selection> {
        let Expr::List(written) = &list.expr else {
            let (text, column) = (self.text(needle), self.column(list));
            let (text, column) = (text?, column?);
            if column.kind != ColumnKind::Texts {
                return self.wrong(list, format!("{} doesn't hold several values", column.path));
            }
            return Some(Selection::Is { column, test: Test::Holds(text), negated });
        };
        let column = self.column(needle)?;
        let mut literals = Vec::new();
        for element in &written.elements {
            let Some(Side::Literal(literal)) = self.side(element) else {
                return self.wrong(element, "only values that are written out");
            };
            match self.compared(expr, element, Comparison::Equal, column.clone(), literal)? {
                Selection::Is { test: Test::Compare(_, literal, _), .. } => literals.push(literal),
                _ => return None,
            }
        }
        Some(Selection::Is { column, test: Test::OneOf(literals), negated })
    }

    /// `exists` and `all` over several texts; the other macros make something else than true or false.
    fn entries(&mut self, expr: &IdedExpr, each: &ComprehensionExpr, negated: bool) -> Option<Selection> {
        let unsupported = "of the macros only exists and all are asked of the database, over several texts";
        let column = self.column(&each.iter_range)?;
        if column.kind != ColumnKind::Texts {
            return self.wrong(expr, unsupported);
        }
        let (Expr::Call(step), Expr::Ident(result)) = (&each.loop_step.expr, &each.result.expr) else {
            return self.wrong(expr, unsupported);
        };
        let all = match step.func_name.as_str() {
            "_||_" => false,
            "_&&_" => true,
            _ => return self.wrong(expr, unsupported),
        };
        let [gathered, asked] = step.args.as_slice() else { return self.wrong(expr, unsupported) };
        if !matches!(&gathered.expr, Expr::Ident(name) if *name == each.accu_var && name == result) {
            return self.wrong(expr, unsupported);
        }
        let entry = self.entry(asked, &each.iter_var)?;
        // All are, when none isn't.
        let entry = if all { Entry::Not(Box::new(entry)) } else { entry };
        Some(Selection::Is { column, test: Test::AnyEntry(entry), negated: negated != all })
    }

    fn entry(&mut self, expr: &IdedExpr, variable: &str) -> Option<Entry> {
        let unsupported = "inside of exists and all only texts are compared with texts";
        let Expr::Call(call) = &expr.expr else { return self.wrong(expr, unsupported) };
        let is_variable = |expr: &IdedExpr| matches!(&expr.expr, Expr::Ident(name) if name == variable);
        match (call.func_name.as_str(), call.target.as_deref(), call.args.as_slice()) {
            ("!_", None, [inner]) => Some(Entry::Not(Box::new(self.entry(inner, variable)?))),
            (name @ ("_&&_" | "_||_"), None, parts) => {
                let parts =
                    parts.iter().map(|part| self.entry(part, variable)).collect::<Option<Vec<_>>>()?;
                Some(if name == "_&&_" { Entry::All(parts) } else { Entry::Any(parts) })
            }
            (name @ ("_==_" | "_!=_"), None, [left, right]) if is_variable(left) || is_variable(right) => {
                let text = self.text(if is_variable(left) { right } else { left })?;
                let same = Entry::OneOf(vec![text]);
                Some(if name == "_==_" { same } else { Entry::Not(Box::new(same)) })
            }
            ("@in", None, [needle, list]) if is_variable(needle) => {
                let Expr::List(list) = &list.expr else { return self.wrong(expr, unsupported) };
                let texts = list.elements.iter().map(|element| self.text(element)).collect::<Option<_>>()?;
                Some(Entry::OneOf(texts))
            }
            (name @ ("startsWith" | "endsWith" | "contains"), Some(of), [text]) if is_variable(of) => {
                let text = self.text(text)?;
                Some(Entry::Text(text_test(name, text)?))
            }
            _ => self.wrong(expr, unsupported),
        }
    }

    fn text(&mut self, expr: &IdedExpr) -> Option<String> {
        match self.literal(expr) {
            Some(Literal::Text(text)) => Some(text),
            _ => self.wrong(expr, "this has to be a text that is written out"),
        }
    }

    fn literal(&self, expr: &IdedExpr) -> Option<Literal> {
        match &expr.expr {
            Expr::Literal(LiteralValue::String(text)) => Some(Literal::Text(text.inner().to_string())),
            Expr::Literal(LiteralValue::Boolean(value)) => Some(Literal::Boolean(*value.inner())),
            Expr::Literal(LiteralValue::Int(number)) => Some(Literal::Number((*number.inner()).into())),
            Expr::Literal(LiteralValue::Double(number)) => {
                // As it is written in its shortest form.
                let number = *number.inner();
                Decimal::from_str_exact(&format!("{number}")).ok().map(Literal::Number)
            }
            Expr::Call(call) if call.func_name == "-_" => match self.literal(call.args.first()?)? {
                Literal::Number(number) => Some(Literal::Number(-number)),
                _ => None,
            },
            _ => None,
        }
    }

    fn side(&mut self, expr: &IdedExpr) -> Option<Side> {
        if matches!(expr.expr, Expr::Literal(LiteralValue::Null)) {
            return Some(Side::Null);
        }
        if let Some(literal) = self.literal(expr) {
            return Some(Side::Literal(literal));
        }
        let Expr::Call(call) = &expr.expr else { return self.column(expr).map(Side::Column) };
        match (call.func_name.as_str(), call.target.as_deref(), call.args.as_slice()) {
            ("size", Some(of), []) | ("size", None, [of]) => {
                let column = self.column(of)?;
                match column.kind {
                    ColumnKind::Text | ColumnKind::Texts => Some(Side::Size(column)),
                    _ => self.wrong(of, format!("{} has no size", column.path)),
                }
            }
            ("double", None, [of]) => {
                let column = self.column(of)?;
                match column.kind {
                    ColumnKind::Decimal | ColumnKind::Number => Some(Side::Converted(column)),
                    _ => self.wrong(of, format!("{} is not a number", column.path)),
                }
            }
            ("timestamp" | "_+_" | "_-_", ..) => self.instant(expr),
            _ => self.column(expr).map(Side::Column),
        }
    }

    /// `timestamp(field)`, `timestamp("…")`, `timestamp(now)`, and the latter two with durations added or taken away.
    fn instant(&mut self, expr: &IdedExpr) -> Option<Side> {
        let unsupported = "instants are written as timestamp(field), timestamp(\"2026-03-31T00:00:00Z\") or \
            timestamp(now) - duration(\"24h\")";
        let Expr::Call(call) = &expr.expr else { return self.wrong(expr, unsupported) };
        match (call.func_name.as_str(), call.args.as_slice()) {
            ("timestamp", [of]) => match &of.expr {
                Expr::Ident(name) if name == "now" => Some(Side::Literal(Literal::Instant(self.now))),
                Expr::Literal(LiteralValue::String(text)) => match DateTime::parse_from_rfc3339(text.inner())
                {
                    Ok(instant) => Some(Side::Literal(Literal::Instant(instant.with_timezone(&Utc)))),
                    Err(_) => self.wrong(of, "an instant is written like \"2026-03-31T00:00:00Z\""),
                },
                _ => {
                    let column = self.column(of)?;
                    match column.kind {
                        ColumnKind::Instant => Some(Side::Converted(column)),
                        _ => self.wrong(of, format!("{} is not an instant", column.path)),
                    }
                }
            },
            (sign @ ("_+_" | "_-_"), [instant, duration]) => {
                let Some(Side::Literal(Literal::Instant(instant))) = self.instant(instant) else {
                    return self.wrong(expr, unsupported);
                };
                let Some(duration) = self.duration(duration) else {
                    return self.wrong(duration, unsupported);
                };
                let moved = if sign == "_+_" {
                    instant.checked_add_signed(duration)
                } else {
                    instant.checked_sub_signed(duration)
                };
                match moved {
                    Some(moved) => Some(Side::Literal(Literal::Instant(moved))),
                    None => self.wrong(expr, "this lies outside of the calendar"),
                }
            }
            _ => self.wrong(expr, unsupported),
        }
    }

    /// As CEL itself reads it.
    fn duration(&self, expr: &IdedExpr) -> Option<TimeDelta> {
        let Expr::Call(call) = &expr.expr else { return None };
        let [of] = call.args.as_slice() else { return None };
        let Expr::Literal(LiteralValue::String(text)) = &of.expr else { return None };
        let text = text.inner();
        if call.func_name != "duration" || text.contains(['"', '\\']) {
            return None;
        }
        let program = cel::Program::compile(&format!("duration(\"{text}\")")).ok()?;
        match program.execute(&cel::Context::default()).ok()? {
            cel::Value::Duration(duration) => Some(duration),
            _ => None,
        }
    }

    fn column(&mut self, expr: &IdedExpr) -> Option<Column> {
        let Some(path) = path_of(expr) else {
            return self.wrong(expr, "only a field is asked for here");
        };
        match self.columns.iter().find(|column| column.path == path) {
            Some(column) => Some(column.clone()),
            None => self.wrong(expr, format!("the database isn't asked for {path}")),
        }
    }
}

fn text_test(name: &str, text: String) -> Option<TextTest> {
    Some(match name {
        "startsWith" => TextTest::StartsWith(text),
        "endsWith" => TextTest::EndsWith(text),
        "contains" => TextTest::Contains(text),
        _ => return None,
    })
}

fn day(text: &str) -> Option<NaiveDate> {
    text.parse::<NaiveDate>().ok().filter(|day| day.to_string() == text)
}

fn path_of(expr: &IdedExpr) -> Option<String> {
    match &expr.expr {
        Expr::Ident(name) => Some(name.clone()),
        Expr::Select(select) if !select.test => {
            Some(format!("{}.{}", path_of(&select.operand)?, select.field))
        }
        Expr::Call(call) if call.func_name == "_[_]" => match call.args.as_slice() {
            [of, index] => match &index.expr {
                Expr::Literal(LiteralValue::String(name)) => {
                    Some(format!("{}.{}", path_of(of)?, name.inner()))
                }
                _ => None,
            },
            _ => None,
        },
        _ => None,
    }
}
