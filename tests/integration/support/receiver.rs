//! Somebody who receives webhooks, and behaves as told.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use serde_json::Value;

/// What it does with a request.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Manner {
    /// Answers with a status.
    Answer(u16),
    /// Sends elsewhere, with 302.
    Redirect,
    /// Takes the request and says nothing.
    Hang,
    /// Answers with ten million bytes.
    Huge,
    /// Says that it is going to answer, and goes on saying so.
    Flood,
    /// Closes the connection.
    HangUp,
}

/// What came in.
#[derive(Clone, Debug)]
pub struct Received {
    pub headers: Vec<(String, String)>,
    pub body: String,
}

impl Received {
    /// A header.
    pub fn header(&self, name: &str) -> &str {
        let found = self.headers.iter().find(|(other, _)| other == name);
        found.map_or_else(|| panic!("no {name} in {self:?}"), |(_, value)| value)
    }

    /// The body as JSON.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).expect("JSON")
    }
}

/// A receiver; what it has accepted stays open as long as it lives.
pub struct Receiver {
    pub url: String,
    received: Arc<Mutex<Vec<Received>>>,
    manner: Arc<Mutex<Manner>>,
}

impl Receiver {
    /// One that behaves like this.
    pub fn start(manner: Manner) -> Receiver {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let url = format!("http://{}/hook", listener.local_addr().expect("an address"));
        let (received, manner) = (Arc::new(Mutex::new(Vec::new())), Arc::new(Mutex::new(manner)));
        let (into, how) = (received.clone(), manner.clone());
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (into, how) = (into.clone(), how.clone());
                std::thread::spawn(move || serve(stream, &into, &how));
            }
        });
        Receiver { url, received, manner }
    }

    /// From now on it behaves like this.
    pub fn be(&self, manner: Manner) {
        *self.manner.lock().unwrap() = manner;
    }

    /// Everything that came in.
    pub fn received(&self) -> Vec<Received> {
        self.received.lock().unwrap().clone()
    }
}

fn serve(stream: TcpStream, into: &Mutex<Vec<Received>>, how: &Mutex<Manner>) -> Option<()> {
    let mut reader = BufReader::new(stream.try_clone().ok()?);
    let mut line = String::new();
    reader.read_line(&mut line).ok()?;
    let mut headers = Vec::new();
    loop {
        line.clear();
        reader.read_line(&mut line).ok()?;
        let Some((name, value)) = line.split_once(':') else { break };
        headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
    }
    let length = headers.iter().find(|(name, _)| name == "content-length")?.1.parse().ok()?;
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    let body = String::from_utf8(body).ok()?;
    let manner = *how.lock().unwrap();
    into.lock().unwrap().push(Received { headers, body });
    let mut stream = stream;
    match manner {
        Manner::Answer(status) => {
            write!(stream, "HTTP/1.1 {status} Told\r\ncontent-length: 5\r\nconnection: close\r\n\r\nheard").ok()
        }
        Manner::Redirect => write!(
            stream,
            "HTTP/1.1 302 Elsewhere\r\nlocation: http://127.0.0.1:1/\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
        )
        .ok(),
        Manner::Hang => {
            // Until the other side gives up.
            let _ = stream.read(&mut [0]);
            Some(())
        }
        Manner::Huge => {
            write!(stream, "HTTP/1.1 200 OK\r\ncontent-length: 10000000\r\nconnection: close\r\n\r\n").ok()?;
            let piece = [b'x'; 10_000];
            (0..1000).try_for_each(|_| stream.write_all(&piece)).ok()
        }
        Manner::Flood => loop {
            stream.write_all(b"HTTP/1.1 102 Soon\r\n\r\n").ok()?;
        },
        Manner::HangUp => Some(()),
    }
}
