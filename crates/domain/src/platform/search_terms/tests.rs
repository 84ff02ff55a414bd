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
    let found = |query: &str| email_terms("li@example.com").iter().any(|term| term.starts_with(&fold(query)));
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
        assert!(known[1..].contains(&reading) && known[0] != reading && seen.insert(c), "{entry} {known:?}");
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
