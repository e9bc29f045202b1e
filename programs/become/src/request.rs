//! A request as bytes: only what the client must say itself.

use std::io;

/// The service's socket.
pub const SOCKET: &str = "/run/become.sock";
/// The largest request.
pub const MAX_BYTES: usize = 128 * 1024;
/// Signals that a caller passes on, as one byte each behind its request.
pub const PASSED_ON: [i32; 7] =
    [sys::SIGHUP, sys::SIGINT, sys::SIGQUIT, sys::SIGTERM, sys::SIGUSR1, sys::SIGUSR2, sys::SIGWINCH];

/// A request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// The caller's directory.
    pub directory: String,
    /// The type of the caller's terminal.
    pub terminal: String,
    /// Program and arguments.
    pub words: Vec<String>,
}

impl Request {
    /// Encodes it: strings, each followed by NUL.
    pub fn to_bytes(&self) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        for text in [&self.directory, &self.terminal].into_iter().chain(&self.words) {
            if text.contains('\0') {
                return Err(io::Error::other("an argument contains a NUL"));
            }
            bytes.extend_from_slice(text.as_bytes());
            bytes.push(0);
        }
        if bytes.len() > MAX_BYTES {
            return Err(io::Error::other("the command line is too long"));
        }
        Ok(bytes)
    }

    /// Decodes it. A terminal type with unusual characters becomes `dumb`.
    pub fn from_bytes(bytes: &[u8]) -> io::Result<Self> {
        let text = std::str::from_utf8(bytes).map_err(|_| io::Error::other("the words are not UTF-8"))?;
        let text = text.strip_suffix('\0').ok_or_else(|| io::Error::other("the request is cut off"))?;
        let mut texts = text.split('\0').map(str::to_owned);
        let (Some(directory), Some(terminal)) = (texts.next(), texts.next()) else {
            return Err(io::Error::other("the request is incomplete"));
        };
        let words: Vec<_> = texts.collect();
        if words.first().is_none_or(String::is_empty) {
            return Err(io::Error::other("no command given"));
        }
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'+' | b'.' | b'_');
        let good = (1..=40).contains(&terminal.len()) && terminal.bytes().all(plain);
        Ok(Self { directory, terminal: if good { terminal } else { "dumb".to_owned() }, words })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(words: &[&str]) -> Request {
        let words = words.iter().map(|&word| word.to_owned()).collect();
        Request { directory: "/home/anna".to_owned(), terminal: "xterm-256color".to_owned(), words }
    }

    #[test]
    fn there_and_back() {
        for words in [["id"].as_slice(), &["sh", "-c", "echo 'ä'\n", ""]] {
            let request = request(words);
            assert_eq!(Request::from_bytes(&request.to_bytes().unwrap()).unwrap(), request);
        }
    }

    #[test]
    fn what_is_refused() {
        let cases: &[(&[u8], &str)] = &[
            (b"", "the request is cut off"),
            (b"/\0xterm\0id", "the request is cut off"),
            (b"/\0", "the request is incomplete"),
            (b"/\0xterm\0", "no command given"),
            (b"/\0xterm\0\0", "no command given"),
            (b"/\0xterm\0\xff\0", "the words are not UTF-8"),
        ];
        for (bytes, message) in cases {
            assert_eq!(Request::from_bytes(bytes).unwrap_err().to_string(), *message, "{bytes:?}");
        }
        assert_eq!(Request::from_bytes(b"/\0../x\ny\0id\0").unwrap().terminal, "dumb");
        assert!(request(&["a\0b"]).to_bytes().is_err());
        assert!(request(&[&"a".repeat(MAX_BYTES)]).to_bytes().is_err());
    }

    #[test]
    fn no_bytes_make_the_reader_panic() {
        testkit::fuzz::repeat(1, b"\0a/", |random| {
            if let Ok(request) = Request::from_bytes(&random.bytes(40)) {
                assert!(!request.words[0].is_empty());
            }
        });
    }
}
