//! The languages that problems speak.

/// A language.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Locale {
    /// English.
    En,
    /// Simplified Chinese.
    Zh,
}

impl Locale {
    /// The language that a reader prefers (RFC 9110, section 12.5.4); `None` when the header names none of
    /// ours.
    pub fn preferred(accept_language: &str) -> Option<Locale> {
        accept_language
            .split(',')
            .filter_map(|range| {
                let (tag, quality) = range.split_once(';').unwrap_or((range, "q=1"));
                let weight = quality.trim().strip_prefix("q=");
                let quality: f32 = weight.and_then(|text| text.trim().parse().ok()).unwrap_or(0.0);
                (quality > 0.0).then_some((Locale::of_tag(tag.trim())?, quality))
            })
            // The first of the best.
            .reduce(|best, next| if next.1 > best.1 { next } else { best })
            .map(|(locale, _)| locale)
    }

    /// The BCP 47 tag.
    pub fn tag(self) -> &'static str {
        match self {
            Locale::En => "en",
            Locale::Zh => "zh-CN",
        }
    }

    /// The language of a BCP 47 tag.
    pub fn of_tag(tag: &str) -> Option<Locale> {
        match tag.split('-').next()?.to_ascii_lowercase().as_str() {
            "zh" => Some(Locale::Zh),
            "en" => Some(Locale::En),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Locale;

    #[test]
    fn the_best_of_ours_wins() {
        assert_eq!(Locale::preferred("zh-CN,zh;q=0.9,en;q=0.8"), Some(Locale::Zh));
        assert_eq!(Locale::preferred("fr, en;q=0.5, zh;q=0.7"), Some(Locale::Zh));
        assert_eq!(Locale::preferred("zh;q=0, en-GB;q=0.1"), Some(Locale::En));
        assert_eq!(Locale::preferred("zh; q=0.9, en; q=0.8"), Some(Locale::Zh));
        assert_eq!(Locale::preferred("fr"), None);
    }
}
