//! What can be taken out of a record, and how it stands in a cell.

use std::sync::Arc;

use fulcrum_domain::customers::custom_fields::{CustomFieldKind, CustomFieldObject};
use fulcrum_persistence::{StoreError, Tx};
use rust_decimal::Decimal;
use serde_json::Value;

use super::views::{ExportHeaders, ExportRequest, ExportedObject};
use crate::customers::custom_fields::values::Fields;
use crate::http::catalog::FieldCode;
use crate::http::locale::Locale;
use crate::http::problem::{FieldError, Problem};
use crate::platform::metadata::labels;

/// A field that is taken out.
#[derive(Clone, Debug)]
pub(super) struct Column {
    /// Its name, with dots.
    pub(super) name: String,
    /// What stands above it.
    pub(super) header: String,
    /// What it holds.
    pub(super) kind: Kind,
}

/// What a column holds.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Kind {
    Text,
    /// A number, also where JSON has a text.
    Number,
    Boolean,
    Day,
    Instant,
    /// A word of this vocabulary.
    Word(&'static str),
    /// A choice of a field of the company's own.
    Choice(String),
    /// Several texts, or members `key` of several objects.
    List(Option<&'static str>),
    /// Ids in other systems.
    ExternalIds,
}

/// A value on its way into a cell.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Cell {
    Empty,
    Text(String),
    Number(Decimal),
    Boolean(bool),
    Day(chrono::NaiveDate),
    Instant(chrono::DateTime<chrono::Utc>),
}

const CUSTOMER: &[(&str, Kind)] = &[
    ("id", Kind::Text),
    ("number", Kind::Text),
    ("kind", Kind::Word("CustomerKind")),
    ("name", Kind::Text),
    ("credit_code", Kind::Text),
    ("phone", Kind::Text),
    ("email", Kind::Text),
    ("website", Kind::Text),
    ("grade", Kind::Word("Grade")),
    ("vip", Kind::Boolean),
    ("lifecycle_stage", Kind::Word("LifecycleStage")),
    ("industry", Kind::Word("IndustrySection")),
    ("industry_detail", Kind::Text),
    ("staff_count", Kind::Number),
    ("annual_revenue.amount", Kind::Number),
    ("annual_revenue.currency", Kind::Text),
    ("source", Kind::Text),
    ("pain_points", Kind::List(None)),
    ("tags", Kind::List(None)),
    ("address.country", Kind::Text),
    ("address.region", Kind::Text),
    ("address.city", Kind::Text),
    ("address.district", Kind::Text),
    ("address.street", Kind::Text),
    ("address.postal_code", Kind::Text),
    ("born_on", Kind::Day),
    ("notes", Kind::Text),
    ("external_ids", Kind::ExternalIds),
    ("owner.name", Kind::Text),
    ("owner.email", Kind::Text),
    ("department.name", Kind::Text),
    ("completeness.percent", Kind::Number),
    ("created_at", Kind::Instant),
    ("updated_at", Kind::Instant),
];

const CONTACT: &[(&str, Kind)] = &[
    ("id", Kind::Text),
    ("customer.number", Kind::Text),
    ("customer.name", Kind::Text),
    ("name", Kind::Text),
    ("title", Kind::Text),
    ("phones", Kind::List(Some("number"))),
    ("emails", Kind::List(Some("address"))),
    ("decision_role", Kind::Word("DecisionRole")),
    ("is_primary", Kind::Boolean),
    ("born_on", Kind::Day),
    ("notes", Kind::Text),
    ("external_ids", Kind::ExternalIds),
    ("created_at", Kind::Instant),
    ("updated_at", Kind::Instant),
];

/// Parts of names that have no label of their own.
const PARTS: [(&str, &str, &str); 17] = [
    ("id", "Id", "标识"),
    ("amount", "Amount", "金额"),
    ("currency", "Currency", "币种"),
    ("country", "Country", "国家"),
    ("region", "Province", "省"),
    ("city", "City", "市"),
    ("district", "District", "区"),
    ("street", "Street", "街道"),
    ("postal_code", "Postal code", "邮编"),
    ("owner.name", "Owner", "负责人"),
    ("owner.email", "Owner's e-mail", "负责人邮箱"),
    ("department.name", "Department", "部门"),
    ("completeness.percent", "Completeness in percent", "完整度（%）"),
    ("created_at", "Created at", "创建时间"),
    ("updated_at", "Changed at", "更新时间"),
    ("customer.number", "Customer's number", "客户编号"),
    ("customer.name", "Customer", "客户名称"),
];

/// What stands above a column of a field.
pub(crate) fn label(object: &str, name: &str, locale: Locale) -> String {
    let part = |name: &str| {
        let (_, en, zh) = PARTS.iter().find(|(known, ..)| *known == name)?;
        Some(match locale {
            Locale::En => *en,
            Locale::Zh => *zh,
        })
    };
    let whole = labels::of_field(object, name, locale).or_else(|| part(name));
    whole.map(str::to_owned).unwrap_or_else(|| match name.split_once('.') {
        Some((first, rest)) => format!("{}：{}", label(object, first, locale), part(rest).unwrap_or(rest)),
        None => name.to_owned(),
    })
}

