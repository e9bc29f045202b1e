//! HTTP/1.1 as far as this service needs it (RFC 9112): bytes to a [`Request`], a
//! [`Response`] to bytes.
//!
//! The parser is strict where leniency has led to request smuggling: bare line feeds,
//! folded fields, blanks before a colon and a missing or doubled `Host` are refused.

/// The longest request line, and the longest head (request line and fields) accepted.
pub const MAX_LINE: usize = 4096;
/// See [`MAX_LINE`].
pub const MAX_HEAD: usize = 8192;
const MAX_FIELDS: usize = 64;

/// The method, as far as the service tells them apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    /// GET
    Get,
    /// HEAD: like GET, but the content stays away
    Head,
    /// A method of RFC 9110 or RFC 5789 that no resource here supports.
    Other,
    /// A word that may be a method of something we do not know.
    Unknown,
}

/// A request whose head was received completely and makes sense.
#[derive(Debug, PartialEq, Eq)]
pub struct Request<'a> {
    /// What to do.
    pub method: Method,
    /// The path alone, without the query.
    pub path: &'a str,
    /// The request line, for the log.
    pub line: &'a str,
    /// Whether another request may follow on the connection.
    pub keep_alive: bool,
}

/// A response without its connection-related fields.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Response {
    /// The status code; its reason phrase is derived.
    pub status: u16,
    /// The content, always plain text.
    pub body: &'static str,
    /// Whether to say which methods are allowed.
    pub allow: bool,
}

impl Response {
    /// A response that carries the content of a resource.
    pub const fn ok(body: &'static str) -> Self {
        Self { status: 200, body, allow: false }
    }

    /// A response that says why there is no other.
    pub const fn error(status: u16, body: &'static str) -> Self {
        Self { status, body, allow: status == 405 }
    }

    /// The response as it goes over the wire.
    pub fn bytes(&self, date: &str, head_only: bool, keep_alive: bool) -> Vec<u8> {
        let allow = if self.allow { "Allow: GET, HEAD\r\n" } else { "" };
        let connection = if keep_alive { "keep-alive" } else { "close" };
        let body = if head_only { "" } else { self.body };
        format!(
            "HTTP/1.1 {} {}\r\nDate: {date}\r\nContent-Type: text/plain; charset=utf-8\r\n\
             Content-Length: {}\r\n{allow}Connection: {connection}\r\n\r\n{body}",
            self.status,
            reason(self.status),
            self.body.len(),
        )
        .into_bytes()
    }
}

fn reason(status: u16) -> &'static str {
    match status {
        200 => "OK",
        400 => "Bad Request",
        404 => "Not Found",
        405 => "Method Not Allowed",
        408 => "Request Timeout",
        414 => "URI Too Long",
        431 => "Request Header Fields Too Large",
        501 => "Not Implemented",
        503 => "Service Unavailable",
        505 => "HTTP Version Not Supported",
        _ => "",
    }
}

const LINE_TOO_LONG: Response = Response::error(414, "the request line is too long\n");
const HEAD_TOO_LARGE: Response = Response::error(431, "the request head is too large\n");
const BAD_VERSION: Response = Response::error(505, "only HTTP/1.0 and HTTP/1.1 are spoken here\n");

fn bad(why: &'static str) -> Response {
    Response::error(400, why)
}

/// Finds the length of the head at the start of `bytes`, its final empty line included.
///
/// `Ok(None)` asks for more bytes; an error is the response to a head that is over the limits.
pub fn head_length(bytes: &[u8]) -> Result<Option<usize>, Response> {
    let within = &bytes[..bytes.len().min(MAX_HEAD)];
    if let Some(at) = within.windows(4).position(|window| window == b"\r\n\r\n") {
        return Ok(Some(at + 4));
    }
    if !within.iter().take(MAX_LINE).any(|&byte| byte == b'\n') && within.len() >= MAX_LINE {
        return Err(LINE_TOO_LONG);
    }
    if bytes.len() >= MAX_HEAD {
        return Err(HEAD_TOO_LARGE);
    }
    Ok(None)
}

