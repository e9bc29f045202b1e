//! Addresses in recipes: web addresses and pool paths, validated as far as that works without network.

use crate::base::name::PkgName;

/// Why `url` cannot be used with one of `schemes`, if so.
pub fn url_fault(url: &str, schemes: &[&str]) -> Option<String> {
    let wanted = || schemes.iter().map(|scheme| format!("`{scheme}://`")).collect::<Vec<_>>().join(" or ");
    let Some((scheme, rest)) = url.split_once("://") else {
        return Some(format!("is not a web address; it begins with {}", wanted()));
    };
    if scheme == "file" {
        return Some("names a file of one machine; others cannot fetch it".to_owned());
    }
    if !schemes.contains(&scheme) {
        return Some(format!("uses `{scheme}://`; allowed: {}", wanted()));
    }
    let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
    if host.contains('@') {
        return Some("holds a user name or password".to_owned());
    }
    let name = host.split(':').next().unwrap_or_default();
    let known = |c: char| c.is_ascii_alphanumeric() || c == '.' || c == '-';
    if !name.contains('.') || name.starts_with('.') || name.ends_with('.') || !name.chars().all(known) {
        return Some(format!("has no usable host name (`{name}`)"));
    }
    if url.chars().any(|c| c.is_whitespace() || c.is_control()) {
        return Some("has white space or a control character in it".to_owned());
    }
    None
}

/// The pool path inside an address of a Debian mirror, if `url` is one.
pub fn pool_path_of(url: &str) -> Option<&str> {
    let at = url.find("/pool/")?;
    pool_fault(&url[at + 1..]).is_none().then_some(&url[at + 1..])
}

/// Why `path` is not `pool/<component>/<prefix>/<source package>/<file>`, if so.
pub fn pool_fault(path: &str) -> Option<String> {
    if let Some(at) = path.find("/pool/").filter(|_| !path.starts_with("pool/")) {
        return Some(format!("begins before the pool; write only `{}`", &path[at + 1..]));
    }
    let parts: Vec<&str> = path.split('/').collect();
    let ["pool", component, prefix, package, file] = parts.as_slice() else {
        return Some("is not `pool/<component>/<prefix>/<source package>/<file>`".to_owned());
    };
    if !["main", "contrib", "non-free", "non-free-firmware"].contains(component) {
        return Some(format!("names the component `{component}`, which Debian does not have"));
    }
    if package.parse::<PkgName>().is_err() {
        return Some(format!("names `{package}`, which is not a source package's name"));
    }
    let letters = if package.starts_with("lib") { 4 } else { 1 };
    let expected: String = package.chars().take(letters).collect();
    if *prefix != expected {
        return Some(format!("has `{prefix}` where the pool has `{expected}` for `{package}`"));
    }
    let version = file.strip_prefix(package).and_then(|rest| rest.strip_prefix('_'));
    if version.is_none_or(str::is_empty) || path.chars().any(|c| c.is_whitespace() || c.is_control()) {
        return Some(format!("ends with `{file}`; files of `{package}` are named `{package}_<version>…`"));
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls() {
        let web = ["https", "http"];
        for good in ["https://zlib.net/x", "http://a.b", "https://a.b:8443/x?y#z"] {
            assert_eq!(url_fault(good, &web), None, "{good}");
        }
        for (bad, why) in [
            ("zlib.net", "begins with `https://` or `http://`"),
            ("file:///a", "one machine"),
            ("ftp://a.b/c", "uses `ftp://`"),
            ("https://", "no usable host"),
            ("https://localhost/x", "no usable host"),
            ("https://me:pw@a.b/x", "password"),
            ("https://a.b/x y", "white space"),
        ] {
            assert!(url_fault(bad, &web).is_some_and(|fault| fault.contains(why)), "{bad}");
        }
    }

    #[test]
    fn pool_paths() {
        let good = "pool/main/z/zlib/zlib_1.3.dfsg+really1.3.1.orig.tar.gz";
        assert_eq!(pool_fault(good), None);
        assert_eq!(pool_fault("pool/main/libe/libelf/libelf_1.orig.tar.gz"), None);
        assert_eq!(pool_path_of(&format!("https://a.b/debian/{good}")), Some(good));
        assert_eq!(pool_path_of("https://a.b/pool/party.tar.gz"), None);
        for (bad, why) in [
            ("zlib_1.orig.tar.gz", "is not `pool/"),
            ("https://a.b/debian/pool/main/z/zlib/zlib_1.tar.gz", "write only `pool/main"),
            ("/pool/main/z/zlib/zlib_1.tar.gz", "write only `pool/main"),
            ("pool/free/z/zlib/zlib_1.tar.gz", "component `free`"),
            ("pool/main/z/../zlib_1.tar.gz", "not a source package's name"),
            ("pool/main/l/libelf/libelf_1.tar.gz", "the pool has `libe`"),
            ("pool/main/z/zlib/zlib-1.tar.gz", "named `zlib_<version>"),
            ("pool/main/z/zlib/zlib_", "named `zlib_<version>"),
        ] {
            assert!(pool_fault(bad).is_some_and(|fault| fault.contains(why)), "{bad}: {:?}", pool_fault(bad));
        }
    }
}
