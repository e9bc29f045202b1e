//! Reads text and lists from YAML, with a message for anything else.

use crate::finding::Findings;
use crate::types::SshKey;
use crate::yaml::{Node, Value};

/// One text.
pub fn text<'a>(node: &'a Node, key: &str, findings: &mut Findings) -> Option<&'a str> {
    match &node.value {
        Value::Scalar(text) => Some(text),
        Value::Null => {
            findings.refuse(node.line, format!("`{key}` has no value"));
            None
        }
        Value::List(_) | Value::Map(_) => {
            findings.refuse(node.line, format!("`{key}` is one value, not a list and not a mapping"));
            None
        }
    }
}

/// A list of texts; a text alone is a list of one.
pub fn texts<'a>(node: &'a Node, key: &str, findings: &mut Findings) -> Vec<(usize, &'a str)> {
    match &node.value {
        Value::Null => Vec::new(),
        Value::Scalar(text) => vec![(node.line, text.as_str())],
        Value::List(nodes) => nodes.iter().filter_map(|node| Some((node.line, text(node, key, findings)?))).collect(),
        Value::Map(_) => {
            findings.refuse(node.line, format!("`{key}` is a list: one `- value` per line"));
            Vec::new()
        }
    }
}

/// A list of anything.
pub fn elements<'a>(node: &'a Node, key: &str, findings: &mut Findings) -> &'a [Node] {
    match &node.value {
        Value::List(nodes) => nodes,
        Value::Null => &[],
        Value::Scalar(_) | Value::Map(_) => {
            findings.refuse(node.line, format!("`{key}` is a list: one `- value` per line"));
            &[]
        }
    }
}

/// Yes or no.
pub fn truth(node: &Node, key: &str, findings: &mut Findings) -> Option<bool> {
    match text(node, key, findings)?.to_ascii_lowercase().as_str() {
        "true" | "yes" | "on" => Some(true),
        "false" | "no" | "off" => Some(false),
        _ => {
            findings.refuse(node.line, format!("`{key}` is true or false"));
            None
        }
    }
}

/// SSH keys; a finding has the line of its key.
pub fn keys(node: &Node, key: &str, findings: &mut Findings) -> Vec<SshKey> {
    let texts = texts(node, key, findings);
    texts.into_iter().filter_map(|(line, text)| findings.take(line, SshKey::read(text))).collect()
}
