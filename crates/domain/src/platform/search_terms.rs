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

/// Names as they are typed without a Chinese keyboard.
mod pinyin {
    use ::pinyin::ToPinyin;

    /// Most readings of one name.
    const MAX_READINGS: usize = 8;

    /// Second readings that names of people, places and companies use. The dictionary's own lists would not do: they
    /// hold classical readings too, by which 信息技术有限公司 alone has six ambiguous characters, and the product of
    /// those drives the real ones out. The first reading is always the dictionary's first.
    pub(super) const SECOND_READINGS: &str = "\
        阿e 埔bu 堡pu 泊bo 柏bo 薄bo 蚌beng 参shen 藏zang 曾zeng 查zha 长chang 朝zhao 乘sheng 晟sheng 盛cheng \
        重chong 种chong 仇qiu 畜xu 传zhuan 褚zhu 单shan 弹tan 调tiao 都du 度duo 番pan 盖ge 给ji 莞wan 行hang \
        巷hang 浒xu 会kuai 贾gu 降xiang 将qiang 角jue 校jiao 解xie 卡qia 靓liang 乐yue 勒le 六lu 露lou 娜nuo \
        粘nian 屏bing 朴piao 茜xi 覃qin 区ou 圈juan 券xuan 厦xia 召shao 省xing 宿xiu 提di 拓ta 尉yu 系ji 血xie \
        轧zha 翟zhai 员yun 伽qie 桔jie 秘bi 澄deng 漯ta";

    /// One way to read a whole name; what is not Chinese stays as it is.
    pub(super) struct Reading {
        /// One character for each of the name.
        pub(super) initials: Vec<char>,
        /// Spelled out without tones, ü as v, the way it is typed.
        pub(super) spelling: Vec<char>,
    }

    /// Whether the character has a pinyin.
    pub(super) fn is_han(c: char) -> bool {
        c.to_pinyin().is_some()
    }

    /// The ways to read a folded name, none if nothing in it is Chinese. With more than eight, those that are nearest to
    /// the usual reading.
    pub(super) fn readings(name: &[char]) -> Vec<Reading> {
        if !name.iter().any(|c| is_han(*c)) {
            return Vec::new();
        }
        let ambiguous: Vec<usize> =
            (0..name.len()).filter(|at| second(name[*at]).is_some()).take(7).collect();
        let mut choices: Vec<u32> = (0..1 << ambiguous.len()).collect();
        choices.sort_by_key(|choice| choice.count_ones());
        choices.truncate(MAX_READINGS);
        let read = |choice: u32| {
            let is_second =
                |at: usize| ambiguous.iter().position(|p| *p == at).is_some_and(|bit| choice >> bit & 1 == 1);
            let syllables = name.iter().enumerate().map(|(at, c)| syllable(*c, is_second(at)));
            let (mut initials, mut spelling) = (Vec::new(), Vec::new());
            for syllable in syllables {
                initials.extend(syllable.chars().next());
                spelling.extend(syllable.chars());
            }
            Reading { initials, spelling }
        };
        choices.into_iter().map(read).collect()
    }

    fn second(c: char) -> Option<&'static str> {
        SECOND_READINGS.split(' ').find_map(|entry| entry.strip_prefix(c))
    }

    pub(super) fn syllable(c: char, is_second: bool) -> String {
        match (c.to_pinyin(), second(c)) {
            (Some(_), Some(reading)) if is_second => reading.to_owned(),
            (Some(reading), _) => reading.plain().replace('ü', "v").replace('ê', "e"),
            (None, _) => c.to_string(),
        }
    }
}

#[cfg(test)]
mod tests {
    use ::pinyin::ToPinyinMulti;
    use proptest::prelude::*;

    use super::TermClass::*;
    use super::*;

    fn is_found(name: &str, query: &str) -> bool {
        let terms = name_terms(name);
        let tokens = query_tokens(query);
        !tokens.is_empty() && tokens.iter().all(|token| terms.iter().any(|term| term.text.starts_with(token)))
    }

    fn texts(name: &str, class: TermClass) -> Vec<String> {
        name_terms(name).into_iter().filter(|term| term.class == class).map(|term| term.text).collect()
    }

    #[test]
    fn folding() {
        for (text, folded) in [
            ("A. O. Smith", "aosmith"),
            ("Ｆｕｌｌ　Ｗｉｄｔｈ１", "fullwidth1"),
            ("Nestlé（中国）", "nestle中国"),
            ("㈱ Ｎｏ．①", "株no1"),
            ("ガラス", "ガラス"),
            ("ΟΔΟΣ", "οδοσ"),
            ("—·…", ""),
        ] {
            assert_eq!(fold(text), folded);
        }
    }

