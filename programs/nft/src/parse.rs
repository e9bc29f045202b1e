//! From tokens to the syntax tree. GRAMMAR.md has the whole grammar; each function quotes its rule.
//!
//! After a mistake the parser continues at the next statement, so that one run reports all mistakes of a file.

mod rule;
mod statement;
mod table;
mod term;

use std::collections::BTreeMap;

use base::findings::{Finding, Findings, Source, Span};

use crate::ast::{File, Placed, PlacedTerm};
use crate::lex::{self, Token};

/// The largest ruleset, in bytes.
pub const MAX_FILE: usize = 8 << 20;
/// The largest number of values that uses of definitions may insert into a file.
const MAX_INSERTED: usize = 1 << 20;
/// The longest time, in milliseconds. The kernel counts in ticks, in 32 bits at places.
const MAX_MILLISECONDS: u64 = u32::MAX as u64 * 100;
/// The deepest nesting of braces and parentheses.
const MAX_DEPTH: usize = 12;

type Result<T> = std::result::Result<T, Finding>;

/// Parses a file.
pub fn parse(source: Source<'_>) -> std::result::Result<File, Findings> {
    if source.text.len() > MAX_FILE {
        let what = format!("the file has {} bytes, more than {MAX_FILE}", source.text.len());
        return Err(Finding::new(Span::default(), what, "large sets are best added by a program").into());
    }
    let mut parser = Parser {
        tokens: lex::tokens(source.text)?,
        at: 0,
        depth: 0,
        defined: BTreeMap::new(),
        inserted: 0,
        wrong: Findings::default(),
    };
    let file = parser.file();
    if parser.wrong.is_empty() { Ok(file) } else { Err(parser.wrong) }
}

struct Parser {
    tokens: Vec<(Token, Span)>,
    at: usize,
    depth: usize,
    /// The definitions so far.
    defined: BTreeMap<String, PlacedTerm>,
    /// Values inserted by uses of definitions so far: definitions of definitions grow exponentially.
    inserted: usize,
    wrong: Findings,
}

impl Parser {
    fn peek(&self) -> &Token {
        self.tokens.get(self.at).map_or(&Token::End, |(token, _)| token)
    }

    /// The token after the next.
    fn peek_second(&self) -> &Token {
        self.tokens.get(self.at + 1).map_or(&Token::End, |(token, _)| token)
    }

    /// Where the next token is.
    fn here(&self) -> Span {
        self.tokens.get(self.at).or(self.tokens.last()).map_or(Span::default(), |(_, at)| *at)
    }

    /// Where the last token was.
    fn before(&self) -> Span {
        let last = self.at.checked_sub(1).and_then(|at| self.tokens.get(at));
        last.map_or(Span::default(), |(_, at)| *at)
    }

    fn next(&mut self) -> (Token, Span) {
        let next = (self.peek().clone(), self.here());
        if next.0 != Token::End {
            self.at += 1;
        }
        next
    }

    /// Reports the next token, and what the grammar expects.
    fn unexpected<T>(&self, where_: &str, wanted: &str) -> Result<T> {
        let what = format!("unexpected {} {where_}", self.peek().name());
        Err(Finding::new(self.here(), what, format!("expected: {wanted}")))
    }

    fn is_sign(&self, sign: &str) -> bool {
        matches!(self.peek(), Token::Sign(found) if *found == sign)
    }

    /// Consumes a sign if it is next.
    fn take_sign(&mut self, sign: &str) -> bool {
        let found = self.is_sign(sign);
        self.at += usize::from(found);
        found
    }

    fn sign(&mut self, sign: &'static str, where_: &str) -> Result<()> {
        match self.take_sign(sign) {
            true => Ok(()),
            false => self.unexpected(where_, &format!("`{sign}`")),
        }
    }

    fn is_word(&self, word: &str) -> bool {
        matches!(self.peek(), Token::Word(found) if found == word)
    }

    /// Consumes a word if it is next.
    fn take_word(&mut self, word: &str) -> bool {
        let found = self.is_word(word);
        self.at += usize::from(found);
        found
    }

    /// Any word.
    fn word(&mut self, where_: &str, wanted: &str) -> Result<Placed<String>> {
        match self.peek().clone() {
            Token::Word(it) => Ok(Placed { it, at: self.next().1 }),
            _ => self.unexpected(where_, wanted),
        }
    }

    /// A name for a table, chain, set or definition.
    fn name(&mut self, where_: &str) -> Result<Placed<String>> {
        let name = self.word(where_, "a name")?;
        // The kernel's limit is 256 bytes, the final zero byte included.
        if name.it.len() > 250 || name.it.ends_with('*') {
            let remedy = "a name has at most 250 letters, digits and signs out of `_-.\\`, and begins with a letter";
            return Err(Finding::new(name.at, "this cannot be a name", remedy));
        }
        Ok(name)
    }

