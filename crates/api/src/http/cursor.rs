//! Cursors: where the next page begins, opaque and authenticated.

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use chrono::{DateTime, Utc};
use fulcrum_persistence::paging::{PageRequest, Position, SortKey};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::catalog::Code;
use super::problem::Problem;
use crate::auth::keys::Keys;

/// What a cursor holds: the last row that was given, and of which list.
#[derive(Serialize, Deserialize)]
struct Contents {
    position: Position,
    list: [u8; 8],
}

/// A list that pages can be asked of: its name with filters and order, and the tenant. A cursor of another one
/// is refused.
#[derive(Clone)]
pub struct List {
    fingerprint: [u8; 8],
}

impl List {
    /// The list that these parameters select; `parameters` holds everything but cursor and limit.
    pub fn of(tenant_id: Uuid, name: &str, parameters: &impl Serialize) -> List {
        let mut hash = Sha256::new();
        hash.update(tenant_id);
        hash.update(name);
        hash.update(serde_json::to_vec(parameters).unwrap_or_default());
        let hash: [u8; 32] = hash.finalize().into();
        let mut fingerprint = [0; 8];
        fingerprint.copy_from_slice(&hash[..8]);
        List { fingerprint }
    }

    /// The page that the caller asks for.
    ///
    /// # Errors
    /// A problem when the cursor isn't one of this list.
    pub fn page(&self, keys: &Keys, cursor: Option<&str>, limit: i64) -> Result<PageRequest, Problem> {
        let after = match cursor {
            Some(cursor) => Some(self.open(keys, cursor).ok_or_else(|| Problem::new(Code::InvalidCursor))?),
            None => None,
        };
        Ok(PageRequest { after, limit })
    }

    /// The cursor behind a row.
    pub fn cursor(&self, keys: &Keys, position: Position) -> String {
        let contents = serde_json::to_vec(&Contents { position, list: self.fingerprint }).unwrap_or_default();
        let mut bytes = keys.authenticate(b"cursor", &contents)[..16].to_vec();
        bytes.extend(contents);
        BASE64_URL_SAFE_NO_PAD.encode(bytes)
    }

    fn open(&self, keys: &Keys, cursor: &str) -> Option<Position> {
        let bytes = BASE64_URL_SAFE_NO_PAD.decode(cursor).ok()?;
        let (code, contents) = bytes.split_at_checked(16)?;
        if !keys.is_authentic(b"cursor", contents, code) {
            return None;
        }
        let contents: Contents = serde_json::from_slice(contents).ok()?;
        (contents.list == self.fingerprint).then_some(contents.position)
    }

    /// The same for rows in order of creation, as views.
    pub fn cut_created<R, V>(
        &self,
        keys: &Keys,
        rows: Vec<R>,
        limit: i64,
        place: impl Fn(&R) -> (DateTime<Utc>, Uuid),
        view: impl Fn(&R) -> V,
    ) -> (Vec<V>, Option<String>) {
        let positioned = rows.iter().map(|row| {
            let (created_at, id) = place(row);
            (view(row), Position { key: SortKey::Time(created_at), id })
        });
        self.cut(keys, positioned.collect(), limit)
    }

    /// Cuts rows, of which one more than the limit was read, to a page and the cursor of the next one.
    pub fn cut<T>(&self, keys: &Keys, mut rows: Vec<(T, Position)>, limit: i64) -> (Vec<T>, Option<String>) {
        let more = rows.len() > limit as usize;
        rows.truncate(limit as usize);
        let next = rows.last().filter(|_| more).map(|(_, position)| self.cursor(keys, position.clone()));
        (rows.into_iter().map(|(row, _)| row).collect(), next)
    }
}

/// Declares a list on the wire: concrete, because generic types are written out again in every place of the
/// document.
macro_rules! list_view {
    ($(#[$doc:meta])* $name:ident of $item:ty) => {
        $(#[$doc])*
        #[derive(serde::Serialize, utoipa::ToSchema)]
        pub struct $name {
            /// The rows of this page.
            #[schema(max_items = 200)]
            pub data: Vec<$item>,
            /// To be sent as `cursor` for the next page; null on the last one.
            #[schema(required, max_length = 2000)]
            pub next_cursor: Option<String>,
            /// Number of rows in all pages, when asked for with `count`.
            #[schema(required)]
            pub total_count: Option<i64>,
        }
    };
}
pub(crate) use list_view;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_cursor_opens_only_where_it_was_made_and_only_untouched(
            name in "\\PC*", id: u128, filter in "\\PC*", other in "\\PC*", at in any::<prop::sample::Index>(), bit in 0u8..8,
        ) {
            let keys = Keys::new([7; 32]);
            let tenant = Uuid::from_u128(1);
            let list = List::of(tenant, "customers", &filter);
            let position = Position { key: SortKey::Text(name), id: Uuid::from_u128(id) };
            let cursor = list.cursor(&keys, position.clone());
            prop_assert_eq!(list.open(&keys, &cursor), Some(position));
            prop_assert!(List::of(Uuid::from_u128(2), "customers", &filter).open(&keys, &cursor).is_none());
            prop_assert!(List::of(tenant, "contacts", &filter).open(&keys, &cursor).is_none());
            if other != filter {
                prop_assert!(List::of(tenant, "customers", &other).open(&keys, &cursor).is_none());
            }
            let mut bytes = BASE64_URL_SAFE_NO_PAD.decode(&cursor).unwrap();
            let place = at.index(bytes.len());
            bytes[place] ^= 1 << bit;
            prop_assert!(list.open(&keys, &BASE64_URL_SAFE_NO_PAD.encode(bytes)).is_none());
            prop_assert!(list.open(&Keys::new([8; 32]), &cursor).is_none());
        }
    }
}
