//! What a row says: its cells as the values that a record takes.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use chrono_tz::Tz;
use fulcrum_domain::customers::custom_fields::{CustomField, CustomFieldKind};
use fulcrum_domain::customers::duplicates::{Identity, name_key};
use fulcrum_domain::customers::{CustomerKind, DecisionRole, Grade, LifecycleStage};
use fulcrum_domain::platform::cells;
use fulcrum_domain::values::IndustrySection;
use fulcrum_domain::values::text::{clean_line, clean_text};
use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;
use serde_json::{Map, Value, json};
use strum::{IntoEnumIterator, VariantArray};
use uuid::Uuid;

use super::reading::{Cell, SheetRow};
use super::targets::{Target, TargetKind};
use super::views::{ImportSettings, StoredError};
use crate::customers::contacts::views::ContactInput;
use crate::customers::custom_fields::values::Fields;
use crate::customers::customers::input::CustomerInput;
use crate::customers::rules;
use crate::http::body::judge;
use crate::http::catalog::FieldCode;
use crate::http::contract::Contract;
use crate::http::locale::Locale;
use crate::http::problem::FieldError;
use crate::platform::metadata::labels;

/// A column that is read.
pub(super) struct Column {
    /// Counted from 0.
    index: usize,
    header: String,
    target: Target,
    /// What is taken where the cell is empty.
    default: Option<String>,
}

/// Everything that rows are read with.
pub(super) struct Reading {
    pub(super) columns: Vec<Column>,
    /// Fields without a column.
    constants: Vec<(Target, String)>,
    pub(super) contract: Arc<Contract>,
    pub(super) region: String,
    pub(super) time_zone: Tz,
    /// Of the company: amounts without one are in it.
    pub(super) currency: String,
    pub(super) external_system: Option<String>,
    /// Colleagues by address and by name; a name that two have is nobody's.
    pub(super) people: HashMap<String, Option<Uuid>>,
    pub(super) customer_fields: Arc<Fields>,
    pub(super) contact_fields: Arc<Fields>,
}

/// What a row says.
#[derive(Clone, Debug, Default)]
pub(super) struct Said {
    pub(super) row_number: i32,
    /// The customer's fields, those that say something.
    pub(super) customer: Map<String, Value>,
    pub(super) contact: Option<Map<String, Value>>,
    pub(super) number: Option<String>,
    pub(super) external_id: Option<String>,
    pub(super) owner: Option<Uuid>,
    /// What it is compared by.
    pub(super) identity: Identity,
    /// What is wrong with cells.
    pub(super) errors: Vec<StoredError>,
    /// What a new customer and contact of it would be, and what is wrong with them as new ones.
    pub(super) new_customer: Option<CustomerInput>,
    pub(super) new_contact: Option<ContactInput>,
    pub(super) wrong_as_new: Vec<StoredError>,
}

impl Reading {
    /// Of these columns; fields that there aren't any more were refused before.
    pub(super) fn columns_of(
        settings: &ImportSettings,
        targets: &[Target],
        headers: &HashMap<i32, String>,
    ) -> (Vec<Column>, Vec<(Target, String)>) {
        let target = |name: &str| targets.iter().find(|target| target.name == name).cloned();
        let default = |name: &str| {
            settings
                .defaults
                .iter()
                .find(|default| default.field.0 == name)
                .map(|default| default.value.clone())
        };
        let columns = settings.columns.iter().filter_map(|column| {
            Some(Column {
                index: (column.column - 1).max(0) as usize,
                header: headers.get(&column.column).cloned().unwrap_or_default(),
                target: target(&column.field.0)?,
                default: default(&column.field.0),
            })
        });
        let unmapped = |name: &str| !settings.columns.iter().any(|column| column.field.0 == name);
        let constants = settings
            .defaults
            .iter()
            .filter(|default| unmapped(&default.field.0))
            .filter_map(|default| Some((target(&default.field.0)?, default.value.clone())));
        (columns.collect(), constants.collect())
    }

