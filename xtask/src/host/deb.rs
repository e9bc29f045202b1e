//! Unpacks Debian binary packages into a seed tree: no maintainer script runs, nothing leaves the tree, no root is needed.
//!
//! It ignores owners, times, special bits and directory modes of the archive, so the tree depends on its bytes only.
//! `ashlar_core::model::seed::path` decides where a path goes.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{Read, Write as _};
use std::sync::{Mutex, MutexGuard, PoisonError};

use anyhow::{Context as _, Result, anyhow, bail};
use ashlar_core::base::digest::Hasher;
use ashlar_core::base::glob;
use ashlar_core::base::name::Epoch;
use ashlar_core::formats::archive::Limits;
use ashlar_core::model::seed::tree::{Node, Tree};
use ashlar_core::model::seed::{ar, index, path};
use camino::Utf8Path;

use super::archive;

/// Name and version a package must state in its own control file: a right hash under a wrong name is still refused.
#[derive(Debug, Clone, Copy)]
pub struct Pin<'a> {
    /// `Package`.
    pub name: &'a str,
    /// `Version`.
    pub version: &'a str,
}

/// Unpacks packages, from several threads, into one tree.
#[derive(Debug)]
pub struct Unpacker<'a> {
    root: &'a Utf8Path,
    drop: &'a [String],
    dirs: Mutex<BTreeSet<String>>,
    claims: Mutex<BTreeMap<String, Claim>>,
    /// Paths that a second package has as well: its name and what it would have put there.
    doubles: Mutex<Vec<(String, String, Node)>>,
}

/// Who has a path, and what is there once it is written.
#[derive(Debug)]
struct Claim {
    package: String,
    node: Option<Node>,
}

impl<'a> Unpacker<'a> {
    /// An unpacker into the empty directory `root`; paths that match a glob of `drop` are left out.
    pub fn new(root: &'a Utf8Path, drop: &'a [String]) -> Self {
        Self { root, drop, dirs: Mutex::default(), claims: Mutex::default(), doubles: Mutex::default() }
    }

    /// Unpacks one package.
    ///
    /// # Errors
    /// When the file is malformed, is another package than `pin` says, or has an entry that does not belong into a tree.
    pub fn unpack(&self, pin: Pin<'_>, deb: &Utf8Path) -> Result<()> {
        let work = || -> Result<()> {
            let bytes = fs_err::read(deb)?;
            let members = ar::members(&bytes)?;
            let member = |stem: &str| -> Result<(Box<dyn Read + '_>, u64)> {
                let found = members
                    .iter()
                    .find(|member| member.name.strip_prefix(stem).is_some_and(|rest| rest.starts_with(".tar")));
                let found = found.with_context(|| format!("it has no member `{stem}.tar.*`"))?;
                let data = &bytes[found.data.clone()];
                Ok((decompress(&found.name, data)?, data.len() as u64))
            };
            check_identity(pin, member("control")?)?;
            let (data, length) = member("data")?;
            archive::entries(data, length, Limits::FOREIGN, |path, entry| self.entry(pin.name, path, entry))
        };
        work().with_context(|| format!("unpacking package {} {} ({deb})", pin.name, pin.version))
    }

    /// Adds an executable that no package has; `from` says where it comes from.
    ///
    /// # Errors
    /// When `content` cannot be read, or the path is not free.
    pub fn add(&self, from: &str, place: &str, content: &mut impl Read) -> Result<()> {
        if guard(&self.claims).contains_key(place) {
            bail!("{place} exists already; leave its package out by `without`, or the file by `drop`");
        }
        self.parents(place)?;
        self.file(from, place.to_owned(), true, content)
    }

    /// Adds a symbolic link that no package has.
    ///
    /// # Errors
    /// When the path is taken.
    pub fn link(&self, link: &str, target: &str) -> Result<()> {
        let node = Node::Link { target: target.to_owned() };
        if !self.claim("the links of seed.toml", link, Some(&node)) {
            bail!("{link} exists already; remove it from `links`");
        }
        self.parents(link)?;
        fs_err::os::unix::fs::symlink(target, self.root.join(link))?;
        Ok(())
    }

