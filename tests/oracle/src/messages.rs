//! Messages of `openrc` that say which services did not start; both sides have the same words.

use std::collections::BTreeSet;

/// The services of which these lines say that they did not start.
pub fn not_started(output: &[String]) -> BTreeSet<String> {
    output.iter().filter_map(|line| service(line.split_once("ERROR: ")?.1)).map(str::to_owned).collect()
}

fn service(text: &str) -> Option<&str> {
    let (first, rest) = text.split_once(' ')?;
    match rest.split_once(' ')? {
        ("start", rest) if first == "cannot" => rest.split([' ', ':']).next(),
        ("failed", "to start") => Some(first),
        ("needs", rest) if rest.starts_with("service(s)") => Some(first),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_did_not_start() {
        let lines = [
            " * ERROR: net.q failed to start",
            " * ERROR: cannot start b as a would not start",
            " * ERROR: c needs service(s) gone",
            " * ERROR: d failed to stop",
            " * ERROR: cannot stop e as f is still up",
            " * WARNING: g is already starting",
            "noise",
        ];
        let found = not_started(&lines.map(str::to_owned));
        assert_eq!(found.iter().map(String::as_str).collect::<Vec<_>>(), ["b", "c", "net.q"]);
    }
}
