//! The type of build styles.

use serde::{Serialize, Serializer};

use crate::base::name::Phase;

/// How a package is built when its recipe does not write the phases.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Style {
    /// The name as written in recipes.
    pub name: &'static str,
    /// The phases and their scripts, in the order they run. `{args}` stands for the recipe's arguments, `{name}` for the package.
    pub scripts: &'static [(Phase, &'static str)],
    /// Variables of all phases; a recipe's own `[build.env]` wins over them.
    pub env: &'static [(&'static str, &'static str)],
    /// The library that everything is linked with, for new recipes.
    pub base: &'static str,
    /// Whether the package's folder is a Rust crate: it is the start of the source tree, and its lock file pins the crates.
    pub is_crate: bool,
    /// Whether its packages are built before all others: nothing takes longer, and little waits for them.
    pub first: bool,
}

impl Style {
    /// A style that supplies nothing: the recipe writes its phases.
    pub const NOTHING: Self = Self { name: "", scripts: &[], env: &[], base: "musl", is_crate: false, first: false };

    /// The phases whose script receives `[build] args`.
    pub fn phases_with_args(self) -> impl Iterator<Item = Phase> {
        self.scripts.iter().filter(|(_, script)| script.contains("{args}")).map(|(phase, _)| *phase)
    }
}

impl Serialize for Style {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name)
    }
}
