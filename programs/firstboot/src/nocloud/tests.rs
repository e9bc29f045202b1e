use super::*;
use crate::config::Facts;
use crate::plan::plan;
use testkit::golden;

/// A machine as in the image.
pub fn facts() -> Facts {
    Facts {
        passwd: "root:x:0:0:root:/root:/bin/sh\nsshd:x:22:22::/var/empty:/bin/false\n".to_owned(),
        group: "root:x:0:\nwheel:x:10:\naudio:x:18:\nssh:x:21:\nsshd:x:22:\n".to_owned(),
        shadow: "root:!*:20454:0:::::\nsshd:!*:20454:0:::::\n".to_owned(),
        shells: "# shells\n/bin/sh\n/bin/false\n".to_owned(),
        dhcpcd: "duid\n".to_owned(),
        hosts: "127.0.0.1 localhost\n127.0.1.1 old\n".to_owned(),
        zones: vec!["Europe/Berlin".to_owned()],
        interfaces: vec!["eth0".to_owned(), "eth1".to_owned()],
        full: false,
        day: 20_500,
    }
}

fn documents(user_data: &str) -> Documents {
    Documents { user_data: Some(golden::input(user_data).into_bytes()), ..Documents::default() }
}

/// Findings, then the plan with the texts of its files.
fn told(documents: &Documents, facts: &Facts) -> String {
    let (config, findings) = resolve(documents, facts);
    let mut text: String = findings.iter().map(|finding| format!("{finding}\n")).collect();
    let Some(config) = config else { return text + "nothing is used\n" };
    for step in plan(&config, facts).unwrap() {
        text.push_str(&format!("{step}\n"));
        if let crate::plan::Step::File { content, .. } = step {
            text.extend(content.lines().map(|line| format!("    {line}\n")));
        }
    }
    text
}

#[test]
fn a_whole_volume_becomes_this_plan() {
    let documents = Documents {
        meta_data: Some(golden::input("nocloud/full.meta-data").into_bytes()),
        network_config: true,
        ..documents("nocloud/full.user-data")
    };
    golden::assert_matches("nocloud/full.txt", &told(&documents, &facts()));
}

#[test]
fn the_smallest_volume_that_lets_somebody_in() {
    golden::assert_matches("nocloud/small.txt", &told(&documents("nocloud/small.user-data"), &facts()));
}

#[test]
fn every_refusal_is_said_at_once() {
    golden::assert_matches("nocloud/bad.txt", &told(&documents("nocloud/bad.user-data"), &facts()));
    golden::assert_matches("nocloud/nobody.txt", &told(&documents("nocloud/nobody.user-data"), &facts()));
}

#[test]
fn files_and_commands_need_the_command_line() {
    let full = Facts { full: true, ..facts() };
    golden::assert_matches("nocloud/extra.txt", &told(&documents("nocloud/extra.user-data"), &full));
    golden::assert_matches("nocloud/bad-extra.txt", &told(&documents("nocloud/bad-extra.user-data"), &full));
    let (config, findings) = resolve(&documents("nocloud/extra.user-data"), &facts());
    assert_eq!(config, None);
    assert_eq!(findings.iter().filter(|finding| finding.message.contains("ashlar.cloudinit=full")).count(), 2);
}

#[test]
fn other_formats_are_no_configuration() {
    for text in ["#!/bin/sh\nid\n", "", "## template: jinja\n#cloud-config\n", "Content-Type: multipart/mixed"] {
        let documents = Documents { user_data: Some(text.into()), ..Documents::default() };
        let (config, findings) = resolve(&documents, &facts());
        assert_eq!(config, None, "{text}");
        assert!(
            findings.iter().any(|finding| finding.message.starts_with("the first line is not #cloud-config")),
            "{text}"
        );
    }
    assert!(told(&Documents::default(), &facts()).ends_with("nothing is used\n"));
    let broken = Documents { user_data: Some(b"#cloud-config\na: *b\n".to_vec()), ..Documents::default() };
    assert!(told(&broken, &facts()).contains("user-data, line 2: refused: anchors"));
}

#[test]
fn no_volume_makes_the_reader_panic_or_forge_an_account() {
    let facts = Facts { full: true, ..facts() };
    let seeds = ["full", "bad", "extra", "bad-extra"].map(|name| golden::input(&format!("nocloud/{name}.user-data")));
    testkit::fuzz::repeat(0x6e_6f63, crate::FUZZ_ALPHABET, |random| {
        let seed = random.below(seeds.len());
        let documents = Documents {
            meta_data: Some(random.damaged(b"instance-id: a\nlocal-hostname: b\n")),
            user_data: Some(random.damaged(seeds[seed].as_bytes())),
            network_config: false,
        };
        let (config, _) = resolve(&documents, &facts);
        let Some(config) = config else { return };
        let users = config.users.len();
        for step in plan(&config, &facts).unwrap() {
            let crate::plan::Step::File { path, content, .. } = step else { continue };
            // One new line per user, none of them root's.
            if path == "/etc/passwd" && !config.files.iter().any(|file| file.path == path) {
                assert_eq!(content.lines().count(), facts.passwd.lines().count() + users, "{content}");
                assert!(content.lines().all(|line| line.split(':').count() == 7), "{content}");
                assert_eq!(content.lines().filter(|line| line.split(':').nth(2) == Some("0")).count(), 1);
            }
        }
    });
}
