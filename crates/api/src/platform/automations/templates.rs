//! Texts that automations put together.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use fulcrum_domain::platform::Field;
use minijinja::value::{Enumerator, Object, ObjectRepr, Serde, Value as Any};
use minijinja::{AutoEscape, Environment, Error, ErrorKind, UndefinedBehavior};
use serde_json::{Map, Value};

use super::facts;
use super::views::AutomationTrigger;

/// Steps of a template; a usual one takes a hundred.
const FUEL: u64 = 20_000;

/// Puts a text together. Times are written by the clock of `zone`.
///
/// # Errors
/// What it asks for isn't there, or can't be done with it; in words.
pub(super) fn render(text: &str, known: &Map<String, Value>, zone: Tz) -> Result<String, String> {
    environment(zone).render_str(text, Serde(known)).map_err(|error| in_words(&error))
}

/// What is wrong with a template, whatever it is about; in words.
pub(super) fn wrong(text: &str, trigger: &AutomationTrigger) -> Option<String> {
    let environment = environment(Tz::UTC);
    let template = match environment.template_from_str(text) {
        Ok(template) => template,
        Err(error) => return Some(in_words(&error)),
    };
    let fields = facts::fields(trigger);
    let mut asked: Vec<String> = template.undeclared_variables(true).into_iter().collect();
    asked.sort();
    let is_function = |path: &str| environment.globals().any(|(name, _)| name == path);
    if let Some(unknown) = asked.iter().find(|path| !is_known(&fields, path) && !is_function(path)) {
        return Some(format!("there is no field {unknown}"));
    }
    // Filters, tests and functions are looked up when they are used: with something that has everything, and with something that has
    // nothing, most of a template is.
    [true, false].into_iter().find_map(|full| {
        let sample = || Any::from_object(Sample { full, depth: 3 });
        let known = names(&fields).map(|name| (name.to_owned(), sample()));
        let error = template.render(known.collect::<BTreeMap<_, _>>()).err()?;
        let ours = matches!(
            error.kind(),
            ErrorKind::UnknownFilter
                | ErrorKind::UnknownTest
                | ErrorKind::UnknownFunction
                | ErrorKind::OutOfFuel
        );
        ours.then(|| in_words(&error))
    })
}

fn names(fields: &Field) -> impl Iterator<Item = &str> {
    match fields {
        Field::Object(fields) => Some(fields.keys().map(String::as_str)),
        Field::Value | Field::Any => None,
    }
    .into_iter()
    .flatten()
}

fn is_known(fields: &Field, path: &str) -> bool {
    let mut at = fields;
    for name in path.split('.') {
        match at {
            Field::Any => return true,
            Field::Object(inner) => match inner.get(name) {
                Some(field) => at = field,
                None => return false,
            },
            Field::Value => return false,
        }
    }
    true
}

fn environment(zone: Tz) -> Environment<'static> {
    let mut environment = Environment::new();
    // What isn't there is a mistake that its author should hear of.
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_auto_escape_callback(|_| AutoEscape::None);
    environment.set_fuel(Some(FUEL));
    environment.add_filter("date", move |value: &Any| written(value, zone, "%Y-%m-%d"));
    environment.add_filter("datetime", move |value: &Any| written(value, zone, "%Y-%m-%d %H:%M"));
    environment
}

fn written(value: &Any, zone: Tz, form: &str) -> Result<String, Error> {
    if value.downcast_object_ref::<Sample>().is_some() {
        return Ok(String::new());
    }
    let at = value.as_str().and_then(|text| text.parse::<DateTime<Utc>>().ok());
    let at = at.ok_or_else(|| Error::new(ErrorKind::InvalidOperation, "this is no time"))?;
    Ok(at.with_timezone(&zone).format(form).to_string())
}

fn in_words(error: &Error) -> String {
    let what = error.detail().map_or_else(|| error.kind().to_string(), str::to_owned);
    match error.line() {
        Some(line) => format!("line {line}: {what}"),
        None => what,
    }
}

/// Something of which everything can be asked. What is in it has an end, because some filters write everything out.
#[derive(Debug)]
struct Sample {
    full: bool,
    depth: u8,
}

impl Object for Sample {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        if self.depth == 0 { ObjectRepr::Plain } else { ObjectRepr::Iterable }
    }

    fn get_value(self: &Arc<Self>, _: &Any) -> Option<Any> {
        Some(Any::from_dyn_object(self.clone()))
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        match self.depth.checked_sub(1).filter(|_| self.full) {
            Some(depth) => Enumerator::Values(vec![Any::from_object(Sample { full: self.full, depth })]),
            None => Enumerator::Empty,
        }
    }

    fn is_true(self: &Arc<Self>) -> bool {
        self.full
    }

    fn render(self: &Arc<Self>, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("…")
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn trigger() -> AutomationTrigger {
        serde_json::from_value(json!({ "type": "event", "event_types": ["customer.updated"] })).unwrap()
    }

    fn known() -> Map<String, Value> {
        let known = json!({
            "now": "2027-03-01T18:00:00Z",
            "record": { "name": "<杭州>", "tags": ["a", "b"], "owner_id": null },
            "changes": { "grade": { "from": "B", "to": "A" } },
        });
        known.as_object().cloned().unwrap()
    }

    #[test]
    fn texts_are_put_together_from_what_is_known() {
        let render = |text: &str| render(text, &known(), Tz::Asia__Shanghai);
        assert_eq!(render("{{ record.name }} {{ changes.grade.to }}"), Ok("<杭州> A".into()));
        assert_eq!(render("{{ record.tags | join('、') }}"), Ok("a、b".into()));
        assert_eq!(render("{{ now | date }} {{ now | datetime }}"), Ok("2027-03-02 2027-03-02 02:00".into()));
        assert!(render("{{ record.name | date }}").unwrap_err().contains("this is no time"));
        assert!(render("{{ changes.phone.to }}").is_err());
        assert!(
            render("{% for i in range(9999) %}{% for j in range(9999) %}x{% endfor %}{% endfor %}").is_err()
        );
    }

    #[test]
    fn what_can_never_be_put_together_is_refused_with_the_reason() {
        let wrong = |text: &str| wrong(text, &trigger());
        for right in [
            "没有字段",
            "{{ record.name | upper }}",
            "{% if record.vip %}{{ record.staff_count | round }}{% else %}{{ now | date }}{% endif %}",
            "{% for tag in record.tags %}{{ loop.index }}{{ tag }}{% endfor %}",
            "{% set name = record.name %}{{ name }}",
            "{{ record }} {{ record | string }} {{ record.tags | list | join }}",
        ] {
            assert_eq!(wrong(right), None, "{right}");
        }
        for (text, reason) in [
            ("{{ record.nmae }}", "there is no field record.nmae"),
            ("{{ recrod.name }}", "there is no field recrod.name"),
            ("{{ changes.nothing.to }}", "there is no field changes.nothing.to"),
            ("{{ record.name", "line 1"),
            ("a\n{% if %}", "line 2"),
            ("{{ record.name | shout }}", "shout"),
            ("{% if record.vip %}a{% else %}{{ record.name | shout }}{% endif %}", "shout"),
            ("{% include 'secrets' %}", "unknown statement include"),
            ("{{ lookup() }}", "lookup"),
            ("{% for i in range(9999) %}{% for j in range(9999) %}x{% endfor %}{% endfor %}", "fuel"),
        ] {
            let found = wrong(text).unwrap_or_default();
            assert!(found.contains(reason), "{text}: {found}");
        }
    }
}
