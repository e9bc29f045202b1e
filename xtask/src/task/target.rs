//! Targets of a command: packages, images and ISOs, in the words of the command line.

use std::collections::BTreeSet;

use anyhow::Result;
use ashlar_core::base::name::PkgName;

use crate::exit::Exit;

/// Something that is made.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Target {
    /// A package.
    Package(PkgName),
    /// The image of this name.
    Image(String),
    /// The ISO of this profile.
    Iso(String),
}

/// The name of the profile when none is given.
pub const DEFAULT_PROFILE: &str = "minimal";

impl Target {
    /// Reads `PKG…`, `image NAME`, `iso [PROFILE]`; a word after `iso` is a profile.
    pub fn parse(words: &[String]) -> Result<BTreeSet<Self>> {
        let mut targets = BTreeSet::new();
        let mut words = words.iter();
        while let Some(word) = words.next() {
            targets.insert(match word.as_str() {
                "image" => {
                    let name =
                        words.next().ok_or_else(|| Exit::Usage.error("`image` needs a name after it".to_owned()));
                    Self::Image(name?.clone())
                }
                "iso" => Self::Iso(words.next().map_or(DEFAULT_PROFILE, String::as_str).to_owned()),
                package => {
                    let name = package.parse();
                    Self::Package(name.map_err(|error| Exit::Usage.error(format!("`{package}`: {error}")))?)
                }
            });
        }
        if targets.is_empty() {
            return Err(Exit::Usage.error("nothing named; name packages, `image NAME`, or `iso [PROFILE]`".to_owned()));
        }
        Ok(targets)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(words: &str) -> Result<Vec<Target>, String> {
        let words: Vec<String> = words.split_whitespace().map(str::to_owned).collect();
        Target::parse(&words).map(|targets| targets.into_iter().collect()).map_err(|error| error.to_string())
    }

    #[test]
    fn words_name_targets() {
        let package = |name: &str| Target::Package(name.parse().unwrap());
        assert_eq!(parse("musl zlib"), Ok(vec![package("musl"), package("zlib")]));
        assert_eq!(parse("image hello iso"), Ok(vec![Target::Image("hello".into()), Target::Iso("minimal".into())]));
        assert_eq!(parse("iso container-host"), Ok(vec![Target::Iso("container-host".into())]));
        for words in ["", "image", "no/name"] {
            assert!(parse(words).is_err(), "{words}");
        }
    }
}
