//! The environment of a daemon: user, groups, capabilities, priorities, root and current directory, variables, output.
//! `start-stop-daemon` and `supervise-daemon` share these options, and the code that becomes the daemon.

use sys::OFlags;

use crate::checkpath;
use crate::getopt::{Known, Parsed, option};
use crate::paths::Paths;
use crate::users::{Accounts, User};
use std::env;
use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::fd::{AsFd, AsRawFd};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;

mod capabilities;
mod confinement;
pub use capabilities::Capabilities;
use confinement::Confinement;

/// Options of both programs.
pub const OPTIONS: [Known; 19] = [
    option('u', "user", true),
    option('c', "chuid", true),
    option('g', "group", true),
    option('r', "chroot", true),
    option('d', "chdir", true),
    option('e', "env", true),
    option('k', "umask", true),
    option('N', "nicelevel", true),
    option('I', "ionice", true),
    option(' ', "oom-score-adj", true),
    option('1', "stdout", true),
    option('2', "stderr", true),
    option('3', "stdout-logger", true),
    option('4', "stderr-logger", true),
    option(' ', "capabilities", true),
    option(' ', "secbits", true),
    option(' ', "no-new-privs", false),
    option(' ', "scheduler", true),
    option(' ', "scheduler-priority", true),
];

/// Where output goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Sink {
    /// To the present output.
    Inherit,
    /// To /dev/null.
    Null,
    /// Appended to a file, or into a named pipe.
    File(PathBuf),
    /// To the input of a shell command.
    Command(String),
}

/// A resolved daemon: names are numbers, texts are values.
#[derive(Clone, Debug)]
pub struct Launch {
    /// Program.
    pub exec: PathBuf,
    /// First word of its command line.
    pub argv0: String,
    /// The other words.
    pub args: Vec<String>,
    /// User.
    pub user: Option<User>,
    /// Primary and supplementary groups.
    pub groups: Option<(u32, Vec<u32>)>,
    /// New root.
    pub chroot: Option<PathBuf>,
    /// Current directory.
    pub chdir: Option<PathBuf>,
    /// Variables to set.
    pub env: Vec<(String, String)>,
    /// File mode mask.
    pub umask: Option<u32>,
    nice: Option<i32>,
    io_priority: Option<(u8, u8)>,
    oom_score: Option<i32>,
    scheduler: Option<(i32, i32)>,
    capabilities: Option<Capabilities>,
    secure_bits: Option<u64>,
    no_new_privileges: bool,
    /// Standard output.
    pub stdout: Sink,
    /// Standard error.
    pub stderr: Sink,
    confinement: Option<Confinement>,
}

impl Launch {
    /// From the options. `background`: output without a target goes to /dev/null. For a service, as `confine` allows.
    pub fn new(
        parsed: &Parsed,
        service: Option<(&Paths, &str)>,
        exec: &str,
        argv0: &str,
        args: &[String],
        background: bool,
    ) -> Result<Launch, String> {
        let chroot = parsed.value("chroot").filter(|path| !path.is_empty()).map(PathBuf::from);
        let accounts = Accounts::read(chroot.as_deref().unwrap_or(Path::new("/")));
        let (user, groups) = identity(parsed, &accounts)?;
        let confinement = match service {
            Some((paths, name)) => Confinement::of(paths, name, chroot.as_deref())?,
            None => None,
        };
        let default_sink = if background { Sink::Null } else { Sink::Inherit };
        let sink = |file: &str, logger: &str| match (parsed.value(file), parsed.value(logger)) {
            (Some(path), _) if !path.starts_with('/') => {
                Err(format!("--{file} must be an absolute path, not `{path}`"))
            }
            (Some(path), _) => Ok(Sink::File(PathBuf::from(path))),
            (None, Some(command)) => Ok(Sink::Command(command.to_owned())),
            (None, None) => Ok(default_sink.clone()),
        };
        let number = |name: &str, fallback: &str| -> Result<Option<i32>, String> {
            let text = parsed.value(name).map(str::to_owned).or_else(|| env::var(fallback).ok());
            let number = text.map(|text| text.parse().map_err(|_| format!("--{name}: `{text}` is not a number")));
            number.transpose()
        };
        Ok(Launch {
            exec: PathBuf::from(exec),
            argv0: argv0.to_owned(),
            args: args.to_vec(),
            user,
            groups,
            chroot,
            chdir: parsed.value("chdir").filter(|path| !path.is_empty()).map(PathBuf::from),
            env: environment(parsed)?,
            umask: parsed.value("umask").map(umask).transpose()?,
            nice: number("nicelevel", "SSD_NICELEVEL")?,
            io_priority: io_priority(parsed)?,
            oom_score: number("oom-score-adj", "SSD_OOM_SCORE_ADJ")?,
            scheduler: scheduler(parsed)?,
            capabilities: parsed.value("capabilities").map(Capabilities::parse).transpose()?,
            secure_bits: parsed.value("secbits").map(secure_bits).transpose()?,
            no_new_privileges: parsed.has("no-new-privs"),
            stdout: sink("stdout", "stdout-logger")?,
            stderr: sink("stderr", "stderr-logger")?,
            confinement,
        })
    }

