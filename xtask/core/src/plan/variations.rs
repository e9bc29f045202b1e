//! The variations between two builds of the same plan. None of them is part of an input key, and none may change an output;
//! `verify-repro` builds with [`Variations::none`] and with [`Variations::all`] to prove it.

use std::fmt;

use serde::Serialize;

/// The surroundings of one build.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Variations {
    /// The directory inside the container that holds `src`, `obj`, `home`, `vendor`.
    pub root: String,
    /// Host name inside the container.
    pub hostname: String,
    /// `TZ`.
    pub timezone: String,
    /// `LC_ALL`.
    pub locale: String,
    /// umask of the phases, octal digits.
    pub umask: String,
    /// Processors the build may use; all when absent.
    pub cpus: Option<Vec<usize>>,
    /// Whether the work directory is on tmpfs, whose directories list files in another order than a disk's.
    pub tmpfs: bool,
}

impl Variations {
    /// The build contract's own.
    pub fn none() -> Self {
        Self {
            root: "/build".to_owned(),
            hostname: "ashlar".to_owned(),
            timezone: "UTC".to_owned(),
            locale: "C".to_owned(),
            umask: "022".to_owned(),
            cpus: None,
            tmpfs: false,
        }
    }

    /// Everything different that the contract allows to be different; all processors when no one is named.
    pub fn all(cpu: Option<usize>, tmpfs: bool) -> Self {
        Self {
            root: "/another/place/to-build".to_owned(),
            hostname: "elsewhere".to_owned(),
            timezone: "Pacific/Kiritimati".to_owned(),
            locale: "et_EE.UTF-8".to_owned(),
            umask: "077".to_owned(),
            cpus: cpu.map(|cpu| vec![cpu]),
            tmpfs,
        }
    }
}

/// The variations that differ from [`Variations::none`], and those that do not.
impl fmt::Display for Variations {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // By name, so that a field that is added must be said here.
        let Self { root, hostname, timezone, locale, umask, cpus, tmpfs } = self;
        let none = Self::none();
        let processors = cpus.as_ref().map(|cpus| cpus.len().to_string());
        let all = [
            ("directory", root, *root != none.root),
            ("host name", hostname, *hostname != none.hostname),
            ("time zone", timezone, *timezone != none.timezone),
            ("locale", locale, *locale != none.locale),
            ("umask", umask, *umask != none.umask),
            ("processors", &processors.unwrap_or_default(), *cpus != none.cpus),
            ("file order", &"of tmpfs".to_owned(), *tmpfs != none.tmpfs),
        ];
        let varied = all.iter().filter(|(.., differs)| *differs).map(|(name, value, _)| format!("{name} {value}"));
        let same: Vec<&str> = all.iter().filter(|(.., differs)| !differs).map(|(name, ..)| *name).collect();
        f.write_str(&varied.collect::<Vec<_>>().join(", "))?;
        if same.is_empty() { Ok(()) } else { write!(f, "; not varied: {}", same.join(", ")) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sentence_says_what_varies_and_what_does_not() {
        assert_eq!(
            Variations::all(Some(3), true).to_string(),
            "directory /another/place/to-build, host name elsewhere, time zone Pacific/Kiritimati, locale et_EE.UTF-8, \
             umask 077, processors 1, file order of tmpfs"
        );
        assert!(Variations::all(None, false).to_string().ends_with("umask 077; not varied: processors, file order"));
    }
}
