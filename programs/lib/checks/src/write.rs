//! The text form.

/// A check to write. No part of it has a line break.
#[derive(Debug, Clone, Copy)]
pub struct Block<'a> {
    /// 1 to 6.
    pub layer: u8,
    /// Unique within the layer.
    pub id: &'a str,
    /// A name of [`KINDS`](crate::KINDS).
    pub kind: &'a str,
    /// Keys of the kind with their values; a list repeats its key.
    pub keys: &'a [(String, String)],
    /// The expected state, in words.
    pub summary: &'a str,
    /// Why it matters.
    pub reason: &'a str,
}

/// All blocks as the text that [`parse`](crate::parse) reads.
pub fn write<'a>(blocks: impl IntoIterator<Item = Block<'a>>) -> String {
    let mut text = String::from("# Written from the layers' data in hardening/. Read by ashlar-audit.\n");
    for block in blocks {
        text += &format!("\n[{} {}]\nkind={}\n", block.layer, block.id, block.kind);
        for (key, value) in block.keys {
            text += &format!("{key}={value}\n");
        }
        text += &format!("summary={}\nreason={}\n", block.summary, block.reason);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{KINDS, Kind, parse};

    fn read(kind: &str, keys: &[&str]) -> Result<usize, String> {
        let value = |key: &str| if ["no_new_privs", "optional"].contains(&key) { "true" } else { "1" };
        let keys: Vec<(String, String)> = keys.iter().map(|key| ((*key).to_owned(), value(key).to_owned())).collect();
        let block = Block { layer: 1, id: "x", kind, keys: &keys, summary: "s", reason: "r" };
        parse(&write([block, block])).map(|checks| checks.len()).map_err(|errors| errors[0].message.clone())
    }

    /// Each reader takes the keys that its line names.
    #[test]
    fn every_kind_is_read_with_each_of_its_keys_and_no_other() {
        for &Kind { name, required, optional, .. } in KINDS {
            assert_eq!(read(name, required), Ok(2), "{name}");
            assert_eq!(read(name, &[required, optional].concat()), Ok(2), "{name}");
            for key in optional {
                assert_eq!(read(name, &[required, &[*key]].concat()), Ok(2), "{name} {key}");
            }
            assert!(read(name, &[required, &["no-such-key"]].concat()).is_err(), "{name}");
        }
        assert!(read("no-such-kind", &[]).is_err());
    }
}
