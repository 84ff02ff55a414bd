//! Mail: one letter at a time, to a server that takes it on. Nobody here waits for the other side: who sends is a job.

mod server;

use std::sync::Arc;
use std::time::SystemTime;

use chrono::{DateTime, Utc};
use fulcrum_domain::values::text::clean_line;
use lettre::message::header::{ContentType, HeaderName, HeaderValue};
use lettre::message::{Mailbox, Message};
use tokio::sync::oneshot;
use uuid::Uuid;

use crate::settings::MailSettings;
use server::Server;

/// Sends letters.
#[derive(Clone)]
pub struct Mailer(Arc<Account>);

struct Account {
    server: Server,
    from: Mailbox,
}

/// A letter to one person.
#[derive(Clone, Debug)]
pub(crate) struct Letter {
    /// The same whenever this letter is sent: whoever gets it twice can tell.
    pub(crate) id: Uuid,
    pub(crate) to_name: String,
    pub(crate) to_address: String,
    pub(crate) subject: String,
    pub(crate) text: String,
}

/// Why a letter didn't go out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Unsent {
    /// It may another time.
    ForNow(String),
    /// The server won't ever take it: the address or the letter is not right.
    ForGood(String),
}

impl Unsent {
    /// What was said.
    pub(crate) fn reason(&self) -> &str {
        match self {
            Unsent::ForNow(reason) | Unsent::ForGood(reason) => reason,
        }
    }
}

impl Mailer {
    /// As the settings say; `None` when they say nothing.
    ///
    /// # Errors
    /// A sentence for a person, without the password.
    pub fn open(settings: &MailSettings) -> Result<Option<Mailer>, String> {
        let (url, from) = match (&settings.smtp_url, &settings.mail_from) {
            (None, None) => return Ok(None),
            (Some(_), None) => return Err("--mail-from: say in whose name mail is sent".into()),
            (None, Some(_)) => return Err("--smtp-url: say which server takes mail on".into()),
            (Some(url), Some(from)) => (url, from),
        };
        let server = Server::parse(url.revealed()).map_err(|error| format!("--smtp-url: {error}"))?;
        let from = from.parse::<Mailbox>();
        let from = from.map_err(|error| format!("--mail-from: {error}, expected crm@example.com"))?;
        Ok(Some(Mailer(Arc::new(Account { server, from }))))
    }

    /// Where letters go, for a person.
    pub fn place(&self) -> String {
        format!("{} in the name of {}", self.0.server, self.0.from.email)
    }

    /// Says hello to the server, and signs in.
    ///
    /// # Errors
    /// What the server or the network said.
    pub fn greet(&self) -> Result<(), String> {
        let mut connection = self.0.server.connect().map_err(|error| error.to_string())?;
        // It has answered; how it says goodbye doesn't matter.
        let _ = connection.quit();
        Ok(())
    }

    /// Sends a letter. On a thread of its own: a server can keep one busy for as long as it may take.
    ///
    /// # Errors
    /// [`Unsent`]. It can have gone out all the same, when the last word of the server was lost.
    pub(crate) async fn send(&self, letter: Letter, now: DateTime<Utc>) -> Result<(), Unsent> {
        let message = self.written(&letter, now).map_err(Unsent::ForGood)?;
        let account = self.0.clone();
        let (tell, told) = oneshot::channel();
        let sending = std::thread::Builder::new().name("mail".into()).spawn(move || {
            // Who waited for it may have gone.
            let _ = tell.send(account.server.deliver(&message));
        });
        let outcome = match sending {
            Ok(_) => told.await.unwrap_or_else(|_| Err(Unsent::ForNow("it broke off".into()))),
            Err(error) => Err(Unsent::ForNow(error.to_string())),
        };
        let word = match &outcome {
            Ok(()) => "taken",
            Err(Unsent::ForGood(_)) => "refused",
            Err(Unsent::ForNow(_)) => "not_sent",
        };
        metrics::counter!("fulcrum_mails_total", "outcome" => word).increment(1);
        outcome
    }

