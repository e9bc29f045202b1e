//! A seed.toml as written, of either form.

use super::SeedDef;
use super::derived::DerivedDef;
use super::name::SeedName;
use crate::base::diag::Diagnostic;

/// A seed.toml as written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Definition {
    /// Packages of an archive.
    Archive(SeedDef),
    /// Another seed with some of its programs replaced: it has the key `base`.
    Derived(DerivedDef),
}

impl Definition {
    /// Reads the definition of the seed `name` and checks its meaning; all findings at once.
    ///
    /// # Errors
    /// The findings.
    pub fn parse(text: &str, name: &SeedName) -> Result<Self, Vec<Diagnostic>> {
        // A text that is no TOML has no `base`; reading it as the other form says why.
        let derived = text.parse::<toml::Table>().is_ok_and(|table| table.contains_key("base"));
        if derived {
            DerivedDef::parse(text, name).map(Self::Derived)
        } else {
            SeedDef::parse(text, name).map(Self::Archive)
        }
    }
}
