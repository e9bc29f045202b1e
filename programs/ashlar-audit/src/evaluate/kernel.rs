//! Settings, configuration and command line of the kernel.

use super::Outcome;

/// A value of `/proc/sys`; white space between numbers does not matter.
pub fn sysctl(value: &str, found: &str) -> Outcome {
    let found = found.split_whitespace().collect::<Vec<_>>().join(" ");
    Outcome::new(found == value, value, found)
}

/// An option of the kernel's configuration; an absent one is `n`.
pub fn kconfig(option: &str, value: &str, config: &str) -> Outcome {
    let found = config.lines().find_map(|line| line.strip_prefix(option)?.strip_prefix('=')).unwrap_or("n");
    Outcome::new(found == value, value, found)
}

/// A parameter on the command line that no later one overrides: of `a=1 a=2` the kernel uses the second.
pub fn word(word: &str, present: bool, line: &str) -> Outcome {
    let name = word.split_once('=').map(|(name, _)| name);
    let same = |other: &&str| match name {
        Some(name) => other.split_once('=').is_some_and(|(key, _)| key == name),
        None => *other == word,
    };
    let last = line.split_whitespace().rfind(same);
    let expected = if present { word.to_owned() } else { format!("no {word}") };
    Outcome::new((last == Some(word)) == present, expected, last.unwrap_or("nothing of it"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings() {
        assert!(sysctl("3 4 1 3", "3\t4\t1\t3\n").pass);
        assert_eq!(sysctl("2", "1\n"), Outcome::new(false, "2", "1"));
    }

    #[test]
    fn options() {
        let config = "CONFIG_A=y\n# CONFIG_B is not set\nCONFIG_LSM=\"yama\"\nCONFIG_AB=y\n";
        assert!(kconfig("CONFIG_A", "y", config).pass);
        assert!(kconfig("CONFIG_B", "n", config).pass);
        assert!(kconfig("CONFIG_C", "n", config).pass);
        assert!(kconfig("CONFIG_LSM", "\"yama\"", config).pass);
        assert_eq!(kconfig("CONFIG_A", "n", config), Outcome::new(false, "n", "y"));
    }

    #[test]
    fn words_of_the_command_line() {
        assert!(word("pti=on", true, "pti=on quiet").pass);
        assert!(!word("pti=on", true, "pti=on pti=off").pass);
        assert!(!word("nosmt", true, "nosmtx").pass);
        assert!(word("nokaslr", false, "quiet").pass);
        assert!(!word("nokaslr", false, "nokaslr").pass);
    }
}
