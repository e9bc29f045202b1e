//! A document: values with their lines, or why a text is none.

/// The deepest nesting.
pub const MAX_DEPTH: usize = 16;

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
    /// At a line.
    pub fn at(line: usize, message: impl Into<String>) -> Self {
        Self { line, message: message.into() }
    }
}
