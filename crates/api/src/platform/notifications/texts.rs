//! What notifications say, in the reader's language. The first line of a template is the title, the rest the body.

use std::sync::LazyLock;

use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use fulcrum_domain::platform::notifications::{Content, TaskFacts};
use fulcrum_domain::values::text::{clean_line, clean_text};
use minijinja::value::Serde;
use minijinja::{AutoEscape, Environment, Error, UndefinedBehavior};
use serde::Serialize;
use serde_json::{Value, json};

use crate::http::locale::Locale;

/// Characters of a title, and of a body.
const LONGEST: (usize, usize) = (300, 10_000);

macro_rules! templates {
    ($($name:literal),+) => {
        [$(
            (concat!("en/", $name), include_str!(concat!("texts/en/", $name, ".txt"))),
            (concat!("zh/", $name), include_str!(concat!("texts/zh/", $name, ".txt"))),
        )+]
    };
}

const TEMPLATES: [(&str, &str); 16] = templates!(
    "task_assigned",
    "task_reminder",
    "task_overdue",
    "automation_message",
    "automation_stopped",
    "webhook_disabled",
    "customers_handed_over",
    "digest"
);

static ENVIRONMENT: LazyLock<Environment<'static>> = LazyLock::new(|| {
    let mut environment = Environment::new();
    // A name that is not there is a mistake of ours, not an empty place.
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    // Plain text.
    environment.set_auto_escape_callback(|_| AutoEscape::None);
    for (name, source) in TEMPLATES {
        let (title, body) = source.split_once('\n').unwrap_or((source, ""));
        for (part, source) in [("title", title), ("body", body)] {
            if let Err(error) = environment.add_template_owned(format!("{name}/{part}"), source) {
                tracing::error!(%error, name, part, "a template can't be read");
            }
        }
    }
    environment
});

/// Who reads it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reader {
    /// In which language.
    pub(crate) locale: Locale,
    /// By which clock.
    pub(crate) time_zone: Tz,
}

impl Reader {
    /// Somebody as the database has them.
    pub(crate) fn of(locale: &str, time_zone: &str) -> Reader {
        Reader {
            locale: Locale::of_tag(locale).unwrap_or(Locale::En),
            time_zone: time_zone.parse().unwrap_or(Tz::UTC),
        }
    }

    fn time(&self, at: DateTime<Utc>) -> String {
        let form = match self.locale {
            Locale::En => "%-d %b %Y, %H:%M",
            Locale::Zh => "%Y年%-m月%-d日 %H:%M",
        };
        at.with_timezone(&self.time_zone).format(form).to_string()
    }
}

/// A notification in words.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Texts {
    /// One line.
    pub(crate) title: String,
    /// One line or several.
    pub(crate) body: String,
}

/// What a notification says. One that can't be put into words, because another release wrote it, says its kind.
pub(crate) fn of(kind: &str, content: Option<&Content>, reader: &Reader) -> Texts {
    let written = content.map(|content| render(kind, &facts(content, reader), reader.locale));
    match written {
        Some(Ok(texts)) => texts,
        failed => {
            tracing::warn!(kind, error = ?failed, "a notification can't be put into words");
            Texts { title: clean_line(&kind.replace('_', " ")), body: String::new() }
        }
    }
}

/// What a mail says that tells of several notifications, each with the time when it came.
///
/// # Errors
/// A mistake of ours in the template.
pub(crate) fn digest(items: &[(Texts, DateTime<Utc>)], reader: &Reader) -> Result<Texts, Error> {
    let items: Vec<Value> = items
        .iter()
        .map(|(texts, at)| json!({ "title": texts.title, "body": texts.body, "at": reader.time(*at) }))
        .collect();
    let facts = json!({ "items": items });
    // As long as what it is made of.
    Ok(Texts {
        title: clean_line(&part("digest", "title", &facts, reader.locale)?),
        body: clean_text(&part("digest", "body", &facts, reader.locale)?),
    })
}

fn render(name: &str, facts: &Value, locale: Locale) -> Result<Texts, Error> {
    let cut = |text: String, longest: usize| text.chars().take(longest).collect();
    Ok(Texts {
        title: cut(clean_line(&part(name, "title", facts, locale)?), LONGEST.0),
        body: cut(clean_text(&part(name, "body", facts, locale)?), LONGEST.1),
    })
}

fn part(name: &str, part: &str, facts: &Value, locale: Locale) -> Result<String, Error> {
    let language = match locale {
        Locale::En => "en",
        Locale::Zh => "zh",
    };
    ENVIRONMENT.get_template(&format!("{language}/{name}/{part}"))?.render(Serde(facts))
}

/// What the templates of a kind can ask about.
fn facts(content: &Content, reader: &Reader) -> Value {
    match content {
        Content::TaskAssigned(task) | Content::TaskReminder(task) | Content::TaskOverdue(task) => {
            let TaskFacts { title, due_at, assignee_name, customer_name } = task;
            json!({
                "title": title,
                "due_at": due_at.map(|at| reader.time(at)),
                "assignee_name": assignee_name,
                "customer_name": customer_name,
            })
        }
        other => other.data(),
    }
}

