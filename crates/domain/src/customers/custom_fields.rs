//! Fields that a company adds to its records: what they are, and what their values may be.

use chrono::{DateTime, NaiveDate, SecondsFormat, Utc};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use utoipa::ToSchema;
use uuid::Uuid;

use super::CustomerKind;
use crate::values::text::{clean_line, clean_text};
use crate::values::{Money, ValueError, Website};
use crate::words::words;

words!(
    /// What the values of a custom field are.
    CustomFieldKind, "snake_case" {
        /// A text.
        Text,
        /// A number, whole or with decimals.
        Number,
        /// An exact decimal number, as a text such as `"12.50"`.
        Decimal,
        /// An amount with its currency.
        Money,
        /// A day.
        Date,
        /// An instant.
        Instant,
        /// Yes or no.
        Boolean,
        /// One of some values.
        Choice,
        /// Several of some values.
        Choices,
        /// The id of a person in the company.
        User,
        /// The id of a record.
        Reference,
        /// A web address.
        Url,
    }
);
words!(
    /// Which records have custom fields, and can be referred to by them.
    CustomFieldObject, "snake_case" {
        /// Customers.
        Customer,
        /// Contacts.
        Contact,
    }
);

/// What the values of a custom field have to keep to, each for some kinds of fields.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CustomFieldLimits {
    /// Characters of a text at least.
    #[schema(minimum = 1, maximum = 20000, example = 2)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min_length: Option<u32>,
    /// Characters of a text at most; 200 unless given, 20,000 with several lines.
    #[schema(minimum = 1, maximum = 20000, example = 100)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_length: Option<u32>,
    /// Whether a text may have several lines.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub multiline: Option<bool>,
    /// The smallest number or amount.
    #[schema(pattern = r"^-?[0-9]{1,15}(\.[0-9]{1,6})?$", max_length = 23, example = "0")]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub minimum: Option<String>,
    /// The largest number or amount.
    #[schema(pattern = r"^-?[0-9]{1,15}(\.[0-9]{1,6})?$", max_length = 23, example = "100000")]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub maximum: Option<String>,
    /// Digits behind the point of a number or decimal at most; 6 unless given, 0 for whole numbers.
    #[schema(minimum = 0, maximum = 6, example = 2)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decimals: Option<u32>,
    /// The currencies that an amount can have; all unless given.
    #[schema(max_items = 20, example = json!(["CNY"]))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub currencies: Option<Vec<CurrencyCode>>,
    /// The first day.
    #[schema(example = "2020-01-01")]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub earliest: Option<NaiveDate>,
    /// The last day.
    #[schema(example = "2030-12-31")]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub latest: Option<NaiveDate>,
    /// Choices at most.
    #[schema(minimum = 1, maximum = 100, example = 3)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_items: Option<u32>,
    /// What a reference leads to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub references: Option<CustomFieldObject>,
}

/// ISO 4217 code.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[schema(pattern = "^[A-Z]{3}$", min_length = 3, max_length = 3, example = "CNY")]
pub struct CurrencyCode(pub String);

/// One of the values of a choice.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CustomFieldChoice {
    /// What is stored; can't change while records have it.
    #[schema(min_length = 1, max_length = 60, pattern = "^[A-Za-z0-9_.-]+$", example = "east")]
    pub value: String,
    /// What people read.
    #[schema(min_length = 1, max_length = 100, pattern = "\\S", example = "华东")]
    pub label: String,
    /// Whether it isn't to be chosen any more: records that have it keep it.
    #[serde(default)]
    pub archived: bool,
}

/// A custom field.
#[derive(Clone, Debug, PartialEq)]
#[allow(missing_docs)]
pub struct CustomField {
    pub id: Uuid,
    pub key: String,
    pub label: String,
    pub help: Option<String>,
    pub kind: CustomFieldKind,
    /// Of which kinds of customers; empty is all.
    pub customer_kinds: Vec<CustomerKind>,
    pub required: bool,
    pub unique: bool,
    pub searchable: bool,
    pub default: Option<Value>,
    pub limits: CustomFieldLimits,
    pub choices: Vec<CustomFieldChoice>,
    /// Its values are kept, and not to be changed.
    pub archived: bool,
}

