//! What a check is, and which sorts there are.

/// One promise.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Check {
    /// 1 to 6.
    pub layer: u8,
    /// Unique within the layer.
    pub id: String,
    /// What is so when the promise is kept.
    pub summary: String,
    /// Why it matters.
    pub reason: String,
    /// How it is looked at.
    pub probe: Probe,
}

/// Ways of looking.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Probe {
    /// A file below `/proc/sys`.
    Sysctl {
        /// The setting, with dots.
        key: String,
        /// What it says.
        value: String,
    },
    /// An option of `/proc/config.gz`; `n` means not set.
    Kconfig {
        /// The option, with `CONFIG_`.
        option: String,
        /// Its value.
        value: String,
    },
    /// A word of `/proc/cmdline` that is there, or not.
    Word {
        /// The word.
        word: String,
        /// Whether it must be there.
        present: bool,
    },
    /// Permission bits and owner.
    Mode {
        /// The file.
        path: String,
        /// Exactly these permission bits.
        mode: u32,
        /// `user:group`.
        owner: String,
    },
    /// What a file says.
    Contains {
        /// The file.
        path: String,
        /// All of these.
        want: Vec<Text>,
    },
    /// Nothing at a path.
    Absent {
        /// Where nothing is.
        path: String,
    },
    /// Options of a mount point.
    Mount {
        /// The mount point.
        path: String,
        /// All of these.
        options: Vec<String>,
        /// Type of the file system.
        fstype: Option<String>,
    },
    /// All processes of a name.
    Process(Wanted),
    /// Status and output of a program.
    Command {
        /// The program and its arguments.
        argv: Vec<String>,
        /// What it prints, all of these.
        want: Vec<Text>,
        /// Its exit status.
        exit: i32,
    },
    /// Nothing listens beyond loopback but these.
    Listening {
        /// As `tcp 22`.
        only: Vec<String>,
    },
    /// A search of the whole system finds nothing but these.
    Scan {
        /// What is searched for.
        what: String,
        /// Paths that may be found.
        allowed: Vec<String>,
    },
    /// An attempt fails, with one of these errors.
    Refused {
        /// What is tried.
        attempt: String,
        /// Names of errors, one of which must come.
        errno: Vec<String>,
    },
}

/// What a text must be like.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Text {
    /// A whole line of it, without the white space around.
    Line(String),
    /// A piece of it.
    Piece(String),
    /// Not even a piece of it.
    Lacks(String),
    /// All of it, without the white space around.
    Equals(String),
}

/// What every process of a name must be like.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Wanted {
    /// The kernel's name of the process, at most 15 bytes.
    pub name: String,
    /// Effective user.
    pub user: Option<String>,
    /// Enforced AppArmor profile.
    pub apparmor: Option<String>,
    /// Whether `no_new_privs` is set.
    pub no_new_privs: Option<bool>,
    /// Mode of seccomp, 2 for filters.
    pub seccomp: Option<u8>,
    /// Effective capabilities may be these, no others.
    pub capabilities: Option<Vec<String>>,
}

/// A sort of check: its name, the keys it must have, the keys it may have.
pub type Kind = (&'static str, &'static [&'static str], &'static [&'static str]);

/// Every sort of check, and what its keys mean.
pub const KINDS: &[Kind] = &[
    // A file of /proc/sys.
    ("sysctl", &["key", "value"], &[]),
    // An option of the running kernel's configuration; the value "n" means not set.
    ("kconfig", &["option", "value"], &[]),
    // A word of the kernel's command line, and one that must not be there.
    ("cmdline", &["word"], &[]),
    ("cmdline-absent", &["word"], &[]),
    // Permission bits (octal, exact) and owner (`root:root` unless given).
    ("file-mode", &["path", "mode"], &["owner"]),
    // A whole line, or a piece of one, or the exact text without surrounding white space.
    ("file-contains", &["path"], &["line", "text", "equals"]),
    ("file-absent", &["path"], &[]),
    // Options that a mount point must have.
    ("mount", &["path", "options"], &["fstype"]),
    // Every process of that name, of which there must be one.
    ("process", &["name"], &["user", "apparmor", "no_new_privs", "seccomp", "capabilities"]),
    // Exit status (0 unless given) and output of a program.
    ("command", &["argv"], &["line", "contains", "lacks", "equals", "exit"]),
    // The complete list of what listens beyond loopback, as `tcp 22`.
    ("listening", &["only"], &[]),
    // A search of the whole system: setuid, file-capability, world-writable, interpreter.
    ("scan", &["what"], &["allowed"]),
    // Something that must be refused, by the errors that may say so.
    ("refused", &["attempt", "errno"], &[]),
];
