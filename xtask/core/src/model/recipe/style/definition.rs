//! The type of build styles.

use serde::{Serialize, Serializer};

use crate::base::name::Phase;

/// How a package is built when its recipe does not write the phases.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Style {
    /// The name as written in recipes.
    pub name: &'static str,
    /// The phases and their scripts, in the order they run. `{args}`, `{targets}` and `{check_targets}` stand for the recipe's keys,
    /// `{name}` for the package.
    pub scripts: &'static [(Phase, &'static str)],
    /// Variables of all phases; a recipe's own `[build.env]` wins over them.
    pub env: &'static [(&'static str, &'static str)],
    /// The library that everything is linked with, for new recipes.
    pub base: &'static str,
    /// Whether the package's folder is a Rust crate: it is the start of the source tree, and its lock file pins the crates.
    pub is_crate: bool,
    /// The directory in which it builds, as scripts name it.
    pub build_directory: &'static str,
    /// What makefiles call their tests unless the recipe says so; empty where that is known only to who has read them.
    pub tests: &'static str,
    /// Whether programs are stripped after `install`.
    pub strip: bool,
    /// Whether its packages are built before all others: nothing takes longer, and little waits for them.
    pub first: bool,
}

impl Style {
    /// A style that supplies nothing: the recipe writes its phases.
    pub const NOTHING: Self = Self {
        name: "",
        scripts: &[],
        env: &[],
        base: "musl",
        is_crate: false,
        build_directory: "$SRC",
        tests: "",
        strip: true,
        first: false,
    };

    /// Variables of compilers that are run by makefiles. Without them, many add `-g`: what it makes is stripped off again, after it
    /// took its time.
    pub const OPTIMISED: &'static [(&'static str, &'static str)] = &[("CFLAGS", "-O2"), ("CXXFLAGS", "-O2")];

    /// The phases whose script receives the key `key` of `[build]`.
    pub fn phases_with(self, key: &str) -> impl Iterator<Item = Phase> {
        let mark = format!("{{{key}}}");
        self.scripts.iter().filter(move |(_, script)| script.contains(&mark)).map(|(phase, _)| *phase)
    }
}

impl Serialize for Style {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name)
    }
}
