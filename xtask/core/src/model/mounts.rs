//! The writable mounts of a running system: those of `/init`, whose plan is a text beside its source, and those of services.

use serde::Serialize;

/// What `/init` does, as its own tests pin it.
const PLAN: &str = include_str!("../../../../programs/init/plan.txt");

/// Something mounted writable.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct WritableMount {
    /// Where.
    pub path: String,
    /// The type of file system.
    pub kind: String,
    /// Options of `/init`.
    pub options: String,
}

impl WritableMount {
    /// As the inventory lists it.
    pub fn line(&self) -> String {
        format!("{:<22} {:<10} {}", self.path, self.kind, self.options)
    }
}

/// What services mount writable, in the words of `/init`'s plan: the places of logs. A test compares it with the scripts.
pub const BY_SERVICES: &str = "\
mount tmpfs on /var/log/audit (nosuid,nodev,noexec,mode=0700,size=24m)
mount tmpfs on /var/log (nosuid,nodev,noexec,mode=0755,size=16m)";

/// What `/init` and services mount writable, by path, on a system without a state.
pub fn writable() -> Vec<WritableMount> {
    let live = PLAN.split("\nwith a state:").next().unwrap_or_default();
    let lines = live.lines().map(str::trim_start).chain(BY_SERVICES.lines());
    let mut mounts: Vec<WritableMount> = lines.filter_map(mount).collect();
    mounts.sort();
    mounts
}

/// The writable mount that a line of the plan makes.
fn mount(line: &str) -> Option<WritableMount> {
    let (line, options) = line.strip_suffix(')')?.rsplit_once(" (")?;
    let (kind, path) = match line.strip_prefix("mount ") {
        Some(rest) => rest.split_once(" on ")?,
        None => ("overlay", line.strip_prefix("put a writable layer of ")?.split_once(" over ")?.1),
    };
    let read_only = options.split(',').any(|option| option == "ro");
    let mount = || WritableMount { path: path.to_owned(), kind: kind.to_owned(), options: options.to_owned() };
    (!read_only).then(mount)
}

/// A line of shell that prints path and type of everything that is mounted writable, as the first process sees it.
pub const SEE_WRITABLE: &str =
    r#"while read -r d p t o r; do case ",$o," in *,ro,*) ;; *) echo "$p $t" ;; esac; done </proc/1/mounts | sort"#;

/// What [`SEE_WRITABLE`] prints on a machine that mounts what its plan says and nothing else.
pub fn seen_writable() -> String {
    let mut lines: Vec<String> = writable().iter().map(|mount| format!("{} {}", mount.path, mount.kind)).collect();
    lines.sort();
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_can_be_written_is_the_plan_of_init() {
        let found = writable();
        let paths: Vec<&str> = found.iter().map(|mount| mount.path.as_str()).collect();
        for path in ["/etc", "/home", "/run", "/tmp", "/var"] {
            assert!(paths.contains(&path), "{paths:?}");
        }
        // The image is mounted, and not writable; what is moved keeps its place in the list.
        assert!(
            !paths.contains(&"/sysroot") && !paths.contains(&"/") && !paths.contains(&"/var/lib/containers"),
            "{paths:?}"
        );
        assert!(seen_writable().contains("/etc overlay\n/home tmpfs\n"));
        for line in ["start /sbin/init", "mount proc on /proc", "mount x on /y (ro,nodev)", "()", ")", " ("] {
            assert_eq!(mount(line), None, "{line}");
        }
    }
}
