//! A web server on this machine that serves one file, well or badly.
#![expect(clippy::unwrap_used, reason = "all of this is test code")]

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};

/// How the file is served.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mood {
    /// As it is, in ranges when asked.
    Good,
    /// The first half only, though the whole length is promised; ranges are not understood.
    Half,
    /// Other bytes of the same length.
    Wrong,
}

/// The server; it lives as long as the test's process.
#[derive(Debug, Clone)]
pub struct Server {
    port: u16,
    shared: Arc<Mutex<Shared>>,
}

#[derive(Debug)]
struct Shared {
    mood: Mood,
    /// First byte asked for, of each request.
    asked: Vec<usize>,
}

impl Server {
    /// Serves `file` under every path.
    pub fn start(file: Vec<u8>) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let shared = Arc::new(Mutex::new(Shared { mood: Mood::Good, asked: Vec::new() }));
        let server = Self { port, shared };
        let answering = server.clone();
        std::thread::spawn(move || {
            // A client that goes away early is what some tests provoke.
            listener.incoming().flatten().for_each(|stream| drop(answering.answer(&stream, &file)));
        });
        server
    }

    /// Its base address.
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Changes how it serves from now on.
    pub fn set(&self, mood: Mood) {
        self.with(|shared| shared.mood = mood);
    }

    /// The first bytes that were asked for since the last call, in order.
    pub fn asked(&self) -> Vec<usize> {
        self.with(|shared| std::mem::take(&mut shared.asked))
    }

    fn with<T>(&self, act: impl FnOnce(&mut Shared) -> T) -> T {
        act(&mut self.shared.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn answer(&self, mut stream: &TcpStream, file: &[u8]) -> std::io::Result<()> {
        let from = first_byte(stream)?;
        let mood = self.with(|shared| {
            shared.asked.push(from);
            shared.mood
        });
        let length = file.len();
        let (head, body) = match mood {
            Mood::Good if from > 0 && from < length => {
                let range = format!("206 Partial Content\r\nContent-Range: bytes {from}-{}/{length}", length - 1);
                (range, file[from..].to_vec())
            }
            Mood::Good => ("200 OK".to_owned(), file.to_vec()),
            Mood::Half => ("200 OK".to_owned(), file[..length / 2].to_vec()),
            Mood::Wrong => ("200 OK".to_owned(), file.iter().map(|byte| !byte).collect()),
        };
        let promised = if mood == Mood::Half { length } else { body.len() };
        write!(stream, "HTTP/1.1 {head}\r\nContent-Length: {promised}\r\nConnection: close\r\n\r\n")?;
        stream.write_all(&body)
    }
}

/// Reads a request's head; gives the first byte of its range, or 0.
fn first_byte(stream: &TcpStream) -> std::io::Result<usize> {
    let mut from = 0;
    for line in BufReader::new(stream).lines() {
        let line = line?.to_ascii_lowercase();
        if line.is_empty() {
            break;
        }
        if let Some(range) = line.strip_prefix("range: bytes=") {
            from = range.split('-').next().and_then(|number| number.parse().ok()).unwrap_or(0);
        }
    }
    Ok(from)
}
