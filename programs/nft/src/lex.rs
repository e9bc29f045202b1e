//! The tokens of the language. The grammar decides what a word means.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use base::findings::{Finding, Findings, Span};

/// One word or sign.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Token {
    /// Unquoted: keywords, names, symbols; can end in `*`.
    Word(String),
    /// Quoted.
    Text(String),
    Number(u64),
    /// Milliseconds.
    Duration(u64),
    Address(IpAddr),
    Mac([u8; 6]),
    Sign(&'static str),
    Newline,
    End,
}

impl Token {
    /// Its name in a finding.
    pub fn name(&self) -> String {
        match self {
            Token::Word(word) => format!("`{word}`"),
            Token::Text(text) => format!("`\"{text}\"`"),
            Token::Number(number) => format!("`{number}`"),
            Token::Duration(ms) => format!("a time of {ms} ms"),
            Token::Address(address) => format!("`{address}`"),
            Token::Mac(_) => "a hardware address".to_owned(),
            Token::Sign(sign) => format!("`{sign}`"),
            Token::Newline => "end of line".to_owned(),
            Token::End => "end of file".to_owned(),
        }
    }
}

/// Longer signs come first.
const SIGNS: [&str; 24] = [
    "==", "!=", "<=", ">=", "<<", ">>", "{", "}", "(", ")", "[", "]", ",", ";", ":", "/", "-", "=", "<", ">", "&", "|",
    "^", "!",
];
const MORE_SIGNS: [&str; 5] = [".", "@", "$", "*", "+"];

/// All tokens; the last is always [`Token::End`].
pub fn tokens(text: &str) -> Result<Vec<(Token, Span)>, Findings> {
    let mut reader = Reader { text, at: 0, found: Vec::new(), wrong: Findings::default() };
    while reader.at < text.len() {
        let from = reader.at;
        match reader.one() {
            Ok(Some(token)) => reader.found.push((token, Span { from, to: reader.at })),
            Ok(None) => {}
            Err((what, remedy)) => {
                // Skip it, so that lexing ends.
                let next = text[from..].chars().next().map_or(1, char::len_utf8);
                reader.at = reader.at.max(from + next);
                reader.wrong.push(Finding::new(Span { from, to: reader.at }, what, remedy));
            }
        }
    }
    reader.found.push((Token::End, Span { from: text.len(), to: text.len() }));
    if reader.wrong.is_empty() { Ok(reader.found) } else { Err(reader.wrong) }
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
    found: Vec<(Token, Span)>,
    wrong: Findings,
}

