//! Path globs of recipes: `*` and `?` within one component, `**` across components.

/// True when `path` (relative, no leading slash) matches `pattern`.
pub fn matches(pattern: &str, path: &str) -> bool {
    let pattern: Vec<&str> = pattern.split('/').collect();
    let path: Vec<&str> = path.split('/').collect();
    components(&pattern, &path)
}

fn components(pattern: &[&str], path: &[&str]) -> bool {
    match (pattern.split_first(), path.split_first()) {
        (None, None) => true,
        (Some((&"**", rest)), _) => (0..=path.len()).any(|skip| components(rest, &path[skip..])),
        (Some((first, rest)), Some((name, names))) => {
            component(first.as_bytes(), name.as_bytes()) && components(rest, names)
        }
        _ => false,
    }
}

fn component(pattern: &[u8], name: &[u8]) -> bool {
    match (pattern.split_first(), name.split_first()) {
        (None, None) => true,
        (Some((b'*', rest)), _) => (0..=name.len()).any(|skip| component(rest, &name[skip..])),
        (Some((b'?', rest)), Some((_, names))) => component(rest, names),
        (Some((a, rest)), Some((b, names))) if a == b => component(rest, names),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::matches;

    #[test]
    fn table() {
        for (pattern, path, expected) in [
            ("usr/lib/libunwind*", "usr/lib/libunwind.a", true),
            ("usr/lib/*", "usr/lib/a/b", false),
            ("usr/**", "usr/lib/a/b", true),
            ("usr/**", "usr", true),
            ("**/*.a", "usr/lib/x.a", true),
            ("usr/?ib/x", "usr/lib/x", true),
            ("usr/lib", "usr/lib/x", false),
            ("", "x", false),
        ] {
            assert_eq!(matches(pattern, path), expected, "{pattern} {path}");
        }
    }
}
