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
    ("autoreconf: not found", "there are no autotools: take a release tarball, which has its `configure`"),
    ("aclocal: not found", "there are no autotools: take a release tarball, which has its `configure`"),
    ("Read-only file system", "a phase writes below /build, /dest and /tmp; install with $DESTDIR before the path"),
];
const NO_NETWORK: &str = "builds have no network: declare what is fetched as `[[source]]` with its sha256";

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
        assert_eq!(hint("undefined reference to `main'"), None);
    }
}
