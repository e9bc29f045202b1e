//! The ISO in five stages, each keyed by what it reads and recorded in the store, so each is cached and runnable alone.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write as _;
use std::time::Instant;

use anyhow::{Context as _, Result, bail};
use ashlar_core::base::digest::Digest;
use ashlar_core::base::event::{Event, size};
use ashlar_core::base::name::{Epoch, PkgName};
use ashlar_core::formats::cpio::{self, Node, NodeKind};
use ashlar_core::formats::layer;
use ashlar_core::formats::manifest::Kind;
use ashlar_core::formats::uki;
use ashlar_core::model::hardening::{apparmor, isolation};
use ashlar_core::model::image::Profile;
use ashlar_core::model::iso::{self as layout, Parts};
use ashlar_core::plan::{CONTRACT, Input};
use camino::{Utf8Path, Utf8PathBuf};
use serde_json::json;

use crate::build::collect;
use crate::build::session::Session;
use crate::compose::policy::Policy;
use crate::compose::{self, Variant, pinned, root, surface};
use crate::host::beneath::Beneath;
use crate::host::checkout;
use crate::host::repository::{self, Repository};
use crate::host::store::{Entry, Record};
use crate::host::tree;

/// The stages in their order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, clap::ValueEnum)]
pub enum Stage {
    /// Seed env and sysroot.
    Bootstrap,
    /// Packages of the profile.
    Packages,
    /// The root tree, with hardening data applied and checked.
    Security,
    /// The profile's own files on top; root image and initramfs.
    Overlay,
    /// Unified kernel image and medium.
    Iso,
}

impl Stage {
    /// All stages.
    pub const ALL: [Self; 5] = [Self::Bootstrap, Self::Packages, Self::Security, Self::Overlay, Self::Iso];

    /// The name on the command line.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Bootstrap => "bootstrap",
            Self::Packages => "packages",
            Self::Security => "security",
            Self::Overlay => "overlay",
            Self::Iso => "iso",
        }
    }

    /// The name in progress lines.
    fn title(self) -> &'static str {
        match self {
            Self::Bootstrap => "Bootstrap",
            Self::Packages => "Packages",
            Self::Security => "Security",
            Self::Overlay => "Overlay",
            Self::Iso => "ISO Creation",
        }
    }
}

/// What the stages made.
#[derive(Debug, Clone)]
pub struct Made {
    /// Input key of the last stage that ran.
    pub key: Digest,
    /// The ISO, when the last stage ran.
    pub digest: Option<Digest>,
    /// Everything that the stages made or used: packages by name, files by the stage's word for them.
    pub outputs: BTreeMap<String, Digest>,
}

/// What is built before anything for the target can be linked.
const BOOTSTRAP: &[&str] = &["linux-headers", "mimalloc", "musl", "compiler-rt", "libunwind", "libcxx", "rust-std"];
/// What every ISO needs beside its root.
const BOOT: &[&str] = &["linux", "init", "systemd-stub", "grub-bios", "apparmor-parser", "apparmor-load"];

/// A stage's outcome, carried to the next.
struct Outcome {
    key: Digest,
    outputs: BTreeMap<String, Digest>,
    cached: bool,
}

struct Line<'a> {
    session: &'a Session<'a>,
    repository: &'a Repository,
    variant: &'a Variant,
    profile: &'a Profile,
}

/// Builds an ISO up to and including `last`.
pub fn build(session: &Session<'_>, repository: &Repository, variant: &Variant, last: Stage) -> Result<Made> {
    let name = variant.profile.as_str();
    let mut profiles = compose::profiles(repository)?;
    let mut profile = profiles
        .remove(name)
        .ok_or_else(|| repository::unknown("ISO profile", name, profiles.keys().map(String::as_str)))?;
    profile.layers_off.extend(variant.without.iter().cloned());
    let line = Line { session, repository, variant, profile: &profile };
    let mut before: Option<Outcome> = None;
    for (number, stage) in Stage::ALL.into_iter().enumerate().filter(|(_, stage)| *stage <= last) {
        let started = Instant::now();
        let outcome =
            line.stage(stage, before.as_ref()).with_context(|| format!("stage {} of the ISO", stage.as_str()))?;
        session.reporter().emit(Event::Stage {
            number: number as u8 + 1,
            of: Stage::ALL.len() as u8,
            name: stage.title().to_owned(),
            milliseconds: started.elapsed().as_millis() as u64,
            cached: outcome.cached,
        });
        before = Some(outcome);
    }
    let outcome = before.context("no stage ran")?;
    let digest = outcome.outputs.get("iso").copied();
    if let Some(digest) = digest {
        session.enforce_ledger_of(&format!("iso/{}", variant.name()), &outcome.key, digest)?;
    }
    Ok(Made { key: outcome.key, digest, outputs: outcome.outputs })
}