    #[test]
    fn tokens() {
        assert_eq!(query_tokens(" 科创\u{3000}KC  @example.com - 科创 "), ["科创", "kc", "examplecom"]);
        assert_eq!(query_tokens("1 2 3 4 5 6").len(), 5);
        assert_eq!(query_tokens(&"x".repeat(99)), ["x".repeat(MAX_TERM)]);
        assert!(query_tokens("( ) *").is_empty());
    }

    #[test]
    fn what_sales_people_type() {
        let company = "杭州科创信息技术有限公司";
        for query in [
            "杭州",
            "科创",
            "信息",
            "kcxx",
            "hzkc",
            "HZKC",
            "kc xx",
            "hangzhou",
            "hangzhouke",
            "有限 科创",
            "公司",
        ] {
            assert!(is_found(company, query), "{query}");
        }
        for query in ["创科", "xxkc", "上海", "科创 上海", " ", "%"] {
            assert!(!is_found(company, query), "{query}");
        }
        for (name, queries) in [
            ("重庆银行", ["cq", "zqyx", "cqyh", "yh", "chongqingyinhang"]),
            ("长城汽车", ["cc", "zc", "ccqc", "qc", "changcheng"]),
            ("厦门航空", ["xm", "xmhk", "sm", "mhk", "xiamen"]),
            ("张娜 TCL", ["zhang", "zn", "zntcl", "tcl", "zhangna"]),
            ("3M中国", ["3m", "3mzg", "zg", "中国", "m中"]),
            ("吕女士", ["lv", "lns", "lvnv", "ns", "女士"]),
            ("A. O. Smith", ["smith", "A.O.", "a o", "O. S", "aosm"]),
        ] {
            for query in queries {
                assert!(is_found(name, query), "{name} {query}");
            }
        }
    }

    #[test]
    fn classes() {
        assert_eq!(texts("科创A", Start), ["科创a"]);
        assert_eq!(texts("科创A", Inside), ["创a", "a"]);
        assert_eq!(texts("科创A", PinyinStart), ["kca", "kechuanga"]);
        assert_eq!(texts("科创A", PinyinInside), ["ca"]);
        assert!(name_terms("Smith").iter().all(|term| matches!(term.class, Start | Inside)));
        assert!(name_terms("（）").is_empty());
        assert_eq!(
            name_terms(&"重庆银行".repeat(60)).first().map(|term| term.text.chars().count()),
            Some(MAX_TERM)
        );
        assert!(name_terms(&"abcdefghi科".repeat(60)).len() <= MAX_NAME_TERMS);
    }

    #[test]
    fn phones() {
        let found = |e164, query| phone_terms(e164).iter().any(|term| term.starts_with(&fold(query)));
        for query in ["13800138000", "8000", "+86138", "138-0013", "000"] {
            assert!(found("+8613800138000", query), "{query}");
        }
        assert_eq!(phone_terms("+8613800138000").len(), 11 + 1);
        for query in ["010-62345678", "(010)6234", "62345678", "5678"] {
            assert!(found("+861062345678", query), "{query}");
        }
        assert!(!found("+861062345678", "99"));
        assert_eq!((phone_terms(""), phone_terms("+86")), (vec![], vec![]));
    }

    #[test]
    fn emails() {
        assert_eq!(
            email_terms("Zhang.Wei@kechuang-tech.com.cn"),
            ["comcn", "kechuangtechcomcn", "techcomcn", "weikechuangtechcomcn", "zhangweikechuangtechcomc"]
        );
        let found =
            |query: &str| email_terms("li@example.com").iter().any(|term| term.starts_with(&fold(query)));
        assert!(found("li@") && found("@example.com") && found("li@ex") && found("example") && !found("com"));
        assert!(email_terms("").is_empty());
    }

    #[test]
    fn codes() {
        assert_eq!(code_terms("C2026000123"), ["123", "2026000123", "c2026000123"]);
        assert_eq!(code_terms("91330100799655058B"), ["799655058b", "91330100799655058b", "9655058b"]);
        assert_eq!(code_terms("C2026000000"), ["2026000000", "c2026000000"]);
        assert_eq!(code_terms("AB-12x"), ["ab12x"]);
        assert_eq!(code_terms("合同2026"), ["合同2026"]);
        assert!(code_terms("-").is_empty());
    }

    #[test]
    fn upper_bounds() {
        assert_eq!(prefix_upper_bound("ab"), "ac");
        assert_eq!(prefix_upper_bound("\u{7f}"), "\u{80}");
        assert_eq!(prefix_upper_bound("a\u{d7ff}"), "a\u{e000}");
        assert_eq!(prefix_upper_bound("a\u{10ffff}"), "b");
    }

