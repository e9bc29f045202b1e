//! Files and mounts.

use super::{Outcome, words};

/// Mode and owner of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// Permission bits with setuid, setgid and sticky.
    pub mode: u32,
    /// `user:group`, by name if there is one.
    pub owner: String,
}

/// Compares mode and owner exactly.
pub fn mode(mode: u32, owner: &str, found: &Found) -> Outcome {
    let pass = found.mode == mode && found.owner == owner;
    Outcome::new(pass, format!("{mode:04o} {owner}"), format!("{:04o} {}", found.mode, found.owner))
}

/// Options of the last mount on a path, from `/proc/self/mountinfo`: of the mount and of the file system. `fstype` is one type, or
/// several with `|` between them.
pub fn mount(path: &str, options: &[String], fstype: Option<&str>, mountinfo: &str) -> Outcome {
    let wanted = fstype.into_iter().map(str::to_owned).chain(options.iter().cloned()).collect::<Vec<_>>();
    let Some(mount) = mountinfo.lines().rev().filter_map(line).find(|mount| mount.at == path) else {
        return Outcome::new(false, words(&wanted), "not a mount point");
    };
    let has = |word: &String| mount.options.contains(&word.as_str());
    let pass = options.iter().all(has) && fstype.is_none_or(|kinds| kinds.split('|').any(|kind| kind == mount.fstype));
    Outcome::new(pass, words(&wanted), format!("{} {}", mount.fstype, mount.options.join(",")))
}

struct Mount<'a> {
    at: &'a str,
    fstype: &'a str,
    options: Vec<&'a str>,
}

/// `36 35 98:0 /root /mount/point rw,noatime shared:1 - ext4 /dev/sda rw,errors=continue`
fn line(text: &str) -> Option<Mount<'_>> {
    let (mount, system) = text.split_once(" - ")?;
    let mut mount = mount.split(' ').skip(4);
    let (at, of_mount) = (mount.next()?, mount.next()?);
    let mut system = system.split(' ');
    let (fstype, of_system) = (system.next()?, system.nth(1).unwrap_or_default());
    let options = of_mount.split(',').chain(of_system.split(',')).filter(|option| !option.is_empty()).collect();
    Some(Mount { at, fstype, options })
}

/// The results of a search, without the allowed ones.
pub fn scan(what: &str, allowed: &[String], found: &[String]) -> Outcome {
    let more: Vec<String> = found.iter().filter(|path| !allowed.contains(path)).take(5).cloned().collect();
    let expected = if allowed.is_empty() { format!("no {what}") } else { format!("no {what} but {}", words(allowed)) };
    Outcome::new(more.is_empty(), expected, words(&more))
}

#[cfg(test)]
mod tests {
    use super::*;

    const MOUNTS: &str = "21 1 0:20 / / ro,nosuid,nodev - erofs none ro\n\
        22 21 0:21 / /tmp rw - tmpfs none rw,size=1k\n\
        23 21 0:22 / /tmp rw,nosuid,noexec - tmpfs none rw,mode=1777\nodd line\n";

    #[test]
    fn mounts() {
        let list = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
        assert!(mount("/", &list(&["ro", "nodev"]), Some("erofs"), MOUNTS).pass);
        assert!(mount("/tmp", &list(&["noexec", "mode=1777"]), None, MOUNTS).pass);
        assert!(!mount("/tmp", &list(&["nodev"]), None, MOUNTS).pass);
        assert!(!mount("/", &[], Some("ext4"), MOUNTS).pass);
        assert!(mount("/", &[], Some("ext4|erofs"), MOUNTS).pass);
        assert_eq!(mount("/home", &list(&["nodev"]), None, MOUNTS).found, "not a mount point");
    }

    #[test]
    fn modes_and_scans() {
        let found = Found { mode: 0o640, owner: "root:root".into() };
        assert!(mode(0o640, "root:root", &found).pass);
        assert_eq!(mode(0o600, "root:root", &found), Outcome::new(false, "0600 root:root", "0640 root:root"));
        assert!(scan("setuid", &["/a".into()], &["/a".into()]).pass);
        assert_eq!(scan("setuid", &[], &["/a".into()]), Outcome::new(false, "no setuid", "/a"));
    }
}
