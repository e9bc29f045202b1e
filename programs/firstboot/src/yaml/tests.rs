use super::*;

/// A value as one line of text, to keep cases readable.
fn flat(node: &Node) -> String {
    match &node.value {
        Value::Null => "-".to_owned(),
        Value::Scalar(text) => format!("{text:?}"),
        Value::List(nodes) => format!("[{}]", nodes.iter().map(flat).collect::<Vec<_>>().join(", ")),
        Value::Map(entries) => {
            let entries = entries.iter().map(|entry| format!("{}: {}", entry.key, flat(&entry.node)));
            format!("{{{}}}", entries.collect::<Vec<_>>().join(", "))
        }
    }
}

#[test]
fn what_is_read() {
    let cases = [
        ("", "-"),
        ("# remark\n---\n# more\n", "-"),
        ("a: 1\nb: two words # remark\nc:\n", r#"{a: "1", b: "two words", c: -}"#),
        ("a:\n  b:\n    c: d\n  e: f\ng: h", r#"{a: {b: {c: "d"}, e: "f"}, g: "h"}"#),
        ("a:\n- b\n- c\nd: e", r#"{a: ["b", "c"], d: "e"}"#),
        ("a:\n  - b\n  -\n  - - c\n    - d\n", r#"{a: ["b", -, ["c", "d"]]}"#),
        ("- name: x\n  keys:\n    - k 1\n    - k 2\n- default\n", r#"[{name: "x", keys: ["k 1", "k 2"]}, "default"]"#),
        ("a: [b, 'c, d', \"e\", [f]] # x\nb: []", r#"{a: ["b", "c, d", "e", ["f"]], b: []}"#),
        ("a: \"x\\n\\\"y\\\" # z\"\nb: 'it''s'", r##"{a: "x\n\"y\" # z", b: "it's"}"##),
        ("a: |\n  one\n    two\n\n  # three\n\nb: c", r##"{a: "one\n  two\n\n# three\n", b: "c"}"##),
        ("a: >-\n  one\n  two\nb: |-\n  x\n", r#"{a: "one two", b: "x"}"#),
        ("a: http://x:80/y\nb: x#y\n", r#"{a: "http://x:80/y", b: "x#y"}"#),
        ("\"a b\": c\n'd': e\nf g: h", r#"{a b: "c", d: "e", f g: "h"}"#),
        ("a: null\nb: ~\nc: 'null'", r#"{a: -, b: -, c: "null"}"#),
        ("a:\n  lone value\n", r#"{a: "lone value"}"#),
        ("a: b\r\nc: d\r\n", r#"{a: "b", c: "d"}"#),
    ];
    for (text, expected) in cases {
        let node = read(text.as_bytes()).unwrap_or_else(|broken| panic!("{text:?}: {broken:?}"));
        assert_eq!(flat(&node), expected, "{text:?}");
    }
}

#[test]
fn what_is_refused_and_how() {
    let deep = "- ".repeat(40) + "x";
    let brackets = "a: ".to_owned() + &"[".repeat(1000);
    let cases: &[(&str, usize, &str)] = &[
        ("a: &x 1", 1, "anchors and references (& and *) are not read; write the value where it is used"),
        ("a: 1\nb: *x", 2, "anchors and references (& and *) are not read; write the value where it is used"),
        ("<<: *x", 1, "anchors and references (& and *) are not read; write the value where it is used"),
        ("a: !!binary x", 1, "tags (!) are not read"),
        ("a: {b: c}", 1, "mappings in braces are not read; write one `key: value` per line"),
        ("? a\n: b", 1, "keys of several lines are not read"),
        ("a: 1\na: 2", 2, "`a` stands here for the second time; first on line 1"),
        ("a: b: c", 1, "`b: c` looks like a key in a value; put the value in quotes"),
        ("a:\n\tb: c", 2, "the line is indented with a tab; use spaces"),
        ("a: b\n---\nc: d", 2, "a second document begins here; there may be one"),
        ("a: b\n...\nc: d", 3, "the document ended above; there may be one"),
        ("a: b\n  c", 2, "the value above cannot continue in this line; write it with `|`, or in one line"),
        ("a:\n    b: c\n  d: e", 3, "the indentation matches neither the line above nor an enclosing block"),
        ("a: b\nc", 2, "`key: value` is expected here"),
        ("a: \"b", 1, "the quote is not closed on this line"),
        ("a: 'b", 1, "the quote is not closed on this line"),
        ("a: \"\\x41\"", 1, "after a backslash in double quotes only n, t, \", /, space or another backslash is read"),
        ("a: \"b\" c", 1, "`c` follows the value; put the whole value in quotes"),
        ("a: [b", 1, "the list in brackets is not closed on this line; write one `- element` per line"),
        ("a: ['b' c]", 1, "a comma is missing before `c]`"),
        ("a: |2\n  x", 1, "a text block begins with |, |-, > or >-"),
        ("a: |\n    x\n  y", 3, "the indentation matches neither the line above nor an enclosing block"),
        ("a: \u{1b}[2J", 1, "the line holds the control character U+001B"),
        ("a: @b", 1, "a value may not begin like this; put it in quotes"),
        (&deep, 1, "the document is nested more than 16 deep"),
        (&brackets, 1, "the document is nested more than 16 deep"),
    ];
    for (text, line, message) in cases {
        let broken = read(text.as_bytes()).expect_err(text);
        assert_eq!((broken.line, broken.message.as_str()), (*line, *message), "{text:?}");
    }
    assert_eq!(read(b"a: b\n\xff").unwrap_err().line, 2);
    assert_eq!(read(&vec![b'a'; MAX_BYTES + 1]).unwrap_err().message, "the document has more than 256 KiB");
}

/// Every line that a node names is a line of the text.
fn lines_exist(node: &Node, lines: usize) {
    assert!((1..=lines.max(1)).contains(&node.line), "line {} of {lines}", node.line);
    match &node.value {
        Value::List(nodes) => nodes.iter().for_each(|node| lines_exist(node, lines)),
        Value::Map(entries) => entries.iter().for_each(|entry| lines_exist(&entry.node, lines)),
        Value::Null | Value::Scalar(_) => {}
    }
}

#[test]
fn no_bytes_make_the_reader_panic() {
    let whole = testkit::golden::input("nocloud/full.user-data");
    testkit::fuzz::repeat(0x7961_6d6c, crate::FUZZ_ALPHABET, |random| {
        let bytes = if random.below(2) == 0 { random.bytes(300) } else { random.damaged(whole.as_bytes()) };
        let lines = bytes.iter().filter(|byte| **byte == b'\n').count() + 1;
        match read(&bytes) {
            Ok(node) => lines_exist(&node, lines),
            Err(broken) => assert!(broken.line <= lines && !broken.message.is_empty(), "{broken:?}"),
        }
    });
}