impl Line<'_> {
    /// The profile's name.
    fn name(&self) -> &str {
        &self.variant.profile
    }

    fn stage(&self, stage: Stage, before: Option<&Outcome>) -> Result<Outcome> {
        match stage {
            Stage::Bootstrap => self.packages(names(BOOTSTRAP)),
            Stage::Packages => {
                let mut wanted = self.profile.root_names();
                wanted.extend(names(BOOT));
                self.packages(wanted)
            }
            Stage::Security => self.security(before.context("packages come first")?),
            Stage::Overlay => self.overlay(before.context("security comes first")?),
            Stage::Iso => self.iso(before.context("overlay comes first")?),
        }
    }

    fn packages(&self, wanted: Vec<PkgName>) -> Result<Outcome> {
        let built = self.session.build(&wanted)?;
        let outputs: BTreeMap<String, Digest> =
            built.iter().map(|(name, built)| (name.to_string(), built.diff_id)).collect();
        let cached = built.values().all(|built| !built.fresh);
        Ok(Outcome { key: Digest::of(json!(outputs).to_string()), outputs, cached })
    }

    fn input(&self, packages: &Outcome, name: &str) -> Result<Input> {
        let diff_id = packages.outputs.get(name).with_context(|| format!("{name} was not built"))?;
        Ok(Input { name: name.parse()?, diff_id: *diff_id })
    }

    /// Root tree of the profile's packages and the hardening layers' files, with every check passed.
    fn security(&self, packages: &Outcome) -> Result<Outcome> {
        let inputs = self.profile.root.iter().map(|name| self.input(packages, name)).collect::<Result<Vec<_>>>()?;
        let hardening = compose::hardening(self.repository, self.name(), self.profile)?;
        let policy = self.policy(packages)?;
        let plan = json!({
            "contract": CONTRACT, "stage": "security", "inputs": inputs, "files": hardening.files, "policy": policy,
            "foreign": self.profile.foreign_services, "seed": self.session.seed()?.digest, "epoch": Epoch::RELEASE,
        });
        let mut outcome = self.keyed("security", &plan, |room| {
            let files = room.join("root");
            let merged = root::compose(self.session.store(), &inputs, &files)?;
            // Scanning normalises modes; what the packages declare is in their manifests.
            let mut modes: BTreeMap<_, _> =
                merged.entries().iter().map(|entry| (entry.path.clone(), entry.mode)).collect();
            let mut tree = Beneath::open(&files)?;
            for (path, file) in &hardening.files {
                write_new(&mut tree, path, &file.text)?;
                modes.insert(path.clone(), file.mode);
            }
            if let Some(policy) = &policy {
                write_new(&mut tree, apparmor::POLICY, policy.compile(self.session, room)?)?;
                modes.insert(apparmor::POLICY.to_owned(), 0o600);
                // An image with the program that tries the profiles has the table of what it tries.
                if files.join(apparmor::TRY).exists() {
                    write_new(&mut tree, apparmor::REFUSALS, &policy.sources.refusals)?;
                }
            }
            let found = isolation::unconfined(&hardening, &scripts(&tree, &files)?, &self.profile.foreign_services);
            if !found.is_empty() {
                return Err(repository::invalid(&self.repository.root, &found));
            }
            let manifest = tree::scan(&files)?.with_modes(&modes);
            let build_root = self.session.conditions(0).root;
            collect::check_tree(
                "the root tree",
                (&manifest, &files),
                &ashlar_core::verify::lint::Policy::default(),
                &build_root,
                self.session.store(),
                self.session.reporter(),
            )?;
            let layer = room.join("root.tar");
            tree::write_layer(&files, &manifest, Epoch::RELEASE, &layer)?;
            Ok(vec![("root", layer)])
        })?;
        // The later stages still need the packages that are not in the root.
        outcome.outputs.extend(packages.outputs.iter().map(|(name, id)| (name.clone(), *id)));
        Ok(outcome)
    }

    /// AppArmor's profiles, unless their layer is off.
    fn policy(&self, packages: &Outcome) -> Result<Option<Policy>> {
        let Some(sources) = compose::policy_sources(self.repository, self.name(), self.profile)? else {
            return Ok(None);
        };
        let [parser, loader] = ["apparmor-parser", "apparmor-load"].map(|name| self.input(packages, name));
        Ok(Some(Policy::new(sources, parser?, loader?)))
    }

    /// The profile's files over the root; EROFS image; initramfs.
    fn overlay(&self, security: &Outcome) -> Result<Outcome> {
        let folder = Utf8Path::new("iso").join(self.name()).join("overlay");
        let overlay = self.overlay_files(&folder)?;
        let init = self.input(security, "init")?;
        let base = *security.outputs.get("root").context("the security stage gives a root")?;
        let packages = self.profile.root.iter().map(|name| self.input(security, name)).collect::<Result<Vec<_>>>()?;
        let plan = json!({
            "contract": CONTRACT, "stage": "overlay", "root": base, "init": init, "seed": self.session.seed()?.digest,
            "overlay": overlay, "modes": self.profile.modes, "epoch": Epoch::RELEASE, "script": layout::ROOT_SCRIPT,
            // What the manifest says beside the root's own files.
            "profile": self.name(), "packages": packages, "writable": ashlar_core::verify::inventory::writable(),
            "form": ashlar_core::verify::inventory::FORM,
        });
        let mut outcome = self.keyed("overlay", &plan, |room| {
            let files = room.join("root");
            tree::unpack_layer(&self.session.store().artifact(&base), base, &files)?;
            // mkfs reads modes from the disk, and unpacking leaves every directory writable.
            let manifest = layer::reader::read_manifest(fs_err::File::open(self.session.store().artifact(&base))?)?;
            for entry in manifest.entries().iter().filter(|entry| entry.kind == Kind::Dir) {
                set_mode(&files.join(&entry.path), entry.mode)?;
            }
            let mut tree = Beneath::open(&files)?;
            for path in overlay.keys() {
                copy_over(&self.repository.root.join(&folder).join(path), &mut tree, Utf8Path::new(path))?;
            }
            for (path, mode) in self.profile.octal_modes() {
                tree.set_mode(Utf8Path::new(&path), mode)?;
            }
            let mut modes: BTreeMap<_, _> =
                manifest.entries().iter().map(|entry| (entry.path.clone(), entry.mode)).collect();
            // Files of the overlay come with modes of their own.
            modes.retain(|path, _| !overlay.contains_key(path));
            let mut owners = surface::owners(self.session.store(), &packages)?;
            owners
                .extend(overlay.keys().map(|path| (path.clone(), ashlar_core::verify::inventory::PROFILE.to_owned())));
            let whole = tree::scan(&files)?.with_modes(&modes).with_modes(&self.profile.octal_modes());
            let text = surface::manifest(self.repository, (self.name(), self.profile), &owners, &whole, &files)?;
            fs_err::write(room.join("manifest.txt"), text)?;
            pinned::run(self.session, "overlay", room, layout::ROOT_SCRIPT)?;
            let init = self.file_of(&init, "usr/lib/initramfs/init")?;
            let image = fs_err::read(room.join("root.erofs"))?;
            fs_err::write(room.join("initramfs.cpio"), initramfs(init, image)?)?;
            pinned::run(self.session, "initramfs", room, layout::INITRAMFS_SCRIPT)?;
            Ok(vec![("initramfs", room.join("initramfs.cpio.zst")), ("manifest", room.join("manifest.txt"))])
        })?;
        outcome.outputs.extend(security.outputs.iter().map(|(name, id)| (name.clone(), *id)));
        Ok(outcome)
    }

    /// Unified kernel image, EFI system partition, ISO.
    fn iso(&self, overlay: &Outcome) -> Result<Outcome> {
        let [linux, stub, grub] = ["linux", "systemd-stub", "grub-bios"].map(|name| self.input(overlay, name));
        let (linux, stub, grub) = (linux?, stub?, grub?);
        let initramfs = *overlay.outputs.get("initramfs").context("the overlay stage gives an initramfs")?;
        let cmdline = self.profile.cmdline.join(" ");
        let os_release = layout::os_release(&self.profile.version);
        let plan = json!({
            "contract": CONTRACT, "stage": "iso", "linux": linux, "stub": stub, "grub": grub, "initramfs": initramfs,
            "cmdline": cmdline, "os_release": os_release, "seed": self.session.seed()?.digest, "epoch": Epoch::RELEASE,
            "script": layout::ISO_SCRIPT,
        });
        self.keyed("iso", &plan, |room| {
            let kernel = self.file_of(&linux, "usr/lib/linux/bzImage")?;
            let stub = self.file_of(&stub, "usr/lib/systemd/boot/efi/linuxx64.efi.stub")?;
            let initrd = fs_err::read(self.session.store().artifact(&initramfs))?;
            let sections: [(&str, &[u8]); 4] = [
                (".osrel", os_release.as_bytes()),
                (".cmdline", cmdline.as_bytes()),
                (".linux", &kernel),
                (".initrd", &initrd),
            ];
            let image = uki::assemble(&stub, &sections).context("assembling the unified kernel image")?;
            let parts = Parts::of(&image).context("the unified image lacks a section")?;
            fs_err::write(room.join("BOOTX64.EFI"), &image.bytes)?;
            fs_err::write(room.join("grub.cfg"), layout::grub_cfg(&parts, &cmdline))?;
            fs_err::write(room.join("eltorito.img"), self.file_of(&grub, "usr/lib/grub/i386-pc/eltorito.img")?)?;
            fs_err::write(room.join("boot_hybrid.img"), self.file_of(&grub, "usr/lib/grub/i386-pc/boot_hybrid.img")?)?;
            let esp = layout::esp_kib(image.bytes.len() as u64).map_err(anyhow::Error::msg)?;
            pinned::run(self.session, "iso", room, &layout::iso_script(esp, Epoch::RELEASE))?;
            let iso = room.join("ashlar.iso");
            let bytes = fs_err::metadata(&iso)?.len();
            if let Some(limit) = self.profile.max_size.filter(|limit| bytes > *limit) {
                bail!("the ISO is {} and the profile's limit is {}", size(bytes), size(limit));
            }
            Ok(vec![("iso", iso), ("uki", room.join("BOOTX64.EFI"))])
        })
        .map(|mut outcome| {
            outcome.outputs.extend(overlay.outputs.iter().map(|(name, id)| (name.clone(), *id)));
            outcome
        })
    }

    /// Runs `make` in an empty directory unless the store has the outputs of this plan.
    fn keyed(
        &self,
        stage: &str,
        plan: &serde_json::Value,
        make: impl FnOnce(&Utf8Path) -> Result<Vec<(&'static str, Utf8PathBuf)>>,
    ) -> Result<Outcome> {
        let store = self.session.store();
        let label = last_label(self.variant, stage);
        let text = format!("{plan:#}");
        let key = Digest::of(&text);
        if let Some(record) = store.record(&key)? {
            let mut good = true;
            for digest in record.outputs.values() {
                if let Entry::Damaged(_) = store.check(&store.artifact(digest), digest)? {
                    self.session
                        .reporter()
                        .note(format!("a stored file of stage {stage} is damaged; dropped, it will be made again"));
                    fs_err::remove_file(store.artifact(digest))?;
                }
                good &= store.artifact(digest).exists();
            }
            if good {
                store.put_last(&label, &key)?;
                return Ok(Outcome { key, outputs: record.outputs, cached: true });
            }
        }
        let started = Instant::now();
        let room = tempfile::Builder::new().prefix(&format!("{stage}-")).tempdir_in(self.session.room())?;
        let room = Utf8Path::from_path(room.path()).context("the store's path is not UTF-8")?;
        let mut outputs = BTreeMap::new();
        for (name, file) in make(room)? {
            outputs.insert(name.to_owned(), store.publish_artifact(&file)?);
        }
        let record = Record { outputs: outputs.clone(), seconds: started.elapsed().as_secs() };
        store.put_record(&key, &label, &text, &record)?;
        Ok(Outcome { key, outputs, cached: false })
    }

    /// One file of a stored package, from its verified layer.
    fn file_of(&self, input: &Input, path: &str) -> Result<Vec<u8>> {
        tree::read_file(&self.session.store().layer(&input.name, &input.diff_id), input.diff_id, path)
            .with_context(|| format!("reading {path} of {}", input.name))
    }

    /// Every file of the overlay, a folder of the checkout, with its digest.
    fn overlay_files(&self, folder: &Utf8Path) -> Result<BTreeMap<String, Digest>> {
        let root = &self.repository.root;
        if !root.join(folder).exists() {
            return Ok(BTreeMap::new());
        }
        let files = checkout::files_below(root, folder)?;
        let digest =
            |path: &String| -> Result<Digest> { Ok(Digest::of(checkout::read(&root.join(folder).join(path))?)) };
        files.into_iter().map(|path| Ok((path.clone(), digest(&path)?))).collect()
    }
}

