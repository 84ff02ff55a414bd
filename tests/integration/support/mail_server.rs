//! A mail server that behaves as told.

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use base64::Engine;
use base64::prelude::BASE64_STANDARD;

/// What it does with a letter.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Postman {
    /// Takes it.
    Takes,
    /// Says this to the recipient.
    RefusesRecipient(u16),
    /// Says this to the sender.
    RefusesSender(u16),
    /// Is there and says nothing: it closes the connection.
    Away,
    /// Takes it, and closes the connection before it says so.
    LosesTheLastWord,
}

/// A letter that came in.
#[derive(Clone, Debug)]
pub struct Letter {
    /// Whom it is for.
    pub to: String,
    /// Headers and body as they came.
    pub raw: String,
}

impl Letter {
    /// A header, unfolded.
    pub fn header(&self, name: &str) -> String {
        let (headers, _) = self.raw.split_once("\r\n\r\n").expect("headers");
        let unfolded = headers.replace("\r\n ", " ");
        let begin = format!("{name}: ");
        let found: Vec<&str> = unfolded.lines().filter_map(|line| line.strip_prefix(&begin)).collect();
        assert_eq!(found.len(), 1, "{name} in {headers}");
        found[0].to_owned()
    }

    /// The subject as it is read.
    pub fn subject(&self) -> String {
        let words = self.header("Subject");
        words.split(' ').map(|word| decoded(word).unwrap_or_else(|| format!("{word} "))).collect()
    }

    /// The text as it is read.
    pub fn text(&self) -> String {
        let (_, body) = self.raw.split_once("\r\n\r\n").expect("a body");
        let text = match self.header("Content-Transfer-Encoding").as_str() {
            "base64" => {
                let bytes = BASE64_STANDARD.decode(body.replace("\r\n", "")).expect("base64");
                String::from_utf8(bytes).expect("UTF-8")
            }
            "7bit" => body.to_owned(),
            other => panic!("{other}: {body}"),
        };
        text.trim_end().replace("\r\n", "\n")
    }
}

fn decoded(word: &str) -> Option<String> {
    let coded = word.strip_prefix("=?utf-8?b?")?.strip_suffix("?=")?;
    String::from_utf8(BASE64_STANDARD.decode(coded).ok()?).ok()
}

/// A mail server on this machine.
pub struct MailServer {
    /// Where it is.
    pub url: String,
    received: Arc<Mutex<Vec<Letter>>>,
    manner: Arc<Mutex<Postman>>,
    connections: Arc<Mutex<usize>>,
}

impl MailServer {
    /// One that behaves like this.
    pub fn start(manner: Postman) -> MailServer {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let url = format!("smtp://{}", listener.local_addr().expect("an address"));
        let server = MailServer {
            url,
            received: Arc::default(),
            manner: Arc::new(Mutex::new(manner)),
            connections: Arc::default(),
        };
        let (into, how, count) = (server.received.clone(), server.manner.clone(), server.connections.clone());
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                *count.lock().unwrap() += 1;
                let (into, how) = (into.clone(), how.clone());
                std::thread::spawn(move || serve(stream, &into, &how));
            }
        });
        server
    }

    /// From now on it behaves like this.
    pub fn be(&self, manner: Postman) {
        *self.manner.lock().unwrap() = manner;
    }

    /// Everything that came in.
    pub fn received(&self) -> Vec<Letter> {
        self.received.lock().unwrap().clone()
    }

    /// How often somebody came.
    pub fn connections(&self) -> usize {
        *self.connections.lock().unwrap()
    }
}

fn serve(stream: TcpStream, into: &Mutex<Vec<Letter>>, how: &Mutex<Postman>) -> Option<()> {
    let manner = *how.lock().unwrap();
    if manner == Postman::Away {
        return None;
    }
    let mut reader = BufReader::new(stream.try_clone().ok()?);
    let mut stream = stream;
    let mut say = |text: &str| stream.write_all(format!("{text}\r\n").as_bytes()).ok();
    say("220 mail.example.com ESMTP")?;
    let mut to = String::new();
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).ok()? == 0 {
            return None;
        }
        let word = line.split([' ', '\r']).next().unwrap_or_default().to_ascii_uppercase();
        match (word.as_str(), manner) {
            ("EHLO", _) => say("250-mail.example.com\r\n250-AUTH PLAIN\r\n250 8BITMIME")?,
            ("AUTH", _) => {
                let code = line.trim_end().rsplit(' ').next().unwrap_or_default();
                let is_right = BASE64_STANDARD.decode(code).is_ok_and(|code| code == b"\0crm\0open sesame");
                say(if is_right { "235 welcome" } else { "535 who are you?" })?;
            }
            ("MAIL", Postman::RefusesSender(code)) => say(&format!("{code} not from you"))?,
            ("RCPT", Postman::RefusesRecipient(code)) => say(&format!("{code} not to this one"))?,
            ("MAIL" | "RSET" | "NOOP", _) => say("250 fine")?,
            ("RCPT", _) => {
                to = line.split(['<', '>']).nth(1)?.to_owned();
                say("250 fine")?;
            }
            ("DATA", _) => {
                say("354 go on")?;
                let raw = read_letter(&mut reader)?;
                into.lock().unwrap().push(Letter { to: to.clone(), raw });
                if manner == Postman::LosesTheLastWord {
                    return None;
                }
                say("250 taken")?;
            }
            ("QUIT", _) => return say("221 bye"),
            _ => say("502 what?")?,
        }
    }
}

fn read_letter(reader: &mut impl BufRead) -> Option<String> {
    let mut raw = String::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok()?;
        if line == ".\r\n" {
            return Some(raw);
        }
        raw.push_str(line.strip_prefix("..").map_or(line.as_str(), |_| &line[1..]));
    }
}
