//! Random texts for tests of parsers.

/// Pieces of texts.
const PIECES: &[&str] = &[
    "a",
    "B",
    "_",
    "0",
    "9",
    "=",
    "'",
    "\"",
    "\\",
    "\n",
    " ",
    "\t",
    "#",
    "$",
    "`",
    ";",
    "&",
    "|",
    "(",
    ")",
    "{",
    "}",
    "/",
    ".",
    "..",
    "-",
    "--",
    ":",
    "TERM",
    "KILL",
    "export ",
    "é",
    "\u{0}",
    "\r",
    "5",
    "%",
    "*",
    "!",
    "foo=bar",
    "<",
    ">",
    "service ",
    "need ",
    "end 0\n",
    "keyword ",
    "depend() {",
    "rc_need=",
    "${x}",
    "\u{85}",
];

/// Calls `check` with many texts, the same ones in every run.
pub fn for_texts(check: impl Fn(&str)) {
    testkit::fuzz::repeat(1, b"", |random| {
        let most = [24, 200][usize::from(random.below(8) == 0)];
        check(&random.text(PIECES, most));
    });
}