/// The service scripts of a root, by name. A link among them is followed as the system would, so never out of the root.
fn scripts(tree: &Beneath, root: &Utf8Path) -> Result<BTreeMap<String, String>> {
    let folder = Utf8Path::new("etc/init.d");
    let names = if root.join(folder).exists() { checkout::list(root, folder)?.names } else { BTreeSet::new() };
    let text =
        |name: &String| -> Result<String> { Ok(std::io::read_to_string(tree.read_as_root(&folder.join(name))?)?) };
    names.into_iter().map(|name| Ok((name.clone(), text(&name)?))).collect()
}

/// Under what the store notes the last key of a stage. A variant has its own, or `gc` would take the plain ISO for old.
fn last_label(variant: &Variant, stage: &str) -> String {
    format!("iso.{}.{stage}", variant.name())
}

fn names(texts: &[&str]) -> Vec<PkgName> {
    texts.iter().filter_map(|text| text.parse().ok()).collect()
}

/// A file that no package has: one with two owners would be a package that ignores the layer's data.
fn write_new(tree: &mut Beneath, path: &str, content: impl AsRef<[u8]>) -> Result<()> {
    let file = tree.create_new(Utf8Path::new(path))?;
    let mut file =
        file.with_context(|| format!("{path} comes from hardening/ and from a package: take it out of the package"))?;
    Ok(file.write_all(content.as_ref())?)
}