    /// Becomes the daemon. Call it only in a process made for that; it returns only on failure, and the caller writes
    /// the error into `report`, which is closed when the daemon runs.
    pub fn become_it(&self, report: &File) -> String {
        match self.prepare(report) {
            Ok(mut command) => {
                let error = command.exec();
                format!("cannot start `{}`: {error}", command.get_program().to_string_lossy())
            }
            Err(message) => message,
        }
    }

    fn prepare(&self, report: &File) -> Result<Command, String> {
        let describe = |what: String| move |error: io::Error| format!("{what}: {error}");
        if let Some(level) = self.nice {
            sys::set_nice(level).map_err(describe(format!("cannot set nice level {level}")))?;
        }
        if let Some((class, data)) = self.io_priority {
            sys::set_io_priority(class, data).map_err(describe(format!("cannot set disk priority {class}:{data}")))?;
        }
        if let Some((policy, priority)) = self.scheduler {
            sys::set_scheduler(policy, priority).map_err(describe("cannot set the scheduler".into()))?;
        }
        if let Some(score) = self.oom_score {
            fs::write("/proc/self/oom_score_adj", score.to_string())
                .map_err(describe(format!("cannot set oom_score_adj {score}")))?;
        }
        // Before the root changes: the new root may lack devices.
        let null = open_null().map_err(describe("cannot open /dev/null".into()))?;
        if let Some(root) = &self.chroot {
            std::os::unix::fs::chroot(root)
                .map_err(describe(format!("cannot change the root to `{}`", root.display())))?;
            env::set_current_dir("/").map_err(describe("cannot change to the new root".into()))?;
        }
        sys::umask(self.umask.unwrap_or(0o022));
        // Logs are opened with our privileges, inside the new root: the daemon may lack them. See `open_log`.
        self.connect(1, &self.stdout, &null)?;
        self.connect(2, &self.stderr, &null)?;
        sys::replace_descriptor(null.as_fd(), 0).map_err(describe("cannot replace standard input".into()))?;
        self.drop_rights()?;
        if let Some(directory) = &self.chdir {
            env::set_current_dir(directory)
                .map_err(describe(format!("cannot change to directory `{}`", directory.display())))?;
        }
        sys::close_on_exec_from_three();
        sys::reset_signals();
        let mut command = match &self.confinement {
            None => {
                let mut command = Command::new(&self.exec);
                command.arg0(&self.argv0);
                command
            }
            Some(confinement) => {
                sys::keep_on_exec(report.as_fd()).map_err(describe("cannot keep the report open".into()))?;
                let mut command = Command::new(confinement.program());
                command.args(confinement.arguments(report.as_raw_fd(), &self.argv0, &self.exec));
                command
            }
        };
        command.args(&self.args);
        self.set_environment(&mut command);
        Ok(command)
    }

    fn connect(&self, descriptor: i32, sink: &Sink, null: &File) -> Result<(), String> {
        let file = match sink {
            Sink::Inherit => return Ok(()),
            Sink::Null => None,
            Sink::File(path) => Some(open_log(path, self.owner())?),
            Sink::Command(command) => {
                Some(self.start_logger(command, null).map_err(|e| format!("logger `{command}`: {e}"))?)
            }
        };
        sys::replace_descriptor(file.as_ref().unwrap_or(null).as_fd(), descriptor)
            .map_err(|error| format!("cannot redirect output: {error}"))
    }

    /// The logger runs as the daemon whose output it reads: with its privileges and environment. Its own output goes to
    /// /dev/null: it lives as long as the daemon, and a reader of the command's output would wait for its end.
    fn start_logger(&self, command: &str, null: &File) -> io::Result<File> {
        let (reader, writer) = sys::pipe()?;
        match sys::fork()? {
            sys::Fork::Parent(_) => Ok(writer),
            sys::Fork::Child => {
                drop(writer);
                let begun = sys::replace_descriptor(reader.as_fd(), 0)
                    .and_then(|()| sys::replace_descriptor(null.as_fd(), 1))
                    .map_err(|error| error.to_string());
                let text = match begun.and_then(|()| self.drop_rights()) {
                    Ok(()) => {
                        // Until here an error has a reader.
                        drop(sys::replace_descriptor(null.as_fd(), 2));
                        sys::close_on_exec_from_three();
                        sys::reset_signals();
                        let mut shell = Command::new("/bin/sh");
                        shell.arg("-c").arg(command);
                        self.set_environment(&mut shell);
                        shell.exec().to_string()
                    }
                    Err(text) => text,
                };
                crate::message::eerror(&format!("logger `{command}`: {text}"));
                sys::exit_now(127)
            }
        }
    }

