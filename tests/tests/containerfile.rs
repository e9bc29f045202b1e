//! A package built by stock tools from its generated Containerfile has the bytes that the engine gave it.
#![expect(clippy::disallowed_methods, reason = "runs the tools as a person would")]
#![expect(clippy::unwrap_used, reason = "all of this is test code")]

use std::fs;
use std::io::Read;
use std::process::Command;

use ashlar_core::base::digest::Digest;
use ashlar_core::base::name::Epoch;
use ashlar_core::formats::layer;
use ashlar_core::formats::manifest::{Manifest, ManifestEntry};
use ashlar_tests::checkout::{Checkout, names};
use camino::{Utf8Path, Utf8PathBuf};

/// A stock tool with an image storage of its own.
struct Tool {
    program: &'static str,
    storage: Utf8PathBuf,
}

impl Tool {
    /// buildah; podman, which has buildah within, where that is not installed.
    fn find(storage: Utf8PathBuf) -> Option<Self> {
        let works =
            |program: &&str| Command::new(program).arg("--version").output().is_ok_and(|out| out.status.success());
        let program = ["buildah", "podman"].into_iter().find(works);
        if program.is_none() {
            testkit::skipped("neither buildah nor podman is installed");
        }
        Some(Self { program: program?, storage })
    }

    /// Gives its standard output.
    fn run(&self, args: &[&str]) -> String {
        let storage = |name: &str| self.storage.join(name).into_string();
        let output = Command::new(self.program)
            .args(["--root", &storage("root"), "--runroot", &storage("run"), "--storage-driver", "vfs"])
            .args(args)
            .output()
            .unwrap();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let (stdout, stderr) = (text(&output.stdout), text(&output.stderr));
        assert!(output.status.success(), "{} {}\n{stdout}{stderr}", self.program, args.join(" "));
        stdout
    }
}

/// The digest of the layer that the engine would write of a tree.
fn diff_id(root: &Utf8Path) -> Digest {
    let mut entries = Vec::new();
    let mut pending = vec![String::new()];
    while let Some(dir) = pending.pop() {
        for name in names(&root.join(&dir)) {
            let path = if dir.is_empty() { name } else { format!("{dir}/{name}") };
            let file = root.join(&path);
            let meta = file.symlink_metadata().unwrap();
            entries.push(if meta.is_dir() {
                pending.push(path.clone());
                ManifestEntry::dir(path)
            } else if meta.is_symlink() {
                ManifestEntry::symlink(path, file.read_link_utf8().unwrap().as_str())
            } else {
                let mode = std::os::unix::fs::PermissionsExt::mode(&meta.permissions());
                ManifestEntry::file(path, if mode & 0o100 != 0 { 0o755 } else { 0o644 }, &fs::read(&file).unwrap())
            });
        }
    }
    let manifest = Manifest::sorted(entries).unwrap();
    let open = |entry: &ManifestEntry| Ok(Box::new(fs::File::open(root.join(&entry.path))?) as Box<dyn Read>);
    Digest::of(layer::write(&manifest, Epoch::RELEASE, Vec::new(), open).unwrap())
}

#[test]
fn stock_tools_build_the_same_bytes() {
    let Some(checkout) = Checkout::new() else { return };
    let Some(tool) = Tool::find(checkout.root().join("images-of-others")) else { return };
    // A phase that needs what every build has: a place for temporary files, the library below it, and its own variables.
    let install = "echo \"$DESTDIR\" > /tmp/scratch\ncp /tmp/scratch /var/tmp/scratch\nmkdir -p";
    checkout.edit("chain-mid", "mkdir -p", install);
    checkout.edit("chain-mid", "echo mid;", "cat /var/tmp/scratch;");
    let printed = checkout.run(&["build-pkg", "chain-mid"]).good();
    let ours = printed.split(' ').next().unwrap();
    let text = checkout.run(&["build-pkg", "chain-mid", "--print-plan=containerfile"]).good();
    let file = checkout.root().join("Containerfile");
    fs::write(&file, &text).unwrap();
    // podman reads a path with capitals as the name of an image that cannot be.
    let layouts = Utf8PathBuf::from(format!("/tmp/ashlar-layouts-{}", std::process::id()));
    for name in ["seed", "chain-lib"] {
        let layout = layouts.join(name);
        let told = checkout.run(&["export", name, layout.as_str()]).told(0, &["its name is localhost/ashlar/"]).stderr;
        let reference = told.split("its name is ").nth(1).unwrap().split(": `").next().unwrap();
        assert!(text.contains(reference), "{reference} is not what the Containerfile names:\n{text}");
        let id = tool.run(&["pull", "-q", &format!("oci:{layout}")]);
        tool.run(&["tag", id.trim(), reference]);
    }
    fs::remove_dir_all(&layouts).unwrap();
    let out = checkout.root().join("built-by-others");
    let (dest, distfiles) = (format!("type=local,dest={out}"), checkout.store().join("distfiles"));
    let context = format!("distfiles={}", distfiles.canonicalize_utf8().unwrap());
    // podman's layers between steps are not what is tested; buildah makes none.
    let args = ["build", "--layers=false", "--network", "none", "--build-context", &context, "-o", &dest];
    tool.run(&[&args[..], &["-f", file.as_str(), checkout.root().as_str()]].concat());
    assert_eq!(fs::read_to_string(out.join("usr/share/chain/mid")).unwrap(), "lib one\n/dest\n");
    assert_eq!(diff_id(&out).to_string(), ours);
}