#[cfg(test)]
mod tests {
    use fulcrum_domain::platform::notifications::NotificationKind;

    use super::*;

    fn task(all: bool) -> TaskFacts {
        let some = |text: &str| all.then(|| text.to_owned());
        TaskFacts {
            title: "回访".into(),
            due_at: all.then(|| "2027-03-01T02:00:00Z".parse().expect("an instant")),
            assignee_name: some("李晓梅"),
            customer_name: some("杭州科创"),
        }
    }

    fn contents() -> Vec<Content> {
        let text = |text: &str| text.to_owned();
        let mut all = vec![Content::AutomationMessage { title: text("标题"), body: text("正文") }];
        for reason in ["loop", "rate", "author"] {
            all.push(Content::AutomationStopped { name: text("欢迎"), reason: text(reason) });
        }
        for (by, note, tasks) in [(Some(text("王芳")), Some(text("重点跟进")), 3), (None, None, 0)] {
            all.push(Content::CustomersHandedOver { by, customers: 12, tasks, note });
        }
        for task in [task(true), task(false)] {
            all.push(Content::TaskAssigned(task.clone()));
            all.push(Content::TaskReminder(task.clone()));
            all.push(Content::TaskOverdue(task));
        }
        for reason in ["gone", "failing", "filter"] {
            all.push(Content::WebhookDisabled { name: text("ERP"), reason: text(reason) });
        }
        all
    }

    fn said(content: &Content, locale: Locale) -> Texts {
        let reader = Reader { locale, time_zone: Tz::Asia__Shanghai };
        render(content.kind().word(), &facts(content, &reader), locale).expect("every name is there")
    }

    #[test]
    fn every_kind_can_be_put_into_words_in_both_languages() {
        let contents = contents();
        for kind in NotificationKind::all() {
            assert!(contents.iter().any(|content| content.kind() == kind), "{kind}");
        }
        for content in &contents {
            let (en, zh) = (said(content, Locale::En), said(content, Locale::Zh));
            for texts in [&en, &zh] {
                assert!(!texts.title.is_empty() && !texts.body.is_empty(), "{texts:?}");
                assert!(!texts.body.contains("none") && !texts.title.contains('{'), "{texts:?}");
            }
            let own_words = content.kind() != NotificationKind::AutomationMessage;
            assert_eq!(own_words, en != zh, "{en:?}");
        }
    }

    #[test]
    fn times_are_the_readers() {
        let content = Content::TaskOverdue(task(true));
        assert_eq!(
            said(&content, Locale::Zh),
            Texts {
                title: "任务已逾期：回访".into(),
                body: "截止时间为 2027年3月1日 10:00。负责人：李晓梅。客户：杭州科创。".into()
            }
        );
        assert_eq!(
            said(&content, Locale::En).body,
            "It was due on 1 Mar 2027, 10:00. Assigned to: 李晓梅. Customer: 杭州科创."
        );
        let away = Reader::of("en-GB", "America/New_York");
        assert_eq!(away.time("2027-03-01T02:00:00Z".parse().expect("an instant")), "28 Feb 2027, 21:00");
    }

    #[test]
    fn a_title_is_one_line_whatever_it_is_made_of() {
        let content = Content::AutomationMessage {
            title: "Hello\r\nBcc: everybody@example.com".into(),
            body: "one\r\ntwo".into(),
        };
        let texts = said(&content, Locale::En);
        assert_eq!(texts.title, "Hello Bcc: everybody@example.com");
        assert_eq!(texts.body, "one\ntwo");
        let markup = Content::AutomationMessage { title: "{{ 7 * 7 }} <b>".into(), body: "x".into() };
        assert_eq!(said(&markup, Locale::En).title, "{{ 7 * 7 }} <b>", "data is no template");
    }

    #[test]
    fn a_name_that_is_not_there_is_an_error() {
        render("task_assigned", &json!({ "title": "x" }), Locale::En).expect_err("due_at is not there");
        let reader = Reader { locale: Locale::En, time_zone: Tz::UTC };
        let unknown = of("something_newer", None, &reader);
        assert_eq!(unknown.title, "something newer");
    }

    #[test]
    fn a_digest_tells_of_all() {
        let reader = Reader { locale: Locale::Zh, time_zone: Tz::Asia__Shanghai };
        let at = "2027-03-01T02:00:00Z".parse().expect("an instant");
        let item = |title: &str| (Texts { title: title.into(), body: "正文".into() }, at);
        let texts = digest(&[item("甲"), item("乙")], &reader).expect("every name is there");
        assert_eq!(texts.title, "2 条通知");
        assert_eq!(texts.body, "甲\n正文\n（2027年3月1日 10:00）\n\n乙\n正文\n（2027年3月1日 10:00）");
        let one = digest(&[item("甲")], &Reader { locale: Locale::En, ..reader }).expect("a text");
        assert_eq!(one.title, "1 notification");
    }
}
