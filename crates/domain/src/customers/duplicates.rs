//! Whether two customers are the same one (查重).

use std::collections::BTreeSet;

use super::CustomerKind;
use crate::platform::search_terms::fold;
use crate::words::words;

words!(
    /// What speaks for or against two customers being the same.
    DuplicateReason, "snake_case" {
        /// The same unified social credit code: there can't be two.
        SameCreditCode,
        /// The same name, apart from legal form, punctuation and the way of writing Chinese.
        SameName,
        /// A similar name.
        SimilarName,
        /// The same telephone number.
        SamePhone,
        /// The same mail address.
        SameEmail,
        /// A telephone number of a contact is the other's, or one of its contacts'.
        SameContactPhone,
        /// A mail address of a contact is the other's, or one of its contacts'.
        SameContactEmail,
        /// Another credit code: two companies by law, whatever else is the same.
        DifferentCreditCode,
    }
);

/// What two customers are compared by.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Identity {
    /// Company or individual.
    pub kind: Option<CustomerKind>,
    /// See [`name_key`].
    pub name_key: String,
    /// In canonical form.
    pub credit_code: Option<String>,
    /// E.164.
    pub phones: BTreeSet<String>,
    /// Lower case.
    pub emails: BTreeSet<String>,
    /// Of contacts, E.164.
    pub contact_phones: BTreeSet<String>,
    /// Of contacts, lower case.
    pub contact_emails: BTreeSet<String>,
}

/// How likely it is that two customers are the same, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Assessment {
    /// Percent.
    pub score: u8,
    /// In the order of their weight.
    pub reasons: Vec<DuplicateReason>,
}

/// From this score on two customers are likely to be the same.
pub const LIKELY: u8 = 80;
/// Below this score nobody needs to know.
pub const WORTH_A_LOOK: u8 = 50;

impl Assessment {
    /// The same by law.
    pub fn is_strict(&self) -> bool {
        self.reasons.contains(&DuplicateReason::SameCreditCode)
    }

    /// Whether it is likely that they are the same.
    pub fn is_likely(&self) -> bool {
        self.score >= LIKELY
    }
}

/// Compares two customers. Each thing that they have in common leaves less of the doubt: 1 − Π(1 − weight). The weights are
/// percents chosen so that one name alone, or an individual's name with a number, is likely, and a number alone is not: offices
/// share one.
pub fn assess(one: &Identity, other: &Identity) -> Assessment {
    use DuplicateReason::*;
    let mut reasons = Vec::new();
    let individual =
        one.kind == Some(CustomerKind::Individual) || other.kind == Some(CustomerKind::Individual);
    let both_codes = one.credit_code.as_ref().zip(other.credit_code.as_ref());
    if both_codes.is_some_and(|(one, other)| one == other) {
        reasons.push((SameCreditCode, 100));
    }
    let same_kind = one.kind.is_none() || other.kind.is_none() || one.kind == other.kind;
    if same_kind && !one.name_key.is_empty() {
        let similar = similarity(&one.name_key, &other.name_key);
        if one.name_key == other.name_key {
            // Two people can have one name.
            reasons.push((SameName, if individual { 50 } else { 88 }));
        } else if !individual && similar >= 60 {
            reasons.push((SimilarName, similar * 4 / 5));
        }
    }
    let meet = |a: &BTreeSet<String>, b: &BTreeSet<String>| a.intersection(b).next().is_some();
    if meet(&one.phones, &other.phones) {
        reasons.push((SamePhone, 70));
    }
    if meet(&one.emails, &other.emails) {
        reasons.push((SameEmail, 70));
    }
    let crosswise = |own: &BTreeSet<String>,
                     people: &BTreeSet<String>,
                     other: &BTreeSet<String>,
                     others: &BTreeSet<String>| {
        meet(own, others) || meet(people, other) || meet(people, others)
    };
    if crosswise(&one.phones, &one.contact_phones, &other.phones, &other.contact_phones) {
        reasons.push((SameContactPhone, 60));
    }
    if crosswise(&one.emails, &one.contact_emails, &other.emails, &other.contact_emails) {
        reasons.push((SameContactEmail, 60));
    }
    let doubt = reasons.iter().fold(1.0, |doubt, (_, weight)| doubt * (1.0 - f64::from(*weight) / 100.0));
    let mut score = ((1.0 - doubt) * 100.0).round() as u8;
    reasons.sort_by_key(|(_, weight)| std::cmp::Reverse(*weight));
    let mut reasons: Vec<DuplicateReason> = reasons.into_iter().map(|(reason, _)| reason).collect();
    if both_codes.is_some_and(|(one, other)| one != other) && score > 0 {
        score = (u32::from(score) * 3 / 10) as u8;
        reasons.push(DifferentCreditCode);
    }
    Assessment { score, reasons }
}

/// Legal forms at the end of a Chinese name, the longer before the shorter.
const CHINESE_FORMS: [&str; 9] = [
    "股份有限公司",
    "有限责任公司",
    "集团有限公司",
    "有限公司",
    "集团公司",
    "股份公司",
    "总公司",
    "公司",
    "集团",
];
/// Legal forms at the end of a name in Latin letters, word by word.
const LATIN_FORMS: [&str; 18] = [
    "co",
    "company",
    "ltd",
    "limited",
    "inc",
    "incorporated",
    "corp",
    "corporation",
    "llc",
    "llp",
    "plc",
    "gmbh",
    "pte",
    "pty",
    "ag",
    "sa",
    "group",
    "holdings",
];