/// Why a value isn't one of a field, and where in it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{code}")]
pub struct CustomValueError {
    /// Inside of the value, such as `/amount`; empty for the value itself.
    pub pointer: String,
    code: &'static str,
    params: Vec<(&'static str, String)>,
}

impl ValueError for CustomValueError {
    fn code(&self) -> &'static str {
        self.code
    }

    fn params(&self) -> Vec<(&'static str, String)> {
        self.params.clone()
    }
}

fn wrong(code: &'static str, params: Vec<(&'static str, String)>) -> CustomValueError {
    CustomValueError { pointer: String::new(), code, params }
}

fn not_a(expected: &str) -> CustomValueError {
    wrong("type", vec![("expected", expected.to_owned())])
}

fn of_value(pointer: &str, error: &impl ValueError) -> CustomValueError {
    CustomValueError { pointer: pointer.to_owned(), code: error.code(), params: error.params() }
}

impl CustomField {
    /// The canonical form of a value; `Null` for a text without anything in it. `had` is what the record has: a choice that
    /// was archived since stays. People and records that it names are not looked up here.
    ///
    /// # Errors
    /// [`CustomValueError`].
    pub fn check(&self, value: &Value, had: Option<&Value>) -> Result<Value, CustomValueError> {
        match self.kind {
            CustomFieldKind::Text => self.text(value),
            CustomFieldKind::Number => {
                let number = value.as_number().ok_or_else(|| not_a("number"))?;
                // As it is written: what its decimals are is decided by people who count in tens.
                let exact = decimal(&number.to_string())
                    .ok_or_else(|| wrong("too_large", vec![("max", "15".into())]))?;
                self.within(exact)?;
                Ok(value.clone())
            }
            CustomFieldKind::Decimal => {
                let text = value.as_str().ok_or_else(|| not_a("string"))?;
                let exact = decimal(text).ok_or_else(|| wrong("amount_not_decimal", vec![]))?;
                self.within(exact)?;
                Ok(json!(exact.to_string()))
            }
            CustomFieldKind::Money => self.money(value),
            CustomFieldKind::Date => {
                let text = value.as_str().ok_or_else(|| not_a("string"))?;
                let day = (text.len() == 10).then(|| text.parse::<NaiveDate>().ok()).flatten();
                let day = day.ok_or_else(|| wrong("format", vec![("format", "date".into())]))?;
                self.between(day)?;
                Ok(json!(day))
            }
            CustomFieldKind::Instant => {
                let text = value.as_str().ok_or_else(|| not_a("string"))?;
                let instant = DateTime::parse_from_rfc3339(text)
                    .map_err(|_| wrong("format", vec![("format", "date-time".into())]))?
                    .with_timezone(&Utc);
                self.between(instant.date_naive())?;
                Ok(json!(instant.to_rfc3339_opts(SecondsFormat::Micros, true)))
            }
            CustomFieldKind::Boolean => {
                if value.is_boolean() {
                    Ok(value.clone())
                } else {
                    Err(not_a("boolean"))
                }
            }
            CustomFieldKind::Choice => {
                let text = value.as_str().ok_or_else(|| not_a("string"))?;
                self.chosen(text, had == Some(value))?;
                Ok(value.clone())
            }
            CustomFieldKind::Choices => self.several(value, had),
            CustomFieldKind::User | CustomFieldKind::Reference => {
                let text = value.as_str().ok_or_else(|| not_a("string"))?;
                let id =
                    Uuid::parse_str(text).map_err(|_| wrong("format", vec![("format", "uuid".into())]))?;
                Ok(json!(id))
            }
            CustomFieldKind::Url => {
                let text = value.as_str().ok_or_else(|| not_a("string"))?;
                Website::parse(text).map(|url| json!(url.as_str())).map_err(|error| of_value("", &error))
            }
        }
    }

