//! Text of a `pkg.toml` into [`RawRecipe`]: shape only. `validate` adds meaning.

use camino::Utf8Path;

use super::raw::RawRecipe;
use crate::base::diag::Diagnostic;
use crate::base::schema::{self, Document};

/// How recipes are called in findings.
const RECIPE: Document = Document {
    noun: "recipe",
    syntax: "recipe::syntax",
    invisible: "recipe::invisible",
    unknown_key: "recipe::unknown-key",
    duplicate_key: "recipe::duplicate-key",
    wrong_type: "recipe::wrong-type",
    synonyms: &[
        ("description", "summary"),
        ("desc", "summary"),
        ("pkgdesc", "summary"),
        ("homepage", "upstream"),
        ("website", "upstream"),
        ("pkgver", "version"),
        ("dependencies", "libs"),
        ("depends", "libs"),
        ("requires", "libs"),
        ("makedepends", "tools"),
        ("build_dependencies", "tools"),
        ("checksum", "sha256"),
        ("hash", "sha256"),
        ("uri", "url"),
        ("configure_args", "args"),
        ("test", "check"),
        ("compile", "build"),
        ("script", "run"),
        ("subpackages", "output"),
    ],
};

/// Reads a `pkg.toml`; `file` is its path relative to the repository, for messages.
///
/// # Errors
/// Every problem of shape: unknown keys, values of the wrong type; or the first, when that is a key twice or no TOML at all.
pub fn parse(text: &str, file: &Utf8Path) -> Result<RawRecipe, Vec<Diagnostic>> {
    schema::read_all(text, file, &RECIPE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_places() {
        let text = "name = \"zlib\"\n[[source]]\nurl = [\"https://zlib.net/x\"]\n";
        let raw = parse(text, "pkgs/zlib/pkg.toml".into()).unwrap();
        let url = &raw.source[0].get_ref().url[0];
        assert_eq!(&text[url.span()], "\"https://zlib.net/x\"");
        assert_eq!(raw.name.unwrap().get_ref(), "zlib");
    }

    #[test]
    fn every_synonym_leads_to_a_real_key() {
        let message = |text: &str| parse(text, "x".into()).unwrap_err().remove(0).help.unwrap();
        let mut keys = message("zzz = 1");
        for table in ["[[source]]", "[build]", "[phases]", "[[test]]"] {
            keys.push_str(&message(&format!("{table}\nzzz = 1")));
        }
        for (_, ours) in RECIPE.synonyms {
            assert!(keys.contains(&format!("`{ours}`")), "{ours}");
        }
    }
}
