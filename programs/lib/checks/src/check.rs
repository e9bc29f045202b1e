//! What a check is, and which sorts there are.

/// One check.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Check {
    /// 1 to 6.
    pub layer: u8,
    /// Unique within the layer.
    pub id: String,
    /// The expected state, in words.
    pub summary: String,
    /// Why it matters.
    pub reason: String,
    /// The observation.
    pub probe: Probe,
}

/// Kinds of observation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Probe {
    /// A file below `/proc/sys`.
    Sysctl {
        /// The setting, with dots.
        key: String,
        /// Its value.
        value: String,
    },
    /// An option of `/proc/config.gz`; `n` means not set.
    Kconfig {
        /// The option, with `CONFIG_`.
        option: String,
        /// Its value.
        value: String,
    },
    /// A parameter in `/proc/cmdline`, present or absent.
    Word {
        /// The parameter.
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
    /// The text of a file.
    Contains {
        /// The file.
        path: String,
        /// All of these.
        want: Vec<Text>,
    },
    /// A path that must not exist.
    Absent {
        /// The path.
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
        /// Its output, all of these.
        want: Vec<Text>,
        /// Its exit status.
        exit: i32,
    },
    /// Only these listen beyond loopback.
    Listening {
        /// As `tcp 22`.
        only: Vec<String>,
    },
    /// A search of the whole system finds only these.
    Scan {
        /// The kind of file.
        what: String,
        /// Allowed paths.
        allowed: Vec<String>,
    },
    /// An attempt must fail with one of these errors.
    Refused {
        /// The attempt.
        attempt: String,
        /// Names of accepted errors.
        errno: Vec<String>,
    },
}

/// A condition on a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Text {
    /// A whole line, without surrounding white space.
    Line(String),
    /// A substring.
    Piece(String),
    /// A substring that must be absent.
    Lacks(String),
    /// The whole text, without surrounding white space.
    Equals(String),
}

/// A condition on every process of a name.
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
    /// The allowed effective capabilities.
    pub capabilities: Option<Vec<String>>,
    /// Whether there may be no such process.
    pub optional: bool,
}