    /// The tree as unpacked, all times set to the epoch.
    ///
    /// # Errors
    /// When two packages have different content at one path: every such path is named.
    pub fn finish(self) -> Result<Tree> {
        let claims = into_inner(self.claims);
        let mut clashes = Vec::new();
        for (path, package, node) in into_inner(self.doubles) {
            if let Some(claim) = claims.get(&path)
                && claim.node.as_ref() != Some(&node)
            {
                let (first, second) =
                    if claim.package < package { (&claim.package, &package) } else { (&package, &claim.package) };
                clashes.push(format!("{path} differs between {first} and {second}"));
            }
        }
        if !clashes.is_empty() {
            clashes.sort();
            clashes.dedup();
            bail!(
                "packages of the seed contradict each other:\n  {}\nadd the paths to `drop` in seed.toml",
                clashes.join("\n  ")
            );
        }
        let mut nodes: BTreeMap<String, Node> = BTreeMap::new();
        for (path, claim) in claims {
            let node = claim.node.with_context(|| format!("{path} was begun and not finished"))?;
            nodes.insert(path, node);
        }
        nodes.extend(into_inner(self.dirs).into_iter().map(|path| (path, Node::Dir)));
        // From the deepest up, since writing into a directory changes its time.
        for (path, node) in nodes.iter().rev() {
            finish_node(&self.root.join(path), node)?;
        }
        Ok(Tree { nodes })
    }

    fn entry(&self, package: &str, raw: &Utf8Path, entry: &mut tar::Entry<'_, impl Read>) -> Result<()> {
        let raw = raw.as_str();
        let place = path::place(raw).map_err(|why| anyhow!(why))?;
        if place.is_empty() || self.drop.iter().any(|pattern| glob::matches(pattern, &place)) {
            return Ok(());
        }
        let kind = entry.header().entry_type();
        if kind.is_dir() {
            return self.directory(&place);
        }
        self.parents(&place)?;
        let link = || -> Result<String> {
            let name = entry.link_name_bytes().with_context(|| format!("{raw} is a link without a target"))?;
            String::from_utf8(name.into_owned()).map_err(|_| anyhow!("the target of {raw} is not UTF-8"))
        };
        if kind.is_symlink() {
            let node = Node::Link { target: path::link_target(raw, &link()?).map_err(|why| anyhow!(why))? };
            if let Node::Link { target: text } = &node
                && self.claim(package, &place, Some(&node))
            {
                fs_err::os::unix::fs::symlink(text, self.root.join(&place))?;
            } else {
                guard(&self.doubles).push((place, package.to_owned(), node));
            }
        } else if kind.is_hard_link() {
            let first = path::place(&link()?).map_err(|why| anyhow!(why))?;
            let node = guard(&self.claims).get(&first).and_then(|claim| claim.node.clone());
            let node = node.with_context(|| format!("{raw} is a hard link to {first}, which was not unpacked"))?;
            if self.claim(package, &place, Some(&node)) {
                fs_err::hard_link(self.root.join(first), self.root.join(&place))?;
            } else {
                guard(&self.doubles).push((place, package.to_owned(), node));
            }
        } else if kind.is_file() {
            let executable = entry.header().mode()? & 0o111 != 0;
            self.file(package, place, executable, entry)?;
        } else {
            bail!("{raw} is neither file, directory nor link ({kind:?}); add it to `drop` in seed.toml");
        }
        Ok(())
    }

    fn file(&self, package: &str, place: String, executable: bool, content: &mut impl Read) -> Result<()> {
        let mine = self.claim(package, &place, None);
        let mut file = if mine { Some(fs_err::File::create_new(self.root.join(&place))?) } else { None };
        let (mut hasher, mut size) = (Hasher::default(), 0);
        let mut buffer = vec![0; 1 << 16];
        loop {
            let count = content.read(&mut buffer)?;
            if count == 0 {
                break;
            }
            hasher.update(&buffer[..count]);
            size += count as u64;
            if let Some(file) = &mut file {
                file.write_all(&buffer[..count])?;
            }
        }
        let node = Node::File { executable, size, sha256: hasher.finish() };
        if mine {
            guard(&self.claims).insert(place, Claim { package: package.to_owned(), node: Some(node) });
        } else {
            guard(&self.doubles).push((place, package.to_owned(), node));
        }
        Ok(())
    }