    fn written(&self, letter: &Letter, now: DateTime<Utc>) -> Result<Message, String> {
        let from = &self.0.from;
        let address = letter.to_address.parse().map_err(|error| format!("the address: {error}"))?;
        // A line break in a name or a subject would begin a header of its own.
        let name = Some(clean_line(&letter.to_name)).filter(|name| !name.is_empty());
        Message::builder()
            .from(from.clone())
            .to(Mailbox::new(name, address))
            .subject(clean_line(&letter.subject))
            .date(SystemTime::from(now))
            .message_id(Some(format!("<{}@{}>", letter.id, from.email.domain())))
            // Nobody's holiday notice shall answer it (RFC 3834).
            .raw_header(HeaderValue::new(
                HeaderName::new_from_ascii_str("Auto-Submitted"),
                "auto-generated".into(),
            ))
            .header(ContentType::TEXT_PLAIN)
            .body(letter.text.replace('\n', "\r\n"))
            .map_err(|error| error.to_string())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::settings::Hidden;

    fn mailer(from: &str) -> Result<Option<Mailer>, String> {
        let smtp_url = Some(Hidden::from("smtp://127.0.0.1:2525"));
        Mailer::open(&MailSettings { smtp_url, mail_from: Some(from.into()) })
    }

    fn formatted(letter: &Letter) -> String {
        let mailer = mailer("Fulcrum <crm@example.com>").expect("settings").expect("a mailer");
        let now = "2027-03-01T02:00:00Z".parse().expect("an instant");
        let message = mailer.written(letter, now).expect("a message");
        String::from_utf8(message.formatted()).expect("ASCII")
    }

    #[test]
    fn a_letter_has_what_mail_servers_look_for() {
        let letter = Letter {
            id: Uuid::from_u128(7),
            to_name: "李晓梅".into(),
            to_address: "rep.east@demo.test".into(),
            subject: "任务已逾期：回访".into(),
            text: "截止时间\n第二行".into(),
        };
        let text = formatted(&letter);
        assert!(text.is_ascii(), "{text}");
        for line in [
            "From: Fulcrum <crm@example.com>\r\n",
            "Message-ID: <00000000-0000-0000-0000-000000000007@example.com>\r\n",
            "Auto-Submitted: auto-generated\r\n",
            "Date: Mon, 01 Mar 2027 02:00:00 +0000\r\n",
            "Content-Type: text/plain; charset=utf-8\r\n",
            "Subject: =?utf-8?b?",
            "<rep.east@demo.test>\r\n",
        ] {
            assert!(text.contains(line), "{line} in {text}");
        }
    }

    #[test]
    fn nothing_in_a_name_or_a_subject_begins_a_header() {
        let letter = Letter {
            id: Uuid::from_u128(7),
            to_name: "Eve\r\nBcc: all@example.com".into(),
            to_address: "eve@example.com".into(),
            subject: "Hello\nBcc: all@example.com\r\n\r\nText".into(),
            text: "one\n.\ntwo".into(),
        };
        let text = formatted(&letter);
        let (headers, _) = text.split_once("\r\n\r\n").expect("headers");
        assert!(headers.lines().all(|line| !line.to_lowercase().starts_with("bcc:")), "{headers}");
        assert!(headers.contains("Subject: Hello Bcc: all@example.com Text"), "{headers}");
    }

    proptest! {
        #[test]
        fn whatever_people_are_called_headers_stay_headers(to_name in "\\PC*|.*", subject in any::<String>()) {
            let letter = Letter {
                id: Uuid::from_u128(7),
                to_name,
                to_address: "eve@example.com".into(),
                subject,
                text: "x".into(),
            };
            let text = formatted(&letter);
            let (headers, body) = text.split_once("\r\n\r\n").expect("headers");
            prop_assert!(text.is_ascii() && body == "x");
            let own = |line: &str| !line.starts_with(' ');
            prop_assert_eq!(headers.split("\r\n").filter(|line| own(line)).count(), 8, "{}", headers);
            prop_assert!(!headers.replace("\r\n", "").contains(['\r', '\n']));
        }
    }

    #[test]
    fn settings_that_are_not_right_are_named_without_the_password() {
        let settings = |url: Option<&str>, from: Option<&str>| MailSettings {
            smtp_url: url.map(Hidden::from),
            mail_from: from.map(str::to_owned),
        };
        let refused = |url, from| Mailer::open(&settings(url, from)).err().unwrap_or_default();
        assert!(Mailer::open(&settings(None, None)).is_ok_and(|mailer| mailer.is_none()));
        assert!(refused(Some("smtp://mail.example.com"), None).starts_with("--mail-from: "));
        assert!(refused(None, Some("crm@example.com")).starts_with("--smtp-url: "));
        assert!(refused(Some("smtp://mail.example.com"), Some("nobody")).starts_with("--mail-from: "));
        for url in ["imap://u:secret@mail.example.com", "smtp://u:secret@", "u:secret@mail.example.com"] {
            let text = refused(Some(url), Some("crm@example.com"));
            assert!(text.starts_with("--smtp-url: ") && !text.contains("secret"), "{text}");
        }
        let hidden = settings(Some("smtp://u:secret@mail.example.com"), Some("crm@example.com"));
        assert!(!format!("{hidden:?}").contains("secret"));
        let place = Mailer::open(&hidden).expect("settings").expect("a mailer").place();
        assert_eq!(place, "mail.example.com:587 in the name of crm@example.com");
    }
}