/// What is left of a name when it is written in simplified characters, in lower case, without punctuation and without its legal form:
/// 杭州科創信息技術（集團）有限公司 and 杭州科创信息技术集团 are the same. What consists of nothing else keeps its form.
pub fn name_key(name: &str) -> String {
    let simplified = fast2s::convert(name);
    let mut words: Vec<String> = simplified
        .split(|letter: char| !letter.is_alphanumeric())
        .map(fold)
        .filter(|word| !word.is_empty())
        .collect();
    // "Co., Ltd." is two words, and so is "S.A." with its letters apart.
    while words.len() > 1 && words.last().is_some_and(|last| LATIN_FORMS.contains(&last.as_str())) {
        words.pop();
    }
    let mut key = words.concat();
    while let Some(shorter) =
        CHINESE_FORMS.iter().find_map(|form| key.strip_suffix(form).filter(|left| left.chars().count() > 1))
        && !CHINESE_FORMS.contains(&key.as_str())
    {
        key = shorter.to_owned();
    }
    key
}

/// Most parts of a name that it is found by.
const MOST_GRAMS: usize = 24;

/// What a name of a company is found by when another one is written a little differently: every three letters of its key.
pub fn grams(key: &str) -> BTreeSet<String> {
    let letters: Vec<char> = key.chars().collect();
    if letters.len() < 3 {
        return (!letters.is_empty()).then(|| key.to_owned()).into_iter().collect();
    }
    letters.windows(3).take(MOST_GRAMS).map(|part| part.iter().collect()).collect()
}

/// How similar two keys are, in percent: the Dice coefficient of their pairs of neighbouring letters (Dice 1945).
pub fn similarity(one: &str, other: &str) -> u32 {
    let pairs = |key: &str| -> BTreeSet<(char, char)> { key.chars().zip(key.chars().skip(1)).collect() };
    let (one, other) = (pairs(one), pairs(other));
    let all = one.len() + other.len();
    (200 * one.intersection(&other).count()).checked_div(all).unwrap_or(0) as u32
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn company(name: &str) -> Identity {
        Identity { kind: Some(CustomerKind::Company), name_key: name_key(name), ..Default::default() }
    }

    #[test]
    fn names_that_are_the_same() {
        for names in [
            &[
                "杭州科创信息技术有限公司",
                "杭州科創資訊技術有限公司".replace("資訊", "信息").as_str(),
                "杭州科创信息技术股份有限公司",
                " 杭州 科创（信息）技术 公司",
            ][..],
            &[
                "Acme Trading Co., Ltd.",
                "ACME TRADING",
                "acme trading company limited",
                "Ａｃｍｅ Trading Inc",
            ],
            &["上海臨港集團有限公司", "上海临港集团", "上海临港（集团）股份有限公司"],
        ] {
            let keys: BTreeSet<String> = names.iter().map(|name| name_key(name)).collect();
            assert_eq!(keys.len(), 1, "{keys:?}");
        }
        assert_eq!(name_key("有限公司"), "有限公司");
        assert_eq!(name_key("Texaco"), "texaco", "what ends like a form is none");
        assert_ne!(name_key("杭州科创信息"), name_key("杭州科创软件"));
    }

    #[test]
    fn what_is_likely_and_what_is_not() {
        use DuplicateReason::*;
        let base = company("杭州科创信息技术有限公司");
        let found = assess(&base, &company("杭州科创信息技术公司"));
        assert_eq!((found.score, found.reasons.as_slice(), found.is_likely()), (88, &[SameName][..], true));
        let typo = assess(&base, &company("杭州科创讯息技术有限公司"));
        assert!((WORTH_A_LOOK..LIKELY).contains(&typo.score), "{typo:?}");
        assert_eq!(assess(&base, &company("北京大兴机械厂")).score, 0);
        let with_code = |code: &str| Identity { credit_code: Some(code.into()), ..base.clone() };
        assert!(assess(&with_code("A"), &with_code("A")).is_strict());
        assert!(!assess(&with_code("A"), &with_code("B")).is_likely(), "two companies by law");
        let person = |name: &str, phone: &str| Identity {
            kind: Some(CustomerKind::Individual),
            name_key: name_key(name),
            phones: [phone.to_owned()].into(),
            ..Default::default()
        };
        assert!(assess(&person("王芳", "1"), &person("王芳", "1")).is_likely());
        assert!(!assess(&person("王芳", "1"), &person("王芳", "2")).is_likely());
        assert!(!assess(&person("王芳", "1"), &person("李娜", "1")).is_likely());
        let through_people = Identity { contact_phones: ["1".to_owned()].into(), ..company("甲乙丙丁") };
        assert_eq!(assess(&through_people, &person("王芳", "1")).reasons, [SameContactPhone]);
    }

    proptest! {
        #[test]
        fn comparing_is_symmetric_and_a_key_stays_itself(one in "[甲乙丙公司有限集团a-c .]{0,12}", other in "[甲乙丙公司有限集团a-c .]{0,12}") {
            let (a, b) = (company(&one), company(&other));
            prop_assert_eq!(assess(&a, &b), assess(&b, &a));
            prop_assert!(assess(&a, &b).score <= 100);
            prop_assert_eq!(similarity(&a.name_key, &a.name_key), if a.name_key.chars().count() > 1 { 100 } else { 0 });
        }
    }
}
