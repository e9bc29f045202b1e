//! Processes, as `/proc` shows them, and how to find those of a daemon.
//!
//! A process is identified by PID *and* start time, because PIDs are reused. Zombies count as gone.

use std::fs;
use std::io::{self, Read};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use sys::{End, Pid};

/// An exit status in words.
pub fn ended(end: End) -> String {
    match end {
        End::Code(code) => format!("it ended with exit code {code}"),
        End::Signal(signal) => format!("it was ended by {}", crate::schedule::name(signal)),
    }
}

/// A snapshot of one process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Process {
    /// PID.
    pub pid: Pid,
    /// PID of the parent.
    pub parent: Pid,
    /// Clock ticks since the kernel started.
    pub start: u64,
    /// Short name, at most 15 bytes.
    pub name: String,
    /// Owner.
    pub uid: u32,
    /// The program file, if readable.
    pub exe: Option<PathBuf>,
    /// Its command line.
    pub argv: Vec<String>,
}

/// Whether a process exists that `/proc` hides, because it is another user's (`hidepid`).
pub fn is_hidden(pid: Pid) -> bool {
    sys::kill(pid, 0).is_err_and(|error| error.kind() == io::ErrorKind::PermissionDenied)
}

/// Whether a process is in our PID namespace, not in a container.
pub fn is_at_home(pid: Pid) -> bool {
    let namespace = |of: &str| fs::read_link(format!("/proc/{of}/ns/pid"));
    match (namespace("self"), namespace(&pid.to_string())) {
        (Ok(ours), Ok(its)) => ours == its,
        // Not readable, or a kernel without namespaces.
        _ => true,
    }
}

/// Reads one process. `None`: it does not exist, or has ended.
pub fn read(pid: Pid) -> Option<Process> {
    let at = PathBuf::from(format!("/proc/{pid}"));
    let stat = fs::read(at.join("stat")).ok()?;
    let stat = String::from_utf8_lossy(&stat);
    let (name, parent, start) = parse_stat(&stat)?;
    let command_line = fs::read(at.join("cmdline")).unwrap_or_default();
    let argv = command_line
        .split(|byte| *byte == 0)
        .map(|word| String::from_utf8_lossy(word).into_owned())
        .collect::<Vec<_>>();
    let length = argv.iter().rposition(|word| !word.is_empty()).map_or(0, |last| last + 1);
    Some(Process {
        pid,
        parent,
        start,
        name,
        uid: fs::metadata(&at).ok()?.uid(),
        exe: fs::read_link(at.join("exe")).ok().map(without_deleted),
        argv: argv.into_iter().take(length).collect(),
    })
}

/// Name, parent and start time from `/proc/PID/stat`. The name can hold anything, including parentheses.
fn parse_stat(stat: &str) -> Option<(String, Pid, u64)> {
    let (open, close) = (stat.find('(')?, stat.rfind(')')?);
    let name = stat.get(open + 1..close)?;
    let fields: Vec<&str> = stat.get(close + 1..)?.split_whitespace().collect();
    if matches!(*fields.first()?, "Z" | "X") {
        return None;
    }
    Some((name.to_owned(), fields.get(1)?.parse().ok()?, fields.get(19)?.parse().ok()?))
}

fn without_deleted(path: PathBuf) -> PathBuf {
    match path.to_str().and_then(|text| text.strip_suffix(" (deleted)")) {
        Some(text) => PathBuf::from(text),
        None => path,
    }
}

/// All processes of this system.
pub fn all() -> Vec<Process> {
    let Ok(entries) = fs::read_dir("/proc") else { return Vec::new() };
    let numbers = entries.flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    let mut found: Vec<Process> = numbers.filter_map(read).collect();
    found.sort_by_key(|process| process.pid);
    found
}

/// Criteria for a process. Absent ones do not matter.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Pattern {
    /// Its program, as in the service script.
    pub exec: Option<String>,
    /// Its arguments; compared only in a search, not for a pid file.
    pub args: Vec<String>,
    /// Its short name.
    pub name: Option<String>,
    /// Its owner.
    pub uid: Option<u32>,
}

impl Pattern {
    /// Whether there are no criteria.
    pub fn is_empty(&self) -> bool {
        self.exec.is_none() && self.name.is_none() && self.uid.is_none()
    }

    /// Whether a process matches. `with_args`: its arguments too.
    pub fn fits(&self, process: &Process, with_args: bool) -> bool {
        self.uid.is_none_or(|uid| uid == process.uid)
            && self.name.as_ref().is_none_or(|name| has_name(process, name))
            && self.exec.as_ref().is_none_or(|exec| runs(process, exec))
            && (!with_args || self.args.is_empty() || ends_with(&process.argv, &self.args))
    }
}

