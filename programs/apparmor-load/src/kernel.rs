//! The kernel's interface of AppArmor: files below `/sys`.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

/// A loaded profile, with its mode: `enforce`, `complain`, `kill`, `unconfined`.
pub type Loaded = BTreeMap<String, String>;

/// The interface of a kernel.
pub struct Kernel {
    root: PathBuf,
}

impl Kernel {
    /// The running kernel; tests use another root.
    pub fn at(root: &Path) -> Self {
        Self { root: root.to_owned() }
    }

    fn policy(&self, file: &str) -> PathBuf {
        self.root.join("sys/kernel/security/apparmor").join(file)
    }

    fn parameter(&self, name: &str) -> io::Result<String> {
        let path = self.root.join("sys/module/apparmor/parameters").join(name);
        Ok(read(&path)?.trim_end().to_owned())
    }

    /// Whether the kernel has AppArmor enabled.
    pub fn enabled(&self) -> bool {
        self.parameter("enabled").is_ok_and(|text| text == "Y")
    }

    /// Whether loading is closed.
    pub fn closed(&self) -> io::Result<bool> {
        Ok(self.parameter("lock_policy")? == "Y")
    }

    /// Closes loading until the next boot.
    pub fn close(&self) -> io::Result<()> {
        let path = self.root.join("sys/module/apparmor/parameters/lock_policy");
        write(&path, b"Y")
    }

    /// Loads a set of profiles. The kernel takes all or none, in one write.
    pub fn load(&self, policy: &[u8]) -> io::Result<()> {
        write(&self.policy(".replace"), policy)
    }

    /// The loaded profiles.
    pub fn profiles(&self) -> io::Result<Loaded> {
        let text = read(&self.policy("profiles"))?;
        Ok(text.lines().filter_map(|line| line.strip_suffix(')')?.rsplit_once(" (")).map(owned).collect())
    }

    /// The AppArmor features of this kernel: the path of each file below `features`, and its content.
    pub fn features(&self) -> io::Result<BTreeMap<String, String>> {
        let mut found = BTreeMap::new();
        collect(&self.policy("features"), "", &mut found)?;
        Ok(found)
    }
}

fn owned((name, mode): (&str, &str)) -> (String, String) {
    (name.to_owned(), mode.to_owned())
}

fn collect(dir: &Path, prefix: &str, found: &mut BTreeMap<String, String>) -> io::Result<()> {
    for entry in fs::read_dir(dir).map_err(|error| about(dir, &error))? {
        let entry = entry?;
        let name = format!("{prefix}{}", entry.file_name().to_string_lossy());
        if entry.file_type()?.is_dir() {
            collect(&entry.path(), &format!("{name}/"), found)?;
        } else {
            found.insert(name, read(&entry.path())?.trim_end().to_owned());
        }
    }
    Ok(())
}

fn read(path: &Path) -> io::Result<String> {
    fs::read_to_string(path).map_err(|error| about(path, &error))
}

fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = fs::OpenOptions::new().write(true).open(path).map_err(|error| about(path, &error))?;
    match file.write(bytes).map_err(|error| about(path, &error))? {
        written if written == bytes.len() => Ok(()),
        written => Err(io::Error::other(format!("{}: {written} of {} bytes taken", path.display(), bytes.len()))),
    }
}

/// Adds context to an error, and keeps its kind.
fn about(path: &Path, error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("{}: {error}", path.display()))
}
