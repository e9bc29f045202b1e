use super::*;

fn image() -> Accounts {
    let passwd = "root:x:0:0:root:/root:/bin/sh\nweb:x:70:71::/:\ntoor:x:0:0::/:\nminus:x:4294967295:4294967295::/:\n\
                  signed:x:2147483648:5::/:\nplus:x:+0:5::/:\nzeros:x:00:5::/:\ngroupless:x:72::\nshort:x\nsly:x:73:0::/:\n\
                  member:x:74:74::/:\nadmin:x:75:75::/:\nadmin:x:0:0::/:\n";
    let group =
        "root:x:0:admin\nweb:x:71:\nwww:x:80:member,web\nwheel:x:0:\nminus:x:4294967295:signed\nlast:x:81:member\n";
    Accounts { passwd: passwd.into(), group: group.into() }
}

fn of(written: &str, allow_root: bool) -> Outcome<(u32, u32, Vec<u32>)> {
    let user =
        resolve_user(UserRequest { written, by_administrator: false, allow_root }, &image(), &Accounts::default())?;
    Ok((user.uid, user.gid, user.groups.into_iter().collect()))
}

/// For setresuid, 4294967295 means "stay root"; as a signed number it would be negative.
#[test]
fn numbers_that_are_root_in_disguise() {
    for written in [
        "4294967295",
        "4294967295:4294967295",
        "1000:4294967295",
        "2147483648",
        "1000:2147483648",
        "4294967296",
        "18446744073709551616",
        "-1",
        "-0",
        "+0",
        "+1000",
        "00",
        "0x0",
        "007",
        " 0",
        "0 ",
        "1000:+0",
        "1000:00",
        "1000:",
        ":",
        ":1000",
        "1000:1000:0",
        "٠",
        "minus",
        "minus:web",
        "web:minus",
        "signed",
        "plus",
        "zeros",
        "groupless",
        "short",
        "nobody-here",
        "web:nobody-here",
        "web:",
        "../etc",
    ] {
        for allow_root in [false, true] {
            assert!(of(written, allow_root).is_err(), "{written}");
        }
    }
}

#[test]
fn root_must_be_said_in_every_spelling() {
    for written in
        ["", "0", "0:0", "0:5", "1000:0", "root", "root:web", "toor", "web:root", "web:wheel", "web:0", "sly"]
    {
        assert!(of(written, false).unwrap_err().0.contains("--allow-root"), "{written}");
        assert!(of(written, true).is_ok(), "{written}");
    }
    // By a group that lists it as a member.
    assert!(of("admin", false).unwrap_err().0.contains("--allow-root"));
    assert_eq!(of("admin", true).unwrap(), (75, 75, vec![0]));
}

#[test]
fn names_are_the_images() {
    assert_eq!(of("web", false).unwrap(), (70, 71, vec![80]));
    assert_eq!(of("web:web", false).unwrap(), (70, 71, vec![]));
    assert_eq!(of("web:80", false).unwrap(), (70, 80, vec![]));
    assert_eq!(of("member", false).unwrap(), (74, 74, vec![80, 81]));
    // A UID in the image's files gets the groups of that account; another one gets none.
    assert_eq!(of("70", false).unwrap(), (70, 71, vec![80]));
    assert_eq!(of("9", false).unwrap(), (9, 65534, vec![]));
    assert_eq!(of("2147483647:1", false).unwrap(), (2_147_483_647, 1, vec![]));
    assert_eq!(
        of("nobody-here", false).unwrap_err().0,
        "the image's user or group `nobody-here` is not in its /etc/passwd; use --user UID[:GID]"
    );
}

/// `User: 1000` would be the host's first administrator, for limits, keys, pipes and every check by UID.
#[test]
fn an_image_is_nobody_of_this_machine() {
    let machine = Accounts {
        passwd: "root:x:0:0::/:\nada:x:1000:1000::/:\nweb:x:70:70::/:\nnobody:x:65534:65534::/:\n".into(),
        group: "root:x:0:\nada:x:1000:\nwheel:x:10:ada\nmail:x:80:\nnogroup:x:65534:\n".into(),
    };
    let of = |written, by_administrator| {
        resolve_user(UserRequest { written, by_administrator, allow_root: true }, &image(), &machine)
    };
    for written in ["1000", "1000:5", "5:1000", "5:10", "web", "member"] {
        assert!(of(written, false).unwrap_err().0.contains("on the host"), "{written}");
    }
    // The administrator may want that, but must write the numbers.
    for written in ["web", "member", "5:www", "1000:www", "web:5"] {
        assert!(of(written, true).unwrap_err().0.contains("on the host"), "{written}");
    }
    for written in ["1000", "1000:1000", "5:10", "70:10", "65534", "9"] {
        assert!(of(written, true).is_ok(), "{written}");
    }
    for written in ["65534:65534", "9", "", "root"] {
        assert!(of(written, false).is_ok(), "{written}");
    }
}

/// Random requests over random files, made of pieces that lead to root.
#[test]
fn whatever_an_image_says_nobody_is_root_by_accident() {
    let pieces = [
        "root",
        "web",
        "0",
        "00",
        "+0",
        "-1",
        "4294967295",
        "2147483648",
        "1000",
        ":",
        ":",
        ":",
        "x",
        ",",
        "\n",
        "\n",
        "\0",
        "é",
        " ",
    ];
    testkit::fuzz::repeat(21, crate::FUZZ_ALPHABET, |random| {
        let mut text =
            |most: usize| -> String { (0..random.below(most)).map(|_| pieces[random.below(pieces.len())]).collect() };
        let (image, written) = (Accounts { passwd: text(60), group: text(60) }, text(5));
        let machine = Accounts { passwd: "ada:x:1000:1000::/:\n".into(), group: "ada:x:1000:\n".into() };
        for allow_root in [false, true] {
            if let Ok(user) =
                resolve_user(UserRequest { written: &written, by_administrator: false, allow_root }, &image, &machine)
            {
                assert!(
                    user.numbers().all(|number| number <= 2_147_483_647 && number != 1000),
                    "{written:?} {image:?}"
                );
                assert!(allow_root || user.numbers().all(|number| number != 0), "{written:?} {image:?}");
            }
        }
    });
}
