//! The plain line of an event.

use ashlar_core::base::event::{Event, duration, size};

/// How much is said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Detail {
    /// Errors and results.
    Quiet,
    /// What happens.
    Usual,
    /// Every package that was cached, and the command lines of what is started.
    Verbose,
}

/// The line; none for what is only progress, or comes as a result.
pub(super) fn of(event: &Event, detail: Detail) -> Option<String> {
    Some(match event {
        Event::Fetched { file, bytes } => format!("    fetched {file} ({})", size(*bytes)),
        Event::Cached { named: false, .. } if detail != Detail::Verbose => return None,
        Event::Cached { package, key, .. } => format!("     cached {package} ({})", key.short()),
        Event::AlsoCached { .. } if detail == Detail::Verbose => return None,
        Event::AlsoCached { packages: 1 } => "     cached 1 package".to_owned(),
        Event::AlsoCached { packages } => format!("     cached {packages} packages"),
        Event::Phase { package, phase } => format!("   building {package}: {phase}"),
        Event::Built { package, version, seconds, bytes, unchanged, vouched } => {
            let same = if *unchanged { ", same bytes as before" } else { "" };
            let vouched = if *vouched { ", the ledger's bytes, not checked again" } else { "" };
            format!("      built {package} {version} ({}, {}{same}{vouched})", duration(seconds * 1000), size(*bytes))
        }
        Event::Failed { package, .. } => format!("     failed {package}"),
        Event::Stage { number, of, name, milliseconds, cached } => {
            let cached = if *cached { ", cached" } else { "" };
            format!("[Stage {number}/{of}] {name}... OK ({}{cached})", duration(*milliseconds))
        }
        Event::Note { text } => format!("       note {text}"),
        Event::Fetching { .. }
        | Event::Progress { .. }
        | Event::Begun { .. }
        | Event::Finding(_)
        | Event::Made { .. }
        | Event::Text { .. }
        | Event::Error(_) => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use ashlar_core::base::digest::Digest;

    fn line(event: &Event) -> Option<String> {
        of(event, Detail::Usual)
    }

    #[test]
    fn lines() {
        let stage =
            Event::Stage { number: 2, of: 5, name: "Packages".to_owned(), milliseconds: 222_000, cached: false };
        assert_eq!(line(&stage).unwrap(), "[Stage 2/5] Packages... OK (3m42s)");
        let built = Event::Built {
            package: "zlib".parse().unwrap(),
            version: "1.3.1".to_owned(),
            seconds: 12,
            bytes: 150_000,
            unchanged: true,
            vouched: false,
        };
        assert_eq!(line(&built).unwrap(), "      built zlib 1.3.1 (12s, 150.0 KB, same bytes as before)");
        assert_eq!(line(&Event::Fetching { file: "f".to_owned(), done: 1, total: None }), None);
    }

    #[test]
    fn what_nobody_named_is_one_line() {
        let cached = |named| Event::Cached { package: "musl".parse().unwrap(), key: Digest::of("k"), named };
        let also = Event::AlsoCached { packages: 39 };
        assert_eq!(line(&cached(false)), None);
        assert_eq!(line(&also).unwrap(), "     cached 39 packages");
        assert!(line(&cached(true)).unwrap().starts_with("     cached musl ("));
        assert!(of(&cached(false), Detail::Verbose).unwrap().starts_with("     cached musl ("));
        assert_eq!(of(&also, Detail::Verbose), None);
    }
}
