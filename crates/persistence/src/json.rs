//! JSON as it is stored: one text, read into a type when somebody wants to know what is in it.

use std::io::Write;

use diesel::deserialize::{self, FromSql, FromSqlRow};
use diesel::expression::AsExpression;
use diesel::pg::{Pg, PgValue};
use diesel::serialize::{self, IsNull, Output, ToSql};
use diesel::sql_types::Jsonb;
use serde::de::DeserializeOwned;
use serde::ser::Error as _;
use serde::{Serialize, Serializer};
use serde_json::value::RawValue;

/// A stored JSON value. A page of a list has a hundred of them, and as trees they cost more than all other columns.
#[derive(Clone, Debug, AsExpression, FromSqlRow)]
#[diesel(sql_type = Jsonb)]
pub struct Json(Box<str>);

impl Json {
    /// A value as JSON; what can't be written as JSON becomes null.
    pub fn of(value: &impl Serialize) -> Json {
        Json(serde_json::to_string(value).unwrap_or_else(|_| "null".into()).into())
    }

    /// `{}`
    pub fn empty_object() -> Json {
        Json("{}".into())
    }

    /// `[]`
    pub fn empty_list() -> Json {
        Json("[]".into())
    }

    /// The value, if it has this form.
    pub fn read<T: DeserializeOwned>(&self) -> Option<T> {
        serde_json::from_str(&self.0).ok()
    }
}

impl Serialize for Json {
    /// As it is stored, without being taken apart.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let raw: &RawValue = serde_json::from_str(&self.0).map_err(S::Error::custom)?;
        raw.serialize(serializer)
    }
}

impl FromSql<Jsonb, Pg> for Json {
    fn from_sql(value: PgValue<'_>) -> deserialize::Result<Self> {
        match value.as_bytes() {
            // The version of the binary format, and there is one.
            [1, text @ ..] => Ok(Json(std::str::from_utf8(text)?.into())),
            _ => Err("unknown version of jsonb".into()),
        }
    }
}

impl ToSql<Jsonb, Pg> for Json {
    fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, Pg>) -> serialize::Result {
        out.write_all(&[1])?;
        out.write_all(self.0.as_bytes())?;
        Ok(IsNull::No)
    }
}
