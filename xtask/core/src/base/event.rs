//! Events, as values. Work emits them; `xtask/src/report` turns them into lines, bars or JSON.

use camino::Utf8PathBuf;
use serde::Serialize;

use crate::base::diag::Located;
use crate::base::digest::Digest;
use crate::base::name::{Phase, PkgName};

/// One thing that happened. As JSON: one object a line, with `event` naming the kind.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
pub enum Event {
    /// Bytes of a download.
    Fetching {
        /// File name.
        file: String,
        /// Bytes so far.
        done: u64,
        /// All bytes, when known.
        total: Option<u64>,
    },
    /// A download ended well.
    Fetched {
        /// File name.
        file: String,
        /// Its size in bytes.
        bytes: u64,
    },
    /// A package needs no build.
    Cached {
        /// Package name.
        package: PkgName,
        /// Its input key.
        key: Digest,
        /// Whether somebody named it; the others are there because something needs them.
        named: bool,
    },
    /// Packages that needed no build and that nobody named, at the end of a run of builds.
    AlsoCached {
        /// How many there are.
        packages: usize,
    },
    /// How far a run of builds is.
    Progress {
        /// Packages that are there.
        done: usize,
        /// All packages that are needed.
        total: usize,
        /// Seconds that the others may take, by their last builds; absent when none of them was built here before.
        seconds_left: Option<u64>,
    },
    /// The build of a package began; its sources are fetched and unpacked.
    Begun {
        /// Package name.
        package: PkgName,
    },
    /// A package's phase began.
    Phase {
        /// Package name.
        package: PkgName,
        /// The phase.
        phase: Phase,
    },
    /// A package was built.
    Built {
        /// Package name.
        package: PkgName,
        /// Upstream version.
        version: String,
        /// Seconds from first phase to stored layer.
        seconds: u64,
        /// Size of all its layers in bytes.
        bytes: u64,
        /// Whether the bytes are those of the build before.
        unchanged: bool,
        /// Whether its checks were left out, because the ledger has its bytes.
        vouched: bool,
    },
    /// A build failed; the error follows.
    Failed {
        /// Package name.
        package: PkgName,
        /// The log of the phase that failed.
        log: Option<Utf8PathBuf>,
    },
    /// A stage of the ISO ended.
    Stage {
        /// From 1.
        number: u8,
        /// How many there are.
        of: u8,
        /// Its name.
        name: String,
        /// Milliseconds it took.
        milliseconds: u64,
        /// Whether everything in it was cached.
        cached: bool,
    },
    /// Something worth knowing.
    Note {
        /// The sentence.
        text: String,
    },
    /// Something wrong in a file of the tree; it fails the command when its severity is `error`.
    Finding(Located),
    /// A result: what it is, its name, what it is by its bytes, and where it was written.
    Made {
        /// `package`, `image` or `iso`.
        what: &'static str,
        /// Name of the package, image or profile.
        name: String,
        /// sha256 of the layer or of the file.
        digest: Digest,
        /// Digest of the OCI manifest of an image.
        manifest: Option<Digest>,
        /// The layout or the file; packages are in the store.
        path: Option<Utf8PathBuf>,
        /// Size in bytes.
        bytes: Option<u64>,
    },
    /// A part of the result that is text for people.
    Text {
        /// One line, or a whole document.
        text: String,
    },
    /// The command failed; nothing follows.
    Error(Failure),
}

/// Why a command failed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Failure {
    /// What did not work.
    pub message: String,
    /// Why, each the reason of the one before.
    pub because: Vec<String>,
    /// What to do now.
    pub help: Vec<String>,
    /// The command that failed, ready to paste, when one did.
    pub command: Option<String>,
    /// Everything that the command wrote.
    pub log: Option<Utf8PathBuf>,
    /// The exit code.
    pub exit: u8,
}

/// A duration as people write it: `0.4s`, `28s`, `3m42s`, `1h02m`.
pub fn duration(milliseconds: u64) -> String {
    let seconds = milliseconds / 1000;
    match seconds {
        0..10 => format!("{}.{}s", seconds, milliseconds % 1000 / 100),
        10..60 => format!("{seconds}s"),
        60..3600 => format!("{}m{:02}s", seconds / 60, seconds % 60),
        _ => format!("{}h{:02}m", seconds / 3600, seconds % 3600 / 60),
    }
}

/// A number of things: `1 finding`, `2 findings`.
pub fn counted(number: usize, thing: &str) -> String {
    let end = if number == 1 { "" } else { "s" };
    format!("{number} {thing}{end}")
}

/// A size as people write it, in decimal units as disk and network figures are.
pub fn size(bytes: u64) -> String {
    // Each unit ends where one decimal would round up to the next.
    let (unit, name) = match bytes {
        0..1_000 => return format!("{bytes} B"),
        1_000..999_950 => (1e3, "KB"),
        999_950..999_950_000 => (1e6, "MB"),
        _ => (1e9, "GB"),
    };
    format!("{:.1} {name}", bytes as f64 / unit)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::diag::Diagnostic;

    #[test]
    fn figures_for_people() {
        let all: Vec<String> = [0, 450, 28_000, 222_000, 3_720_000].into_iter().map(duration).collect();
        assert_eq!(all, ["0.0s", "0.4s", "28s", "3m42s", "1h02m"]);
        let all: Vec<String> =
            [7, 152_000, 999_949, 999_950, 15_595_520, 2_100_000_000].into_iter().map(size).collect();
        assert_eq!(all, ["7 B", "152.0 KB", "999.9 KB", "1.0 MB", "15.6 MB", "2.1 GB"]);
    }

    #[test]
    fn events_as_json_name_their_kind() {
        let event = Event::Stage { number: 2, of: 5, name: "Packages".to_owned(), milliseconds: 1500, cached: false };
        let json = serde_json::to_string(&event).unwrap();
        assert_eq!(json, r#"{"event":"stage","number":2,"of":5,"name":"Packages","milliseconds":1500,"cached":false}"#);
        let finding = Diagnostic::error("a::b", "wrong").in_file("f").at(3..4).located(Some("x\nyz\n"));
        let json = serde_json::to_string(&Event::Finding(finding)).unwrap();
        assert_eq!(
            json,
            r#"{"event":"finding","code":"a::b","severity":"error","message":"wrong","file":"f","line":2,"column":2,"label":null,"help":null}"#
        );
    }
}
