//! The JSON schema of `pkg.toml`, and the table of its keys for people: both of the types that the parser reads into.

use std::fmt::Write as _;

use camino::Utf8Path;
use schemars::generate::SchemaSettings;
use schemars::transform::{RecursiveTransform, Transform as _};
use schemars::{Schema, SchemaGenerator};
use serde_json::{Map, Value};

use super::parse::parse;
use super::raw::RawRecipe;

/// The schema, as JSON with a line for each value.
pub fn json() -> String {
    let mut text = serde_json::to_string_pretty(schema().as_value()).unwrap_or_default();
    text.push('\n');
    text
}

/// The schema of a whole `pkg.toml`.
pub fn schema() -> Schema {
    let settings = SchemaSettings::draft2020_12().with(|settings| settings.inline_subschemas = true);
    let mut schema = SchemaGenerator::new(settings).into_root_schema_for::<RawRecipe>();
    // TOML has no null: a key that may be absent is absent.
    RecursiveTransform(without_null).transform(&mut schema);
    schema.insert("title".to_owned(), "A recipe of Ashlar, pkg.toml".into());
    schema.insert("description".to_owned(), "Made of the types that read recipes, by `cargo xtask docs`.".into());
    schema
}

fn without_null(schema: &mut Schema) {
    if let Some(Value::Array(types)) = schema.get_mut("type") {
        types.retain(|name| name != "null");
        if let [only] = types.as_slice() {
            let only = only.clone();
            schema.insert("type".to_owned(), only);
        }
    }
    schema.remove("format");
}

/// Every key as a row of a Markdown table, in the order of the types: key, type, what it is.
pub fn table() -> String {
    let mut table = String::from("| key | value | |\n|---|---|---|\n");
    if let Some(root) = schema().as_object() {
        rows(&mut table, root, "");
    }
    table
}

fn rows(table: &mut String, object: &Map<String, Value>, header: &str) {
    let required: Vec<&str> =
        object.get("required").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str).collect();
    let Some(properties) = object.get("properties").and_then(Value::as_object) else { return };
    let text = |value: &Value, key: &str| value.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
    // Tables stand below the keys of the document, as TOML wants it.
    let (tables, keys): (Vec<_>, Vec<_>) = order(header)
        .into_iter()
        .filter_map(|key| properties.get(&key).map(|value| (key, value)))
        .partition(|(key, value)| !header_of(header, key, value).is_empty());
    for (key, value) in keys {
        let must = if required.contains(&key.as_str()) { "; required" } else { "" };
        let _ = writeln!(table, "| `{key}` | {}{must} | {} |", kind(value), cell(&text(value, "description")));
    }
    for (key, value) in tables {
        let below = header_of(header, &key, value);
        let _ = writeln!(table, "| **`{below}`** | {} | {} |", kind(value), cell(&text(value, "description")));
        let inner = value.get("items").unwrap_or(value);
        rows(table, inner.as_object().unwrap_or(&Map::new()), &below);
    }
}

/// The keys of the table with this header, in the order of the type: the parser lists them when it meets another.
pub fn order(header: &str) -> Vec<String> {
    let unknown = format!("{header}\n\"\" = 0\n");
    let help = parse(&unknown, Utf8Path::new("")).err().and_then(|mut found| found.remove(0).help).unwrap_or_default();
    help.split(": ").nth(1).unwrap_or_default().split('`').skip(1).step_by(2).map(str::to_owned).collect()
}

/// How the table of this key begins, `[key]` or `[[key]]`; empty for a key with a plain value.
fn header_of(parent: &str, key: &str, value: &Value) -> String {
    let parent = parent.trim_matches(['[', ']']);
    let path = if parent.is_empty() { key.to_owned() } else { format!("{parent}.{key}") };
    let of = |value: &Value| value.get("type").and_then(Value::as_str).unwrap_or_default().to_owned();
    match (of(value).as_str(), value.get("items").map(of).as_deref()) {
        ("object", _) if value.get("properties").is_some() => format!("[{path}]"),
        ("array", Some("object")) => format!("[[{path}]]"),
        _ => String::new(),
    }
}

fn kind(value: &Value) -> String {
    if let Some(Value::Array(words)) = value.get("enum") {
        let words: Vec<String> = words.iter().filter_map(Value::as_str).map(|word| format!("`{word}`")).collect();
        return words.join(", ");
    }
    match value.get("type").and_then(Value::as_str).unwrap_or_default() {
        "string" => "text",
        "integer" => "number",
        "array" if value.get("items").is_some_and(|items| items.get("properties").is_some()) => "may be repeated",
        "array" => "list of texts",
        "object" => "table",
        _ => "",
    }
    .to_owned()
}

fn cell(text: &str) -> String {
    text.replace('\n', " ").replace('|', "\\|")
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    /// The tables that a recipe may have, with the schema of each.
    fn tables<'a>(header: String, object: &'a Value, into: &mut Vec<(String, &'a Value)>) {
        for (key, value) in object["properties"].as_object().unwrap() {
            let below = header_of(&header, key, value);
            if !below.is_empty() {
                tables(below, value.get("items").unwrap_or(value), into);
            }
        }
        into.push((header, object));
    }

    #[test]
    fn the_schema_has_the_keys_that_the_parser_takes_and_refuses_others() {
        let schema = schema().to_value();
        let mut all = Vec::new();
        tables(String::new(), &schema, &mut all);
        assert_eq!(all.len(), 9, "{all:#?}");
        for (header, object) in all {
            let keys: BTreeSet<&String> = object["properties"].as_object().unwrap().keys().collect();
            let taken = order(&header);
            assert!(!taken.is_empty() && keys == taken.iter().collect(), "{header}: {keys:?} {taken:?}");
            assert_eq!(object["additionalProperties"], false, "{header}");
        }
    }

    #[test]
    fn the_schema_is_pinned() {
        insta::assert_snapshot!(json());
    }

    #[test]
    fn every_key_is_explained() {
        let table = table();
        assert!(table.lines().skip(2).all(|row| !row.ends_with("|  |")), "{table}");
        insta::assert_snapshot!(table);
    }
}
