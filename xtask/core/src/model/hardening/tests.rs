use camino::Utf8PathBuf;

use super::*;

fn texts(list: &[(&str, &str)]) -> Texts {
    list.iter().map(|(path, text)| (Utf8PathBuf::from(*path), (*text).to_owned())).collect()
}

/// The smallest data that renders.
fn small() -> Texts {
    texts(&[
        (
            "hardening/1-kernel/sysctl.toml",
            "[[set]]\nkey = \"kernel.kptr_restrict\"\nvalue = \"2\"\nreason = \"Kernel addresses stay secret.\"\n\
             [[set]]\nkey = \"kernel.randomize_va_space\"\nvalue = \"2\"\nreason = \"Addresses are random.\"\ndefault = true\n",
        ),
        ("pkgs/linux/config/10-boot.config", "CONFIG_CMDLINE=\"console=tty0 quiet slab_nomerge panic=-1\"\n"),
        ("pkgs/linux/config/20-hardening.config", "CONFIG_VMAP_STACK=y\n# CONFIG_CFI_PERMISSIVE is not set\n"),
        ("pkgs/linux/config/30-cpu.config", ""),
        ("pkgs/linux/config/40-surface.config", ""),
        ("pkgs/linux/config/50-security.config", "CONFIG_LSM=\"lockdown,yama\"\n"),
        (
            "hardening/3-network/nftables.conf",
            "flush ruleset\n\ntable inet filter {\n\tchain input {\n\t\t# What is not let in is dropped.\n\
             \t\ttype filter hook input priority filter; policy drop;\n\t}\n}\n",
        ),
        (
            "hardening/4-ssh/sshd.toml",
            "about = 'Keys only.'\nessential = [['PidFile', '/run/sshd.pid']]\nlast = ['Include x.conf']\n\
             [[section]]\nreason = 'Root never logs in.'\nset = [['PermitRootLogin', 'no'], ['RekeyLimit', '1G 1h']]\n\
             effective = { RekeyLimit = '1073741824 3600' }\n",
        ),
        (
            "hardening/5-audit/rules.toml",
            "[[rule]]\nkey = 'power'\ntext = ['-a always,exit -F arch=b64 -S reboot']\nreason = 'Ends recording.'\n\
             [[finally]]\ntext = '-e 2'\nreason = 'Nothing changes any more.'\n",
        ),
        ("hardening/5-audit/auditd.toml", "[[set]]\nkey = 'num_logs'\nvalue = '4'\nreason = 'Files kept.'\n"),
        ("hardening/5-audit/integrity.toml", "[[tree]]\npath = '/etc'\nreason = 'Configuration.'\n"),
        ("hardening/6-isolation/sshd.toml", "# sshd\n"),
        ("hardening/6-isolation/containers/policy.toml", "# not a service's profile\n"),
        (
            "hardening/2-access/checks.toml",
            "[[check]]\nid = \"tmp\"\nkind = \"mount\"\nsummary = \"/tmp runs nothing\"\npath = \"/tmp\"\n\
             options = [\"noexec\", \"nosuid\"]\nreason = \"Anybody can write there.\"\n",
        ),
    ])
}

fn complaints(texts: &Texts) -> String {
    let found = Hardening::render(texts, &BTreeSet::new()).unwrap_err();
    found
        .iter()
        .map(|finding| {
            let text = finding.file.as_ref().and_then(|file| texts.get(file)).map(String::as_str);
            finding.render(text) + "\n"
        })
        .collect()
}

#[test]
fn files_and_checks_from_one_source() {
    let made = Hardening::render(&small(), &BTreeSet::new()).unwrap();
    let files: String =
        made.files.iter().map(|(path, file)| format!("== {path} {:04o}\n{}\n", file.mode, file.text)).collect();
    insta::assert_snapshot!(files);
}

#[test]
fn a_layer_that_is_off_leaves_no_file_and_no_check() {
    for layer in Layer::ALL {
        let off = Hardening::render(&small(), &BTreeSet::from([layer])).unwrap();
        assert!(off.checks.iter().all(|check| check.layer != layer), "{layer:?}");
        assert!(!off.files[LAYERS].text.contains(layer.folder()), "{layer:?}");
    }
    let off = Hardening::render(&small(), &BTreeSet::from([Layer::Ssh])).unwrap();
    assert_eq!(off.files["etc/ssh/sshd_config"].text, "PidFile /run/sshd.pid\nInclude x.conf\n");
    let off = Hardening::render(&small(), &BTreeSet::from([Layer::Kernel])).unwrap();
    assert!(!off.files.contains_key("etc/sysctl.conf"));
}

