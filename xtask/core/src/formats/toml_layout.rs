//! How TOML files of the tree are laid out: `cargo xtask fmt`. Values and comments stay; space, line breaks of lists and the
//! order of keys and tables are made the same everywhere.

use toml_edit::{Array, DocumentMut, Item, KeyMut, RawString, Table, TomlError, Value};

/// The longest line that a list may make.
const WIDTH: usize = 120;

/// The text in the layout of the tree. `order` gives the keys of a table in their order, by its header (`""`, `[build]`,
/// `[[source]]`); where it gives none, keys stay as they are.
///
/// # Errors
/// When the text is not TOML.
pub fn formatted(text: &str, order: &dyn Fn(&str) -> Vec<String>) -> Result<String, TomlError> {
    let mut document: DocumentMut = text.parse()?;
    let trailing = document.trailing().as_str().unwrap_or_default().trim().to_owned();
    document.set_trailing(if trailing.is_empty() { trailing } else { format!("\n{trailing}\n") });
    lay_out(document.as_table_mut(), "", order, &mut 0);
    Ok(document.to_string().trim_start_matches('\n').to_owned())
}

fn lay_out(table: &mut Table, header: &str, order: &dyn Fn(&str) -> Vec<String>, position: &mut isize) {
    let keys = order(header);
    let rank = |key: &str| keys.iter().position(|known| known == key).unwrap_or(keys.len());
    table.sort_values_by(|a, _, b, _| rank(a.get()).cmp(&rank(b.get())));
    let path = header.trim_matches(['[', ']']);
    let mut first = true;
    for (mut key, item) in table.iter_mut() {
        let below = if path.is_empty() { key.get().to_owned() } else { format!("{path}.{}", key.get()) };
        match item {
            Item::Value(value) => {
                lay_out_value(&mut key, value, first);
                first = false;
            }
            Item::Table(inner) => place(inner, &format!("[{below}]"), order, position),
            Item::ArrayOfTables(list) => {
                for inner in list.iter_mut() {
                    place(inner, &format!("[[{below}]]"), order, position);
                }
            }
            Item::None => {}
        }
    }
}

/// A table with a header of its own: after the one before it, with one empty line between.
fn place(table: &mut Table, header: &str, order: &dyn Fn(&str) -> Vec<String>, position: &mut isize) {
    if !table.is_implicit() && !table.is_dotted() {
        *position += 1;
        table.set_position(Some(*position));
        let above = comments(table.decor().prefix());
        table.decor_mut().set_prefix(format!("\n{above}"));
    }
    lay_out(table, header, order, position);
}

/// `key = value`, with the comments above it; behind the first key of a table, an empty line above them may stay.
fn lay_out_value(key: &mut KeyMut<'_>, value: &mut Value, first: bool) {
    let above = key.leaf_decor().prefix();
    let apart = !first && above.and_then(RawString::as_str).is_some_and(|text| text.starts_with('\n'));
    let above = format!("{}{}", if apart { "\n" } else { "" }, comments(above));
    key.leaf_decor_mut().set_prefix(above);
    key.leaf_decor_mut().set_suffix(" ");
    value.decor_mut().set_prefix(" ");
    let behind = value.decor().suffix().and_then(RawString::as_str).unwrap_or_default().trim_end().to_owned();
    value.decor_mut().set_suffix(behind);
    if let Value::Array(array) = value {
        let room = key.display_repr().chars().count() + " = ".len();
        lay_out_array(array, room);
    }
}

/// The comment lines of what stands before a key or a table, each on a line of its own without space before it.
fn comments(text: Option<&RawString>) -> String {
    let lines = text.and_then(RawString::as_str).unwrap_or_default().lines().map(str::trim);
    lines.filter(|line| !line.is_empty()).map(|line| format!("{line}\n")).collect()
}

/// A list on one line, or else on as many as it needs. One with comments in it stays as it was written.
fn lay_out_array(array: &mut Array, before: usize) {
    let commented = |text: Option<&RawString>| text.and_then(RawString::as_str).is_some_and(|text| text.contains('#'));
    let inside = array.iter().any(|value| commented(value.decor().prefix()) || commented(value.decor().suffix()));
    if inside || commented(Some(array.trailing())) {
        return;
    }
    let widths: Vec<usize> = array.iter().map(|value| value.to_string().trim().chars().count()).collect();
    let one_line = before + "[]".len() + widths.iter().sum::<usize>() + ", ".len() * widths.len().saturating_sub(1);
    let fits = one_line <= WIDTH;
    let mut column = WIDTH;
    for (number, (value, width)) in array.iter_mut().zip(&widths).enumerate() {
        let prefix = if fits {
            if number == 0 { "" } else { " " }
        } else if column + " ,".len() + width > WIDTH {
            column = 4;
            "\n    "
        } else {
            column += 1;
            " "
        };
        column += width + 1;
        value.decor_mut().set_prefix(prefix);
        value.decor_mut().set_suffix("");
    }
    array.set_trailing(if fits { "" } else { "\n" });
    array.set_trailing_comma(!fits);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn order(header: &str) -> Vec<String> {
        let keys: &[&str] = match header {
            "" => &["name", "version", "source", "build"],
            "[build]" => &["style", "args"],
            _ => &[],
        };
        keys.iter().map(|key| (*key).to_owned()).collect()
    }

    const UNTIDY: &str = "\n\n# The package.\nversion='1'   # upstream's\nname   =   \"demo\"\n\n\n\n[build]\nargs = [\"--one\"  ,\n  \"--two\"]\n\
        # Why.\n   style = \"make\"\n[build.env]\nX = \"1\"\n\n\n# First.\n[[source]]\nurl = [ # the list\n \"a\" ]\n[[source]]\n\
        include = [\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\", \"bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb\", \"ccccccccccccccccccccc\"]\n\n\n# The end.\n";

    #[test]
    fn one_layout() {
        let text = formatted(UNTIDY, &order).unwrap();
        insta::assert_snapshot!(text);
        assert_eq!(formatted(&text, &order).unwrap(), text);
        assert!(formatted("name = ", &order).is_err());
    }
}
