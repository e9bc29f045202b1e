//! Audit's records.

/// A search in audit's log; without `--input-logs` it reads its standard input, which over SSH is a pipe.
pub(super) fn search(what: &str) -> String {
    format!("ausearch --input-logs {what} --raw 2>/dev/null")
}
