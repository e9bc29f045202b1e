use super::*;
use crate::formats::manifest::ManifestEntry;
use crate::model::hardening::Layer;

fn text(path: &str, text: &str) -> (String, String) {
    (path.to_owned(), text.to_owned())
}

#[test]
fn a_root_is_told_in_lines() {
    let manifest = Manifest::sorted(vec![
        ManifestEntry::symlink("bin", "usr/bin"),
        ManifestEntry::dir("etc"),
        ManifestEntry::file("etc/init.d/klogd", 0o755, b"script"),
        ManifestEntry::file("etc/init.d/local", 0o755, b"script"),
        ManifestEntry::symlink("etc/init.d/local.two", "local"),
        ManifestEntry::file("etc/init.d/sshd", 0o755, b"script"),
        ManifestEntry::symlink("etc/runlevels/default/local.two", "/etc/init.d/local.two"),
        ManifestEntry::symlink("etc/runlevels/default/sshd", "/etc/init.d/sshd"),
        ManifestEntry::symlink("etc/runlevels/nonetwork", "default"),
        ManifestEntry::file("etc/passwd", 0o644, b""),
        ManifestEntry::symlink("sbin", "usr/sbin"),
        ManifestEntry { mode: 0o1777, ..ManifestEntry::dir("tmp") },
        ManifestEntry::file("usr/bin/busybox", 0o755, b"1234567"),
        ManifestEntry::symlink("usr/bin/ls", "busybox"),
        ManifestEntry::symlink("usr/bin/init", "/bin/busybox"),
        ManifestEntry::symlink("usr/bin/klogd", "busybox"),
        ManifestEntry::file("usr/bin/sshd", 0o755, b"123"),
        ManifestEntry::file("usr/bin/su", 0o4755, b"x"),
        ManifestEntry::file("usr/lib/confine/sshd.toml", 0o644, b""),
        ManifestEntry::symlink("usr/bin/vi", "view"),
        ManifestEntry::symlink("usr/bin/view", "/sbin/busybox"),
        ManifestEntry::symlink("usr/lib/data", "/etc/passwd"),
        ManifestEntry::symlink("usr/lib/round", "round"),
        ManifestEntry::file("usr/lib/x/sbin", 0o755, b"12"),
        ManifestEntry::symlink("usr/sbin", "bin"),
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
    let check = HardeningCheck {
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
    let files = [ManifestEntry::file("usr/bin/busybox", 0o755, b""), ManifestEntry::file("usr/lib/sbin", 0o755, b"")];
    let links = links.map(|(path, target)| ManifestEntry::symlink(path, target));
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
