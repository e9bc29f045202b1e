use std::os::unix::net::UnixListener;

use rustix::fs::Mode;

use super::*;
use crate::host::invalid::Invalid;
use crate::host::repository::Repository;

/// What a stranger wants to have.
const SECRET: &str = "-----BEGIN PRIVATE KEY-----";

/// A checkout with one good package, as a stranger may send it, and beside it a secret.
struct Checkout {
    guard: tempfile::TempDir,
}

impl Checkout {
    fn new() -> Self {
        let guard = tempfile::tempdir().unwrap();
        let fixture = Utf8Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
        let checkout = Self { guard };
        for folder in ["toolchain", "pkgs/x/patches", "hardening", "images/x", "iso/x/overlay/etc"] {
            fs_err::create_dir_all(checkout.root().join(folder)).unwrap();
        }
        let policy = "toolchain/hardening.toml";
        fs_err::copy(fixture.join(policy), checkout.root().join(policy)).unwrap();
        let recipe = fs_err::read_to_string(fixture.join("tests/fixtures/tree/pkgs/bulky/pkg.toml")).unwrap();
        checkout.write("pkgs/x/pkg.toml", &recipe.replace("bulky", "x"));
        fs_err::write(checkout.secret(), SECRET).unwrap();
        checkout
    }

    fn root(&self) -> Utf8PathBuf {
        Utf8Path::from_path(self.guard.path()).unwrap().join("checkout")
    }

    fn secret(&self) -> Utf8PathBuf {
        Utf8Path::from_path(self.guard.path()).unwrap().join("secret")
    }

    fn write(&self, path: &str, text: &str) {
        fs_err::write(self.root().join(path), text).unwrap();
    }

    fn link(&self, path: &str) {
        let path = self.root().join(path);
        if path.exists() {
            fs_err::remove_file(&path).unwrap();
        }
        fs_err::os::unix::fs::symlink(self.secret(), path).unwrap();
    }

    fn fifo(&self, path: &str) {
        let mode = Mode::from_raw_mode(0o644);
        rustix::fs::mknodat(rustix::fs::CWD, self.root().join(path).as_std_path(), rustix::fs::FileType::Fifo, mode, 0)
            .unwrap();
    }
}

fn told(error: &anyhow::Error) -> String {
    assert!(error.is::<Invalid>(), "it is no finding: {error:#}");
    let text = error.to_string();
    assert!(!text.contains(SECRET), "the secret is shown: {text}");
    text
}

/// A stranger's recipe folder: a link to a key, one in `patches/`, a fifo and a socket.
#[test]
fn links_fifos_and_sockets_beside_a_recipe_are_findings() {
    let checkout = Checkout::new();
    checkout.link("pkgs/x/notes");
    checkout.link("pkgs/x/patches/0001-key.patch");
    let recipe = fs_err::read_to_string(checkout.root().join("pkgs/x/pkg.toml")).unwrap();
    checkout.write("pkgs/x/pkg.toml", &recipe.replace("license", "patches = [\"0001-key.patch\"]\nlicense"));
    checkout.link("pkgs/x/options.config");
    checkout.fifo("pkgs/x/fifo");
    let _socket = UnixListener::bind(checkout.root().join("pkgs/x/socket")).unwrap();
    // A whole folder elsewhere, under a package's name.
    fs_err::os::unix::fs::symlink("/etc", checkout.root().join("pkgs/etc")).unwrap();
    insta::assert_snapshot!(told(&Repository::load(&checkout.root()).unwrap_err()));
}

/// A recipe that is a link is not read, so no diagnostic quotes what it leads to.
#[test]
fn a_recipe_that_is_a_link_is_not_quoted() {
    let checkout = Checkout::new();
    checkout.link("pkgs/x/pkg.toml");
    let text = told(&Repository::load(&checkout.root()).unwrap_err());
    assert!(text.contains("pkgs/x/pkg.toml is a symbolic link") && text.ends_with("\n1 finding"), "{text}");
    checkout.link("toolchain/hardening.toml");
    let error = format!("{:#}", Repository::load(&checkout.root()).unwrap_err());
    assert!(error.contains("toolchain/hardening.toml is a symbolic link") && !error.contains(SECRET), "{error}");
}

#[test]
fn links_in_the_data_of_layers_images_and_overlays_are_findings() {
    let checkout = Checkout::new();
    for path in ["hardening/findings.toml", "iso/x/overlay/etc/shadow", "images/x/image.toml"] {
        checkout.link(path);
        let (folder, name) = path.split_once('/').unwrap();
        let text = told(&files_below(&checkout.root(), Utf8Path::new(folder)).unwrap_err());
        assert!(text.contains(&format!("--> {folder}/{name}")), "{text}");
    }
}

/// What slipped in after the folder was listed is not followed either, and a fifo does not stop the reader.
#[test]
fn what_is_opened_is_a_plain_file() {
    let checkout = Checkout::new();
    checkout.link("pkgs/x/notes");
    checkout.fifo("pkgs/x/fifo");
    for (name, why) in
        [("notes", "is a symbolic link"), ("fifo", "is not a plain file"), ("patches", "is not a plain file")]
    {
        let error = format!("{:#}", read(&checkout.root().join("pkgs/x").join(name)).unwrap_err());
        assert!(error.contains(why) && !error.contains(SECRET), "{error}");
        assert!(super::super::repository::seen_by_build(&checkout.root().join("pkgs/x").join(name)).is_err());
    }
    assert!(read_to_string(&checkout.root().join("pkgs/x/pkg.toml")).unwrap().starts_with("name"));
}
