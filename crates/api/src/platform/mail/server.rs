//! The server that takes letters on, spoken to step by step: what it says no to tells whether trying again makes sense.

use std::fmt;
use std::time::Duration;

use lettre::message::Message;
use lettre::transport::smtp::Error;
use lettre::transport::smtp::authentication::{Credentials, DEFAULT_MECHANISMS};
use lettre::transport::smtp::client::{SmtpConnection, TlsParameters};
use lettre::transport::smtp::commands::{Data, Mail, Rcpt};
use lettre::transport::smtp::extension::ClientId;
use percent_encoding::percent_decode_str;
use url::{Host, Url};

use super::Unsent;

/// How long a server may take for each step.
const PATIENCE: Duration = Duration::from_secs(30);

/// Refusals that tell of our account and not of the letter (RFC 4954, section 6).
const OF_THE_ACCOUNT: [&str; 4] = ["530", "534", "535", "538"];

/// A mail server.
pub(super) struct Server {
    host: String,
    port: u16,
    encryption: Encryption,
    credentials: Option<Credentials>,
}

/// Whether letters are encrypted on their way to the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Encryption {
    /// From the first byte.
    Always,
    /// From `STARTTLS` on, or not at all.
    Required,
    /// Where the server offers it.
    Offered,
    /// Never.
    Never,
}

impl fmt::Display for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.host, self.port)
    }
}

impl Server {
    /// Reads `smtp://user:password@host:port?tls=required`.
    ///
    /// # Errors
    /// What is wrong with it, without its content.
    pub(super) fn parse(text: &str) -> Result<Server, String> {
        let expected = || "expected smtp://user:password@host:port or smtps://…".to_owned();
        let url = Url::parse(text).map_err(|_| expected())?;
        let host = match url.host() {
            Some(Host::Domain(name)) if !name.is_empty() => name.to_owned(),
            Some(Host::Ipv4(address)) => address.to_string(),
            Some(Host::Ipv6(address)) => address.to_string(),
            _ => return Err(expected()),
        };
        let plain = |text: &str| percent_decode_str(text).decode_utf8().map(|text| text.into_owned());
        let credentials = match url.password() {
            Some(password) => {
                let (user, password) = (plain(url.username()), plain(password));
                let (user, password) = user.and_then(|user| Ok((user, password?))).map_err(|_| expected())?;
                Some(Credentials::new(user, password))
            }
            None => None,
        };
        let wanted = url.query_pairs().find(|(name, _)| name == "tls").map(|(_, value)| value.into_owned());
        let encryption = match (url.scheme(), wanted.as_deref()) {
            ("smtps", None) => Encryption::Always,
            ("smtp", Some("required")) => Encryption::Required,
            ("smtp", Some("none")) => Encryption::Never,
            // A password goes over the net in clear only for who says so.
            ("smtp", None) if credentials.is_some() => Encryption::Required,
            ("smtp", None) => Encryption::Offered,
            ("smtp", Some(_)) => return Err("tls is either required or none".into()),
            _ => return Err(expected()),
        };
        let usual = match encryption {
            Encryption::Always => 465,
            Encryption::Required => 587,
            _ => 25,
        };
        Ok(Server { host, port: url.port().unwrap_or(usual), encryption, credentials })
    }

    /// A connection over which a letter can be handed on.
    ///
    /// # Errors
    /// What the server or the network said.
    pub(super) fn connect(&self) -> Result<SmtpConnection, Error> {
        let name = ClientId::default();
        let parameters = match self.encryption {
            Encryption::Never => None,
            _ => Some(TlsParameters::new(self.host.clone())?),
        };
        let at_once = parameters.as_ref().filter(|_| self.encryption == Encryption::Always);
        let place = (self.host.as_str(), self.port);
        let mut connection = SmtpConnection::connect(place, Some(PATIENCE), &name, at_once, None)?;
        if let Some(parameters) = &parameters
            && (self.encryption == Encryption::Required || connection.can_starttls())
        {
            connection.starttls(parameters, &name)?;
        }
        if let Some(credentials) = &self.credentials {
            connection.auth(DEFAULT_MECHANISMS, credentials)?;
        }
        Ok(connection)
    }

    /// Hands a letter on.
    ///
    /// # Errors
    /// [`Unsent`]: for good only what the server says of the address or the letter. A server that doesn't take anything from us, or
    /// not now, is one whose operator has to do something, and the letter waits for that.
    pub(super) fn deliver(&self, message: &Message) -> Result<(), Unsent> {
        let mut connection = self.connect().map_err(for_now)?;
        let handed_on = hand_on(&mut connection, message);
        match &handed_on {
            // It has the letter; how it says goodbye doesn't matter.
            Ok(()) => drop(connection.quit()),
            Err(_) => connection.abort(),
        }
        handed_on
    }
}

fn hand_on(connection: &mut SmtpConnection, message: &Message) -> Result<(), Unsent> {
    let envelope = message.envelope();
    connection.command(Mail::new(envelope.from().cloned(), vec![])).map_err(for_now)?;
    for address in envelope.to() {
        connection.command(Rcpt::new(address.clone(), vec![])).map_err(judged)?;
    }
    connection.command(Data).map_err(for_now)?;
    connection.message(&message.formatted()).map_err(judged)?;
    Ok(())
}

fn for_now(error: Error) -> Unsent {
    Unsent::ForNow(error.to_string())
}

fn judged(error: Error) -> Unsent {
    let code = error.status().map(|code| code.to_string()).unwrap_or_default();
    if error.is_permanent() && !OF_THE_ACCOUNT.contains(&code.as_str()) {
        return Unsent::ForGood(error.to_string());
    }
    for_now(error)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> (String, Encryption, bool) {
        let server = Server::parse(text).expect("an address");
        (server.to_string(), server.encryption, server.credentials.is_some())
    }

    #[test]
    fn addresses_of_servers() {
        let of = |place: &str, encryption, signs_in| (place.to_owned(), encryption, signs_in);
        assert_eq!(read("smtp://mail.example.com"), of("mail.example.com:25", Encryption::Offered, false));
        assert_eq!(read("smtp://127.0.0.1:2525"), of("127.0.0.1:2525", Encryption::Offered, false));
        assert_eq!(
            read("smtp://crm%40example.com:p%C3%A4ss@mail.example.com"),
            of("mail.example.com:587", Encryption::Required, true)
        );
        assert_eq!(
            read("smtps://u:p@mail.example.com"),
            of("mail.example.com:465", Encryption::Always, true)
        );
        assert_eq!(
            read("smtp://u:p@mail.example.com:25?tls=none"),
            of("mail.example.com:25", Encryption::Never, true)
        );
        assert_eq!(
            read("smtp://mail.example.com?tls=required"),
            of("mail.example.com:587", Encryption::Required, false)
        );
        for wrong in [
            "mail.example.com",
            "http://mail.example.com",
            "smtp://",
            "smtp://h?tls=maybe",
            "smtps://h?tls=none",
            "smtp://u:%FF@h",
        ] {
            assert!(Server::parse(wrong).is_err(), "{wrong}");
        }
    }
}