    fn text(&self, value: &Value) -> Result<Value, CustomValueError> {
        let text = value.as_str().ok_or_else(|| not_a("string"))?;
        if text.contains('\0') {
            return Err(wrong("nul_character", vec![]));
        }
        let multiline = self.limits.multiline == Some(true);
        let clean = if multiline { clean_text(text) } else { clean_line(text) };
        let (length, max) = (clean.chars().count(), self.longest());
        if length > max {
            return Err(wrong("too_long", vec![("max", max.to_string())]));
        }
        match self.limits.min_length {
            _ if length == 0 => Ok(Value::Null),
            Some(min) if length < min as usize => Err(wrong("too_short", vec![("min", min.to_string())])),
            _ => Ok(json!(clean)),
        }
    }

    /// Characters of a text at most.
    pub fn longest(&self) -> usize {
        let usual = if self.limits.multiline == Some(true) { 20_000 } else { 200 };
        self.limits.max_length.map_or(usual, |max| max as usize)
    }

    fn within(&self, number: Decimal) -> Result<(), CustomValueError> {
        let bound = |text: &Option<String>| text.as_deref().and_then(decimal);
        let decimals = self.limits.decimals.unwrap_or(6);
        if number.normalize().scale() > decimals {
            return Err(wrong("too_many_decimals", vec![("max", decimals.to_string())]));
        }
        if let Some(min) = bound(&self.limits.minimum).filter(|min| number < *min) {
            return Err(wrong("too_small", vec![("min", min.to_string())]));
        }
        if let Some(max) = bound(&self.limits.maximum).filter(|max| number > *max) {
            return Err(wrong("too_large", vec![("max", max.to_string())]));
        }
        Ok(())
    }

    fn between(&self, day: NaiveDate) -> Result<(), CustomValueError> {
        let first = NaiveDate::from_ymd_opt(1, 1, 1).unwrap_or_default();
        let last = NaiveDate::from_ymd_opt(9999, 12, 31).unwrap_or_default();
        let min = self.limits.earliest.unwrap_or(first);
        let max = self.limits.latest.unwrap_or(last);
        if day < min {
            return Err(wrong("too_small", vec![("min", min.to_string())]));
        }
        if day > max {
            return Err(wrong("too_large", vec![("max", max.to_string())]));
        }
        Ok(())
    }

    fn money(&self, value: &Value) -> Result<Value, CustomValueError> {
        let fields = value.as_object().ok_or_else(|| not_a("object"))?;
        if let Some(unknown) = fields.keys().find(|name| *name != "amount" && *name != "currency") {
            return Err(CustomValueError {
                pointer: format!("/{unknown}"),
                ..wrong("unknown_field", vec![])
            });
        }
        let part = |name: &str| {
            let part = fields.get(name).and_then(Value::as_str);
            part.ok_or_else(|| CustomValueError { pointer: format!("/{name}"), ..wrong("required", vec![]) })
        };
        let money = Money::new(part("amount")?, part("currency")?)
            .map_err(|error| of_value(&format!("/{}", error.field()), &error))?;
        let at = |pointer: &str, error: CustomValueError| CustomValueError {
            pointer: pointer.to_owned(),
            ..error
        };
        if let Some(allowed) = &self.limits.currencies
            && !allowed.iter().any(|code| code.0 == money.currency().code())
        {
            let codes: Vec<&str> = allowed.iter().map(|code| code.0.as_str()).collect();
            return Err(at("/currency", wrong("not_allowed", vec![("allowed", codes.join(", "))])));
        }
        let unlimited = CustomFieldLimits { decimals: None, ..self.limits.clone() };
        CustomField { limits: unlimited, ..self.clone() }
            .within(money.amount())
            .map_err(|error| at("/amount", error))?;
        Ok(json!(money))
    }

