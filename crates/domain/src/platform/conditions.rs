//! Conditions that a company writes itself, in CEL (the Common Expression Language, <https://cel.dev>).
//!
//! Supported are literals, fields, operators, `in`, `has`, the macros `all`, `exists`, `exists_one`, `map` and `filter` (not
//! inside of or behind each other, so that the time a condition takes grows with what it is about and not with its powers), and the
//! standard functions of texts, numbers, timestamps and durations; `matches` isn't, because a short pattern can take long.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, LazyLock};

use cel::common::ast::{CallExpr, EntryExpr, Expr, LiteralValue};
use cel::{Context, Env, IdedExpr, ParseErrors, Program, Value};

/// What there is to be asked about.
#[derive(Clone, Debug, PartialEq)]
pub enum Field {
    /// A text or a number.
    Value,
    /// Anything: what is in it isn't known beforehand.
    Any,
    /// Something with these fields.
    Object(BTreeMap<String, Field>),
}

/// What is wrong with a condition, and where: line and column (in characters) begin at 1.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConditionError {
    /// Line.
    pub line: usize,
    /// Column.
    pub column: usize,
    /// What.
    pub fault: Fault,
}

/// What can be wrong with a condition.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// It can't be read.
    #[error("{0}")]
    Syntax(String),
    /// There is no such field.
    #[error("there is no field {0}")]
    UnknownField(String),
    /// There is no such function.
    #[error("there is no function {0}")]
    UnknownFunction(String),
    /// A macro over something else than a field.
    #[error("a macro goes over a field")]
    NotOfAField,
    /// Something is put together for each element.
    #[error("inside of a macro nothing is put together with +")]
    MakesNew,
    /// A macro inside of or behind another one.
    #[error("macros can't stand inside of or behind each other")]
    Nested,
    /// There was no memory or no thread for reading it: another time it may be right.
    #[error("it could not be read now")]
    Busy,
    /// Too much inside of each other.
    #[error(
        "more than {DEEPEST} operators and calls inside of each other, or more than {MOST_BRACKETS} brackets"
    )]
    TooDeep,
    /// It can't be true or false.
    #[error("a condition has to be true or false")]
    NotBoolean,
    /// It can be asked of one record, and not of the database.
    #[error("{0}")]
    NotSelectable(String),
}

/// A condition that was understood.
#[derive(Debug)]
pub struct Condition {
    program: Program,
    source: String,
}

/// Operators, calls and brackets inside of each other.
const DEEPEST: u16 = 48;
/// Opening brackets of a condition.
const MOST_BRACKETS: usize = 100;
/// Bytes of stack for reading a condition; memory is taken only as far as it is used.
const STACK: usize = 64 << 20;

const FUNCTIONS: [&str; 24] = [
    "bool",
    "contains",
    "double",
    "duration",
    "dyn",
    "endsWith",
    "getDate",
    "getDayOfMonth",
    "getDayOfWeek",
    "getDayOfYear",
    "getFullYear",
    "getHours",
    "getMilliseconds",
    "getMinutes",
    "getMonth",
    "getSeconds",
    "int",
    "size",
    "startsWith",
    "string",
    "timestamp",
    "type",
    "uint",
    "@in",
];

static ENV: LazyLock<Arc<Env>> = LazyLock::new(|| Arc::new(Env::stdlib().with_optional_support(false)));

impl Condition {
    /// Reads a condition and looks up everything that it names.
    ///
    /// # Errors
    /// Everything that is wrong with it.
    pub fn parse(source: &str, fields: &Field) -> Result<Condition, Vec<ConditionError>> {
        if source.matches(['(', '[', '{']).count() > MOST_BRACKETS {
            return Err(vec![ConditionError { line: 1, column: 1, fault: Fault::TooDeep }]);
        }
        // The parser needs some 100 kB of stack for each bracket, without optimisation.
        let parsed = std::thread::scope(|scope| {
            let parser = std::thread::Builder::new().stack_size(STACK);
            parser.spawn_scoped(scope, || Condition::parse_here(source, fields)).ok()?.join().ok()
        });
        parsed.unwrap_or_else(|| Err(vec![ConditionError { line: 1, column: 1, fault: Fault::Busy }]))
    }

