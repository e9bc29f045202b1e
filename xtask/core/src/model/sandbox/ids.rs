//! The ids of a build's processes on the host, which belong to no account.
//!
//! Inside, a build is root and has 65,535 ids or more, for tests that change users. On the host each build has a range of its own,
//! which no account and no other running build has. So the kernel's counts by user (processes, keys, pipes, watches) are by build.

use serde::Serialize;

use crate::base::digest::Digest;

/// A contiguous range of ids: inside from 0, on the host from `first`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Range {
    /// The host's id of the id 0 inside.
    pub first: u32,
    /// How many.
    pub count: u32,
}

/// As whom a build runs on the host. Users and groups have the same numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum Ids {
    /// Root runs the build: ids that belong to no account.
    Nobody(Range),
    /// A user runs the build: root inside is that user, the other ids are the user's subordinate ids.
    User {
        /// His user and group.
        own: (u32, u32),
        /// His ranges of /etc/subuid and /etc/subgid.
        subordinate: (Range, Range),
    },
}

/// The first id that neither `useradd` (up to 600,100,000) nor systemd (up to 1,879,048,191) gives to anybody.
const FIRST: u32 = 0x7000_0000;
/// Ids of one build.
const COUNT: u32 = 0x1_0000;
/// Ranges up to systemd's next reserved one, at 2,147,352,576.
const RANGES: u32 = 0x0ffe;

/// The range of the build in the work directory `name`, given the host's `/proc/self/uid_map` and `gid_map`.
///
/// Where the host is itself a container and knows few ids, all builds share the last ones.
///
/// # Errors
/// When there are fewer ids than tests need, with what to do.
pub fn of_build(name: &str, uid_map: &str, gid_map: &str) -> Result<Range, String> {
    let (users, groups) = (known(uid_map), known(gid_map));
    let [a, b, c, d, ..] = Digest::of(name).bytes();
    let own = Range { first: FIRST + u32::from_le_bytes([a, b, c, d]) % RANGES * COUNT, count: COUNT };
    let all_know = |range: Range| [&users, &groups].iter().all(|known| known.iter().any(|one| one.holds(range)));
    if all_know(own) {
        return Ok(own);
    }
    // From 1: root of the host must not be root inside. The last id that matters is 65,534, nobody.
    let last = users.iter().map(|range| range.first.saturating_add(range.count)).max().unwrap_or(0);
    let shared = Range { first: last.saturating_sub(COUNT - 1), count: COUNT - 1 };
    if shared.first > 0 && all_know(shared) {
        return Ok(shared);
    }
    Err(format!(
        "builds run under {} ids of their own, and this machine knows no such range: it is a container with few ids; start it \
         with 65,536 or more (podman: --userns=auto:size=131072), or without a user namespace",
        COUNT - 1
    ))
}

/// A user's first range in the text of `/etc/subuid` or `/etc/subgid`, which have the user's name or number.
///
/// # Errors
/// When the user has none that is large enough, with the command that adds one.
pub fn subordinate(file: &str, text: &str, names: [&str; 2]) -> Result<Range, String> {
    let range = |line: &str| {
        let mut fields = line.trim().split(':');
        let name = fields.next()?;
        let mut number = || fields.next()?.parse().ok();
        let range = Range { first: number()?, count: number()? };
        (names.contains(&name) && range.count >= COUNT - 1).then_some(range)
    };
    text.lines().find_map(range).ok_or_else(|| {
        format!(
            "{} has no subuid range of 65,535 ids in {file}; give one: \
             sudo usermod --add-subuids 100000-165535 --add-subgids 100000-165535 {}",
            names[0], names[0]
        )
    })
}

/// The ranges of ids that exist here, of the lines `inside outside count`.
fn known(map: &str) -> Vec<Range> {
    let range = |line: &str| {
        let mut numbers = line.split_whitespace().map(str::parse);
        let first = numbers.next()?.ok()?;
        Some(Range { first, count: numbers.nth(1)?.ok()? })
    };
    map.lines().filter_map(range).collect()
}

impl Range {
    fn holds(self, other: Self) -> bool {
        let end = |range: Self| u64::from(range.first) + u64::from(range.count);
        self.first <= other.first && end(other) <= end(self)
    }
}

impl Ids {
    /// The host's owner of what root inside owns: user and group.
    pub fn root(self) -> (u32, u32) {
        match self {
            Self::Nobody(range) => (range.first, range.first),
            Self::User { own, .. } => own,
        }
    }

    /// The mappings of users and of groups: id inside, id on the host, how many.
    pub fn mappings(self) -> [Vec<(u32, u32, u32)>; 2] {
        match self {
            Self::Nobody(Range { first, count }) => [vec![(0, first, count)], vec![(0, first, count)]],
            Self::User { own, subordinate } => {
                let map = |own, other: Range| vec![(0, own, 1), (1, other.first, other.count)];
                [map(own.0, subordinate.0), map(own.1, subordinate.1)]
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOST: &str = "         0          0 4294967295\n";

    #[test]
    fn on_a_host_each_build_has_ids_of_nobody() {
        let zlib = of_build("zlib-a1b2c3", HOST, HOST).unwrap();
        assert!(zlib.first >= 1_879_048_192 && zlib.first + (zlib.count - 1) < 2_147_352_576, "{zlib:?}");
        assert_eq!((zlib.first % 65_536, zlib.count), (0, 65_536));
        assert_ne!(zlib, of_build("zlib-a1b2c4", HOST, HOST).unwrap());
        assert_eq!(zlib, of_build("zlib-a1b2c3", HOST, HOST).unwrap(), "`shell` finds the same again");
    }

    #[test]
    fn in_a_container_the_last_ids_are_taken_and_root_is_never_among_them() {
        let of = |map: &str| of_build("x", map, map);
        assert_eq!(of("0 100000 65536\n").unwrap(), Range { first: 1, count: 65_535 });
        assert_eq!(of("0 1000 1\n1 100000 131072\n").unwrap(), Range { first: 65_538, count: 65_535 });
        assert!(of("0 1000 1\n").unwrap_err().contains("knows no such range"));
        assert!(of("").unwrap_err().contains("65,536"));
        assert!(of_build("x", "0 0 65536", "0 0 1000").is_err(), "groups count as well");
    }

    #[test]
    fn a_user_needs_a_range() {
        let file = "eve:100000:65536\nada:165536:65536\n1000:1:2\n";
        let range = subordinate("/etc/subuid", file, ["ada", "1000"]).unwrap();
        assert_eq!(range, Range { first: 165_536, count: 65_536 });
        let error = subordinate("/etc/subuid", file, ["bob", "1000"]).unwrap_err();
        assert!(error.contains("usermod --add-subuids") && error.ends_with("bob"), "{error}");
        let ids = Ids::User { own: (1000, 1001), subordinate: (range, range) };
        assert_eq!((ids.root(), ids.mappings()[1][0]), ((1000, 1001), (0, 1001, 1)));
    }
}
