//! How complete the file of a customer is, by the company's field standard (客户信息字段规范).

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::CustomerKind;
use crate::words::words;

words!(
    /// How much a field is wanted.
    RuleLevel, "snake_case" {
        /// The file isn't right without it.
        Required,
        /// The file is better with it.
        Recommended,
    }
);

/// That a field should be filled in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct FieldRule {
    /// A field of the customer such as `credit_code` or `custom.region`; `contact` for having one at all; or a field that one of
    /// the contacts has, such as `contact.phones`, `contact.decision_role` or `contact.custom.wechat`.
    #[schema(
        min_length = 1,
        max_length = 60,
        pattern = "^(contact|(contact\\.)?(custom\\.)?[a-z][a-z0-9_]*)$",
        example = "credit_code"
    )]
    pub field: String,
    /// How much it is wanted.
    pub level: RuleLevel,
    /// What it counts for, against the others.
    #[schema(minimum = 1, maximum = 100, example = 3)]
    pub weight: u32,
}

/// How complete a file is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Completeness {
    /// The weight of what is there in percent of the weight of all, rounded down: only what lacks nothing is at 100.
    pub percent: i16,
    /// What isn't there, in the order of the standard.
    pub missing: Vec<String>,
}

impl Completeness {
    /// Of a file of which `is_there` tells what is in it. Without rules nothing is missing.
    pub fn of<'r>(
        rules: impl IntoIterator<Item = &'r FieldRule>,
        is_there: impl Fn(&str) -> bool,
    ) -> Completeness {
        let (mut all, mut there, mut missing) = (0u64, 0u64, Vec::new());
        for rule in rules {
            all += u64::from(rule.weight);
            if is_there(&rule.field) {
                there += u64::from(rule.weight);
            } else {
                missing.push(rule.field.clone());
            }
        }
        let percent = (there * 100).checked_div(all).unwrap_or(100);
        Completeness { percent: percent as i16, missing }
    }
}

/// The standard of companies that have none of their own.
pub fn usual_rules(kind: CustomerKind) -> Vec<FieldRule> {
    use RuleLevel::{Recommended, Required};
    let rules: &[(&str, RuleLevel, u32)] = match kind {
        CustomerKind::Company => &[
            ("credit_code", Required, 3),
            ("industry", Required, 2),
            ("source", Required, 2),
            ("grade", Required, 2),
            ("phone", Recommended, 1),
            ("address", Recommended, 1),
            ("staff_count", Recommended, 1),
            ("pain_points", Recommended, 1),
            ("contact", Required, 3),
            ("contact.phones", Required, 2),
            ("contact.decision_role", Recommended, 2),
        ],
        CustomerKind::Individual => &[
            ("phone", Required, 3),
            ("source", Required, 2),
            ("grade", Required, 2),
            ("email", Recommended, 1),
            ("born_on", Recommended, 1),
            ("tags", Recommended, 1),
        ],
    };
    let rule = |(field, level, weight): &(&str, RuleLevel, u32)| FieldRule {
        field: (*field).to_owned(),
        level: *level,
        weight: *weight,
    };
    rules.iter().map(rule).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn rule(field: &str, weight: u32) -> FieldRule {
        FieldRule { field: field.into(), level: RuleLevel::Required, weight }
    }

    #[test]
    fn weights_count() {
        let rules = [rule("a", 3), rule("b", 1)];
        let found = Completeness::of(&rules, |name| name == "a");
        assert_eq!(found, Completeness { percent: 75, missing: vec!["b".into()] });
        assert_eq!(Completeness::of(&[], |_| false).percent, 100);
        assert_eq!(
            Completeness::of(&[rule("a", 99), rule("b", 100), rule("c", 1)], |name| name != "c").percent,
            99
        );
    }

    proptest! {
        #[test]
        fn complete_is_what_lacks_nothing(weights in prop::collection::vec(1u32..=100, 0..12), mask: u16) {
            let rules: Vec<FieldRule> =
                weights.iter().enumerate().map(|(index, weight)| rule(&index.to_string(), *weight)).collect();
            let is_there = |name: &str| mask >> name.parse::<u16>().unwrap() & 1 == 1;
            let found = Completeness::of(&rules, is_there);
            prop_assert!((0..=100).contains(&found.percent));
            prop_assert_eq!(found.percent == 100, found.missing.is_empty());
            prop_assert_eq!(found.missing.len(), rules.iter().filter(|rule| !is_there(&rule.field)).count());
        }
    }
}
