//! Locations of files: mirrors of our distfiles, mirrors of Debian's archive, Debian's snapshot service.
//!
//! Nothing here is ever written into a file of the project: mirrors belong to the machine, locations to the recipe.

use anyhow::Result;
use ashlar_core::base::digest::Digest;
use ashlar_core::formats::deb822;
use camino::Utf8Path;

/// Names a distfiles mirror: base URLs, separated by white space; a file is at `<base>/sha256/<hex>`.
pub const DISTFILES_VARIABLE: &str = "ASHLAR_MIRRORS";
/// Names a Debian mirror: base URLs, separated by white space; a file is at `<base>/pool/…`.
pub const DEBIAN_VARIABLE: &str = "ASHLAR_DEBIAN_MIRROR";
const SNAPSHOT: &str = "https://snapshot.debian.org/archive/debian";

/// What kind of place a location is, for messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// A mirror of our own distfiles store.
    Distfiles,
    /// A mirror of Debian's archive.
    Pool,
    /// Upstream's own server.
    Upstream,
    /// Debian's snapshot service.
    Snapshot,
}

impl Origin {
    /// The kind as shown to people.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Distfiles => "distfiles mirror",
            Self::Pool => "Debian mirror",
            Self::Upstream => "upstream",
            Self::Snapshot => "Debian snapshot",
        }
    }
}

/// One place to try.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Location {
    /// What kind of place it is.
    pub origin: Origin,
    /// The file's URL.
    pub url: String,
}

impl Location {
    /// The URL without user name and password, for messages and logs.
    pub fn shown(&self) -> String {
        let Some((scheme, rest)) = self.url.split_once("://") else { return self.url.clone() };
        let authority = rest.find('/').unwrap_or(rest.len());
        match rest[..authority].rfind('@') {
            Some(at) => format!("{scheme}://{}", &rest[at + 1..]),
            None => self.url.clone(),
        }
    }
}

/// The mirrors of this machine.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Mirrors {
    distfiles: Vec<String>,
    debian: Vec<String>,
    snapshot: Option<String>,
}

impl Mirrors {
    /// Mirrors given by the environment, else by the host's apt configuration, else none: the snapshot service is left.
    ///
    /// `snapshot` is the time stamp of `toolchain/seed.toml` at which the snapshot service has every pinned file.
    ///
    /// # Errors
    /// When apt's configuration exists but cannot be read.
    pub fn detect(snapshot: Option<&str>) -> Result<Self> {
        let listed = |name: &str| bases(&std::env::var(name).unwrap_or_default());
        let mut debian = listed(DEBIAN_VARIABLE);
        if debian.is_empty() {
            debian = apt_mirrors(&apt_configuration(Utf8Path::new("/etc/apt"))?);
        }
        Ok(Self::new(listed(DISTFILES_VARIABLE), debian, snapshot.map(str::to_owned)))
    }

    /// Exactly these mirrors; doubles and trailing slashes are dropped.
    pub fn new(distfiles: Vec<String>, debian: Vec<String>, snapshot: Option<String>) -> Self {
        let clean = |list: Vec<String>| {
            let mut out: Vec<String> = Vec::new();
            for base in list {
                let base = base.trim_end_matches('/').to_owned();
                if !out.contains(&base) {
                    out.push(base);
                }
            }
            out
        };
        Self { distfiles: clean(distfiles), debian: clean(debian), snapshot }
    }

    /// Bases of Debian's archive, best first.
    pub fn debian(&self) -> &[String] {
        &self.debian
    }

    /// All places of a file, in the order they are tried: distfiles mirrors, the pool, upstream, the snapshot service.
    pub fn locations(&self, sha256: &Digest, pool: Option<&str>, upstream: &[String]) -> Vec<Location> {
        let at = |origin, url| Location { origin, url };
        let mut all: Vec<Location> =
            self.distfiles.iter().map(|base| at(Origin::Distfiles, format!("{base}/sha256/{sha256}"))).collect();
        if let Some(pool) = pool {
            all.extend(self.debian.iter().map(|base| at(Origin::Pool, format!("{base}/{pool}"))));
        }
        all.extend(upstream.iter().map(|url| at(Origin::Upstream, url.clone())));
        if let (Some(pool), Some(stamp)) = (pool, &self.snapshot) {
            all.push(at(Origin::Snapshot, format!("{SNAPSHOT}/{stamp}/{pool}")));
        }
        all
    }

    /// The places of a file whose hash is not known yet: the pool, upstream.
    pub fn unpinned(&self, pool: Option<&str>, upstream: &[String]) -> Vec<Location> {
        let pooled = pool.into_iter().flat_map(|pool| self.debian.iter().map(move |base| format!("{base}/{pool}")));
        let pooled = pooled.map(|url| Location { origin: Origin::Pool, url });
        pooled.chain(upstream.iter().map(|url| Location { origin: Origin::Upstream, url: url.clone() })).collect()
    }
}

fn bases(text: &str) -> Vec<String> {
    text.split_whitespace().map(str::to_owned).collect()
}

/// One file of apt's configuration.
struct AptFile {
    deb822: bool,
    text: String,
}

