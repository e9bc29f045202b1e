//! Where a path of a .deb lands in the seed tree: merged `/usr`, nothing outside the root.

/// Top-level names that are links into `usr` on a merged system.
pub const MERGED: [&str; 4] = ["bin", "lib", "lib64", "sbin"];

/// The place of an archive path (`./lib/x`, `usr/bin/y`) in the tree: relative, without `.` components, merged into `usr`.
/// The archive's root itself is the empty path.
///
/// # Errors
/// Says why the path is refused: absolute, with `..`, or with control characters.
pub fn place(path: &str) -> Result<String, String> {
    if path.starts_with('/') {
        return Err(format!("path {path:?} is absolute"));
    }
    if path.chars().any(char::is_control) {
        return Err(format!("path {path:?} has control characters"));
    }
    let parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty() && *part != ".").collect();
    if parts.contains(&"..") {
        return Err(format!("path {path:?} has a `..` component"));
    }
    let merged = parts.first().is_some_and(|first| MERGED.contains(first));
    let joined = parts.join("/");
    Ok(if merged { format!("usr/{joined}") } else { joined })
}

/// The target to write for the symbolic link `path` (as in the archive, not yet placed) pointing at `target`.
///
/// Targets are kept as they are, except that a link moved into `usr` loses its `..` steps, which would now be one short.
///
/// # Errors
/// When a relative target climbs above the root.
pub fn link_target(path: &str, target: &str) -> Result<String, String> {
    if target.is_empty() || target.chars().any(char::is_control) {
        return Err(format!("link {path:?} has the target {target:?}"));
    }
    if target.starts_with('/') {
        return Ok(target.to_owned());
    }
    let mut parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty() && *part != ".").collect();
    let moved = parts.first().is_some_and(|first| MERGED.contains(first));
    parts.pop();
    for part in target.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                if parts.pop().is_none() {
                    return Err(format!("link {path:?} points above the root: {target:?}"));
                }
            }
            name => parts.push(name),
        }
    }
    let climbs = target.split('/').any(|part| part == "..");
    if moved && climbs { Ok(format!("/{}", place(&parts.join("/"))?)) } else { Ok(target.to_owned()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places() {
        for (path, expected) in [
            ("./", ""),
            ("./usr/bin/make", "usr/bin/make"),
            ("./lib/x86_64-linux-gnu/libc.so.6", "usr/lib/x86_64-linux-gnu/libc.so.6"),
            ("bin", "usr/bin"),
            ("lib64/ld", "usr/lib64/ld"),
            ("libexec/x", "libexec/x"),
            ("usr//a/./b/", "usr/a/b"),
        ] {
            assert_eq!(place(path).as_deref(), Ok(expected), "{path}");
        }
        for bad in ["/etc/passwd", "../x", "usr/../../x", "usr/a\nb", "usr/a\0"] {
            assert!(place(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn targets() {
        for (path, target, expected) in [
            ("./usr/bin/awk", "gawk", "gawk"),
            ("./usr/lib/x/libz.so", "/lib/x/libz.so.1", "/lib/x/libz.so.1"),
            ("./usr/lib/x/libz.so", "../../../lib/x/libz.so.1", "../../../lib/x/libz.so.1"),
            ("./bin/foo", "../usr/lib/foo", "/usr/lib/foo"),
            ("./lib/a/b", "../c", "/usr/lib/c"),
            ("./lib64/ld.so", "c", "c"),
        ] {
            assert_eq!(link_target(path, target).as_deref(), Ok(expected), "{path} {target}");
        }
        assert!(link_target("./usr/x", "../../y").unwrap_err().contains("above the root"));
        assert!(link_target("./usr/x", "").is_err());
    }

    proptest::proptest! {
        #[test]
        fn a_placed_path_stays_inside(path in "[./a-c]{0,20}") {
            if let Ok(placed) = place(&path) {
                assert!(!placed.starts_with('/'));
                assert!(placed.split('/').all(|part| part != ".." && part != "."));
                assert_eq!(place(&placed).as_deref(), Ok(placed.as_str()));
            }
        }
    }
}
