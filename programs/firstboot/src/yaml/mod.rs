//! The part of YAML that configuration documents use, read strictly: block mappings and lists, lists of scalars in
//! brackets, plain and quoted scalars of one line, `|` and `>` blocks.
//!
//! Everything else is refused with its line, never guessed at: anchors, tags, mappings in braces, keys that stand twice,
//! tabs, several documents, scalars that go on in the next line. A scalar is text; what a number or a truth is, its reader
//! decides. The reader takes bytes from an untrusted medium: sizes and depth are bounded and nothing panics.
//!
//! * [`lines`]: the text as lines with their indentation.
//! * [`scalar`]: what stands on one line.
//! * [`block`]: mappings, lists, text blocks.

mod block;
mod lines;
mod scalar;
#[cfg(test)]
mod tests;

/// The largest document.
pub const MAX_BYTES: usize = 256 * 1024;
/// The deepest nesting.
const MAX_DEPTH: usize = 16;

/// A value and the line it begins on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Node {
    /// From 1.
    pub line: usize,
    /// Its value.
    pub value: Value,
}

/// A value as written, not interpreted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    /// Nothing, `~` or `null`.
    Null,
    /// Text.
    Scalar(String),
    /// A list.
    List(Vec<Node>),
    /// A mapping, in the order of the document, without duplicate keys.
    Map(Vec<Entry>),
}

/// A key with its value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Line of the key.
    pub line: usize,
    /// The key.
    pub key: String,
    /// Its value.
    pub node: Node,
}

/// Why a text is not a document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Broken {
    /// From 1; 0 speaks of the whole document.
    pub line: usize,
    /// The mistake, and what to write instead.
    pub message: String,
}

impl Broken {
    fn at(line: usize, message: impl Into<String>) -> Self {
        Self { line, message: message.into() }
    }
}

/// Reads a document.
///
/// # Errors
/// The first mistake.
pub fn read(bytes: &[u8]) -> Result<Node, Broken> {
    if bytes.len() > MAX_BYTES {
        return Err(Broken::at(0, format!("the document has more than {} KiB", MAX_BYTES / 1024)));
    }
    let text = std::str::from_utf8(bytes).map_err(|error| {
        let before = bytes.get(..error.valid_up_to()).unwrap_or_default();
        Broken::at(1 + before.iter().filter(|byte| **byte == b'\n').count(), "this is not UTF-8 text")
    })?;
    block::Reader::new(lines::split(text)?).document()
}
