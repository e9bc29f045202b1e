//! The plans of an ISO's stages, from the command line to the printed JSON: a small profile of small packages, in the fixture tree.
#![expect(clippy::unwrap_used, reason = "all of this is test code")]

use std::collections::BTreeMap;
use std::fs;

use ashlar_tests::checkout::Checkout;
use serde_json::Value;

/// Packages that every ISO needs, by the file that a stage reads from them.
const NEEDED: [(&str, &str); 16] = [
    ("apparmor-load", "usr/bin/apparmor-load"),
    ("apparmor-parser", "usr/bin/apparmor_parser"),
    ("busybox", "usr/lib/busybox"),
    ("compiler-rt", "usr/lib/compiler-rt"),
    ("filesystem", "usr/lib/filesystem"),
    ("grub-bios", "usr/lib/grub/i386-pc/eltorito.img"),
    ("init", "usr/lib/initramfs/init"),
    ("libcxx", "usr/lib/libcxx"),
    ("libunwind", "usr/lib/libunwind"),
    ("linux", "usr/lib/linux/bzImage"),
    ("linux-headers", "usr/include/linux"),
    ("mimalloc", "usr/lib/mimalloc"),
    ("musl", "usr/lib/musl"),
    ("rc", "usr/lib/rc/words"),
    ("rust-std", "usr/lib/rust-std"),
    ("systemd-stub", "usr/lib/systemd/boot/efi/linuxx64.efi.stub"),
];

/// The recipe of such a package.
const RECIPE: &str = r#"
name = "@NAME@"
version = "1"
summary = "Fixture in the place of @NAME@"
license = "MIT"
upstream = "https://ashlar.invalid"

[build.env]
FILE = "@FILE@"

[phases]
install = '''
mkdir -p "$DESTDIR/${FILE%/*}"
echo @NAME@ > "$DESTDIR/$FILE"
'''
"#;

/// The profile, its overlay, and the layers' data: layer 4 alone is on.
const FILES: [(&str, &str); 4] = [
    (
        "iso/tiny/profile.toml",
        "summary = 'The smallest that has all stages'\nversion = '1'\nroot = ['busybox', 'clean', 'filesystem', 'rc']\ncmdline = ['quiet']\n\
         layers_off = ['1-kernel', '2-access', '3-network', '5-audit', '6-isolation']\n",
    ),
    ("iso/tiny/overlay/usr/share/tiny/greeting", "Hello\n"),
    (
        "hardening/4-ssh/sshd.toml",
        "about = 'Keys only.'\nessential = [['PidFile', '/run/sshd.pid']]\n\
         [[section]]\nreason = 'Root never logs in.'\nset = [['PermitRootLogin', 'no']]\n",
    ),
    ("pkgs/linux/config/10-boot.config", "CONFIG_CMDLINE=\"quiet\"\n"),
];

/// A checkout with the profile `tiny`, or nothing where builds cannot run.
fn checkout() -> Option<Checkout> {
    let checkout = Checkout::new()?;
    let write = |path: &str, text: &str| {
        let file = checkout.root().join(path);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, text).unwrap();
    };
    for (name, file) in NEEDED {
        let recipe = RECIPE.replace("@NAME@", name).replace("@FILE@", file);
        write(&format!("pkgs/{name}/pkg.toml"), &recipe);
    }
    FILES.iter().for_each(|(path, text)| write(path, text));
    Some(checkout)
}

/// The printed plans; digests that follow from the seed by their names, so that another compiler there changes no snapshot.
fn printed(checkout: &Checkout) -> String {
    let text = checkout.run(&["iso", "tiny", "--print-plan=json"]).good();
    let plans: BTreeMap<String, Value> = serde_json::from_str(&text).unwrap();
    let digest = |plan: &str, key: &str| plans[plan][key].as_str().unwrap().to_owned();
    let (seed, initramfs) = (digest("iso.tiny.iso", "seed"), digest("iso.tiny.iso", "initramfs"));
    assert!(seed.len() == 64 && initramfs.len() == 64, "{seed} {initramfs}");
    text.replace(&seed, "(the seed)").replace(&initramfs, "(the initramfs)")
}

#[test]
fn the_plans_of_an_iso_are_pinned_and_the_same_in_every_directory() {
    let (Some(one), Some(other)) = (checkout(), checkout()) else { return };
    let plans = printed(&one);
    insta::assert_snapshot!(plans);
    assert_eq!(printed(&other), plans);
    // Printing the plan of a stage makes what the stage reads, and not the stage itself.
    let why = one.run(&["why", "iso", "tiny"]).good();
    let of = |stage: &str| why.lines().find(|line| line.starts_with(&format!("iso.tiny.{stage}"))).unwrap().to_owned();
    assert!(of("security").contains("nothing changed since its last build"), "{why}");
    assert!(of("overlay").contains("nothing changed since its last build"), "{why}");
    assert_eq!(of("iso"), "iso.tiny.iso was never built in this store");
}

#[test]
fn a_changed_command_line_changes_the_last_stage_alone() {
    let Some(checkout) = checkout() else { return };
    let before = printed(&checkout);
    let profile = checkout.root().join("iso/tiny/profile.toml");
    fs::write(&profile, fs::read_to_string(&profile).unwrap().replace("'quiet'", "'quiet', 'panic=1'")).unwrap();
    let after = printed(&checkout);
    let changed: Vec<&str> = after.lines().filter(|line| !before.contains(line)).collect();
    assert_eq!(changed, ["    \"cmdline\": \"quiet panic=1\","]);
}
