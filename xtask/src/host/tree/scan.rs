//! Walks a tree by directory handles, hashes its files on two threads, and gives its manifest.

use std::borrow::Cow;
use std::ffi::CStr;
use std::fs::File;
use std::io::{self, Read as _};
use std::os::fd::{AsFd as _, OwnedFd};
use std::sync::Mutex;
use std::sync::mpsc::{Receiver, sync_channel};

use anyhow::{Context as _, Result, anyhow, bail};
use ashlar_core::base::digest::Hasher;
use ashlar_core::formats::elf;
use ashlar_core::formats::manifest::{EntryKind, Manifest, ManifestEntry};
use ashlar_core::verify::lint::Contents;
use camino::{Utf8Path, Utf8PathBuf};
use rustix::fs::{AtFlags, CWD, Dir, FileType, Mode, OFlags, Stat, fstat, openat, readlinkat, statat};

use super::walk::{DIRECTORY, MAX_DEPTH};

/// Files that wait, open, for a hashing thread. Bounds the open handles.
const QUEUE: usize = 64;
/// More files are not hashed at once: the machine has other work.
const HASHERS: usize = 2;
/// The largest file of a tree, by the size it claims: one with a hole can claim 8 EiB, and would be hashed for ever.
const MAX_FILE: u64 = 4 << 30;
/// The size of all files of a tree together.
const MAX_TREE: u64 = 16 << 30;
/// Files, directories and links of a tree.
const MAX_ENTRIES: usize = 500_000;
/// Programs larger than this get no ELF facts, in bytes: they would be held in memory.
const MAX_ELF: u64 = 512 << 20;

// NONBLOCK: a fifo that takes a file's place between stat and open must not stop the walk.
const FILE: OFlags = OFlags::RDONLY.union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC).union(OFlags::NONBLOCK);

/// The manifest of the tree below `root`: files 0644 or 0755 by their owner's execute bit, directories 0755, hard links as
/// separate files. Every device, socket, fifo, set-id bit, file that claims too much and name that is not UTF-8 is named in one error.
pub fn scan(root: &Utf8Path) -> Result<Manifest> {
    let top = openat(CWD, root.as_str(), DIRECTORY, Mode::empty()).with_context(|| format!("opening {root}"))?;
    let (jobs, queue) = sync_channel::<Job>(QUEUE);
    let queue = Mutex::new(queue);
    let (mut entries, refused) = std::thread::scope(|scope| -> Result<_> {
        let hashers: Vec<_> = (0..HASHERS).map(|_| scope.spawn(|| hash_all(&queue))).collect();
        let mut walk = Walk { entries: Vec::new(), refused: Vec::new(), jobs, seen: 0, bytes: 0, depth: 0 };
        let walked = walk.directory(&top, "");
        let Walk { mut entries, refused, jobs, .. } = walk;
        drop(jobs);
        for hasher in hashers {
            entries.extend(hasher.join().map_err(|_| anyhow!("a hashing thread panicked"))??);
        }
        walked?;
        Ok((entries, refused))
    })
    .with_context(|| format!("reading the tree {root}"))?;
    if !refused.is_empty() {
        bail!("{root} holds what no package may hold:\n  {}", refused.join("\n  "));
    }
    entries.sort_by(|a, b| a.path.cmp(&b.path));
    Manifest::new(entries).with_context(|| format!("listing {root}"))
}

/// An open file on its way to a hashing thread.
struct Job {
    path: String,
    mode: u32,
    file: File,
}

struct Walk {
    entries: Vec<ManifestEntry>,
    refused: Vec<String>,
    jobs: std::sync::mpsc::SyncSender<Job>,
    /// Entries, bytes and levels so far.
    seen: usize,
    bytes: u64,
    depth: usize,
}

