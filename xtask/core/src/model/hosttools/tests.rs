use super::*;

#[test]
fn versions_in_what_programs_print() {
    for (output, expected) in [
        ("buildah version 1.28.2 (image-spec 1.1.0-rc2, runtime-spec 1.0.2-dev)", Some("1.28.2")),
        ("runc version 1.1.5+ds1\ncommit: 1.1.5+ds1-1+deb12u1", Some("1.1.5")),
        ("gpgv (GnuPG) 2.2.40\nlibgcrypt 1.10.1", Some("2.2.40")),
        ("QEMU emulator version 7.2.22 (Debian 1:7.2+dfsg-7)", Some("7.2.22")),
        ("podman version 5.0.0-rc1", Some("5.0.0")),
        ("cargo 1.95.0 (f2d3ce0bd 2026-03-21)", Some("1.95.0")),
        ("tool v3.4", Some("3.4")),
        ("BusyBox 1 mount", None),
        ("10 2 3", None),
        ("1..2 x", None),
        ("1.99999999999999999999", None),
        ("", None),
    ] {
        assert_eq!(Version::find(output).map(|found| found.to_string()).as_deref(), expected, "{output}");
    }
}

#[test]
fn versions_compare_as_numbers() {
    let satisfies =
        |found: &str, minimum: &str| Version::parse(found).unwrap().satisfies(&Version::parse(minimum).unwrap());
    for (found, minimum) in [("1.23", "1.23"), ("1.100", "1.23"), ("2.0", "1.23"), ("1.23.1", "1.23"), ("7.0", "7.0.0")]
    {
        assert!(satisfies(found, minimum), "{found} {minimum}");
    }
    for (found, minimum) in [("1.9", "1.23"), ("0.99", "1.0"), ("1.23", "1.23.1")] {
        assert!(!satisfies(found, minimum), "{found} {minimum}");
    }
}

#[test]
fn judges_what_was_printed() {
    let look = Look::Program { minimum: Some("1.23"), version: &["--version"] };
    assert_eq!(look.evaluate("buildah version 1.19.6"), (ToolFinding::Old, Version::parse("1.19.6")));
    assert_eq!(look.evaluate("buildah version 1.28.2"), (ToolFinding::Good, Version::parse("1.28.2")));
    assert_eq!(look.evaluate("what?"), (ToolFinding::Unknown, None));
    assert_eq!(Look::Program { minimum: None, version: &[] }.evaluate(""), (ToolFinding::Good, None));
    assert_eq!((look.minimum(), Look::Files(&[]).minimum()), (Some("1.23"), None));
    assert_eq!(serde_json::to_string(&Version::parse("1.2.3")).unwrap(), "\"1.2.3\"");
}

#[test]
fn distributions_are_recognised_by_themselves_or_their_kin() {
    for (text, expected) in [
        ("PRETTY_NAME=\"Debian GNU/Linux 12\"\nVERSION_ID=\"12\"\nID=debian\n", Some(Distro::Debian)),
        ("ID=linuxmint\nID_LIKE=\"ubuntu debian\"\n", Some(Distro::Debian)),
        ("NAME=Fedora\nID=fedora\n", Some(Distro::Fedora)),
        ("ID=\"rocky\"\nID_LIKE=\"rhel centos fedora\"\n", Some(Distro::Fedora)),
        ("ID=manjaro\nID_LIKE=arch\n", Some(Distro::Arch)),
        ("ID=alpine\n", Some(Distro::Alpine)),
        ("ID=nixos\n", None),
        ("", None),
    ] {
        assert_eq!(Distro::from_os_release(text), expected, "{text}");
    }
}

#[test]
fn the_command_that_installs_everything() {
    let mut text = String::new();
    for distro in Distro::ALL {
        let command = distro.install(&packages(distro, TOOLS));
        text.push_str(&format!("{}: {}\n", distro.as_str(), command.join(" ")));
    }
    insta::assert_snapshot!(text);
}

#[test]
fn who_needs_what() {
    let needed = |command: &str, root: bool| -> Vec<&str> {
        TOOLS.iter().filter(|tool| tool.need.concerns(command, root)).map(|tool| tool.name).collect()
    };
    assert_eq!(needed("iso", true), ["cargo", "cc", "runc", "unshare", "mount"]);
    assert_eq!(needed("iso", false), ["cargo", "cc", "buildah", "runc", "newuidmap", "unshare", "mount"]);
    let boot = needed("boot-test", true);
    assert!(boot.contains(&"qemu-system-x86_64") && boot.contains(&"OVMF") && !boot.contains(&"gpgv"), "{boot:?}");
    assert!(Need::Builds.is_essential(true) && Need::UserBuilds.is_essential(false));
    assert!(!Need::UserBuilds.is_essential(true) && !Need::Commands(&["run"]).is_essential(false));
    let shown: Vec<String> =
        [Need::Builds, Need::UserBuilds, Need::Commands(&["run", "boot-test"])].iter().map(Need::to_string).collect();
    assert_eq!(shown, ["every build", "builds without root", "run, boot-test"]);
}

#[test]
fn the_table_is_usable() {
    for tool in TOOLS {
        assert_eq!(TOOLS.iter().filter(|other| other.name == tool.name).count(), 1, "{} is listed twice", tool.name);
        for distro in Distro::ALL {
            assert_eq!(
                tool.packages.on(distro).is_empty(),
                tool.name == "cargo",
                "{} on {}",
                tool.name,
                distro.as_str()
            );
        }
        match tool.look {
            Look::Program { minimum, version } => {
                assert!(minimum.is_none_or(|text| Version::parse(text).is_some()), "{}", tool.name);
                assert_eq!(minimum.is_some(), !version.is_empty(), "{}", tool.name);
            }
            Look::Files(sets) => assert!(sets.iter().flat_map(|set| set.iter()).all(|file| file.starts_with('/'))),
        }
    }
}