fn ends_with(argv: &[String], args: &[String]) -> bool {
    // Empty words at the end look like the bytes that a program clears after its title.
    let args = &args[..args.iter().rposition(|word| !word.is_empty()).map_or(0, |last| last + 1)];
    // The first word is the program, a second one may be the script of an interpreter.
    argv.len() > args.len() && argv.ends_with(args)
}

fn has_name(process: &Process, name: &str) -> bool {
    let short: String = String::from_utf8_lossy(&name.as_bytes()[..name.len().min(15)]).into_owned();
    process.name == short || process.argv.first().is_some_and(|word| base(word) == name)
}

fn base(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

/// Whether a process runs a program: the same file, or a script named in the first two words.
fn runs(process: &Process, exec: &str) -> bool {
    if process.argv.iter().take(2).any(|word| word == exec || is_inside(process, word, exec)) {
        return true;
    }
    let real = fs::canonicalize(exec).unwrap_or_else(|_| PathBuf::from(exec));
    if process.exe.as_deref() != Some(real.as_path()) {
        return false;
    }
    // A link to a multi-call program (BusyBox): the name it was started with decides.
    let many_names = real.file_name() != Path::new(exec).file_name();
    !many_names || process.argv.first().is_some_and(|word| base(word).starts_with(base(exec)))
}

/// Whether a word of a process with another root means this file.
fn is_inside(process: &Process, word: &str, file: &str) -> bool {
    // The cheap test comes first: hardly any process passes it.
    let may_be = word.starts_with('/') && file.len() > word.len() && file.ends_with(word);
    may_be
        && fs::read_link(format!("/proc/{}/root", process.pid))
            .is_ok_and(|root| root != Path::new("/") && root.join(word.trim_start_matches('/')) == Path::new(file))
}

/// All matching processes, except this one and its parent.
pub fn find(pattern: &Pattern) -> Vec<Process> {
    let own = std::process::id() as Pid;
    let parent = std::os::unix::process::parent_id() as Pid;
    all().into_iter().filter(|p| p.pid > 1 && p.pid != own && p.pid != parent && pattern.fits(p, true)).collect()
}

/// The content of a pid file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PidFile {
    /// No file.
    Absent,
    /// Unusable, and why.
    Unusable(String),
    /// A PID. `writer`: another user than root could have written it.
    Names { pid: Pid, writer: Option<u32> },
}

/// Reads a pid file. Does not follow a link in its last component, and does not block on a pipe.
pub fn read_pid_file(path: &Path) -> PidFile {
    let flags = 0o400_000 | 0o4_000; // O_NOFOLLOW, O_NONBLOCK
    let mut file = match fs::OpenOptions::new().read(true).custom_flags(flags).open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return PidFile::Absent,
        Err(error) => return PidFile::Unusable(format!("{}: {error}", path.display())),
    };
    let mut text = String::new();
    let read = |file: &mut fs::File, text: &mut String| -> io::Result<(bool, u32, u32)> {
        let about = file.metadata()?;
        if about.is_file() {
            file.by_ref().take(64).read_to_string(text)?;
        }
        Ok((about.is_file(), about.uid(), about.mode()))
    };
    match read(&mut file, &mut text) {
        Ok((true, uid, mode)) => match parse_pid(&text) {
            Some(pid) => PidFile::Names { pid, writer: (uid != 0 || mode & 0o022 != 0).then_some(uid) },
            // Created for the daemon, which has not written it yet.
            None if text.trim().is_empty() => PidFile::Absent,
            None => PidFile::Unusable(format!("{} has no PID: {:?}", path.display(), text.trim())),
        },
        Ok((false, ..)) => PidFile::Unusable(format!("{} is not a regular file", path.display())),
        Err(error) => PidFile::Unusable(format!("{}: {error}", path.display())),
    }
}

/// The PID in a pid file: its first word. 0, 1 and negative numbers would signal groups, or process 1.
pub fn parse_pid(text: &str) -> Option<Pid> {
    text.split_whitespace().next()?.parse().ok().filter(|pid| *pid > 1)
}

/// A handle of a process: signals reach exactly it, or nobody.
pub struct Held {
    /// The process.
    pub process: Process,
    fd: Option<OwnedFd>,
}

impl Held {
    /// Opens a handle, if the process is still the same.
    pub fn new(process: Process) -> Option<Held> {
        let fd = sys::pidfd_open(process.pid).ok();
        (read(process.pid)?.start == process.start).then_some(Held { process, fd })
    }

    /// Whether it runs.
    pub fn is_alive(&self) -> bool {
        read(self.process.pid).is_some_and(|now| now.start == self.process.start)
    }

