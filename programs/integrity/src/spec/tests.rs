//! The baseline to text and back, damaged, forged, and as other programs see it.

use super::*;
use crate::entry::tests::any;

fn plain(kind: Kind, mode: u32, content: Content) -> Entry {
    let size = if kind == Kind::File { 6 } else { 0 };
    Entry { kind, mode, uid: 0, gid: 0, size, content, attributes: Attributes::None }
}

/// `lines` with matching head and digest.
fn whole(lines: &str) -> String {
    let body = format!("{HEAD}{lines}");
    let sum = last_line(&body);
    body + &sum
}

#[test]
fn every_sort_of_entry() {
    let hello = digest(b"hello\n");
    let mut noted = plain(Kind::File, 0o4755, Content::TooLong);
    noted.attributes = Attributes::Digest(digest(b"x"));
    let state: State = [
        ("/dev/null", plain(Kind::Char, 0o666, Content::Device { major: 1, minor: 3 })),
        ("/dev/sda", plain(Kind::Block, 0o660, Content::Device { major: 8, minor: 0 })),
        ("/etc", plain(Kind::Dir, 0o755, Content::None)),
        ("/etc/a b#", plain(Kind::File, 0o644, Content::Digest(hello))),
        ("/etc/large", noted),
        ("/etc/link", plain(Kind::Link, 0o777, Content::Target(b"a=b\\c \xff".to_vec()))),
        ("/etc/pipe", plain(Kind::Fifo, 0o600, Content::None)),
        ("/etc/secret", plain(Kind::Link, 0o777, Content::Unreadable)),
        ("/etc/socket", plain(Kind::Socket, 0o600, Content::None)),
        ("/home/ada/.ssh", plain(Kind::Dir, 0o700, Content::TooMany)),
    ]
    .into_iter()
    .map(|(path, entry)| (path.as_bytes().to_vec(), entry))
    .collect();
    let (hello, attributes) = (hex(&hello), hex(&digest(b"x")));
    let lines = format!(
        r"#mtree
# integrity 3
. type=dir
./dev type=dir
./dev/null type=char mode=0666 uid=0 gid=0 device=linux,1,3
./dev/sda type=block mode=0660 uid=0 gid=0 device=linux,8,0
./etc type=dir mode=0755 uid=0 gid=0
./etc/a\040b\043 type=file mode=0644 uid=0 gid=0 size=6 sha256digest={hello}
# next: content=too-long xattrs={attributes}
./etc/large type=file mode=4755 uid=0 gid=0 size=6
./etc/link type=link mode=0777 uid=0 gid=0 link=a\075b\134c\040\377
./etc/pipe type=fifo mode=0600 uid=0 gid=0
# next: content=unreadable
./etc/secret type=link mode=0777 uid=0 gid=0
./etc/socket type=socket mode=0600 uid=0 gid=0
./home type=dir
./home/ada type=dir
./home/ada/.ssh type=dir mode=0700 uid=0 gid=0 ignore
"
    );
    let text = to_text(&state);
    assert_eq!(text, whole(lines.strip_prefix(HEAD).unwrap()));
    assert_eq!(sum(&text), Some(hex(&digest(lines.as_bytes())).as_str()));
    assert_eq!(from_text(&text), Ok(state));
}

#[test]
fn there_and_back() {
    testkit::fuzz::repeat(1, crate::FUZZ_ALPHABET, |random| {
        let state = any(random);
        assert_eq!(from_text(&to_text(&state)), Ok(state));
    });
}

#[test]
fn a_damaged_baseline_is_never_taken_for_another() {
    testkit::fuzz::repeat(2, crate::FUZZ_ALPHABET, |random| {
        let text = to_text(&any(random));
        let damaged = random.damaged(text.as_bytes());
        if let Ok(damaged) = std::str::from_utf8(&damaged) {
            assert!(damaged == text || from_text(damaged).is_err(), "{damaged}");
        }
    });
}

