//! Observes the running system: the only module with effects. It decides nothing.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::io::{self, Read as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::evaluate::file::Found;
use crate::evaluate::process::Process;

/// The time after which a silent program is killed.
const PATIENCE: Duration = Duration::from_secs(20);

/// Names of interpreters and compilers.
const INTERPRETERS: &[&str] = &[
    "python",
    "perl",
    "ruby",
    "lua",
    "node",
    "php",
    "tclsh",
    "guile",
    "gcc",
    "g++",
    "cc",
    "c++",
    "clang",
    "tcc",
    "rustc",
    "go",
    "as",
    "ld",
    "lld",
    "gdb",
    "lldb",
    "strace",
    "ltrace",
    "make",
    "cmake",
    "bash",
    "zsh",
    "ksh",
    "dash",
    "apparmor_parser",
];

/// The output of a program.
#[derive(Debug, Clone)]
pub struct ProgramOutput {
    /// Exit status; 128 plus the signal that killed it.
    pub status: i32,
    /// Standard output and standard error after it.
    pub text: String,
}

/// The running system. Programs and tables that several checks need are read once.
#[derive(Debug, Default)]
pub struct System {
    output: RefCell<BTreeMap<Vec<String>, ProgramOutput>>,
    texts: RefCell<BTreeMap<String, String>>,
}

impl System {
    /// A kernel file that does not change during the run.
    pub fn fixed(&self, path: &str) -> io::Result<String> {
        if let Some(text) = self.texts.borrow().get(path) {
            return Ok(text.clone());
        }
        let text = if path.ends_with(".gz") { inflate(&std::fs::read(path)?)? } else { read(path)? };
        drop(self.texts.borrow_mut().insert(path.to_owned(), text.clone()));
        Ok(text)
    }

    /// Runs a program with an empty environment, once for all checks.
    pub fn run(&self, argv: &[String]) -> io::Result<ProgramOutput> {
        if let Some(output) = self.output.borrow().get(argv) {
            return Ok(output.clone());
        }
        let output = run(argv)?;
        drop(self.output.borrow_mut().insert(argv.to_vec(), output.clone()));
        Ok(output)
    }

    /// Every process of this name that is a program, not a kernel thread.
    pub fn processes(&self, name: &str) -> io::Result<Vec<Process>> {
        let mut found = Vec::new();
        for entry in std::fs::read_dir("/proc")? {
            let path = entry?.path();
            let number = path.file_name().and_then(|name| name.to_str()?.parse::<u32>().ok());
            // A process that ended meanwhile does not count.
            let (Some(_), Ok(comm)) = (number, read(path.join("comm"))) else { continue };
            if comm.trim_end() != name || read(path.join("cmdline")).is_ok_and(|line| line.is_empty()) {
                continue;
            }
            let Ok(status) = read(path.join("status")) else { continue };
            let user = crate::evaluate::process::field(&status, "Uid")
                .and_then(|ids| ids.split_whitespace().nth(1)?.parse().ok());
            let label = read(path.join("attr/apparmor/current")).unwrap_or_default();
            found.push(Process {
                status,
                label,
                user: user.map_or_else(String::new, |id| self.name("/etc/passwd", id)),
            });
        }
        Ok(found)
    }

    /// Mode and owner; links are not followed.
    pub fn stat(&self, path: &str) -> io::Result<Found> {
        let meta = std::fs::symlink_metadata(path)?;
        let owner = format!("{}:{}", self.name("/etc/passwd", meta.uid()), self.name("/etc/group", meta.gid()));
        Ok(Found { mode: meta.mode() & 0o7777, owner })
    }

    /// The name of a user or group, or the number when there is none.
    fn name(&self, file: &str, id: u32) -> String {
        let text = self.fixed(file).unwrap_or_default();
        let line = base::accounts::lines(&text).find(|line| line.number() == Some(id));
        line.map_or_else(|| id.to_string(), |line| line.name.to_owned())
    }

    /// Paths of all files of a kind, on all file systems except the kernel's own.
    pub fn scan(&self, what: &str) -> io::Result<Vec<String>> {
        let of_sort: fn(&Path, &std::fs::Metadata) -> bool = match what {
            "setuid" => |_, meta| meta.is_file() && meta.mode() & 0o6000 != 0,
            "file-capability" => |path, meta| meta.is_file() && sys::has_capabilities(path),
            "world-writable" => |_, meta| {
                let loose = meta.mode() & 0o002 != 0;
                (meta.is_file() && loose) || (meta.is_dir() && loose && meta.mode() & 0o1000 == 0)
            },
            "interpreter" => |path, meta| {
                let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
                let stem =
                    name.trim_end_matches(|letter: char| letter.is_ascii_digit() || letter == '.' || letter == '-');
                !meta.is_dir() && meta.mode() & 0o111 != 0 && INTERPRETERS.contains(&stem)
            },
            other => return Err(io::Error::other(format!("unknown search `{other}`"))),
        };
        let mut found = Vec::new();
        let mut pending = vec![PathBuf::from("/")];
        while let Some(folder) = pending.pop() {
            let Some(entries) = there(std::fs::read_dir(&folder))? else { continue };
            for entry in entries {
                let path = entry?.path();
                let Some(meta) = there(path.symlink_metadata())? else { continue };
                if of_sort(&path, &meta) {
                    found.push(path.display().to_string());
                }
                if meta.is_dir() && !["/proc", "/sys", "/dev"].iter().any(|kernel| path == Path::new(kernel)) {
                    pending.push(path);
                }
            }
        }
        found.sort();
        Ok(found)
    }
}

