//! The notice above a page that comes from code.

/// Its first line.
pub const NOTICE: &str = "<!-- Written by `cargo xtask docs` from the code. Do not edit. -->\n\n";
