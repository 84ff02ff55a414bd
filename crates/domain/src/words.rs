//! Closed vocabularies: enums whose variants are words on the wire and in the database.

/// Declares one. `$case` is how the words are made of the names.
macro_rules! words {
    ($(#[$doc:meta])* $name:ident, $case:tt { $($(#[$variant_doc:meta])* $variant:ident),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(
            Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize, utoipa::ToSchema,
            strum::Display, strum::EnumString, strum::EnumIter, strum::IntoStaticStr,
        )]
        #[serde(rename_all = $case)]
        #[strum(serialize_all = $case)]
        pub enum $name { $($(#[$variant_doc])* $variant),+ }
    };
}
pub(crate) use words;
