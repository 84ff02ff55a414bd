//! Free text as people paste it, made fit to store and compare. What is visible stays as it is.

use unicode_normalization::UnicodeNormalization;

/// One line, for names and titles: NFC (UAX #15), every run of white space one space, none at the ends, no control
/// characters and no invisible format characters. Idempotent.
pub fn clean_line(input: &str) -> String {
    let mut line = String::with_capacity(input.len());
    for word in without_invisible(input).split_whitespace() {
        if !line.is_empty() {
            line.push(' ');
        }
        line.extend(word.nfc());
    }
    line
}

/// Several lines, for notes: NFC, every line break a `\n`, other white space controls a space, no other control
/// or invisible format characters, none of it at the ends. Inner blank lines and indentation stay. Idempotent.
pub fn clean_text(input: &str) -> String {
    let breaks = input.replace("\r\n", "\n").replace(['\r', '\u{85}', '\u{2028}', '\u{2029}'], "\n");
    without_invisible(&breaks).trim().nfc().collect()
}

/// Whether the text has a NUL, which PostgreSQL's `text` cannot store.
pub fn has_nul(input: &str) -> bool {
    input.contains('\0')
}

fn without_invisible(input: &str) -> String {
    let visible = |c: char| match c {
        '\n' => Some('\n'),
        c if c.is_control() => c.is_whitespace().then_some(' '),
        c => (!is_invisible(c)).then_some(c),
    };
    input.chars().filter_map(visible).collect()
}

/// Soft hyphen, zero-width space, byte order mark and the direction marks: they come along with copies from
/// spreadsheets and phone books, and make two equal names differ. The zero-width joiners stay, because emoji and
/// several scripts need them.
pub(super) fn is_invisible(c: char) -> bool {
    matches!(c, '\u{ad}' | '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}')
        || matches!(c, '\u{2066}'..='\u{2069}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn lines() {
        assert_eq!(clean_line("  杭州\u{3000}科创 \t 信息\r\n公司 "), "杭州 科创 信息 公司");
        assert_eq!(clean_line("\u{feff}Cafe\u{301}\u{200b} \u{7}Roma\0"), "Café Roma");
        assert_eq!(clean_line("👩\u{200d}💻"), "👩\u{200d}💻");
        assert_eq!(clean_line(" \u{200b} \n"), "");
    }

    #[test]
    fn texts() {
        assert_eq!(clean_text("\n 一\r\n\r\n  二\r三\u{2028}四\t五\u{8}\0 "), "一\n\n  二\n三\n四 五");
        assert!(has_nul("a\0b") && !has_nul("ab"));
    }

    proptest! {
        #[test]
        fn idempotent_and_clean(input in any::<String>()) {
            let (line, text) = (clean_line(&input), clean_text(&input));
            prop_assert_eq!(&clean_line(&line), &line);
            prop_assert_eq!(&clean_text(&text), &text);
            prop_assert!(!line.chars().any(char::is_control) && !line.contains("  "));
            prop_assert!(!text.chars().any(|c| c.is_control() && c != '\n'));
        }
    }
}