/// A file that vanished meanwhile does not count; one that cannot be read is a failure, because it could be anything.
fn there<T>(result: io::Result<T>) -> io::Result<Option<T>> {
    match result {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        other => other.map(Some),
    }
}

/// A file's text; invalid UTF-8 is replaced.
pub fn read(path: impl AsRef<Path>) -> io::Result<String> {
    Ok(String::from_utf8_lossy(&std::fs::read(path)?).into_owned())
}

fn run(argv: &[String]) -> io::Result<ProgramOutput> {
    let (program, arguments) = argv.split_first().ok_or_else(|| io::Error::other("no program"))?;
    let mut child = Command::new(program)
        .args(arguments)
        .env_clear()
        .env("PATH", "/usr/bin")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()?;
    let (mut out, mut err) = (child.stdout.take(), child.stderr.take());
    let reader = std::thread::spawn(move || {
        let mut text = Vec::new();
        let result = out.as_mut().map_or(Ok(0), |pipe| pipe.read_to_end(&mut text));
        result.map(|_| text)
    });
    let mut errors = Vec::new();
    let watch = std::thread::spawn(move || {
        let result = err.as_mut().map_or(Ok(0), |pipe| pipe.read_to_end(&mut errors));
        result.map(|_| errors)
    });
    let started = Instant::now();
    let status = loop {
        if let Some(status) = child.try_wait()? {
            break status;
        }
        if started.elapsed() > PATIENCE {
            child.kill()?;
            let _ended = child.wait()?;
            return Err(io::Error::other(format!("{program} did not end within {} s", PATIENCE.as_secs())));
        }
        std::thread::sleep(Duration::from_millis(5));
    };
    let joined = |thread: std::thread::JoinHandle<io::Result<Vec<u8>>>| {
        thread.join().unwrap_or_else(|_| Err(io::Error::other("reading its output failed")))
    };
    let mut bytes = joined(reader)?;
    bytes.extend(joined(watch)?);
    use std::os::unix::process::ExitStatusExt as _;
    let status = status.code().unwrap_or_else(|| 128 + status.signal().unwrap_or(0));
    Ok(ProgramOutput { status, text: String::from_utf8_lossy(&bytes).into_owned() })
}

/// The kernel's gzip: a header of ten bytes without options, deflated data, eight bytes of checksum and length.
fn inflate(bytes: &[u8]) -> io::Result<String> {
    let broken = |what: &str| io::Error::new(io::ErrorKind::InvalidData, what.to_owned());
    if bytes.len() < 18 || !bytes.starts_with(&[0x1f, 0x8b, 8]) || bytes[3] != 0 {
        return Err(broken("not the gzip that the kernel writes"));
    }
    let text = miniz_oxide::inflate::decompress_to_vec_with_limit(&bytes[10..bytes.len() - 8], 4 << 20)
        .map_err(|error| broken(&format!("the compressed data is damaged: {error}")))?;
    Ok(String::from_utf8_lossy(&text).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn programs_are_run_once_and_told_apart() {
        let system = System::default();
        let argv = |text: &str| vec!["/bin/sh".to_owned(), "-c".to_owned(), text.to_owned()];
        let output = system.run(&argv("echo a; echo b >&2; exit 3")).unwrap();
        assert_eq!((output.status, output.text.as_str()), (3, "a\nb\n"));
        let clock = argv("cat /proc/sys/kernel/random/uuid");
        assert_eq!(system.run(&clock).unwrap().text, system.run(&clock).unwrap().text);
        assert!(system.run(&["/nowhere".to_owned()]).is_err());
    }

    #[test]
    fn gzip() {
        assert!(inflate(b"\x1f\x8b\x08\x00").is_err());
        assert!(inflate(&[0_u8; 64]).is_err());
        let mut bytes = vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3];
        bytes.extend(miniz_oxide::deflate::compress_to_vec(b"CONFIG_A=y\n", 6));
        bytes.extend([0; 8]);
        assert_eq!(inflate(&bytes).unwrap(), "CONFIG_A=y\n");
    }

    #[test]
    fn only_what_went_away_is_passed_over() {
        assert!(there(std::fs::read_dir("/nowhere")).unwrap().is_none());
        assert!(there(std::fs::read_dir("/proc/self/status")).is_err());
        assert!(there(std::fs::read_dir("/proc")).unwrap().is_some());
    }

    #[test]
    fn own_process_is_found() {
        let own = read("/proc/self/comm").unwrap();
        assert!(!System::default().processes(own.trim_end()).unwrap().is_empty());
    }
}