    /// Puts constants in.
    pub(super) fn with_constants(mut self, constants: Vec<(Target, String)>) -> Reading {
        self.constants = constants;
        self
    }

    /// Without columns, people and fields of the company's own yet.
    pub(super) fn new(
        contract: Arc<Contract>,
        (region, time_zone, currency): (String, Tz, String),
        (customer_fields, contact_fields): (Arc<Fields>, Arc<Fields>),
    ) -> Reading {
        Reading {
            columns: vec![],
            constants: vec![],
            contract,
            region,
            time_zone,
            currency,
            external_system: None,
            people: HashMap::new(),
            customer_fields,
            contact_fields,
        }
    }

    /// The headers of the columns that a field comes from.
    fn header_of(&self, field: &str) -> Option<&str> {
        self.columns.iter().find(|column| column.target.name == field).map(|column| column.header.as_str())
    }

    /// What a row says.
    pub(super) fn said(&self, row: &SheetRow) -> Said {
        let mut said = Said { row_number: row.number.min(i32::MAX as u32) as i32, ..Said::default() };
        let mut contact = Map::new();
        for column in &self.columns {
            let default;
            let cell = match (row.cell(column.index), &column.default) {
                (cell, Some(text)) if cell.is_blank() => {
                    default = Cell::Text(text.clone());
                    &default
                }
                (cell, _) => cell,
            };
            if cell.is_blank() {
                continue;
            }
            if let Err(error) = self.take(&mut said, &mut contact, &column.target, cell) {
                said.errors.push(StoredError {
                    field: Some(column.target.name.clone()),
                    header: Some(column.header.clone()),
                    value: Some(short(&cell.text())),
                    code: error.code.word().into(),
                    params: error.params,
                });
            }
        }
        for (target, text) in &self.constants {
            // A constant alone makes no contact of a row that has none.
            if target.name.starts_with("contact.") && contact.is_empty() {
                continue;
            }
            let taken = self.take(&mut said, &mut contact, target, &Cell::Text(text.clone()));
            if let Err(error) = taken {
                said.errors.push(StoredError {
                    field: Some(target.name.clone()),
                    header: None,
                    value: Some(short(text)),
                    code: error.code.word().into(),
                    params: error.params,
                });
            }
        }
        self.put_together(&mut said, contact);
        self.judge_as_new(&mut said);
        said
    }