type Wrong = (String, &'static str);

impl<'a> Reader<'a> {
    fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    /// The longest prefix of the rest whose characters are all `wanted`.
    fn run(&self, wanted: impl Fn(char) -> bool) -> &'a str {
        let rest = self.rest();
        &rest[..rest.find(|c| !wanted(c)).unwrap_or(rest.len())]
    }

    /// The same, limited to the length of the longest thing that is looked for. Without the limit, each word of a
    /// file-long run would read the run to its end again.
    fn short_run(&self, wanted: impl Fn(char) -> bool) -> &'a str {
        const MAX_BYTES: usize = 64;
        let rest = self.rest();
        let end = rest.char_indices().find(|(at, c)| *at >= MAX_BYTES || !wanted(*c)).map_or(rest.len(), |(at, _)| at);
        &rest[..end]
    }

    fn one(&mut self) -> Result<Option<Token>, Wrong> {
        let rest = self.rest();
        let first = rest.chars().next().unwrap_or(' ');
        match first {
            '\n' => {
                self.at += 1;
                Ok(Some(Token::Newline))
            }
            ' ' | '\t' | '\r' => {
                self.at += 1;
                Ok(None)
            }
            '\\' if rest.starts_with("\\\n") => {
                self.at += 2;
                Ok(None)
            }
            '#' => {
                self.at += self.run(|c| c != '\n').len();
                Ok(None)
            }
            '"' => self.quoted().map(Some),
            _ => self.literal_or_word(first).map(Some),
        }
    }

    fn quoted(&mut self) -> Result<Token, Wrong> {
        let inside = &self.rest()[1..];
        let end = inside.find(['"', '\n']).filter(|end| inside[*end..].starts_with('"'));
        let Some(end) = end else {
            self.at += self.run(|c| c != '\n').len();
            return Err(("this quoted text does not end on its line".to_owned(), "put a `\"` at its end"));
        };
        self.at += end + 2;
        let text = &inside[..end];
        if text.chars().any(char::is_control) {
            return Err(("control characters in a quotation".to_owned(), "leave them out"));
        }
        Ok(Token::Text(text.to_owned()))
    }

    fn literal_or_word(&mut self, first: char) -> Result<Token, Wrong> {
        if let Some((token, length)) = self.address() {
            self.at += length;
            return Ok(token);
        }
        let dotted = self.short_run(|c| c.is_ascii_digit() || c == '.');
        let parts = dotted.split('.').filter(|part| !part.is_empty()).count();
        if parts == 4 && dotted.matches('.').count() == 3 {
            self.at += dotted.len();
            return Err((
                format!("`{dotted}` is not an address"),
                "an IPv4 address is four numbers from 0 to 255, without leading zeros",
            ));
        }
        if first.is_ascii_digit() {
            return self.number();
        }
        if first.is_ascii_alphabetic() || first == '_' {
            let word = self.run(|c| c.is_ascii_alphanumeric() || "_-.\\".contains(c));
            let star = usize::from(self.rest()[word.len()..].starts_with('*'));
            let word = &self.rest()[..word.len() + star];
            self.at += word.len();
            return Ok(Token::Word(word.to_owned()));
        }
        let sign = SIGNS.iter().chain(&MORE_SIGNS).find(|sign| self.rest().starts_with(**sign));
        match sign {
            Some(sign) => {
                self.at += sign.len();
                Ok(Token::Sign(sign))
            }
            None => Err((format!("`{}` has no meaning here", first.escape_default()), "remove it, or quote it")),
        }
    }

    /// An IPv6, IPv4 or hardware address, which can begin like a word or a number.
    fn address(&self) -> Option<(Token, usize)> {
        let run = self.short_run(|c| c.is_ascii_hexdigit() || c == ':' || c == '.');
        if let Some(bytes) = hardware_address(run) {
            return Some((Token::Mac(bytes), run.len()));
        }
        if run.contains("::") || run.matches(':').count() >= 7 {
            // A colon, or the dot of a concatenation, can follow it.
            let shorter = (2..=run.len().min(45)).rev();
            let fits = |length: &usize| run[..*length].parse::<Ipv6Addr>().is_ok();
            if let Some(length) = shorter.into_iter().find(fits) {
                return Some((Token::Address(IpAddr::V6(run[..length].parse().ok()?)), length));
            }
        }
        let run = self.short_run(|c| c.is_ascii_digit() || c == '.');
        let address: Ipv4Addr = run.parse().ok()?;
        Some((Token::Address(IpAddr::V4(address)), run.len()))
    }

    fn number(&mut self) -> Result<Token, Wrong> {
        let run = self.run(|c| c.is_ascii_alphanumeric());
        self.at += run.len();
        let number = match run.strip_prefix("0x") {
            Some(digits) => u64::from_str_radix(digits, 16).ok(),
            None => run.parse().ok(),
        };
        if let Some(number) = number {
            return Ok(Token::Number(number));
        }
        if let Some(ms) = duration(run) {
            return Ok(Token::Duration(ms));
        }
        if run.bytes().all(|byte| byte.is_ascii_digit()) || run.starts_with("0x") {
            return Err((format!("`{run}` is not a number"), "write a number like 22 or 0x16, below 2^64"));
        }
        // Some words begin with a digit, such as 8021q.
        Ok(Token::Word(run.to_owned()))
    }
}

/// Six bytes of two digits each. An IPv6 address can have the same length and as many colons.
fn hardware_address(text: &str) -> Option<[u8; 6]> {
    let byte = |part: &str| u8::from_str_radix(part, 16).ok().filter(|_| part.len() == 2);
    let bytes: Option<Vec<u8>> = text.split(':').map(byte).collect();
    bytes?.try_into().ok()
}

/// `1d2h3m4s5ms` in milliseconds.
fn duration(text: &str) -> Option<u64> {
    let mut rest = text;
    let mut sum = 0u64;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit())?;
        let number: u64 = rest[..digits].parse().ok()?;
        rest = &rest[digits..];
        let unit = rest.find(|c: char| c.is_ascii_digit()).unwrap_or(rest.len());
        let factor = match &rest[..unit] {
            "w" => 7 * 86_400_000,
            "d" => 86_400_000,
            "h" => 3_600_000,
            "m" => 60_000,
            "s" => 1000,
            "ms" => 1,
            _ => return None,
        };
        rest = &rest[unit..];
        sum = sum.checked_add(number.checked_mul(factor)?)?;
    }
    Some(sum)
}
