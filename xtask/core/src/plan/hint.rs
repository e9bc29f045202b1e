//! Hints for a failed phase: what the end of its log usually means.

/// A text that tools print, and what to do about it.
const HINTS: &[(&str, &str)] = &[
    (
        "-shared and -pie may not be used together",
        "packages are static: switch shared libraries off (`--disable-shared`, `BUILD_SHARED_LIBS=OFF`, or build the `.a` target alone)",
    ),
    ("unable to find library -lc++", "C++ needs the packages libcxx and libunwind in `libs`"),
    ("unable to find library -l:libunwind.a", "C++ needs the package libunwind beside libcxx in `libs`"),
    ("could not execute process `rustdoc", "there is no rustdoc: test with `cargo test --lib --bins --tests`"),
    ("Temporary failure in name resolution", NO_NETWORK),
    ("Name or service not known", NO_NETWORK),
    ("Network is unreachable", NO_NETWORK),
    ("Could not resolve host", NO_NETWORK),
    ("autoreconf: not found", NO_AUTOTOOLS),
    ("aclocal: not found", NO_AUTOTOOLS),
    ("Read-only file system", "a phase can write only below /build, /dest and /tmp; put $DESTDIR before the path"),
    // Words of `patch`; the log names the patch before them.
    ("hunk FAILED", REBASE),
    ("hunks FAILED", REBASE),
    ("can't find file to patch", REBASE),
    ("previously applied) patch detected", "remove the patch from the recipe: this version has its change"),
];
const NO_NETWORK: &str =
    "builds have no network: declare each file that the build fetches as a `[[source]]` with its sha256";
const NO_AUTOTOOLS: &str = "the build root has no autotools: use a release tarball, which contains `configure`";
const REBASE: &str = "rebase the patch on this version, or remove it from the recipe if upstream has its change";

/// The help for the end of a log, when there is any.
pub fn hint(tail: &str) -> Option<&'static str> {
    HINTS.iter().find(|(text, _)| tail.contains(text)).map(|(_, help)| *help)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_known_is_explained() {
        let tail = "ld.lld: error: -shared and -pie may not be used together\nmake: *** [libz.so] Error 1";
        assert!(hint(tail).unwrap().starts_with("packages are static"));
        assert!(
            hint("socket.gaierror: [Errno -3] Temporary failure in name resolution").unwrap().contains("no network")
        );
        let log =
            "/patches/0001-a.patch:\npatching file a.c\nHunk #1 FAILED at 3.\n1 out of 1 hunk FAILED -- saving rejects";
        assert!(hint(log).unwrap().starts_with("rebase the patch"));
        let log = "Reversed (or previously applied) patch detected!  Skipping patch.\n1 out of 1 hunk ignored";
        assert!(hint(log).unwrap().starts_with("remove the patch"));
        assert_eq!(hint("undefined reference to `main'"), None);
    }
}