    fn parse_here(source: &str, fields: &Field) -> Result<Condition, Vec<ConditionError>> {
        let program = ENV.compile(source).map_err(unreadable)?;
        if is_deeper_than(program.expression(), DEEPEST) {
            return Err(vec![ConditionError { line: 1, column: 1, fault: Fault::TooDeep }]);
        }
        let mut walk =
            Walk { fields, bound: Vec::new(), inside: false, program: &program, source, errors: vec![] };
        let shape = walk.expression(program.expression());
        let known = matches!(shape, Shape::Field(Field::Value | Field::Object(_)));
        if known || !can_be_boolean(&program.expression().expr) {
            walk.wrong(program.expression(), Fault::NotBoolean);
        }
        let errors = walk.errors;
        if errors.is_empty() { Ok(Condition { program, source: source.to_owned() }) } else { Err(errors) }
    }

    /// Whether it holds for something with these fields.
    ///
    /// # Errors
    /// Why it can't be told: a value is of another type than the condition expects, or isn't there.
    pub fn holds(&self, values: &serde_json::Map<String, serde_json::Value>) -> Result<bool, String> {
        let mut context = Context::with_env(ENV.clone());
        for (name, value) in values {
            context.add_variable_from_value(name, value_of(value));
        }
        match self.program.execute(&context) {
            Ok(Value::Bool(holds)) => Ok(holds),
            Ok(_) => Err(Fault::NotBoolean.to_string()),
            Err(error) => Err(error.to_string()),
        }
    }
}

/// Whole numbers are signed ones, as those in a condition are: CEL doesn't calculate with both at once.
fn value_of(json: &serde_json::Value) -> Value {
    match json {
        serde_json::Value::Null => Value::Null,
        serde_json::Value::Bool(value) => Value::Bool(*value),
        serde_json::Value::Number(number) => match number.as_i64() {
            Some(whole) => Value::Int(whole),
            None => Value::Float(number.as_f64().unwrap_or(f64::NAN)),
        },
        serde_json::Value::String(text) => text.as_str().into(),
        serde_json::Value::Array(list) => list.iter().map(value_of).collect::<Vec<_>>().into(),
        serde_json::Value::Object(fields) => fields
            .iter()
            .map(|(name, value)| (name.clone(), value_of(value)))
            .collect::<HashMap<_, _>>()
            .into(),
    }
}

fn unreadable(errors: ParseErrors) -> Vec<ConditionError> {
    let found = errors.errors.into_iter().map(|error| ConditionError {
        line: error.pos.0.max(1) as usize,
        column: error.pos.1.max(1) as usize,
        fault: Fault::Syntax(error.msg),
    });
    found.collect()
}

fn is_deeper_than(expr: &IdedExpr, left: u16) -> bool {
    let Some(left) = left.checked_sub(1) else { return true };
    let deeper = |inner: &IdedExpr| is_deeper_than(inner, left);
    match &expr.expr {
        Expr::Select(select) => deeper(&select.operand),
        Expr::Call(call) => call.target.as_deref().is_some_and(deeper) || call.args.iter().any(deeper),
        Expr::Comprehension(each) => {
            [&each.iter_range, &each.accu_init, &each.loop_cond, &each.loop_step, &each.result]
                .into_iter()
                .any(deeper)
        }
        Expr::List(list) => list.elements.iter().any(deeper),
        Expr::Map(map) => map.entries.iter().any(|entry| match &entry.expr {
            EntryExpr::MapEntry(entry) => deeper(&entry.key) || deeper(&entry.value),
            EntryExpr::StructField(field) => deeper(&field.value),
        }),
        _ => false,
    }
}

/// Whether something might come out as true or false; what comes out of a field or a function is known only then.
fn can_be_boolean(expr: &Expr) -> bool {
    match expr {
        Expr::Literal(literal) => matches!(literal, LiteralValue::Boolean(_)),
        Expr::List(_) | Expr::Map(_) | Expr::Struct(_) => false,
        Expr::Call(call) => !matches!(
            call.func_name.as_str(),
            "_+_" | "_-_" | "_*_" | "_/_" | "_%_" | "-_" | "size" | "string" | "int"
        ),
        _ => true,
    }
}

/// Whether an expression is a field, or a field of one.
fn is_field(expr: &Expr) -> bool {
    match expr {
        Expr::Ident(_) => true,
        Expr::Select(select) => is_field(&select.operand.expr),
        Expr::Call(call) => {
            let of = call.func_name == "_[_]" && call.args.len() == 2;
            of && is_field(&call.args[0].expr) && matches!(call.args[1].expr, Expr::Literal(_))
        }
        _ => false,
    }
}

/// Line and column of an expression.
fn place_of(program: &Program, source: &str, expr: &IdedExpr) -> (usize, usize) {
    let offset = program.source_info().offset_for(expr.id).map_or(0, |(start, _)| start as usize);
    let before = source.get(..offset).unwrap_or_default();
    let line = before.matches('\n').count() + 1;
    let column = before.chars().rev().take_while(|letter| *letter != '\n').count() + 1;
    (line, column)
}

