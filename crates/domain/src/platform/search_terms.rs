//! Search by part of a text: what is stored for a text, and what is looked for.
//!
//! Each starting position of a text is stored as a term, so that "contains" becomes "a term starts with", a range
//! scan on a B-tree in "C" order: `term >= p and term < prefix_upper_bound(p)`. Terms and tokens are in the form of
//! [`fold`] and at most [`MAX_TERM`] characters long, which makes a longer token match what shares its start.

use std::collections::{BTreeSet, HashSet};

use phonenumber::metadata::DATABASE;
use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::decompose_canonical;

use crate::values::CreditCode;

/// Longest term and token, in characters.
pub const MAX_TERM: usize = 24;
/// Most terms of one name; the last positions of a longer one are not found by.
const MAX_NAME_TERMS: usize = 160;
const MAX_TOKENS: usize = 5;
/// Shortest part of a phone number that is found by.
const MIN_DIGITS: usize = 3;

/// Where in a name a term starts, and how it is written; earlier classes are better hits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TermClass {
    /// The name from its start.
    Start,
    /// The name from a later character.
    Inside,
    /// The name's pinyin from its start: initials, and spelled out.
    PinyinStart,
    /// Initials from a later Chinese character.
    PinyinInside,
}

/// One row of the search index for a name.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Term {
    /// How good a hit it is.
    pub class: TermClass,
    /// In the form of [`fold`], at most [`MAX_TERM`] characters.
    pub text: String,
}

/// Search form of a text: NFKC (UAX #15, so full width becomes half width), lower case, Latin letters without their
/// accents, and only what is alphanumeric: `A. O. Smith` is `aosmith`, `Nestlé（中国）` is `nestle中国`.
pub fn fold(text: &str) -> String {
    // Letter by letter, because str::to_lowercase looks at the neighbours of a Greek sigma, and a part of a text
    // must fold to a part of the fold.
    let lower = text.nfkc().flat_map(char::to_lowercase);
    lower.map(without_accent).filter(|c| c.is_alphanumeric()).nfc().collect()
}

/// Only for Latin letters: a Japanese か and が are different letters.
fn without_accent(c: char) -> char {
    let mut base = None;
    decompose_canonical(c, |part| {
        base.get_or_insert(part);
    });
    base.filter(char::is_ascii_alphabetic).unwrap_or(c)
}

/// What a person searches for: at most five words in the form of [`fold`], each to be found for itself. Empty
/// when the text has nothing alphanumeric, which must find nothing rather than everything.
pub fn query_tokens(query: &str) -> Vec<String> {
    let mut seen = HashSet::new();
    let tokens =
        query.split_whitespace().map(|word| truncated(&fold(word))).filter(|token| !token.is_empty());
    tokens.filter(|token| seen.insert(token.clone())).take(MAX_TOKENS).collect()
}

/// Terms of a company's or a person's name, without duplicates, at most 160.
///
/// The name from each character on; when it has Chinese characters also their initials from each of them on (`kcxx`
/// for 科创信息), and the whole name spelled out (`kechuangxinxi`), in the readings that names use.
pub fn name_terms(name: &str) -> Vec<Term> {
    let folded: Vec<char> = fold(name).chars().collect();
    let is_han: Vec<bool> = folded.iter().map(|c| pinyin::is_han(*c)).collect();
    let readings = pinyin::readings(&folded);
    let term = |class, from: &[char]| Term { class, text: from.iter().take(MAX_TERM).collect() };

    let start = folded.first().map(|_| term(TermClass::Start, &folded));
    let pinyin_start = readings.iter().flat_map(|reading| {
        [term(TermClass::PinyinStart, &reading.initials), term(TermClass::PinyinStart, &reading.spelling)]
    });
    let inside = (1..folded.len()).map(|at| term(TermClass::Inside, &folded[at..]));
    let pinyin_inside = (1..folded.len()).filter(|at| is_han[*at]).flat_map(|at| {
        readings.iter().map(move |reading| term(TermClass::PinyinInside, &reading.initials[at..]))
    });

    let mut seen = HashSet::new();
    let all = start.into_iter().chain(pinyin_start).chain(inside).chain(pinyin_inside);
    all.filter(|term| seen.insert(term.clone())).take(MAX_NAME_TERMS).collect()
}