    fn number(&mut self, where_: &str) -> Result<Placed<u64>> {
        match *self.peek() {
            Token::Number(it) => Ok(Placed { it, at: self.next().1 }),
            _ => self.unexpected(where_, "a number"),
        }
    }

    /// A number up to `most`.
    fn limited(&mut self, where_: &str, most: u64) -> Result<u64> {
        let number = self.number(where_)?;
        if number.it > most {
            return Err(Finding::new(
                number.at,
                format!("{} is too large {where_}", number.it),
                format!("at most {most}"),
            ));
        }
        Ok(number.it)
    }

    /// A time, in milliseconds; a bare number counts seconds.
    fn duration(&mut self, where_: &str) -> Result<u64> {
        let at = self.here();
        let ms = match *self.peek() {
            Token::Duration(ms) => Some(ms),
            Token::Number(seconds) => seconds.checked_mul(1000),
            _ => return self.unexpected(where_, "a time like 1d2h3m4s"),
        };
        self.next();
        let limited = ms.filter(|ms| *ms <= MAX_MILLISECONDS);
        let most = format!("at most {}d", MAX_MILLISECONDS / 86_400_000);
        limited.ok_or_else(|| Finding::new(at, "this time is too long", most))
    }

    /// Quoted text, or a word.
    fn text(&mut self, where_: &str, most: usize) -> Result<String> {
        let at = self.here();
        let text = match self.peek().clone() {
            Token::Text(text) | Token::Word(text) => text,
            _ => return self.unexpected(where_, "quoted text"),
        };
        self.next();
        if text.len() > most {
            let what = format!("{} bytes are too many {where_}", text.len());
            return Err(Finding::new(at, what, format!("at most {most}")));
        }
        Ok(text)
    }

    /// Whether a statement ends here.
    fn at_end_of_statement(&self) -> bool {
        matches!(self.peek(), Token::Newline | Token::End | Token::Sign(";" | "}"))
    }

    /// The end of a statement: a line's end, a semicolon, or what closes the block.
    fn end_of_statement(&mut self, where_: &str) -> Result<()> {
        match self.peek() {
            Token::Newline | Token::Sign(";") => {
                self.next();
                Ok(())
            }
            Token::Sign("}") | Token::End => Ok(()),
            _ => self.unexpected(where_, "the end of the line, or `;`"),
        }
    }

    fn skip_newlines(&mut self) {
        while *self.peek() == Token::Newline {
            self.at += 1;
        }
    }

    /// Skips the rest of a statement with a mistake, including all blocks and sets that it opens. They are counted from
    /// `start`, because the mistake can be inside one.
    fn recover(&mut self, start: usize) {
        let read = self.tokens.get(start..self.at).unwrap_or_default();
        let mut open = read.iter().fold(0usize, |open, (token, _)| match token {
            Token::Sign("{") => open + 1,
            Token::Sign("}") => open.saturating_sub(1),
            _ => open,
        });
        loop {
            match self.peek() {
                Token::End => return,
                Token::Sign("{") => open += 1,
                Token::Sign("}") if open == 0 => return,
                Token::Sign("}") => open -= 1,
                Token::Newline | Token::Sign(";") if open == 0 => return,
                _ => {}
            }
            self.at += 1;
        }
    }

    /// `{ one; one }`: a whole block. Keeps mistakes and continues after them.
    fn block(&mut self, where_: &str, mut one: impl FnMut(&mut Self) -> Result<()>) -> Result<()> {
        let opened = self.here();
        self.sign("{", where_)?;
        self.deeper(|parser| {
            loop {
                match parser.peek() {
                    Token::Newline | Token::Sign(";") => parser.at += 1,
                    Token::Sign("}") => {
                        parser.at += 1;
                        return Ok(());
                    }
                    Token::End => {
                        return Err(Finding::new(opened, "this `{` is not closed", "close the block with `}`"));
                    }
                    _ => {
                        let start = parser.at;
                        if let Err(finding) = one(parser) {
                            parser.wrong.push(finding);
                            parser.at = parser.at.max(start);
                            parser.recover(start);
                        }
                    }
                }
            }
        })
    }

    /// Counts the nesting depth.
    fn deeper<T>(&mut self, inside: impl FnOnce(&mut Self) -> Result<T>) -> Result<T> {
        if self.depth == MAX_DEPTH {
            let what = format!("blocks are nested more than {MAX_DEPTH} deep here");
            return Err(Finding::new(self.here(), what, "reduce the nesting"));
        }
        self.depth += 1;
        let result = inside(self);
        self.depth -= 1;
        result
    }
}

#[cfg(test)]
mod tests;