#[test]
fn a_forged_baseline_is_read_only_as_it_would_be_written() {
    testkit::fuzz::repeat(8, crate::FUZZ_ALPHABET, |random| {
        let text = to_text(&any(random));
        let body = text.rfind(SUM).map_or("", |end| &text[..end]);
        let forged = String::from_utf8_lossy(&random.damaged(body.as_bytes())).into_owned();
        let sum = last_line(&forged);
        let forged = forged + &sum;
        if let Ok(state) = from_text(&forged) {
            assert_eq!(to_text(&state), forged);
        }
    });
}

#[test]
fn what_is_refused() {
    let entry = "mode=0755 uid=0 gid=0";
    let sum = hex(&digest(b""));
    assert_eq!(from_text(&whole(&format!(". type=dir {entry}\n"))).unwrap().len(), 1);
    for (lines, why) in [
        (format!("./a type=fifo {entry}\n"), "it is not written as this program writes"), // its parent is missing
        (". type=dir\n".to_owned(), "it is not written as this program writes"),          // leads to nothing
        (
            format!("# next: xattrs={}\n. type=dir {entry}\n", sum.to_uppercase()),
            "it is not written as this program writes",
        ),
        (format!("# next: xattrs={sum}00\n. type=dir {entry}\n"), "line 4: this is not an entry"),
        (format!(". type=dir {entry} size=0\n"), "it is not written as this program writes"),
        (format!(". type=dir {entry} uid=0\n"), "it is not written as this program writes"),
        (format!(". type=dir {entry} optional\n"), "it is not written as this program writes"),
        (format!(". type=dir {entry}\n# note\n"), "line 4: this is not an entry"),
        (format!(". type=dir {entry}\n/set uid=0\n"), "line 4: this is not an entry"),
        (format!(". type=dir {entry}\n# next: xattrs={sum}\n"), "it is not written as this program writes"),
        (format!("# next: xattrs={sum}\n# next: xattrs={sum}\n. type=dir {entry}\n"), "line 4: this is not an entry"),
        (format!("# next: content=too-long\n. type=dir {entry}\n"), "line 4: this is not an entry"),
        (format!("# next: xattrs={sum}\n. type=dir\n"), "line 4: this is not an entry"),
        (". type=door mode=0755 uid=0 gid=0\n".to_owned(), "line 3: this is not an entry"),
        (". type=dir mode=10000 uid=0 gid=0\n".to_owned(), "line 3: this is not an entry"),
        (format!(". type=dir\n./../a type=fifo {entry}\n"), "line 4: this is not an entry"),
        (format!(". type=dir\n.//a type=fifo {entry}\n"), "line 4: this is not an entry"),
        (format!(". type=dir\n./a\\000 type=fifo {entry}\n"), "line 4: this is not an entry"),
        (format!(". type=dir\n./a type=file {entry} size=0\n"), "line 4: this is not an entry"),
        (format!(". type=dir\n./a type=file {entry} size=0 sha256digest=ABC\n"), "line 4: this is not an entry"),
        (
            format!(". type=dir\n./b type=fifo {entry}\n./a type=fifo {entry}\n"),
            "line 5: its path is not after that of the previous line",
        ),
    ] {
        assert_eq!(from_text(&whole(&lines)), Err(why.to_owned()), "{lines}");
    }
    for text in ["", "#mtree\n", HEAD, "integrity 2\nsha256 0\n", "#mtree\n. type=dir\n"] {
        assert!(from_text(text).is_err(), "{text}");
    }
}

#[test]
fn one_word_whatever_the_name() {
    assert_eq!(spell(b"/etc/a b%\n\xff"), r"/etc/a\040b%\012\377");
    assert_eq!(spell(br"\#=*?["), r"\134\043\075\052\077\133");
    assert_eq!(unspell(r"/etc/a\040b%\012\377").unwrap(), b"/etc/a b%\n\xff");
    for text in [r"\", r"\4", r"\40", r"\0 0", "a b", r"\101", r"\777", r"\+40", r"\000", r"\\", "#", "\u{e4}"] {
        assert_eq!(unspell(text), None, "{text}");
    }
    assert_eq!([spell_path(b"/"), spell_path(b"/a b")], [".", r"./a\040b"]);
    for text in ["", "/", "./", "a", "..", "./.", "./a/", "./a/../b", ".a"] {
        assert_eq!(unspell_path(text), None, "{text}");
    }
}