/// The profile's file replaces the package's.
fn copy_over(from: &Utf8Path, tree: &mut Beneath, path: &Utf8Path) -> Result<()> {
    let mut source = checkout::open(from)?;
    let executable = std::os::unix::fs::PermissionsExt::mode(&source.metadata()?.permissions()) & 0o100 != 0;
    std::io::copy(&mut source, &mut tree.create(path)?)?;
    tree.set_mode(path, if executable { 0o755 } else { 0o644 })
}

fn set_mode(path: &Utf8Path, mode: u32) -> Result<()> {
    Ok(fs_err::set_permissions(path, std::os::unix::fs::PermissionsExt::from_mode(mode))?)
}

fn initramfs(init: Vec<u8>, image: Vec<u8>) -> Result<Vec<u8>> {
    let node = |path: &str, mode, kind| Node { path: path.to_owned(), mode, kind };
    let nodes = [
        node("dev", 0o755, NodeKind::Dir),
        node("dev/console", 0o600, NodeKind::CharDevice { major: 5, minor: 1 }),
        node("init", 0o755, NodeKind::File(init)),
        node("root.erofs", 0o600, NodeKind::File(image)),
    ];
    Ok(cpio::write(&nodes, Epoch::RELEASE)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_variant_is_noted_beside_the_plain_iso() {
        let without = Variant { without: vec!["4-ssh".to_owned()], ..Variant::plain("minimal") };
        assert_eq!(last_label(&Variant::plain("minimal"), "iso"), "iso.minimal.iso");
        assert_eq!(last_label(&without, "iso"), "iso.minimal-without-4-ssh.iso");
    }
}