    fn chosen(&self, value: &str, had: bool) -> Result<(), CustomValueError> {
        let known = self.choices.iter().any(|choice| choice.value == value && (!choice.archived || had));
        if known {
            return Ok(());
        }
        let open: Vec<&str> = self
            .choices
            .iter()
            .filter(|choice| !choice.archived)
            .map(|choice| choice.value.as_str())
            .collect();
        Err(wrong("not_allowed", vec![("allowed", open.join(", "))]))
    }

    fn several(&self, value: &Value, had: Option<&Value>) -> Result<Value, CustomValueError> {
        let list = value.as_array().ok_or_else(|| not_a("array"))?;
        let before: &[Value] = had.and_then(Value::as_array).map_or(&[], Vec::as_slice);
        let max = self.limits.max_items.unwrap_or(100);
        if list.len() > max as usize {
            return Err(wrong("too_many_items", vec![("max", max.to_string())]));
        }
        for (index, entry) in list.iter().enumerate() {
            let at = |error: CustomValueError| CustomValueError { pointer: format!("/{index}"), ..error };
            let text = entry.as_str().ok_or_else(|| at(not_a("string")))?;
            self.chosen(text, before.contains(entry)).map_err(at)?;
            if list[..index].contains(entry) {
                return Err(at(wrong("duplicate", vec![])));
            }
        }
        Ok(if list.is_empty() { Value::Null } else { value.clone() })
    }

    /// What makes a value the same as another one, where only one record may have it.
    pub fn identity(value: &Value) -> String {
        match value {
            Value::String(text) => text.to_lowercase(),
            other => other.to_string(),
        }
    }

    /// What is wrong with how the field is defined: pointer, code and params.
    pub fn definition_errors(&self) -> Vec<CustomValueError> {
        use CustomFieldKind::*;
        let limits = &self.limits;
        let mut found = Vec::new();
        let mut only = |given: bool, name: &str, kinds: &[CustomFieldKind]| {
            if given && !kinds.contains(&self.kind) {
                let error = wrong("not_for_type", vec![("type", self.kind.to_string())]);
                found.push(CustomValueError { pointer: format!("/{name}"), ..error });
            }
        };
        only(limits.min_length.is_some(), "limits/min_length", &[Text]);
        only(limits.max_length.is_some(), "limits/max_length", &[Text]);
        only(limits.multiline.is_some(), "limits/multiline", &[Text]);
        only(limits.minimum.is_some(), "limits/minimum", &[Number, Decimal, Money]);
        only(limits.maximum.is_some(), "limits/maximum", &[Number, Decimal, Money]);
        only(limits.decimals.is_some(), "limits/decimals", &[Number, Decimal]);
        only(limits.currencies.is_some(), "limits/currencies", &[Money]);
        only(limits.earliest.is_some(), "limits/earliest", &[Date, Instant]);
        only(limits.latest.is_some(), "limits/latest", &[Date, Instant]);
        only(limits.max_items.is_some(), "limits/max_items", &[Choices]);
        only(limits.references.is_some(), "limits/references", &[Reference]);
        only(!self.choices.is_empty(), "choices", &[Choice, Choices]);
        only(self.unique, "unique", &[Text, Number, Decimal, Date, Instant, User, Reference, Url]);
        only(self.searchable, "searchable", &[Text, Url]);
        let mut at = |pointer: &str, error: CustomValueError| {
            found.push(CustomValueError { pointer: pointer.to_owned(), ..error });
        };
        if matches!(self.kind, Choice | Choices) && self.choices.is_empty() {
            at("/choices", wrong("required", vec![]));
        }
        if self.kind == Reference && limits.references.is_none() {
            at("/limits/references", wrong("required", vec![]));
        }
        for (index, choice) in self.choices.iter().enumerate() {
            if self.choices[..index].iter().any(|other| other.value == choice.value) {
                at(&format!("/choices/{index}/value"), wrong("duplicate", vec![]));
            }
        }
        if limits.min_length.is_some_and(|min| min as usize > self.longest()) {
            at("/limits/min_length", wrong("too_large", vec![("max", self.longest().to_string())]));
        }
        let bounds =
            (limits.minimum.as_deref().and_then(decimal), limits.maximum.as_deref().and_then(decimal));
        if let (Some(min), Some(max)) = bounds
            && min > max
        {
            at("/limits/maximum", wrong("too_small", vec![("min", min.to_string())]));
        }
        if let (Some(first), Some(last)) = (limits.earliest, limits.latest)
            && first > last
        {
            at("/limits/latest", wrong("too_small", vec![("min", first.to_string())]));
        }
        // Its values are what an index holds.
        if self.unique && self.kind == Text && self.longest() > 200 {
            at("/limits/max_length", wrong("too_large", vec![("max", "200".into())]));
        }
        if let Some(default) = &self.default {
            if self.unique || matches!(self.kind, User | Reference) {
                at("/default", wrong("not_for_type", vec![("type", self.kind.to_string())]));
            } else if let Err(error) = self.check(default, None) {
                let pointer = format!("/default{}", error.pointer);
                at(&pointer, error);
            }
        }
        found
    }
}

