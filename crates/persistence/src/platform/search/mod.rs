//! Search by part of a text: prefix scans over the suffixes that `fulcrum_domain` cuts texts into.

mod query;

use std::collections::BTreeSet;

use diesel::prelude::*;
use diesel::sql_types::{Array, SmallInt, Text, Uuid as SqlUuid};
use fulcrum_domain::platform::search_terms::{TermClass, name_terms};
use uuid::Uuid;

use crate::db::prepared;
use crate::{StoreError, Tx};

pub(crate) use query::{MatchingIds, Ranked};
pub use query::{Reach, SearchQuery, Target};

/// Where a term stands in a record; the smaller, the more a hit in it counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(i16)]
#[allow(missing_docs)]
pub enum Field {
    Code = 0,
    NameStart = 1,
    NameInside = 2,
    PinyinStart = 3,
    PinyinInside = 4,
    Phone = 6,
    Email = 7,
    /// Values of custom fields that are marked as searchable.
    Custom = 8,
    ContactNameStart = 11,
    ContactNameInside = 12,
    ContactPinyin = 13,
    ContactPhone = 14,
    ContactEmail = 15,
    ContactCustom = 16,
    /// Never searched by text: found by its whole value.
    Tag = 20,
    /// The key of a name, for comparing customers: found by its whole value.
    NameKey = 21,
    /// Three letters of it.
    NameGram = 22,
}

/// The terms of one record.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Terms(BTreeSet<(i16, String)>);

impl Terms {
    /// Field and text of each.
    pub(crate) fn into_rows(self) -> impl Iterator<Item = (i16, String)> {
        self.0.into_iter()
    }

    /// Adds terms of one field.
    pub fn add(&mut self, field: Field, terms: impl IntoIterator<Item = String>) -> &mut Self {
        self.0.extend(terms.into_iter().filter(|term| !term.is_empty()).map(|term| (field as i16, term)));
        self
    }

    /// Adds the terms of a name; the fields are those for its start, its inside, its initials' start and
    /// inside.
    pub fn add_name(&mut self, name: &str, fields: [Field; 4]) -> &mut Self {
        for term in name_terms(name) {
            let field = match term.class {
                TermClass::Start => fields[0],
                TermClass::Inside => fields[1],
                TermClass::PinyinStart => fields[2],
                TermClass::PinyinInside => fields[3],
            };
            self.add(field, [term.text]);
        }
        self
    }
}

impl Terms {
    /// Adds the terms of texts, wherever in them they stand.
    pub fn add_texts(&mut self, texts: &[String], field: Field) -> &mut Self {
        for text in texts {
            self.add_name(text, [field; 4]);
        }
        self
    }
}

/// Makes the terms of a source exactly `after`, given that they were `before`.
///
/// # Errors
/// Those of the database.
pub fn replace(
    tx: &mut Tx,
    subject: Uuid,
    source: Uuid,
    before: &Terms,
    after: &Terms,
) -> Result<(), StoreError> {
    let change =
        |from: &Terms, to: &Terms| -> (Vec<i16>, Vec<String>) { from.0.difference(&to.0).cloned().unzip() };
    for (statement, (fields, terms)) in [
        (
            "delete from search_terms s using unnest($4::smallint[], $5::text[]) as gone (field, term) where s.tenant_id = $1 \
             and s.subject_id = $2 and s.source_id = $3 and s.field = gone.field and s.term = gone.term",
            change(before, after),
        ),
        (
            "insert into search_terms (tenant_id, subject_id, source_id, field, term) \
             select $1, $2, $3, field, term from unnest($4::smallint[], $5::text[]) as new (field, term) on conflict do nothing",
            change(after, before),
        ),
    ] {
        if fields.is_empty() {
            continue;
        }
        prepared(statement)
            .bind::<SqlUuid, _>(tx.actor.tenant_id)
            .bind::<SqlUuid, _>(subject)
            .bind::<SqlUuid, _>(source)
            .bind::<Array<SmallInt>, _>(fields)
            .bind::<Array<Text>, _>(terms)
            .execute(tx.conn)?;
    }
    Ok(())
}

/// Adds the terms of several sources of one subject at once.
///
/// # Errors
/// Those of the database.
pub fn add_all(tx: &mut Tx, subject: Uuid, sources: &[(Uuid, Terms)]) -> Result<(), StoreError> {
    let rows =
        sources.iter().flat_map(|(id, terms)| terms.0.iter().map(move |(field, term)| (*id, *field, term)));
    let (mut ids, mut fields, mut texts) = (Vec::new(), Vec::new(), Vec::new());
    for (id, field, term) in rows {
        ids.push(id);
        fields.push(field);
        texts.push(term.clone());
    }
    prepared(
        "insert into search_terms (tenant_id, subject_id, source_id, field, term) \
         select $1, $2, source, field, term from unnest($3::uuid[], $4::smallint[], $5::text[]) as new (source, field, term) \
         on conflict do nothing",
    )
    .bind::<SqlUuid, _>(tx.actor.tenant_id)
    .bind::<SqlUuid, _>(subject)
    .bind::<Array<SqlUuid>, _>(ids)
    .bind::<Array<SmallInt>, _>(fields)
    .bind::<Array<Text>, _>(texts)
    .execute(tx.conn)?;
    Ok(())
}

/// Removes all terms of a subject.
///
/// # Errors
/// Those of the database.
pub fn remove_all(tx: &mut Tx, subject: Uuid) -> Result<(), StoreError> {
    prepared("delete from search_terms where tenant_id = $1 and subject_id = $2")
        .bind::<SqlUuid, _>(tx.actor.tenant_id)
        .bind::<SqlUuid, _>(subject)
        .execute(tx.conn)?;
    Ok(())
}

/// What a tag is found by: "C++" and "C#" are two tags, "vip" and "VIP" are one.
pub(crate) fn tag_term(tag: &str) -> String {
    tag.to_lowercase()
}