    /// Real names where the repository's neighbour has them; nothing to do where it has not.
    #[test]
    fn real_names() {
        let Ok(names) = std::fs::read_to_string("/work/shared/data/chinese-company-names.txt") else {
            return;
        };
        let counts: Vec<usize> = names.lines().map(|name| name_terms(name).len()).collect();
        let (sum, most) = (counts.iter().sum::<usize>(), counts.iter().max().copied().unwrap_or_default());
        println!(
            "{} names, {:.2} terms on average, {most} at most",
            counts.len(),
            sum as f64 / counts.len() as f64
        );
        assert!(most <= MAX_NAME_TERMS);
    }

    #[test]
    fn second_readings_are_real_and_second() {
        let entries: Vec<&str> = pinyin::SECOND_READINGS.split(' ').collect();
        let mut seen = HashSet::new();
        for entry in entries {
            let c = entry.chars().next().unwrap();
            let reading = &entry[c.len_utf8()..];
            let known: Vec<_> = c.to_pinyin_multi().unwrap().into_iter().map(|known| known.plain()).collect();
            assert!(
                known[1..].contains(&reading) && known[0] != reading && seen.insert(c),
                "{entry} {known:?}"
            );
        }
    }

    #[test]
    fn every_character_is_typed_in_ascii() {
        for c in ('\u{3000}'..='\u{323af}').filter(|c| pinyin::is_han(*c)) {
            let spelling = pinyin::syllable(c, false);
            assert!(spelling.chars().all(|c| c.is_ascii_lowercase()), "{c} {spelling}");
        }
    }

    #[test]
    fn at_most_eight_readings_the_usual_one_first() {
        let name: Vec<char> = "重庆乐行长单调区".chars().collect();
        let all: Vec<String> = pinyin::readings(&name).iter().map(|r| r.initials.iter().collect()).collect();
        assert_eq!((all.len(), all[0].as_str(), all[1].as_str()), (8, "zqlxzddq", "cqlxzddq"));
    }

    proptest! {
        #[test]
        fn folding_twice_changes_nothing(text in any::<String>()) {
            prop_assert_eq!(fold(&fold(&text)), fold(&text));
        }

        #[test]
        fn every_part_of_a_name_is_found(name in "[a-zA-Zé0-9 .重庆银行科创信息（）ー가-힣]{1,60}", from in 0..60usize, len in 1..=MAX_TERM) {
            let folded = fold(&name);
            let part: String = folded.chars().skip(from % folded.chars().count().max(1)).take(len).collect();
            prop_assert_eq!(part.is_empty(), folded.is_empty());
            prop_assume!(!part.is_empty());
            prop_assert!(name_terms(&name).iter().any(|term| term.text.starts_with(&part)), "{}", part);
        }

        #[test]
        fn every_part_of_a_phone_number_is_found(digits in "[0-9]{3,15}", from in 0..13usize, len in 3..=15usize) {
            let part: String = digits.chars().skip(from % (digits.len() - 2)).take(len).collect();
            let terms = phone_terms(&["+", &digits].concat());
            prop_assert!(terms.iter().any(|term| term.starts_with(&part)));
        }

        #[test]
        fn a_range_holds_exactly_what_has_the_prefix(p in any::<String>(), s in any::<String>(), other in any::<String>()) {
            prop_assume!(p.chars().any(|c| c != char::MAX));
            let upper = prefix_upper_bound(&p);
            let is_inside = |term: &str| term >= p.as_str() && term < upper.as_str();
            let extended = format!("{p}{s}");
            prop_assert!(is_inside(&extended));
            prop_assert_eq!(is_inside(&other), other.starts_with(&p));
        }

        #[test]
        fn ranges_of_near_strings(p in "[a-c\u{d7ff}\u{7f}]?", tail in "[b\u{d7ff}\u{10ffff}]{0,2}", other in "[a-c\u{d7ff}\u{e000}\u{7f}\u{80}\u{10ffff}]{0,4}") {
            let p = format!("{p}a{tail}");
            let upper = prefix_upper_bound(&p);
            prop_assert_eq!(other >= p && other < upper, other.starts_with(&p));
        }

        #[test]
        fn never_panics_and_never_too_long(text in any::<String>()) {
            let names = name_terms(&text).into_iter().map(|term| term.text);
            let others = [phone_terms(&text), email_terms(&text), code_terms(&text), query_tokens(&text)].concat();
            for term in names.chain(others) {
                prop_assert!((1..=MAX_TERM).contains(&term.chars().count()));
            }
        }
    }
}