    /// Takes a path for a package; false when another entry has it.
    fn claim(&self, package: &str, place: &str, node: Option<&Node>) -> bool {
        let mut claims = guard(&self.claims);
        if claims.contains_key(place) {
            return false;
        }
        claims.insert(place.to_owned(), Claim { package: package.to_owned(), node: node.cloned() });
        true
    }

    fn parents(&self, place: &str) -> Result<()> {
        match place.rsplit_once('/') {
            Some((parent, _)) => self.directory(parent),
            None => Ok(()),
        }
    }

    /// Makes a directory and those above it. Nothing below a symbolic link is ever written: what is in the way must be a
    /// directory, and no directory is ever replaced, so a path once known good stays good.
    fn directory(&self, place: &str) -> Result<()> {
        if guard(&self.dirs).contains(place) {
            return Ok(());
        }
        self.parents(place)?;
        let path = self.root.join(place);
        match fs_err::create_dir(&path) {
            Ok(()) => {}
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {
                if !fs_err::symlink_metadata(&path)?.is_dir() {
                    bail!("{place} is a directory here, and a file or link in another package");
                }
            }
            Err(error) => return Err(error.into()),
        }
        guard(&self.dirs).insert(place.to_owned());
        Ok(())
    }
}

fn check_identity(pin: Pin<'_>, (control, length): (Box<dyn Read + '_>, u64)) -> Result<()> {
    let mut found = None;
    archive::entries(control, length, Limits::FOREIGN, |path, entry| {
        if found.is_some() || !matches!(path.as_str(), "./control" | "control") {
            return Ok(());
        }
        let mut text = String::new();
        entry.read_to_string(&mut text)?;
        found = Some(index::control_identity(&text).map_err(|why| anyhow!(why))?);
        Ok(())
    })?;
    let (name, version) = found.context("it has no control file")?;
    if (name.as_str(), version.as_str()) != (pin.name, pin.version) {
        bail!("the file says of itself that it is {name} {version}; the lock is wrong");
    }
    Ok(())
}

fn decompress<'b>(name: &str, bytes: &'b [u8]) -> Result<Box<dyn Read + 'b>> {
    Ok(match name.rsplit_once(".tar").map_or("", |(_, extension)| extension) {
        ".xz" => Box::new(liblzma::bufread::XzDecoder::new_multi_decoder(bytes)),
        ".zst" => Box::new(ruzstd::decoding::StreamingDecoder::new(bytes).map_err(|error| anyhow::anyhow!("{error}"))?),
        ".gz" => Box::new(flate2::bufread::MultiGzDecoder::new(bytes)),
        "" => Box::new(bytes),
        other => bail!("member `{name}` is compressed in an unknown way (`{other}`)"),
    })
}

/// Sets what the umask and the clock left undefined.
fn finish_node(path: &Utf8Path, node: &Node) -> Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    let mode = match node {
        Node::Dir | Node::File { executable: true, .. } => Some(0o755),
        Node::File { executable: false, .. } => Some(0o644),
        Node::Link { .. } => None,
    };
    if let Some(mode) = mode {
        fs_err::set_permissions(path, std::fs::Permissions::from_mode(mode))?;
    }
    let seconds = i64::try_from(Epoch::RELEASE.0).context("the epoch does not fit the file system's clock")?;
    let time = rustix::fs::Timespec { tv_sec: seconds, tv_nsec: 0 };
    let times = rustix::fs::Timestamps { last_access: time, last_modification: time };
    rustix::fs::utimensat(rustix::fs::CWD, path.as_std_path(), &times, rustix::fs::AtFlags::SYMLINK_NOFOLLOW)
        .with_context(|| format!("setting the time of {path}"))
}

fn guard<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn into_inner<T>(mutex: Mutex<T>) -> T {
    mutex.into_inner().unwrap_or_else(PoisonError::into_inner)
}

/// The symbolic links at the root of a merged system, so that the tree can be entered as it is.
pub fn merged_links() -> impl Iterator<Item = (&'static str, String)> {
    path::MERGED.into_iter().map(|name| (name, format!("usr/{name}")))
}

#[cfg(test)]
pub(super) mod tests;