    /// User and group of files created for the daemon; the highest number changes nothing.
    fn owner(&self) -> (u32, u32) {
        let gid = self.groups.as_ref().map_or(u32::MAX, |(gid, _)| *gid);
        (self.user.as_ref().map_or(u32::MAX, |user| user.uid), gid)
    }

    fn drop_rights(&self) -> Result<(), String> {
        let describe = |what: &'static str| move |error: io::Error| format!("{what}: {error}");
        if let Some(capabilities) = &self.capabilities {
            capabilities.limit().map_err(describe("cannot limit capabilities"))?;
        }
        if let Some((gid, others)) = &self.groups {
            sys::set_groups(*gid, others).map_err(describe("cannot change the group"))?;
        }
        if let Some(bits) = self.secure_bits {
            sys::set_secure_bits(bits).map_err(describe("cannot set the security bits"))?;
        }
        if let Some(user) = &self.user {
            sys::set_user(user.uid).map_err(describe("cannot change the user"))?;
        }
        if let Some(capabilities) = &self.capabilities {
            capabilities.raise().map_err(describe("cannot set capabilities"))?;
        }
        if self.no_new_privileges {
            sys::no_new_privileges().map_err(describe("cannot set no_new_privs"))?;
        }
        Ok(())
    }

    fn set_environment(&self, command: &mut Command) {
        // The daemon gets no variables of the service machinery, except its service's name.
        let ours = |name: &str| {
            let kept = matches!(name, "RC_SVCNAME" | "RC_SERVICE" | "RC_TEST_ROOT");
            !kept && (name.starts_with("RC_") || name.starts_with("EINFO_") || name.starts_with("SSD_"))
                || matches!(name, "IN_BACKGROUND" | "IN_HOTPLUG" | "EERROR_QUIET" | "IN_DRYRUN")
        };
        for (name, _) in env::vars_os() {
            if name.to_str().is_none_or(ours) {
                command.env_remove(&name);
            }
        }
        if let Some(user) = &self.user {
            if let Some(name) = &user.name {
                command.env("USER", name).env("LOGNAME", name);
            }
            if let Some(home) = &user.home {
                command.env("HOME", home);
            }
            if let Some(shell) = &user.shell {
                command.env("SHELL", shell);
            }
        }
        // Without our own directories first.
        if let Ok(path) = env::var("PATH") {
            let words: Vec<&str> = path.split(':').filter(|word| !is_own_directory(word)).collect();
            command.env("PATH", words.join(":"));
        }
        command.envs(self.env.iter().map(|(name, value)| (name, value)));
    }
}

fn is_own_directory(directory: &str) -> bool {
    directory.ends_with("/lib/rc/bin") || directory.ends_with("/lib/rc/sbin")
}

type Identity = (Option<User>, Option<(u32, Vec<u32>)>);

fn identity(parsed: &Parsed, accounts: &Accounts) -> Result<Identity, String> {
    let account = parsed.value("user").or(parsed.value("chuid")).map(|text| accounts.account(text)).transpose()?;
    let (user, mut group) = account.map_or((None, None), |(user, group)| (Some(user), group));
    if let Some(name) = parsed.value("group").map(str::trim) {
        group = Some(accounts.group(name).ok_or_else(|| format!("group `{name}` is not in /etc/group"))?);
    }
    let groups = match (&user, group) {
        (None, None) => None,
        (Some(user), group) => {
            let gid = group.unwrap_or(user.gid);
            let mut all = user.name.as_deref().map(|name| accounts.groups_of(name)).unwrap_or_default();
            // As initgroups(3) does: programs look for the primary group among the others.
            if !all.contains(&gid) {
                all.insert(0, gid);
            }
            Some((gid, all))
        }
        (None, Some(gid)) => Some((gid, Vec::new())),
    };
    Ok((user, groups))
}

fn environment(parsed: &Parsed) -> Result<Vec<(String, String)>, String> {
    let given = parsed.options.iter().filter(|(name, _)| *name == "env").filter_map(|(_, value)| value.as_deref());
    let pair = |text: &str| match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.to_owned(), value.to_owned())),
        _ => Err(format!("--env: `{text}` is not NAME=VALUE")),
    };
    given.map(pair).collect()
}

fn umask(text: &str) -> Result<u32, String> {
    let mask = u32::from_str_radix(text, 8).ok().filter(|mask| *mask <= 0o777);
    mask.ok_or_else(|| format!("--umask: `{text}` is not an octal number up to 777"))
}