/// Parses a complete head as measured by [`head_length`].
pub fn parse(head: &[u8]) -> Result<Request<'_>, Response> {
    let text = std::str::from_utf8(head).map_err(|_| bad("the request head is not text\n"))?;
    let text = text.strip_suffix("\r\n\r\n").unwrap_or(text);
    let mut lines = text.split("\r\n");
    let line = lines.next().unwrap_or_default();
    if line.len() > MAX_LINE {
        return Err(LINE_TOO_LONG);
    }
    let (method, path, newer) = request_line(line)?;
    let fields = Fields::read(lines)?;
    if newer && fields.hosts != 1 || fields.hosts > 1 {
        return Err(bad("exactly one Host field is needed\n"));
    }
    // The content of a request is never read, so nothing can follow a request that has one.
    let keep_alive = !fields.body && !fields.close && (newer || fields.keep_alive);
    Ok(Request { method, path, line, keep_alive })
}

/// Splits a request line into method, path and whether the version is 1.1.
fn request_line(line: &str) -> Result<(Method, &str, bool), Response> {
    let mut words = line.split(' ');
    let (Some(method), Some(target), Some(version), None) = (words.next(), words.next(), words.next(), words.next())
    else {
        return Err(bad("a request line has a method, a target and a version\n"));
    };
    let newer = match version.strip_prefix("HTTP/").map(str::as_bytes) {
        Some(b"1.0") => false,
        Some([b'1', b'.', minor]) if minor.is_ascii_digit() => true,
        Some([major, b'.', minor]) if major.is_ascii_digit() && minor.is_ascii_digit() => return Err(BAD_VERSION),
        _ => return Err(bad("the request line does not end with an HTTP version\n")),
    };
    let method = match method {
        "GET" => Method::Get,
        "HEAD" => Method::Head,
        "POST" | "PUT" | "DELETE" | "PATCH" | "OPTIONS" | "TRACE" | "CONNECT" => Method::Other,
        word if is_token(word) => Method::Unknown,
        _ => return Err(bad("the method is not a word\n")),
    };
    Ok((method, path(target)?, newer))
}

/// The path of a request target in origin form (`/a?b`) or absolute form (`http://host/a?b`).
/// Other forms (`*`, `host:port`) have no resource here, and are their own path.
fn path(target: &str) -> Result<&str, Response> {
    if target.is_empty() || !target.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(bad("the request target holds a character that must be encoded\n"));
    }
    let rest = match target.get(..7) {
        Some(scheme) if scheme.eq_ignore_ascii_case("http://") => {
            let rest = &target[7..];
            rest.find(['/', '?']).map_or("/", |at| &rest[at..])
        }
        _ => target,
    };
    let path = rest.split('?').next().unwrap_or_default();
    Ok(if path.is_empty() { "/" } else { path })
}

/// What the header fields say, as far as it matters here.
#[derive(Default)]
struct Fields {
    hosts: usize,
    close: bool,
    keep_alive: bool,
    body: bool,
}

impl Fields {
    fn read<'a>(lines: impl Iterator<Item = &'a str>) -> Result<Self, Response> {
        let mut fields = Self::default();
        for (index, line) in lines.enumerate() {
            if index >= MAX_FIELDS {
                return Err(HEAD_TOO_LARGE);
            }
            let (name, value) = line.split_once(':').ok_or(bad("a field has no colon\n"))?;
            if !is_token(name) {
                return Err(bad("the name of a field is not a word\n"));
            }
            if value.bytes().any(|byte| byte.is_ascii_control() && byte != b'\t') {
                return Err(bad("a field holds a control character\n"));
            }
            fields.note(name, value.trim_matches([' ', '\t']))?;
        }
        Ok(fields)
    }

    fn note(&mut self, name: &str, value: &str) -> Result<(), Response> {
        if name.eq_ignore_ascii_case("host") {
            self.hosts += 1;
        } else if name.eq_ignore_ascii_case("connection") {
            for option in value.split(',').map(str::trim) {
                self.close |= option.eq_ignore_ascii_case("close");
                self.keep_alive |= option.eq_ignore_ascii_case("keep-alive");
            }
        } else if name.eq_ignore_ascii_case("transfer-encoding") {
            self.body = true;
        } else if name.eq_ignore_ascii_case("content-length") {
            if value.is_empty() || !value.bytes().all(|byte| byte.is_ascii_digit()) {
                return Err(bad("Content-Length is not a number\n"));
            }
            self.body |= value.bytes().any(|byte| byte != b'0');
        }
        Ok(())
    }
}

/// Whether a word is a `token` of RFC 9110.
fn is_token(word: &str) -> bool {
    !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte))
}

#[cfg(test)]
#[path = "http_tests.rs"]
mod tests;