    fn take(
        &self,
        said: &mut Said,
        contact: &mut Map<String, Value>,
        target: &Target,
        cell: &Cell,
    ) -> Result<(), FieldError> {
        let wrong = |code: FieldCode| FieldError::new("", code);
        if let Cell::Failed(text) = cell {
            return Err(wrong(FieldCode::CellFailed).with("text", text.as_str()));
        }
        let text = cell.text();
        let narrow = cells::narrow(&text);
        let value = match &target.kind {
            TargetKind::Line => json!(clean_line(&cells::narrow_letters(&text))),
            TargetKind::Text => json!(clean_text(&text)),
            TargetKind::Code | TargetKind::Phone => json!(narrow),
            TargetKind::Currency => json!(currency(&narrow)),
            TargetKind::Phones(label) => {
                let numbers = phones(&narrow).into_iter();
                json!(numbers.map(|number| json!({ "number": number, "label": label })).collect::<Vec<_>>())
            }
            TargetKind::Emails => {
                let addresses = narrow.split([',', ';', '|', ' ', '、']).filter(|part| !part.is_empty());
                json!(
                    addresses
                        .map(|address| json!({ "address": address, "label": "work" }))
                        .collect::<Vec<_>>()
                )
            }
            TargetKind::Word(vocabulary) => json!(word(vocabulary, &narrow)?),
            TargetKind::Industry => {
                match industry(&narrow) {
                    Some(section) => said.customer.insert("industry".into(), json!(section.as_str())),
                    // What isn't in the standard is told in words.
                    None => said.customer.insert("industry_detail".into(), json!(clean_line(&narrow))),
                };
                return Ok(());
            }
            TargetKind::Truth => json!(truth(cell).ok_or_else(|| wrong(FieldCode::NotYesOrNo))?),
            TargetKind::Whole => {
                let whole =
                    number(cell).filter(|number| number.fract().is_zero()).and_then(|number| number.to_i64());
                json!(whole.ok_or_else(|| wrong(FieldCode::NotANumber))?)
            }
            TargetKind::Amount => {
                let amount = number(cell).ok_or_else(|| wrong(FieldCode::NotANumber))?;
                json!(amount.to_string())
            }
            TargetKind::Day => json!(day(cell).ok_or_else(|| wrong(FieldCode::NotADay))?.to_string()),
            TargetKind::List => json!(cells::list(&cells::narrow_letters(&text))),
            TargetKind::Person => {
                said.owner = Some(self.person(&narrow)?);
                return Ok(());
            }
            TargetKind::Number => {
                said.number = Some(narrow);
                return Ok(());
            }
            TargetKind::ExternalId => {
                said.external_id = Some(narrow);
                return Ok(());
            }
            TargetKind::Custom(field) => self.custom(field, cell, &text)?,
            TargetKind::CustomAmount(_) => {
                json!(number(cell).ok_or_else(|| wrong(FieldCode::NotANumber))?.to_string())
            }
            TargetKind::CustomCurrency(_) => json!(currency(&narrow)),
        };
        let (object, path) = target.name.split_once('.').unwrap_or(("", &target.name));
        match (object, path) {
            ("contact", "mobile" | "phone") => extend(contact, "phones", value),
            ("contact", "email") => extend(contact, "emails", value),
            ("contact", path) => put(contact, path, value),
            (_, path) => put(&mut said.customer, path, value),
        }
        Ok(())
    }

    fn person(&self, text: &str) -> Result<Uuid, FieldError> {
        if let Ok(id) = Uuid::parse_str(text) {
            return Ok(id);
        }
        match self.people.get(&text.to_lowercase()) {
            Some(Some(id)) => Ok(*id),
            Some(None) => Err(FieldError::new("", FieldCode::NameOfSeveral)),
            None => Err(FieldError::new("", FieldCode::NotFound)),
        }
    }

    /// The value of a field of the company's own, as JSON has it; whether it may be that is judged with all others.
    fn custom(&self, field: &CustomField, cell: &Cell, text: &str) -> Result<Value, FieldError> {
        let wrong = |code: FieldCode| FieldError::new("", code);
        let narrow = cells::narrow(text);
        Ok(match field.kind {
            CustomFieldKind::Number => {
                let number = number(cell).ok_or_else(|| wrong(FieldCode::NotANumber))?;
                serde_json::from_str(&number.to_string()).map_err(|_| wrong(FieldCode::NotANumber))?
            }
            CustomFieldKind::Decimal => {
                json!(number(cell).ok_or_else(|| wrong(FieldCode::NotANumber))?.to_string())
            }
            CustomFieldKind::Date => json!(day(cell).ok_or_else(|| wrong(FieldCode::NotADay))?.to_string()),
            CustomFieldKind::Instant => {
                let instant = match cell {
                    Cell::Moment(moment) => cells::at(*moment, self.time_zone),
                    _ => cells::instant(&narrow, self.time_zone),
                };
                json!(instant.ok_or_else(|| wrong(FieldCode::NotADay))?.to_rfc3339())
            }
            CustomFieldKind::Boolean => json!(truth(cell).ok_or_else(|| wrong(FieldCode::NotYesOrNo))?),
            CustomFieldKind::Choice => json!(chosen(field, &narrow)),
            CustomFieldKind::Choices => {
                json!(cells::list(&narrow).iter().map(|part| chosen(field, part)).collect::<Vec<_>>())
            }
            CustomFieldKind::User => json!(self.person(&narrow)?),
            CustomFieldKind::Reference | CustomFieldKind::Url => json!(narrow),
            CustomFieldKind::Text | CustomFieldKind::Money => json!(cells::narrow_letters(text)),
        })
    }