/// The columns of an export: those that are asked for, or all there are.
///
/// # Errors
/// 422 that names every field that there isn't.
pub(super) fn of(
    tx: &mut Tx,
    request: &ExportRequest,
    locale: Locale,
) -> Result<(Vec<Column>, Arc<Fields>), Problem> {
    let object = request.object_type.to_string();
    let standard = match request.object_type {
        ExportedObject::Customer => CUSTOMER,
        ExportedObject::Contact => CONTACT,
    };
    let fields = fields_of(tx, request.object_type)?;
    let named = |name: &str, label: String| match request.headers {
        ExportHeaders::Labels => label,
        ExportHeaders::Names => name.to_owned(),
    };
    let mut all: Vec<Column> = standard
        .iter()
        .map(|(name, kind)| Column {
            name: (*name).to_owned(),
            header: named(name, label(&object, name, locale)),
            kind: kind.clone(),
        })
        .collect();
    for field in fields.live() {
        let name = format!("custom.{}", field.key);
        let mut add = |name: String, label: String, kind: Kind| {
            let header = named(&name, label);
            all.push(Column { name, header, kind });
        };
        match field.kind {
            CustomFieldKind::Money => {
                let part = |part: &str| format!("{}：{}", field.label, label("", part, locale));
                add(format!("{name}.amount"), part("amount"), Kind::Number);
                add(format!("{name}.currency"), part("currency"), Kind::Text);
            }
            CustomFieldKind::Number | CustomFieldKind::Decimal => {
                add(name, field.label.clone(), Kind::Number)
            }
            CustomFieldKind::Boolean => add(name, field.label.clone(), Kind::Boolean),
            CustomFieldKind::Date => add(name, field.label.clone(), Kind::Day),
            CustomFieldKind::Instant => add(name, field.label.clone(), Kind::Instant),
            CustomFieldKind::Choice | CustomFieldKind::Choices => {
                add(name, field.label.clone(), Kind::Choice(field.key.clone()));
            }
            _ => add(name, field.label.clone(), Kind::Text),
        }
    }
    if request.fields.is_empty() {
        return Ok((all, fields));
    }
    let (mut found, mut unknown) = (Vec::new(), Vec::new());
    for (index, wanted) in request.fields.iter().enumerate() {
        match all.iter().find(|column| column.name == wanted.0) {
            Some(column) => found.push(column.clone()),
            None => unknown.push(FieldError::new(format!("/fields/{index}"), FieldCode::UnknownField)),
        }
    }
    if unknown.is_empty() { Ok((found, fields)) } else { Err(Problem::invalid(unknown)) }
}

fn fields_of(tx: &mut Tx, object: ExportedObject) -> Result<Arc<Fields>, StoreError> {
    Fields::of(
        tx,
        match object {
            ExportedObject::Customer => CustomFieldObject::Customer,
            ExportedObject::Contact => CustomFieldObject::Contact,
        },
    )
}

/// How values are written.
pub(super) struct Writing {
    pub(super) headers: ExportHeaders,
    pub(super) locale: Locale,
    pub(super) fields: Arc<Fields>,
}

impl Writing {
    /// The value of a column of a record as callers see it.
    pub(super) fn cell(&self, record: &Value, column: &Column) -> Cell {
        let value = column.name.split('.').fold(record, |value, name| &value[name]);
        if value.is_null() {
            return Cell::Empty;
        }
        let text = || value.as_str().map(str::to_owned).unwrap_or_else(|| value.to_string());
        match &column.kind {
            Kind::Text => Cell::Text(text()),
            Kind::Number => text().parse().map_or_else(|_| Cell::Text(text()), Cell::Number),
            Kind::Boolean => value.as_bool().map_or(Cell::Empty, Cell::Boolean),
            Kind::Day => text().parse().map_or_else(|_| Cell::Text(text()), Cell::Day),
            Kind::Instant => text().parse().map_or_else(|_| Cell::Text(text()), Cell::Instant),
            Kind::Word(vocabulary) => {
                let own = (self.headers == ExportHeaders::Labels)
                    .then(|| labels::of_word(vocabulary, &text(), self.locale))
                    .flatten();
                Cell::Text(own.map_or_else(text, str::to_owned))
            }
            Kind::Choice(key) => {
                let values: Vec<String> = match value.as_array() {
                    Some(list) => {
                        list.iter().filter_map(Value::as_str).map(|one| self.choice(key, one)).collect()
                    }
                    None => vec![self.choice(key, &text())],
                };
                Cell::Text(values.join("; "))
            }
            Kind::List(member) => {
                let entries = value.as_array().into_iter().flatten();
                let texts = entries.filter_map(|entry| match member {
                    Some(member) => entry[*member].as_str(),
                    None => entry.as_str(),
                });
                let joined = texts.collect::<Vec<_>>().join("; ");
                if joined.is_empty() { Cell::Empty } else { Cell::Text(joined) }
            }
            Kind::ExternalIds => {
                let entries = value.as_array().into_iter().flatten();
                let texts = entries.filter_map(|entry| {
                    Some(format!("{}:{}", entry["system"].as_str()?, entry["external_id"].as_str()?))
                });
                let joined = texts.collect::<Vec<_>>().join("; ");
                if joined.is_empty() { Cell::Empty } else { Cell::Text(joined) }
            }
        }
    }

    fn choice(&self, key: &str, value: &str) -> String {
        let label = (self.headers == ExportHeaders::Labels)
            .then(|| self.fields.get(key)?.choices.iter().find(|choice| choice.value == value))
            .flatten();
        label.map_or(value, |choice| choice.label.as_str()).to_owned()
    }
}