fn apt_configuration(apt: &Utf8Path) -> Result<Vec<AptFile>> {
    let mut files = Vec::new();
    let main = apt.join("sources.list");
    if main.exists() {
        files.push(AptFile { deb822: false, text: fs_err::read_to_string(main)? });
    }
    let parts = apt.join("sources.list.d");
    if !parts.exists() {
        return Ok(files);
    }
    let mut paths = parts.read_dir_utf8()?.map(|entry| Ok(entry?.into_path())).collect::<Result<Vec<_>>>()?;
    paths.sort();
    for path in paths {
        if let Some(extension @ ("list" | "sources")) = path.extension() {
            files.push(AptFile { deb822: extension == "sources", text: fs_err::read_to_string(&path)? });
        }
    }
    Ok(files)
}

/// The Debian archives that apt uses, in the order of its files. Other archives and other schemes than http(s) are left out.
fn apt_mirrors(files: &[AptFile]) -> Vec<String> {
    let mut found = Vec::new();
    for file in files {
        let entries = if file.deb822 { deb822_entries(&file.text) } else { line_entries(&file.text) };
        for (uri, suite) in entries {
            let http = uri.starts_with("http://") || uri.starts_with("https://");
            if http && is_debian_suite(&suite) && !found.contains(&uri) {
                found.push(uri);
            }
        }
    }
    found
}

fn deb822_entries(text: &str) -> Vec<(String, String)> {
    let mut entries = Vec::new();
    for stanza in deb822::stanzas(text) {
        let words = |name| stanza.get(name).unwrap_or("").split_whitespace();
        let off = stanza.get("Enabled").is_some_and(|value| value.eq_ignore_ascii_case("no"));
        if off || !words("Types").any(|kind| kind == "deb") {
            continue;
        }
        for uri in words("URIs") {
            entries.extend(words("Suites").map(|suite| (uri.to_owned(), suite.to_owned())));
        }
    }
    entries
}

fn line_entries(text: &str) -> Vec<(String, String)> {
    let entry = |line: &str| {
        let line = line.split('#').next().unwrap_or("").trim();
        let mut rest = line.strip_prefix("deb")?.trim_start();
        if let Some(options) = rest.strip_prefix('[') {
            rest = options.split_once(']')?.1;
        }
        let mut words = rest.split_whitespace();
        Some((words.next()?.to_owned(), words.next()?.to_owned()))
    };
    text.lines().filter_map(entry).collect()
}

/// Release names of Debian's main archive. `-security` lives in another archive and is not one of them.
fn is_debian_suite(suite: &str) -> bool {
    let base = suite.strip_suffix("-updates").or(suite.strip_suffix("-backports")).unwrap_or(suite);
    let known = ["bullseye", "bookworm", "trixie", "forky", "duke", "sid"];
    let roles = ["oldoldstable", "oldstable", "stable", "testing", "unstable"];
    known.contains(&base) || roles.contains(&base)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_apt_configuration() {
        let guard = tempfile::tempdir().unwrap();
        let apt = Utf8Path::from_path(guard.path()).unwrap();
        assert!(apt_mirrors(&apt_configuration(apt).unwrap()).is_empty());
        fs_err::create_dir(apt.join("sources.list.d")).unwrap();
        let write = |name: &str, text: &str| fs_err::write(apt.join(name), text).unwrap();
        write(
            "sources.list",
            "# deb http://off/debian bookworm main\ndeb [arch=amd64 signed-by=/k] http://one/debian bookworm main\n\
             deb-src http://src/debian bookworm main\ndeb http://ubuntu/ubuntu jammy main\ndeb cdrom:[x]/ bookworm main\n",
        );
        write(
            "sources.list.d/debian.sources",
            "Types: deb deb-src\nURIs: https://two/debian\nSuites: trixie trixie-updates\nComponents: main\n\n\
             Types: deb\nURIs: https://sec/debian-security\nSuites: trixie-security\n\n\
             Types: deb\nEnabled: no\nURIs: https://off/debian\nSuites: trixie\n",
        );
        write("sources.list.d/x.bak", "deb http://bak/debian bookworm main\n");
        assert_eq!(apt_mirrors(&apt_configuration(apt).unwrap()), ["http://one/debian", "https://two/debian"]);
    }

    #[test]
    fn order_of_locations() {
        let mirrors = Mirrors::new(
            bases("https://m/ashlar/ https://m/ashlar"),
            bases("https://d/debian"),
            Some("20260801T000000Z".into()),
        );
        let hash = Digest::of("");
        let urls: Vec<String> = mirrors
            .locations(&hash, Some("pool/x.deb"), &["https://up/x".to_owned()])
            .iter()
            .map(|location| format!("{}: {}", location.origin.as_str(), location.shown()))
            .collect();
        assert_eq!(
            urls,
            [
                format!("distfiles mirror: https://m/ashlar/sha256/{hash}"),
                "Debian mirror: https://d/debian/pool/x.deb".to_owned(),
                "upstream: https://up/x".to_owned(),
                "Debian snapshot: https://snapshot.debian.org/archive/debian/20260801T000000Z/pool/x.deb".to_owned(),
            ]
        );
        assert_eq!(mirrors.locations(&hash, None, &[]).len(), 1);
    }

    #[test]
    fn passwords_are_not_shown() {
        let location = |url: &str| Location { origin: Origin::Upstream, url: url.into() }.shown();
        assert_eq!(location("https://me:secret@host/a@b"), "https://host/a@b");
        assert_eq!(location("https://host/a@b"), "https://host/a@b");
    }
}