#[test]
fn names_of_layers() {
    let file = Utf8Path::new("iso/x/profile.toml");
    assert_eq!(switched_off(&["4-ssh".to_owned()], file), Ok(BTreeSet::from([Layer::Ssh])));
    let found = switched_off(&["5-audti".to_owned(), "firewall".to_owned()], file).unwrap_err();
    insta::assert_snapshot!(found.iter().map(|finding| finding.render(None) + "\n").collect::<String>());
}

#[test]
fn every_mistake_in_the_data_is_told() {
    let mut bad = small();
    let set = |bad: &mut Texts, path: &str, text: &str| drop(bad.insert(Utf8PathBuf::from(path), text.to_owned()));
    set(
        &mut bad,
        "hardening/1-kernel/sysctl.toml",
        "[[set]]\nkey = \"a\"\nvalue = \"1\"\n[[set]]\nkey = \"a\"\nreason = \"long enough reason\"\n",
    );
    set(
        &mut bad,
        "hardening/4-ssh/sshd.toml",
        "[[section]]\nset = [['UseDNS', 'no'], ['usedns', 'yes']]\neffective = { Port = '22' }\n",
    );
    set(
        &mut bad,
        "hardening/2-access/checks.toml",
        "[[check]]\nid = \"a\"\nkind = \"mout\"\nsummary = \"s\"\nreason = \"long enough reason\"\n\
         [[check]]\nid = \"b\"\nkind = \"mount\"\nsummary = \"s\"\nreason = \"short\"\npath = \"/\"\nmode = \"1\"\n\
         [[check]]\nid = \"c\"\nkind = \"sysctl\"\nsummary = \"s\"\nreason = \"long enough reason\"\nkey = 1.5\nvalue = \"1\"\n",
    );
    bad.remove(Utf8Path::new("pkgs/linux/config/30-cpu.config"));
    insta::assert_snapshot!(complaints(&bad));
}

#[test]
fn two_checks_of_a_layer_have_two_names() {
    let mut twice = small();
    let path = Utf8PathBuf::from("hardening/2-access/checks.toml");
    let text = twice[&path].repeat(2);
    twice.insert(path, text);
    insta::assert_snapshot!(complaints(&twice));
}

fn with_words() -> Texts {
    let mut all = small();
    let layers: String = Layer::ALL
        .iter()
        .map(|layer| format!("[[layer]]\nfolder = '{}'\ntitle = 'T'\nsummary = 'S.'\n", layer.folder()))
        .collect();
    let option = "[[layer.option]]\nwhat = 'a|b'\ncost = 'c'\notherwise = 'u'\n";
    all.extend(texts(&[
        ("hardening/layers.toml", &(layers + option)),
        ("hardening/findings.toml", "[[finding]]\ngrader = 'g'\nid = 'CONFIG_VT'\nreason = 'A screen.'\n"),
        ("hardening/provenance.toml", "[[claim]]\nsays = 'x = 1'\nours = 'The same.'\n"),
        ("hardening/measured.toml", "[[score]]\ngrader = 'g'\nversion = '1'\nresult = '9 of 9'\n"),
    ]));
    all
}

#[test]
fn pages_from_data() {
    let all = with_words();
    let made = Hardening::render(&all, &BTreeSet::new()).unwrap();
    let pages = docs::pages(&made, &all).unwrap();
    insta::assert_snapshot!(pages.iter().map(|(path, text)| format!("== {path}\n{text}\n")).collect::<String>());
}

#[test]
fn a_layer_without_words_is_told() {
    let mut all = with_words();
    all.insert(Utf8PathBuf::from("hardening/layers.toml"), "[[layer]]\nfolder = '1-kernel'\nreasn = 'x'\n".to_owned());
    all.remove(Utf8Path::new("hardening/provenance.toml"));
    let made = Hardening::render(&all, &BTreeSet::new()).unwrap();
    let found = docs::pages(&made, &all).unwrap_err();
    insta::assert_snapshot!(found.iter().map(|finding| finding.render(None) + "\n").collect::<String>());
}