fn io_priority(parsed: &Parsed) -> Result<Option<(u8, u8)>, String> {
    let Some(text) = parsed.value("ionice").map(str::to_owned).or_else(|| env::var("SSD_IONICELEVEL").ok()) else {
        return Ok(None);
    };
    let (class, data) = text.split_once(':').unwrap_or((&text, "0"));
    match (class.parse::<u8>(), data.parse::<u8>()) {
        (Ok(class @ 0..=3), Ok(data @ 0..=7)) => {
            // Classes "none" and "idle" have no levels.
            Ok(Some((class, if matches!(class, 0 | 3) { 0 } else { data })))
        }
        _ => Err(format!("--ionice: `{text}` is not CLASS[:DATA] with a class of 0 to 3 and data of 0 to 7")),
    }
}

fn scheduler(parsed: &Parsed) -> Result<Option<(i32, i32)>, String> {
    let Some(name) = parsed.value("scheduler") else { return Ok(None) };
    let policy = match name {
        "other" | "0" => 0,
        "fifo" | "1" => 1,
        "rr" | "2" => 2,
        "batch" | "3" => 3,
        "idle" | "5" => 5,
        _ => return Err(format!("--scheduler: `{name}` is none of other, fifo, rr, batch, idle")),
    };
    let least = i32::from(matches!(policy, 1 | 2));
    let priority = parsed.value("scheduler-priority").map_or(Ok(least), |text| {
        text.parse().map_err(|_| format!("--scheduler-priority: `{text}` is not a number"))
    })?;
    Ok(Some((policy, priority)))
}

fn secure_bits(text: &str) -> Result<u64, String> {
    let parsed = match text.strip_prefix("0x") {
        Some(digits) => u64::from_str_radix(digits, 16),
        None if text.len() > 1 && text.starts_with('0') => u64::from_str_radix(&text[1..], 8),
        None => text.parse(),
    };
    parsed.map_err(|_| format!("--secbits: `{text}` is not a number"))
}

fn open_null() -> io::Result<File> {
    OpenOptions::new().read(true).write(true).open("/dev/null")
}

/// Opens a log to append to. A new one belongs to the daemon, which must be able to open it again. The daemon's user
/// may own the log's directory: a link placed there must not lead to another file. A pipe without a reader would block
/// the daemon's start, so it is opened for both directions.
fn open_log(path: &Path, owner: (u32, u32)) -> Result<File, String> {
    use std::os::unix::fs::FileTypeExt;
    let describe = |error: io::Error| format!("cannot open log `{}`: {error}", path.display());
    let (folder, name) = checkpath::open_parent_of_target(path)?;
    let there = sys::open_at(&folder, &name, OFlags::PATH, 0).and_then(|file| file.metadata());
    let is_pipe = there.is_ok_and(|about| about.file_type().is_fifo());
    let flags = if is_pipe { OFlags::RDWR } else { OFlags::WRONLY | OFlags::APPEND };
    let log = match sys::open_at(&folder, &name, flags | OFlags::CREATE | OFlags::EXCL, 0o660) {
        Ok(new) => sys::chown(&new, owner.0, owner.1).map(|()| new),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => sys::open_at(&folder, &name, flags, 0),
        Err(error) => Err(error),
    };
    let log = log.map_err(describe)?;
    let about = log.metadata().map_err(describe)?;
    if about.is_file() && about.nlink() > 1 {
        return Err(format!(
            "log `{}` has a second name (hard link), so it may be another user's file",
            path.display()
        ));
    }
    Ok(log)
}

/// The path of a program: the name itself if it has a slash, else the first in `PATH`. Looked up inside the new root.
pub fn find_program(name: &str, chroot: Option<&Path>) -> Result<String, String> {
    let inside = |path: &str| match chroot {
        Some(root) => root.join(path.trim_start_matches('/')),
        None => PathBuf::from(path),
    };
    let is_program = |path: &Path| fs::metadata(path).is_ok_and(|m| m.is_file() && m.permissions().mode() & 0o111 != 0);
    if name.contains('/') {
        let path = inside(name);
        return match (path.exists(), is_program(&path)) {
            (false, _) => Err(format!("`{}` does not exist; is the package installed?", path.display())),
            (true, false) => Err(format!("`{}` is not executable", path.display())),
            (true, true) => Ok(name.to_owned()),
        };
    }
    let search = env::var("PATH").unwrap_or_else(|_| "/usr/sbin:/usr/bin:/sbin:/bin".into());
    let found = search.split(':').map(|directory| format!("{directory}/{name}")).find(|path| is_program(&inside(path)));
    found.ok_or_else(|| format!("program `{name}` not found in {search}"))
}
