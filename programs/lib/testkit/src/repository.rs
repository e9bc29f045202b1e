//! Files of the repository around a program, such as the configuration that it has in an image.
//!
//! The build of a package has the crate without the repository; such tests are skipped there. In the repository a
//! missing file is a failure.

use std::fs;
use std::path::{Path, PathBuf};

/// A file of the repository; `None`, with a note, in the build of a package.
///
/// # Panics
/// If the repository lacks the file.
pub fn file(path: &str) -> Option<String> {
    let root = root()?;
    Some(fs::read_to_string(root.join(path)).unwrap_or_else(|error| panic!("{path} of the repository: {error}")))
}

/// Names and texts of the files in a folder of the repository, sorted; `None`, with a note, in the build of a package.
///
/// # Panics
/// If the repository lacks the folder, or the folder is empty: a loop over nothing would prove nothing.
pub fn files(folder: &str) -> Option<Vec<(String, String)>> {
    let folder = root()?.join(folder);
    let entries = fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let paths = entries.map(|entry| entry.unwrap().path()).filter(|path| path.is_file());
    let named = |path: PathBuf| {
        let text = fs::read_to_string(&path).unwrap();
        (path.file_name().unwrap().to_string_lossy().into_owned(), text)
    };
    let mut files: Vec<(String, String)> = paths.map(named).collect();
    assert!(!files.is_empty(), "{} has no files", folder.display());
    files.sort();
    Some(files)
}

/// Root of the repository, found from the crate that is tested.
fn root() -> Option<PathBuf> {
    let own = PathBuf::from(std::env::var_os("CARGO_MANIFEST_DIR").expect("cargo runs the tests"));
    let root = own.ancestors().find(|dir| is_repository(dir)).map(Path::to_owned);
    if root.is_none() {
        crate::skipped("the build of a package has the crate without the repository around it");
    }
    root
}

fn is_repository(dir: &Path) -> bool {
    dir.join("ARCHITECTURE.md").is_file() && dir.join("hardening").is_dir()
}

#[cfg(test)]
mod tests {
    #[test]
    fn files_of_the_repository() {
        let Some(files) = super::files("hardening") else { return };
        let layers = files.iter().find(|(name, _)| name == "layers.toml").unwrap();
        assert_eq!(super::file("hardening/layers.toml").as_ref(), Some(&layers.1));
        let panic = std::panic::catch_unwind(|| super::file("hardening/no-such-file")).unwrap_err();
        assert!(panic.downcast_ref::<String>().unwrap().contains("no-such-file of the repository"));
    }
}