    /// Sends a signal. A process that ended meanwhile is not an error.
    pub fn signal(&self, signal: i32) -> io::Result<()> {
        let result = match &self.fd {
            Some(fd) => sys::pidfd_kill(fd, signal),
            None if self.is_alive() => sys::kill(self.process.pid, signal),
            None => Ok(()),
        };
        match result {
            Err(error) if error.raw_os_error() == Some(3) => Ok(()), // ESRCH
            other => other,
        }
    }
}

/// Waits until all have ended or time is over; returns whether all have.
pub fn wait_for_end(held: &[Held], limit: Option<Duration>) -> bool {
    let begun = Instant::now();
    loop {
        let alive: Vec<&Held> = held.iter().filter(|one| one.is_alive()).collect();
        if alive.is_empty() {
            return true;
        }
        let left = limit.map(|limit| limit.saturating_sub(begun.elapsed()));
        if left.is_some_and(|left| left.is_zero()) {
            return false;
        }
        let fds: Vec<_> = alive.iter().filter_map(|one| one.fd.as_ref().map(AsFd::as_fd)).collect();
        let all_have_fds = fds.len() == alive.len();
        let pause = if all_have_fds { left } else { Some(left.map_or(STEP, |left| left.min(STEP))) };
        // On an old kernel, or if poll fails, the pause keeps this loop from spinning.
        if fds.is_empty() || sys::poll(&fds, pause).is_err() {
            std::thread::sleep(pause.unwrap_or(STEP).min(STEP));
        }
    }
}

const STEP: Duration = Duration::from_millis(20);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_daemon_is_found_by_arguments_that_end_with_an_empty_one() {
        let words = |text: &str| text.split(' ').map(str::to_owned).collect::<Vec<String>>();
        assert!(ends_with(&words("/d --title"), &words("--title ")));
        assert!(ends_with(&words("/d --title x"), &words("--title x")));
        assert!(!ends_with(&words("/d --other"), &words("--title ")));
        assert!(!ends_with(&words("/d --title"), &words("--title  x")));
    }

    fn process(argv: &[&str], exe: &str) -> Process {
        Process {
            pid: 99,
            parent: 1,
            start: 5,
            name: base(argv[0]).chars().take(15).collect(),
            uid: 10,
            exe: Some(PathBuf::from(exe)),
            argv: argv.iter().map(|word| (*word).to_owned()).collect(),
        }
    }

    #[test]
    fn stat_with_a_nasty_name() {
        let tail = "1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 4242 0";
        assert_eq!(parse_stat(&format!("7 (a) S (b) S {tail}")), Some(("a) S (b".to_owned(), 1, 4242)));
        assert_eq!(parse_stat(&format!("7 (gone) Z {tail}")), None);
        crate::testing::for_texts(|text| drop(parse_stat(text)));
    }

    #[test]
    fn pid_files() {
        for (text, pid) in [
            ("12\n", Some(12)),
            (" 12 \n", Some(12)),
            ("12\n13", Some(12)),
            ("0", None),
            ("1", None),
            ("-5", None),
            ("", None),
            ("x", None),
            ("99999999999", None),
        ] {
            assert_eq!(parse_pid(text), pid, "{text:?}");
        }
        crate::testing::for_texts(|text| assert!(parse_pid(text).is_none_or(|pid| pid > 1)));
    }

    #[test]
    fn patterns() {
        let by_exec = |exec: &str| Pattern { exec: Some(exec.into()), ..Pattern::default() };
        assert!(by_exec("/x/daemon").fits(&process(&["daemon", "-d"], "/x/daemon"), true));
        assert!(!by_exec("/x/daemon").fits(&process(&["daemon", "-d"], "/y/daemon"), true));
        assert!(by_exec("/x/script").fits(&process(&["/bin/sh", "/x/script"], "/bin/dash"), true));
        let args = Pattern { exec: Some("/x/d".into()), args: vec!["-a".into()], ..Pattern::default() };
        assert!(args.fits(&process(&["/x/d", "-a"], "/x/d"), true));
        assert!(!args.fits(&process(&["/x/d", "-b"], "/x/d"), true));
        assert!(args.fits(&process(&["/x/d", "-b"], "/x/d"), false));
        let name = Pattern { name: Some("a-very-long-program-name".into()), ..Pattern::default() };
        assert!(name.fits(&process(&["a-very-long-program-name"], "/x"), true));
    }

    #[test]
    fn this_process_is_found_and_held() {
        let own = read(std::process::id() as Pid).unwrap();
        let held = Held::new(own.clone()).unwrap();
        assert!(held.is_alive());
        held.signal(0).unwrap();
        assert!(!wait_for_end(&[held], Some(Duration::from_millis(30))));
        assert!(Held::new(Process { start: own.start + 1, ..own }).is_none());
    }
}
