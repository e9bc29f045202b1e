use super::*;
use crate::formats::manifest::Entry;
use crate::model::hardening::Layer;

fn text(path: &str, text: &str) -> (String, String) {
    (path.to_owned(), text.to_owned())
}

#[test]
fn a_root_is_told_in_lines() {
    let manifest = Manifest::sorted(vec![
        Entry::symlink("bin", "usr/bin"),
        Entry::dir("etc"),
        Entry::file("etc/init.d/klogd", 0o755, b"script"),
        Entry::file("etc/init.d/local", 0o755, b"script"),
        Entry::symlink("etc/init.d/local.two", "local"),
        Entry::file("etc/init.d/sshd", 0o755, b"script"),
        Entry::symlink("etc/runlevels/default/local.two", "/etc/init.d/local.two"),
        Entry::symlink("etc/runlevels/default/sshd", "/etc/init.d/sshd"),
        Entry::symlink("etc/runlevels/nonetwork", "default"),
        Entry::file("etc/passwd", 0o644, b""),
        Entry::symlink("sbin", "usr/sbin"),
        Entry { mode: 0o1777, ..Entry::dir("tmp") },
        Entry::file("usr/bin/busybox", 0o755, b"1234567"),
        Entry::symlink("usr/bin/ls", "busybox"),
        Entry::symlink("usr/bin/init", "/bin/busybox"),
        Entry::symlink("usr/bin/klogd", "busybox"),
        Entry::file("usr/bin/sshd", 0o755, b"123"),
        Entry::file("usr/bin/su", 0o4755, b"x"),
        Entry::file("usr/lib/confine/sshd.toml", 0o644, b""),
        Entry::symlink("usr/bin/vi", "view"),
        Entry::symlink("usr/bin/view", "/sbin/busybox"),
        Entry::symlink("usr/lib/data", "/etc/passwd"),
        Entry::symlink("usr/lib/round", "round"),
        Entry::file("usr/lib/x/sbin", 0o755, b"12"),
        Entry::symlink("usr/sbin", "bin"),
    ])
    .unwrap();
    let owners = [("busybox", "busybox"), ("ls", "busybox"), ("sshd", "openssh"), ("su", PROFILE)]
        .map(|(name, owner)| text(&format!("usr/bin/{name}"), owner));
    let texts = [
        text("etc/group", "root:x:0:\nwheel:x:10:ada,bob\n"),
        text("etc/init.d/sshd", "#!/sbin/openrc-run\ncommand=\"/sbin/sshd\"\n"),
        text("etc/init.d/local", "#!/sbin/openrc-run\n"),
        text("etc/init.d/klogd", "#!/sbin/openrc-run\ncommand=/sbin/klogd\n"),
        text("usr/lib/confine/klogd.toml", "apparmor = \"klogd\" # as the shell is\n"),
        text("usr/lib/confine/sshd.toml", "summary = \"Logins\"\n"),
        text("etc/inittab", "# Consoles\n\n::sysinit:/bin/rc boot\nttyS0::respawn:/bin/getty -l /bin/a:b ttyS0\nodd\n"),
        text(
            "etc/passwd",
            "root:x:0:0:root:/root:/bin/sh\nada:x:1:1::/home/ada:/bin/sh\nbob::2:2::/:/bin/sh\neve:$6$a$b:3:3::/:/bin/sh\n\
             pat:!:4:4::/:/bin/sh\nbroken\n",
        ),
        text("etc/shadow", "root:!*:1:0:::::\nada::1:::::\nbob:!:1:::::\n"),
    ];
    let check = Check {
        layer: Layer::Ssh,
        id: "only-ssh-listens".to_owned(),
        summary: String::new(),
        reason: String::new(),
        kind: "listening".to_owned(),
        keys: vec![text("only", "tcp 22"), text("only", "udp 68")],
    };
    let root = Root {
        manifest: &manifest,
        owners: &owners.into(),
        texts: &texts.into(),
        checks: &[check],
        profiles: &[text("sshd", "/usr/bin/sshd")],
    };
    insta::assert_snapshot!(render("minimal", &root));
}

#[test]
fn texts_are_asked_for_by_name() {
    for path in ["etc/passwd", "etc/inittab", "etc/init.d/sshd", "usr/lib/confine/sshd.toml"] {
        assert!(is_text(path), "{path}");
    }
    for path in ["etc/passwd-", "usr/lib/confine/misbehave", "usr/bin/sshd"] {
        assert!(!is_text(path), "{path}");
    }
}

#[test]
fn links_are_followed_within_the_root() {
    let links = [
        ("bin", "usr/bin"),
        ("sbin", "usr/sbin"),
        ("usr/bin/ls", "busybox"),
        ("usr/bin/vi", "view"),
        ("usr/bin/view", "/bin/busybox"),
        ("usr/lib/x", "../../../../etc/y"),
        ("usr/round", "circle"),
        ("usr/circle", "./round"),
        ("usr/sbin", "bin"),
    ];
    let files = [Entry::file("usr/bin/busybox", 0o755, b""), Entry::file("usr/lib/sbin", 0o755, b"")];
    let links = links.map(|(path, target)| Entry::symlink(path, target));
    let manifest = Manifest::sorted(files.into_iter().chain(links).collect()).unwrap();
    let none = BTreeMap::new();
    let root = Root { manifest: &manifest, owners: &none, texts: &none, checks: &[], profiles: &[] };
    for (path, to) in [
        ("usr/bin/ls", "usr/bin/busybox"),
        ("/bin/vi", "usr/bin/busybox"),
        ("sbin/init", "usr/bin/init"),
        ("bin/../sbin/ls", "usr/bin/busybox"),
        ("usr/lib/x", "etc/y"),
        ("usr/lib/sbin", "usr/lib/sbin"),
        ("a/./b//c/.", "a/b/c"),
        ("", ""),
    ] {
        assert_eq!(root.manifest.real(path), to, "{path}");
    }
    assert!(root.manifest.real("usr/round").starts_with("usr/"), "a circle has an end");
}

#[test]
fn a_difference_has_both_sides() {
    assert_eq!(difference("a\nb\n", "b\nc\n"), "- a\n+ c\n");
    assert_eq!(difference("a\n", "a\n"), "");
}
