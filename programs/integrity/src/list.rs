//! The list of watched paths, as text: lines of a word and a path. No effects.

/// The list.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct List {
    /// Files, and directories with everything below.
    pub trees: Vec<String>,
    /// Exceptions, with everything below.
    pub skips: Vec<String>,
    /// Paths relative to each user's home, with everything below.
    pub homes: Vec<String>,
}

/// Reads a list.
pub fn parse(text: &str) -> Result<List, String> {
    let mut list = List::default();
    for (number, line) in text.lines().enumerate().filter(|(_, line)| !line.is_empty() && !line.starts_with('#')) {
        let fault = |what: &str| format!("line {}: {what}: `{line}`", number + 1);
        let (word, path) = line.split_once(' ').ok_or_else(|| fault("expected a word and a path"))?;
        let parts = path.strip_prefix('/').unwrap_or(path);
        if parts.split('/').any(|part| part.is_empty() || part == "." || part == "..") {
            return Err(fault("a path without `.`, `..` and empty parts is expected"));
        }
        let into = match (word, path.starts_with('/')) {
            ("tree", true) => &mut list.trees,
            ("skip", true) => &mut list.skips,
            ("home", false) => &mut list.homes,
            _ => {
                return Err(fault("write `tree` or `skip` with an absolute path, or `home` with a relative one"));
            }
        };
        into.push(path.to_owned());
    }
    if list.trees.is_empty() {
        return Err("nothing is watched: add a line `tree`".to_owned());
    }
    Ok(list)
}

/// The homes of users in an /etc/passwd: accounts with a login shell, from UID 1000 on.
pub fn homes(passwd: &str) -> Vec<String> {
    // Malformed lines count too: one must not hide a home.
    let home = |line: base::accounts::Line<'_>| {
        let number: u32 = line.digits.parse().ok()?;
        let home = line.rest.split(':').nth(2)?.trim_end_matches('/');
        let plain = home.starts_with('/') && !home.split('/').any(|part| part == "..");
        (number >= 1000 && number != 65534 && plain).then(|| home.to_owned())
    };
    let mut homes: Vec<String> = base::accounts::lines(passwd).filter_map(home).collect();
    homes.sort();
    homes.dedup();
    homes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list() {
        let list = parse("# comment\ntree /etc\nskip /etc/resolv.conf\nhome .ssh/authorized_keys\n").unwrap();
        assert_eq!(list.trees, ["/etc"]);
        assert_eq!(list.skips, ["/etc/resolv.conf"]);
        assert_eq!(list.homes, [".ssh/authorized_keys"]);
    }

    #[test]
    fn what_is_refused() {
        for text in
            ["", "tree", "tree etc", "home /x", "tree /etc/../x", "tree /", "tree //etc", "look /etc", "skip /a"]
        {
            assert!(parse(text).is_err(), "{text:?}");
        }
        assert_eq!(
            parse("tree /etc\ntree /etc/").unwrap_err(),
            "line 2: a path without `.`, `..` and empty parts is expected: `tree /etc/`"
        );
    }

    #[test]
    fn homes_of_people() {
        let passwd = "root:x:0:0::/root:/bin/sh\nada:x:1000:1000::/home/ada/:/bin/sh\nbob:x:1001:1001::/home/bob:/bin/sh\n\
                      nobody:x:65534:65534::/:/bin/false\nodd:x:1002:1002::/home/../root:/bin/sh\ncut:x:1003\nbad:x:y:0::/a:\n";
        assert_eq!(homes(passwd), ["/home/ada", "/home/bob"]);
    }

    #[test]
    fn no_text_makes_the_readers_panic() {
        testkit::fuzz::repeat(7, crate::FUZZ_ALPHABET, |random| {
            let bytes = random.damaged(b"tree /etc\nskip /etc/a\nhome .ssh/x\nada:x:1000:1000::/home/ada:/bin/sh\n");
            let text = String::from_utf8_lossy(&bytes);
            for home in homes(&text) {
                assert!(home.starts_with('/') && !home.contains("/../"), "{home}");
            }
            if let Ok(list) = parse(&text) {
                assert!(list.trees.iter().all(|path| path.starts_with('/')));
            }
        });
    }
}