    /// What can be told only when the whole row is known.
    fn put_together(&self, said: &mut Said, mut contact: Map<String, Value>) {
        for (body, fields) in
            [(&mut said.customer, &self.customer_fields), (&mut contact, &self.contact_fields)]
        {
            if let Some(revenue) = body.get_mut("annual_revenue") {
                complete_amount(revenue, &self.currency);
            }
            if let Some(custom) = body.get_mut("custom").and_then(Value::as_object_mut) {
                for field in fields.live().filter(|field| field.kind == CustomFieldKind::Money) {
                    if let Some(amount) = custom.get_mut(&field.key) {
                        complete_amount(amount, &self.currency);
                    }
                }
            }
        }
        if let (Some(id), Some(system)) = (&said.external_id, &self.external_system) {
            said.customer.insert("external_ids".into(), json!([{ "system": system, "external_id": id }]));
        }
        // A number without a name beside it is the customer's own.
        if contact.get("name").is_none() && contact.keys().all(|key| key == "phones" || key == "emails") {
            let first = |list: &str, key: &str| contact.get(list).map(|list| list[0][key].clone());
            let number = first("phones", "number").filter(|_| !said.customer.contains_key("phone"));
            let address = first("emails", "address").filter(|_| !said.customer.contains_key("email"));
            let held = |list: &str| contact.get(list).and_then(Value::as_array).map_or(0, Vec::len);
            if held("phones") == usize::from(number.is_some())
                && held("emails") == usize::from(address.is_some())
            {
                said.customer.extend(number.map(|number| ("phone".to_owned(), number)));
                said.customer.extend(address.map(|address| ("email".to_owned(), address)));
                contact.clear();
            }
        }
        if !contact.is_empty() {
            said.contact = Some(contact);
        }
        said.identity = self.identity(said);
    }

    fn identity(&self, said: &Said) -> Identity {
        let text = |name: &str| said.customer.get(name).and_then(Value::as_str).map(str::to_owned);
        let contact = json!(said.contact);
        let of_contact = |list: &str, key: &str| -> Vec<String> {
            let entries = contact[list].as_array().into_iter().flatten();
            entries.filter_map(|entry| entry[key].as_str().map(str::to_owned)).collect()
        };
        let phone =
            |text: String| rules::phone(Some(text), &self.region).filter(|phone| phone.starts_with('+'));
        let email = |text: String| rules::email(Some(text)).map(|email| email.to_lowercase());
        Identity {
            kind: Some(kind_of(&said.customer)),
            name_key: text("name").map(|name| name_key(&name)).unwrap_or_default(),
            credit_code: rules::credit_code(text("credit_code")),
            phones: text("phone").and_then(phone).into_iter().collect::<BTreeSet<_>>(),
            emails: text("email").and_then(email).into_iter().collect(),
            contact_phones: of_contact("phones", "number").into_iter().filter_map(phone).collect(),
            contact_emails: of_contact("emails", "address").into_iter().filter_map(email).collect(),
        }
    }

    fn judge_as_new(&self, said: &mut Said) {
        let mut body = said.customer.clone();
        body.entry("kind").or_insert_with(|| json!(CustomerKind::Company));
        let (customer, wrong) = self.judged::<CustomerInput>("customer", &Value::Object(body), said);
        said.wrong_as_new = wrong;
        said.new_customer = customer.map(|mut customer| {
            let kind = customer.kind;
            let (values, errors) = self.customer_fields.canonical(Some(kind), None, &customer.custom);
            customer.custom.0 = values;
            let errors: Vec<StoredError> =
                errors.iter().map(|error| self.told("customer", error, said)).collect();
            said.wrong_as_new.extend(errors);
            customer
        });
        if let Some(contact) = said.contact.clone() {
            let (input, mut wrong) = self.judged_contact(contact, Uuid::nil(), said);
            // What is wrong with a contact is wrong with it anywhere.
            said.errors.append(&mut wrong);
            said.new_contact = input;
        }
    }

