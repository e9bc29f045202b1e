//! The part of YAML that configuration documents use, read strictly: block mappings and lists, lists of scalars in
//! brackets, plain and quoted scalars of one line, `|` and `>` blocks.
//!
//! Everything else is refused with its line, never guessed at: anchors, tags, mappings in braces, keys that stand twice,
//! tabs, several documents, scalars that go on in the next line. A scalar is text; what a number or a truth is, its reader
//! decides. The reader takes bytes from an untrusted medium: sizes and depth are bounded and nothing panics.
//!
//! * [`node`]: what is read.
//! * [`lines`]: the text as lines with their indentation.
//! * [`scalar`]: what stands on one line.
//! * [`block`]: mappings, lists, text blocks.

mod block;
mod lines;
mod node;
mod scalar;
#[cfg(test)]
mod tests;

pub use node::{Broken, Entry, Node, Value};

/// The largest document.
pub const MAX_BYTES: usize = 256 * 1024;
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