struct Walk<'a> {
    fields: &'a Field,
    /// Names that macros bring along.
    bound: Vec<String>,
    inside: bool,
    program: &'a Program,
    source: &'a str,
    errors: Vec<ConditionError>,
}

/// What is known of an expression.
enum Shape<'a> {
    Field(&'a Field),
    Unknown,
}

impl<'a> Walk<'a> {
    fn wrong(&mut self, expr: &IdedExpr, fault: Fault) {
        let (line, column) = place_of(self.program, self.source, expr);
        let error = ConditionError { line, column, fault };
        if !self.errors.contains(&error) {
            self.errors.push(error);
        }
    }

    /// Looks up what an expression names, and returns what it is.
    fn expression(&mut self, expr: &IdedExpr) -> Shape<'a> {
        match &expr.expr {
            Expr::Ident(name) if self.bound.contains(name) => Shape::Unknown,
            Expr::Ident(name) => self.member(expr, Shape::Field(self.fields), name),
            Expr::Select(select) => {
                let of = self.expression(&select.operand);
                let member = self.member(expr, of, &select.field);
                // `has` of a field is true or false, whatever the field is.
                if select.test { Shape::Unknown } else { member }
            }
            Expr::Call(call) => self.call(expr, call),
            Expr::Comprehension(each) => {
                if self.inside {
                    self.wrong(expr, Fault::Nested);
                    return Shape::Unknown;
                }
                // Not over lists that are written out, which are as long as one likes, and not behind each other: each could make
                // twice as much of what the one before made.
                if !is_field(&each.iter_range.expr) {
                    self.wrong(expr, Fault::NotOfAField);
                }
                self.inside = true;
                self.expression(&each.iter_range);
                let before = self.bound.len();
                self.bound.extend([each.iter_var.clone(), each.accu_var.clone()]);
                self.bound.extend(each.iter_var2.clone());
                for part in [&each.accu_init, &each.loop_cond, &each.loop_step, &each.result] {
                    self.expression(part);
                }
                self.inside = false;
                self.bound.truncate(before);
                Shape::Unknown
            }
            Expr::List(list) => {
                for element in &list.elements {
                    self.expression(element);
                }
                Shape::Unknown
            }
            Expr::Map(map) => {
                for entry in &map.entries {
                    if let EntryExpr::MapEntry(entry) = &entry.expr {
                        self.expression(&entry.key);
                        self.expression(&entry.value);
                    }
                }
                Shape::Unknown
            }
            Expr::Struct(new) => {
                self.wrong(expr, Fault::UnknownFunction(new.type_name.clone()));
                Shape::Unknown
            }
            Expr::Literal(_) | Expr::Unspecified => Shape::Unknown,
        }
    }

    fn call(&mut self, expr: &IdedExpr, call: &CallExpr) -> Shape<'a> {
        // What is made for each element adds up: only the macros themselves add to what they gather.
        let gathers = matches!(call.args.first().map(|first| &first.expr), Some(Expr::Ident(name)) if name.starts_with('@'));
        if self.inside && call.func_name == "_+_" && !gathers {
            self.wrong(expr, Fault::MakesNew);
        }
        if let Some(target) = call.target.as_deref() {
            self.expression(target);
        }
        let arguments: Vec<Shape> = call.args.iter().map(|argument| self.expression(argument)).collect();
        let operator =
            call.func_name.contains('_') && !call.func_name.starts_with(|c: char| c.is_alphabetic());
        if !operator && !FUNCTIONS.contains(&call.func_name.as_str()) {
            self.wrong(expr, Fault::UnknownFunction(call.func_name.clone()));
        }
        // `changes["grade"]` is as good as `changes.grade`.
        if call.func_name == "_[_]"
            && let [_, index] = call.args.as_slice()
            && let Expr::Literal(LiteralValue::String(name)) = &index.expr
            && let Some(of) = arguments.into_iter().next()
        {
            let name = name.inner();
            return self.member(expr, of, name);
        }
        Shape::Unknown
    }

    fn member(&mut self, expr: &IdedExpr, of: Shape<'a>, name: &str) -> Shape<'a> {
        match of {
            Shape::Unknown | Shape::Field(Field::Any) => Shape::Unknown,
            Shape::Field(Field::Object(fields)) if fields.contains_key(name) => {
                fields.get(name).map_or(Shape::Unknown, Shape::Field)
            }
            Shape::Field(_) => {
                self.wrong(expr, Fault::UnknownField(name.to_owned()));
                Shape::Unknown
            }
        }
    }
}

pub mod selecting;
#[cfg(test)]
mod tests;