    fn judged_contact(
        &self,
        mut contact: Map<String, Value>,
        customer_id: Uuid,
        said: &Said,
    ) -> (Option<ContactInput>, Vec<StoredError>) {
        contact.insert("customer_id".into(), json!(customer_id));
        let (input, mut wrong) = self.judged::<ContactInput>("contact", &Value::Object(contact), said);
        let input = input.map(|mut input| {
            let (values, errors) = self.contact_fields.canonical(None, None, &input.custom);
            input.custom.0 = values;
            wrong.extend(errors.iter().map(|error| self.told("contact", error, said)));
            input
        });
        (input, wrong)
    }

    fn judged<T: crate::http::body::Input>(
        &self,
        object: &str,
        body: &Value,
        said: &Said,
    ) -> (Option<T>, Vec<StoredError>) {
        match judge::<T>(&self.contract, &self.region, body) {
            Ok(input) => (Some(input), vec![]),
            Err(problem) => {
                let errors = problem.field_errors().iter();
                (None, errors.map(|error| self.told(object, error, said)).collect())
            }
        }
    }

    /// An error of a record as one of the row that it came from.
    pub(super) fn told(&self, object: &str, error: &FieldError, said: &Said) -> StoredError {
        let path = error.pointer.trim_start_matches('/').replace('/', ".");
        let field = match (object, path.split('.').next().unwrap_or_default()) {
            ("contact", "phones") => {
                let both = ["contact.mobile", "contact.phone"];
                both.iter().find(|name| self.header_of(name).is_some()).unwrap_or(&both[1]).to_string()
            }
            ("contact", "emails") => "contact.email".to_owned(),
            ("customer", "owner_id") => "customer.owner".to_owned(),
            ("customer", "external_ids") => "customer.external_id".to_owned(),
            ("customer", "annual_revenue") if path == "annual_revenue" => {
                "customer.annual_revenue.amount".to_owned()
            }
            _ => format!("{object}.{path}"),
        };
        // A list names its entry; its column is the list's.
        let column = self.columns.iter().find(|column| {
            field == column.target.name || field.starts_with(&format!("{}.", column.target.name))
        });
        let value = column.and_then(|column| value_at(said, object, &column.target.name));
        StoredError {
            field: Some(column.map_or(field, |column| column.target.name.clone())),
            header: column.map(|column| column.header.clone()),
            value,
            code: error.code.word().into(),
            params: error.params.clone(),
        }
    }
}

/// What a row says of a field, for people.
fn value_at(said: &Said, object: &str, field: &str) -> Option<String> {
    let path = field.split_once('.').map_or(field, |(_, path)| path);
    let path = match (object, path) {
        ("contact", "mobile" | "phone") => "phones",
        ("contact", "email") => "emails",
        (_, path) => path,
    };
    let body = match object {
        "contact" => json!(said.contact),
        _ => json!(said.customer),
    };
    let found = path.split('.').fold(&body, |value, name| &value[name]);
    let shown = match found {
        Value::Null => return None,
        Value::String(text) => text.clone(),
        Value::Array(list) => {
            let texts = list.iter().map(|entry| match entry {
                Value::String(text) => text.clone(),
                entry => [&entry["number"], &entry["address"]]
                    .iter()
                    .find_map(|text| text.as_str().map(str::to_owned))
                    .unwrap_or_else(|| entry.to_string()),
            });
            texts.collect::<Vec<_>>().join(", ")
        }
        other => other.to_string(),
    };
    Some(short(&shown))
}

