//! `write_files` and `runcmd`. They give root's power to the maker of the volume, so they are read only if the kernel
//! command line, a part of the signed image, has `ashlar.cloudinit=full`.

use super::fields;
use crate::config::ExtraFile;
use crate::finding::Findings;
use crate::types::shown;
use crate::yaml::{Entry, Node, Value};

/// Each command as a list of words; a text is a shell command.
pub fn commands(node: &Node, findings: &mut Findings) -> Vec<Vec<String>> {
    let mut commands = Vec::new();
    for element in fields::elements(node, "runcmd", findings) {
        match &element.value {
            Value::Scalar(text) => commands.push(vec!["/bin/sh".to_owned(), "-c".to_owned(), text.clone()]),
            Value::List(words) if !words.is_empty() => {
                let words = words.iter().filter_map(|word| fields::text(word, "runcmd", findings));
                commands.push(words.map(str::to_owned).collect());
            }
            _ => findings.refuse(element.line, "a command is a text for the shell, or a list of words"),
        }
    }
    commands
}

/// The files, if they are valid.
pub fn files(node: &Node, findings: &mut Findings) -> Vec<ExtraFile> {
    let elements = fields::elements(node, "write_files", findings);
    elements.iter().filter_map(|element| file(element, findings)).collect()
}

fn file(element: &Node, findings: &mut Findings) -> Option<ExtraFile> {
    let Value::Map(entries) = &element.value else {
        findings.refuse(element.line, "a file is a mapping that begins with `- path: …`");
        return None;
    };
    let mut made = ExtraFile { path: String::new(), mode: 0o644, content: String::new() };
    for Entry { line, key, node } in entries {
        match key.as_str() {
            "path" => made.path = fields::text(node, key, findings).unwrap_or_default().to_owned(),
            "content" => made.content = fields::text(node, key, findings).unwrap_or_default().to_owned(),
            "permissions" => {
                let mode =
                    fields::text(node, key, findings).map(|text| u32::from_str_radix(text.trim_start_matches("0o"), 8));
                match mode {
                    Some(Ok(mode)) if mode <= 0o777 => made.mode = mode,
                    Some(_) => findings.refuse(*line, "`permissions` is an octal number up to 0777, in quotes"),
                    None => {}
                }
            }
            "owner" => {
                if !matches!(fields::text(node, key, findings), None | Some("root:root" | "root")) {
                    findings.refuse(*line, "`owner` can be root:root only");
                }
            }
            _ => findings.refuse(*line, format!("`{}` of a file is not known here", shown(key))),
        }
    }
    let good = made.path.starts_with('/')
        && !made.path.ends_with('/')
        && !made.path.chars().any(char::is_control)
        && made.path.split('/').skip(1).all(|part| !matches!(part, "" | "." | ".."));
    if !good {
        findings.refuse(element.line, format!("`{}` is not an absolute path without . and ..", shown(&made.path)));
        return None;
    }
    Some(made)
}