/// Terms of a phone number in E.164: its digits from each position on, down to the last three, and the number as it
/// is dialled inside its country (`01062345678`).
pub fn phone_terms(e164: &str) -> Vec<String> {
    let digits: String = e164.chars().filter(char::is_ascii_digit).collect();
    let last = (digits.len() + 1).saturating_sub(MIN_DIGITS);
    let mut terms: BTreeSet<String> = (0..last).map(|at| truncated(&digits[at..])).collect();
    if let Ok(number) = phonenumber::parse(None, e164)
        && let Some(trunk) = number.metadata(&DATABASE).and_then(|metadata| metadata.national_prefix())
    {
        terms.insert(truncated(&format!("{trunk}{}", number.national())));
    }
    terms.into_iter().collect()
}

/// The term that a whole telephone number is found by.
pub fn whole_phone(e164: &str) -> String {
    truncated(&e164.chars().filter(char::is_ascii_digit).collect::<String>())
}

/// The term that a whole mail address is found by.
pub fn whole_email(email: &str) -> String {
    truncated(&fold(email))
}

/// Terms of an e-mail address: from its start, from the domain's start, and from each word after one of `. - _ +`.
/// The top-level domain is no term of its own: it would be the same row for every address.
pub fn email_terms(email: &str) -> Vec<String> {
    let domain = email.rfind('@').map_or(email.len(), |at| at + 1);
    let top_level = email[domain..].rfind('.').map_or(email.len(), |dot| domain + dot);
    let word_starts = email[..top_level].match_indices(['.', '-', '_', '+', '@']).map(|(at, _)| at + 1);
    let terms = [0].into_iter().chain(word_starts).map(|at| truncated(&fold(&email[at..])));
    terms.filter(|term| !term.is_empty()).collect::<BTreeSet<_>>().into_iter().collect()
}

/// Terms of a number or code: the whole; for a number of letters and digits (`C2026000123`) also the digits, and,
/// when they begin with a year, what follows it without leading zeros (`123`); for a unified social credit code the
/// organisation code from position 9 on, which older papers show alone, and the last eight characters.
pub fn code_terms(code: &str) -> Vec<String> {
    let whole = fold(code);
    let mut terms = BTreeSet::from([truncated(&whole)]);
    if CreditCode::parse(&whole).is_ok() {
        terms.extend([whole[8..].to_owned(), whole[10..].to_owned()]);
    } else {
        let digits = whole.trim_start_matches(|c: char| c.is_ascii_lowercase());
        if digits.bytes().all(|b| b.is_ascii_digit()) {
            terms.insert(truncated(digits));
            if digits.len() > 4 && matches!(&digits[..2], "19" | "20" | "21") {
                terms.insert(truncated(digits[4..].trim_start_matches('0')));
            }
        }
    }
    terms.into_iter().filter(|term| !term.is_empty()).collect()
}

/// The smallest string, by bytes, above all that start with `prefix`. A prefix that [`fold`] gives always has one;
/// for an empty one, or nothing but U+10FFFF, it is U+10FFFF, which is above every term.
pub fn prefix_upper_bound(prefix: &str) -> String {
    let mut chars: Vec<char> = prefix.chars().collect();
    while let Some(last) = chars.pop() {
        // A range of characters steps over the surrogates, as UTF-8 does; its byte order is that of the characters.
        if let Some(next) = (last..=char::MAX).nth(1) {
            return chars.into_iter().chain([next]).collect();
        }
    }
    char::MAX.to_string()
}

fn truncated(text: &str) -> String {
    text.chars().take(MAX_TERM).collect()
}

mod pinyin;
#[cfg(test)]
mod tests;