/// As much of a text as anybody needs to find it again.
pub(super) fn short(text: &str) -> String {
    text.chars().take(100).collect()
}

pub(super) fn kind_of(customer: &Map<String, Value>) -> CustomerKind {
    let said = customer.get("kind").and_then(Value::as_str).and_then(|word| word.parse().ok());
    said.unwrap_or(CustomerKind::Company)
}

/// An amount alone is in the company's currency, and a currency without an amount says nothing.
fn complete_amount(money: &mut Value, currency: &str) {
    let Some(members) = money.as_object_mut() else { return };
    if !members.contains_key("amount") {
        *money = Value::Null;
    } else if !members.contains_key("currency") {
        members.insert("currency".into(), json!(currency));
    }
}

fn put(body: &mut Map<String, Value>, path: &str, value: Value) {
    match path.split_once('.') {
        None => {
            body.insert(path.to_owned(), value);
        }
        Some((first, rest)) => {
            let inner = body.entry(first).or_insert_with(|| json!({}));
            if let Some(inner) = inner.as_object_mut() {
                put(inner, rest, value);
            }
        }
    }
}

fn extend(body: &mut Map<String, Value>, list: &str, value: Value) {
    let entries = body.entry(list).or_insert_with(|| json!([]));
    if let (Some(entries), Some(more)) = (entries.as_array_mut(), value.as_array()) {
        let (number, address) = ("number", "address");
        for entry in more {
            let known = |other: &Value| other[number] == entry[number] && other[address] == entry[address];
            if !entries.iter().any(known) {
                entries.push(entry.clone());
            }
        }
    }
}

/// The numbers of a cell: a slash stands between two of them, or between a number and its last digits.
fn phones(text: &str) -> Vec<String> {
    let parts: Vec<&str> =
        text.split([',', ';', '|', '、']).map(str::trim).filter(|part| !part.is_empty()).collect();
    let mut numbers = Vec::new();
    for part in parts {
        let pieces: Vec<&str> = part.split('/').map(str::trim).collect();
        let long = |piece: &&str| piece.bytes().filter(u8::is_ascii_digit).count() >= 7;
        if pieces.len() > 1 && pieces.iter().all(long) {
            numbers.extend(pieces.into_iter().map(str::to_owned));
        } else {
            numbers.push(part.to_owned());
        }
    }
    numbers
}

fn number(cell: &Cell) -> Option<Decimal> {
    match cell {
        Cell::Number(_) => cell.text().parse().ok(),
        Cell::Text(text) => cells::number(text),
        _ => None,
    }
}

fn truth(cell: &Cell) -> Option<bool> {
    match cell {
        Cell::Boolean(value) => Some(*value),
        cell => cells::truth(&cell.text()),
    }
}

fn day(cell: &Cell) -> Option<chrono::NaiveDate> {
    match cell {
        Cell::Moment(moment) => Some(moment.date()),
        // A day that lost its format is a number of some ten thousands.
        Cell::Number(number) if (10_000.0..100_000.0).contains(number) => cells::day_of_serial(*number),
        cell => cells::day(&cell.text()),
    }
}

/// ISO 4217 of what people write.
fn currency(text: &str) -> String {
    match text.to_uppercase().as_str() {
        "人民币" | "RMB" | "￥" | "¥" | "元" => "CNY".into(),
        "美元" | "美金" | "$" | "US$" => "USD".into(),
        "欧元" | "€" => "EUR".into(),
        "港币" | "港元" | "HK$" => "HKD".into(),
        "日元" => "JPY".into(),
        other => other.to_owned(),
    }
}