/// A plain decimal number of at most 15 digits before the point and 13 behind.
fn decimal(text: &str) -> Option<Decimal> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let (whole, decimals) = digits.split_once('.').unwrap_or((digits, "0"));
    let plain = |part: &str, longest| {
        (1..=longest).contains(&part.len()) && part.bytes().all(|letter| letter.is_ascii_digit())
    };
    (plain(whole, 15) && plain(decimals, 13)).then(|| Decimal::from_str_exact(text).ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn field(kind: CustomFieldKind) -> CustomField {
        CustomField {
            id: Uuid::nil(),
            key: "region".into(),
            label: "地区".into(),
            help: None,
            kind,
            customer_kinds: vec![],
            required: false,
            unique: false,
            searchable: false,
            default: None,
            limits: CustomFieldLimits::default(),
            choices: vec![],
            archived: false,
        }
    }

    fn code(result: Result<Value, CustomValueError>) -> (&'static str, String) {
        let error = result.expect_err("a wrong value");
        (error.code, error.pointer)
    }

    #[test]
    fn values_become_canonical() {
        use CustomFieldKind::*;
        for (kind, value, canonical) in [
            (Text, json!("  华东\u{3000}区 "), json!("华东 区")),
            (Text, json!("  "), Value::Null),
            (Number, json!(12), json!(12)),
            (Number, json!(-0.5), json!(-0.5)),
            (Decimal, json!("012.50"), json!("12.50")),
            (Money, json!({"amount": "5", "currency": "CNY"}), json!({"amount": "5.00", "currency": "CNY"})),
            (Date, json!("2026-02-28"), json!("2026-02-28")),
            (Instant, json!("2026-03-01T08:00:00+08:00"), json!("2026-03-01T00:00:00.000000Z")),
            (Boolean, json!(false), json!(false)),
            (
                User,
                json!("0197A1C2-8F3E-7D54-A1B2-3C4D5E6F7A8B"),
                json!("0197a1c2-8f3e-7d54-a1b2-3c4d5e6f7a8b"),
            ),
            (Url, json!("https://Example.com"), json!("https://example.com/")),
        ] {
            assert_eq!(field(kind).check(&value, None), Ok(canonical.clone()), "{kind} {value}");
            if !canonical.is_null() {
                assert_eq!(field(kind).check(&canonical, None), Ok(canonical), "canonical stays");
            }
        }
    }

    #[test]
    fn wrong_values_are_refused_where_they_are_wrong() {
        use CustomFieldKind::*;
        for (kind, value, expected, pointer) in [
            (Text, json!(5), "type", ""),
            (Number, json!("5"), "type", ""),
            (Number, json!(1e300), "too_large", ""),
            (Number, json!(0.1234567), "too_many_decimals", ""),
            (Decimal, json!("1e5"), "amount_not_decimal", ""),
            (Decimal, json!(5), "type", ""),
            (Money, json!({"amount": "1.234", "currency": "CNY"}), "amount_too_many_decimals", "/amount"),
            (Money, json!({"amount": "1"}), "required", "/currency"),
            (Money, json!({"amount": "1", "currency": "CNY", "x": 1}), "unknown_field", "/x"),
            (Date, json!("2026-02-30"), "format", ""),
            (Date, json!("2026-2-3"), "format", ""),
            (Instant, json!("2026-02-03"), "format", ""),
            (Boolean, json!("true"), "type", ""),
            (Choice, json!("west"), "not_allowed", ""),
            (Choices, json!(["west"]), "not_allowed", "/0"),
            (User, json!("me"), "format", ""),
            (Url, json!("ftp://example.com"), "website_scheme", ""),
        ] {
            assert_eq!(code(field(kind).check(&value, None)), (expected, pointer.into()), "{kind} {value}");
        }
    }

    #[test]
    fn an_archived_choice_stays_where_it_is() {
        let choice =
            |value: &str, archived| CustomFieldChoice { value: value.into(), label: value.into(), archived };
        let mut region = field(CustomFieldKind::Choice);
        region.choices = vec![choice("east", false), choice("west", true)];
        assert_eq!(region.check(&json!("west"), Some(&json!("west"))), Ok(json!("west")));
        assert_eq!(code(region.check(&json!("west"), None)).0, "not_allowed");
        region.kind = CustomFieldKind::Choices;
        let both = json!(["west", "east"]);
        assert_eq!(region.check(&both, Some(&json!(["west"]))), Ok(both.clone()));
        assert_eq!(code(region.check(&both, None)), ("not_allowed", "/0".into()));
        assert_eq!(code(region.check(&json!(["east", "east"]), None)), ("duplicate", "/1".into()));
        assert_eq!(region.check(&json!([]), None), Ok(Value::Null));
    }

    #[test]
    fn bounds_hold() {
        let mut price = field(CustomFieldKind::Decimal);
        price.limits = CustomFieldLimits {
            minimum: Some("0".into()),
            maximum: Some("9.99".into()),
            decimals: Some(2),
            ..Default::default()
        };
        assert!(price.check(&json!("9.99"), None).is_ok());
        assert_eq!(code(price.check(&json!("-0.01"), None)).0, "too_small");
        assert_eq!(code(price.check(&json!("10"), None)).0, "too_large");
        assert_eq!(code(price.check(&json!("1.001"), None)).0, "too_many_decimals");
        let mut day = field(CustomFieldKind::Date);
        day.limits.earliest = NaiveDate::from_ymd_opt(2026, 1, 1);
        assert_eq!(code(day.check(&json!("2025-12-31"), None)).0, "too_small");
        let mut amount = field(CustomFieldKind::Money);
        amount.limits.currencies = Some(vec![CurrencyCode("CNY".into())]);
        assert_eq!(
            code(amount.check(&json!({"amount": "1", "currency": "USD"}), None)),
            ("not_allowed", "/currency".into())
        );
    }

    #[test]
    fn definitions_have_to_make_sense() {
        let mut choice = field(CustomFieldKind::Choice);
        choice.limits.max_length = Some(5);
        choice.searchable = true;
        choice.default = Some(json!("east"));
        let found: Vec<String> = choice.definition_errors().into_iter().map(|error| error.pointer).collect();
        assert_eq!(found, ["/limits/max_length", "/searchable", "/choices", "/default"]);
        assert!(field(CustomFieldKind::Text).definition_errors().is_empty());
    }
}