impl Walk {
    fn directory(&mut self, handle: &OwnedFd, above: &str) -> Result<()> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            bail!("directories are nested more than {MAX_DEPTH} deep");
        }
        for item in Dir::read_from(handle).with_context(|| format!("listing /{above}"))? {
            let item = item.with_context(|| format!("listing /{above}"))?;
            let name = item.file_name();
            if name == c"." || name == c".." {
                continue;
            }
            let Ok(text) = name.to_str() else {
                self.refused.push(format!("/{above}/{}: the name is not UTF-8", name.to_string_lossy()));
                continue;
            };
            let path = if above.is_empty() { text.to_owned() } else { format!("{above}/{text}") };
            self.seen += 1;
            if self.seen > MAX_ENTRIES {
                bail!("there are more than {MAX_ENTRIES} files, directories and links");
            }
            self.item(handle, name, &path)?;
        }
        self.depth -= 1;
        Ok(())
    }

    fn item(&mut self, handle: &OwnedFd, name: &CStr, path: &str) -> Result<()> {
        let doing = || format!("reading /{path}");
        let stat = statat(handle, name, AtFlags::SYMLINK_NOFOLLOW).with_context(doing)?;
        let kind = FileType::from_raw_mode(stat.st_mode);
        // setgid on a directory only says who owns new files; it is inherited from the builder's file system and dropped.
        if stat.st_mode & 0o6000 != 0 && kind == FileType::RegularFile {
            self.refused.push(format!("/{path}: mode {:04o} has setuid or setgid", stat.st_mode & 0o7777));
            return Ok(());
        }
        match kind {
            FileType::Directory => {
                self.entries.push(ManifestEntry::dir(path));
                let below = openat(handle, name, DIRECTORY, Mode::empty()).with_context(doing)?;
                self.directory(&below, path)
            }
            FileType::Symlink => match readlinkat(handle, name, Vec::new()).with_context(doing)?.into_string() {
                Ok(target) => {
                    self.entries.push(ManifestEntry::symlink(path, target));
                    Ok(())
                }
                Err(_) => {
                    self.refused.push(format!("/{path}: the link's target is not UTF-8"));
                    Ok(())
                }
            },
            FileType::RegularFile => self.file(handle, name, path).with_context(doing),
            other => {
                self.refused.push(format!("/{path}: {} cannot be packaged", describe(other)));
                Ok(())
            }
        }
    }

    fn file(&mut self, handle: &OwnedFd, name: &CStr, path: &str) -> Result<()> {
        let file = File::from(openat(handle, name, FILE, Mode::empty())?);
        let stat = regular(&file)?;
        let size = u64::try_from(stat.st_size).unwrap_or(u64::MAX);
        if size > MAX_FILE {
            self.refused.push(format!("/{path}: it claims {size} bytes; no file may be larger than {MAX_FILE}"));
            return Ok(());
        }
        self.bytes += size;
        if self.bytes > MAX_TREE {
            bail!("all files together are larger than {MAX_TREE} bytes");
        }
        let mode = normal_mode(&stat);
        self.jobs.send(Job { path: path.to_owned(), mode, file }).map_err(|_| anyhow!("hashing has stopped"))
    }
}

/// The handle's status, when it is a regular file.
fn regular(file: &File) -> io::Result<Stat> {
    let stat = fstat(file.as_fd())?;
    match FileType::from_raw_mode(stat.st_mode) {
        FileType::RegularFile => Ok(stat),
        _ => Err(io::Error::new(io::ErrorKind::InvalidData, "it was a file a moment ago, and is none now")),
    }
}

fn normal_mode(stat: &Stat) -> u32 {
    if stat.st_mode & 0o100 != 0 { 0o755 } else { 0o644 }
}

fn describe(kind: FileType) -> &'static str {
    match kind {
        FileType::CharacterDevice | FileType::BlockDevice => "a device",
        FileType::Fifo => "a fifo",
        FileType::Socket => "a socket",
        _ => "a file of unknown type",
    }
}

fn hash_all(queue: &Mutex<Receiver<Job>>) -> Result<Vec<ManifestEntry>> {
    let mut entries = Vec::new();
    let mut failure = None;
    loop {
        // A poisoned lock means that the other thread panicked while it waited; that is reported by its join.
        let Ok(job) = queue.lock().map(|queue| queue.recv()) else { break };
        let Ok(job) = job else { break };
        // After a failure the queue is still emptied: the walk would wait for ever.
        if failure.is_some() {
            continue;
        }
        let path = job.path.clone();
        match hash(job) {
            Ok(entry) => entries.push(entry),
            Err(error) => failure = Some(anyhow!(error).context(format!("hashing /{path}"))),
        }
    }
    failure.map_or(Ok(entries), Err)
}

fn hash(job: Job) -> io::Result<ManifestEntry> {
    let Job { path, mode, mut file } = job;
    let mut hasher = Hasher::default();
    let mut head = Vec::new();
    file.by_ref().take(4).read_to_end(&mut head)?;
    let mut size = head.len() as u64;
    let mut elf = None;
    if head == b"\x7fELF" && file.metadata()?.len() <= MAX_ELF {
        file.read_to_end(&mut head)?;
        size = head.len() as u64;
        // What cannot be read as ELF is a finding of the checks, with a better message than here.
        elf = elf::facts(&head).and_then(Result::ok);
        hasher.update(&head);
    } else {
        hasher.update(&head);
        size += io::copy(&mut io::BufReader::with_capacity(1 << 18, file), &mut hasher)?;
    }
    Ok(ManifestEntry { path, mode, kind: EntryKind::File { size, sha256: hasher.finish() }, elf })
}

/// Read access to the files of a tree.
#[derive(Debug)]
pub struct Directory {
    root: Utf8PathBuf,
}

impl Directory {
    /// The tree below `root`.
    pub fn new(root: &Utf8Path) -> Self {
        Self { root: root.to_owned() }
    }

    /// Opens a file of the tree; a symlink anywhere on the way is an error.
    pub fn open(&self, path: &str) -> io::Result<File> {
        let mut at = openat(CWD, self.root.as_str(), DIRECTORY, Mode::empty())?;
        let (folders, name) = path.rsplit_once('/').map_or((None, path), |(folders, name)| (Some(folders), name));
        for folder in folders.into_iter().flat_map(|folders| folders.split('/')) {
            at = openat(&at, folder, DIRECTORY, Mode::empty())?;
        }
        let file = File::from(openat(&at, name, FILE, Mode::empty())?);
        regular(&file)?;
        Ok(file)
    }
}

impl Contents for Directory {
    fn read(&self, path: &str) -> io::Result<Cow<'_, [u8]>> {
        let mut bytes = Vec::new();
        self.open(path)?.read_to_end(&mut bytes)?;
        Ok(Cow::Owned(bytes))
    }
}