/// A word of a vocabulary, by itself or by what people call it.
fn word(vocabulary: &str, text: &str) -> Result<String, FieldError> {
    let words: Vec<String> = match vocabulary {
        "CustomerKind" => CustomerKind::iter().map(|word| word.to_string()).collect(),
        "Grade" => Grade::iter().map(|word| word.to_string()).collect(),
        "LifecycleStage" => LifecycleStage::iter().map(|word| word.to_string()).collect(),
        _ => DecisionRole::iter().map(|word| word.to_string()).collect(),
    };
    let plain = |text: &str| -> String {
        let text = text.to_lowercase();
        text.chars().filter(|letter| !" _-".contains(*letter)).collect::<String>()
    };
    let wanted = plain(text);
    let also = |word: &str| match (vocabulary, word) {
        ("CustomerKind", "company") => {
            ["公司", "单位", "企业客户", "organization"].contains(&wanted.as_str())
        }
        ("CustomerKind", "individual") => {
            ["个人客户", "自然人", "person", "private"].contains(&wanted.as_str())
        }
        ("Grade", word) => {
            wanted.strip_suffix(['级', '类']).is_some_and(|letter| letter == word.to_lowercase())
        }
        _ => false,
    };
    let found = words.iter().find(|word| {
        let labels = [Locale::Zh, Locale::En].map(|locale| labels::of_word(vocabulary, word, locale));
        plain(word) == wanted || labels.iter().flatten().any(|label| plain(label) == wanted) || also(word)
    });
    found.cloned().ok_or_else(|| {
        let names = words.iter().map(|word| labels::of_word(vocabulary, word, Locale::Zh).unwrap_or(word));
        FieldError::new("", FieldCode::NotAllowed).with("allowed", names.collect::<Vec<_>>().join(", "))
    })
}

/// A section of the industries by its letter, its name, or what its name begins with and no other's does.
fn industry(text: &str) -> Option<IndustrySection> {
    let upper = text.to_uppercase();
    let sections = IndustrySection::VARIANTS;
    let named = |section: &&IndustrySection| {
        section.as_str() == upper
            || section.label_zh() == text
            || section.label_en().eq_ignore_ascii_case(text)
    };
    if let Some(section) = sections.iter().find(named) {
        return Some(*section);
    }
    let stem = text.strip_suffix('业').unwrap_or(text);
    if stem.chars().count() < 2 {
        return None;
    }
    let mut alike = sections.iter().filter(|section| {
        section.label_zh().split(['、', '和']).any(|part| part.trim_end_matches('业') == stem)
    });
    alike.next().copied().filter(|_| alike.next().is_none())
}

fn chosen(field: &CustomField, text: &str) -> String {
    let found = field.choices.iter().find(|choice| {
        choice.value.eq_ignore_ascii_case(text) || cells::narrow(&choice.label).eq_ignore_ascii_case(text)
    });
    found.map_or(text, |choice| choice.value.as_str()).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_and_industries() {
        assert_eq!(word("Grade", "A级").unwrap(), "A");
        assert_eq!(word("Grade", "b").unwrap(), "B");
        assert_eq!(word("CustomerKind", "个人").unwrap(), "individual");
        assert_eq!(word("DecisionRole", "决策者").unwrap(), "decision_maker");
        assert_eq!(word("DecisionRole", "Decision maker").unwrap(), "decision_maker");
        assert!(word("Grade", "D").is_err());
        assert_eq!(industry("制造业"), Some(IndustrySection::C));
        assert_eq!(industry("制造"), Some(IndustrySection::C));
        assert_eq!(industry("c"), Some(IndustrySection::C));
        assert_eq!(industry("仓储"), Some(IndustrySection::G));
        assert_eq!(industry("工业软件"), None);
    }

    #[test]
    fn numbers_in_one_cell() {
        assert_eq!(phones("13800138000/13900139000"), ["13800138000", "13900139000"]);
        assert_eq!(phones("0571-88157808/09"), ["0571-88157808/09"]);
        assert_eq!(phones("13800138000、0571-88157808"), ["13800138000", "0571-88157808"]);
    }
}
