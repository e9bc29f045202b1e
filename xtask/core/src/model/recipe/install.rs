//! What the phase `install` is made of when a recipe says it as data: `[install]`, `[links]`, `license_files`, and the strip
//! that every program gets.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::style::Style;
use crate::base::name::PkgName;

/// Where a file of `[install]` may begin, beside the directory of the build.
pub const ROOTS: [&str; 3] = ["$SRC/", "$OBJ/", "$FILES/"];

/// Directories at the top in which no package has files, and what they are. In /srv a package may have what a service serves.
const OTHERS: [(&str, &str); 9] = [
    ("opt", ADMINISTRATOR),
    ("home", MOUNTED),
    ("root", ADMINISTRATOR),
    ("mnt", MOUNTED),
    ("run", MOUNTED),
    ("tmp", MOUNTED),
    ("dev", MOUNTED),
    ("proc", MOUNTED),
    ("sys", MOUNTED),
];
const ADMINISTRATOR: &str = "which is the administrator's";
const MOUNTED: &str = "which a mount hides when the system runs";

/// Why no package has a file at `path`, when it lies in a directory at the top that is not for packages.
pub fn not_ours(path: &str) -> Option<&'static str> {
    let (top, _) = path.split_once('/')?;
    OTHERS.iter().find(|(name, _)| *name == top).map(|(_, why)| *why)
}

/// `[install]` and `[links]`, checked.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct InstallTable {
    /// Place below the root, a directory when it ends with `/` = files of the build.
    pub files: BTreeMap<String, Vec<String>>,
    /// Place below the root = target.
    pub links: BTreeMap<String, String>,
}

impl InstallTable {
    /// The script, with paths relative to the directory in which `style` builds.
    ///
    /// Paths hold nothing that means something to the shell but `*` and the variable in front: `validate` saw to that.
    pub fn script(&self, style: Style) -> String {
        let mut script = format!("cd \"{}\"\n", style.build_directory);
        for (place, files) in &self.files {
            let files: Vec<String> = files.iter().map(|file| word(file)).collect();
            let (directory, name) = place.rsplit_once('/').unwrap_or(("", place));
            let _ = writeln!(script, "mkdir -p \"$DESTDIR/{directory}\"");
            let _ = writeln!(script, "cp {} \"$DESTDIR/{directory}/{name}\"", files.join(" "));
        }
        for (place, target) in &self.links {
            if let Some((directory, _)) = place.rsplit_once('/') {
                let _ = writeln!(script, "mkdir -p \"$DESTDIR/{directory}\"");
            }
            let _ = writeln!(script, "ln -s {target} \"$DESTDIR/{place}\"");
        }
        script
    }
}

/// A path as a word of the shell: the variable in quotes, the rest bare, so that `*` works.
fn word(path: &str) -> String {
    match path.split_once('/') {
        Some((root, rest)) if root.starts_with('$') => format!("\"{root}\"/{rest}"),
        _ => path.to_owned(),
    }
}

/// What copies the licence texts `files`, paths below `$SRC`, to where the images of packages have them.
pub fn licenses(name: &PkgName, files: &[String]) -> String {
    if files.is_empty() {
        return String::new();
    }
    let files: Vec<String> = files.iter().map(|file| format!("\"$SRC\"/{file}")).collect();
    let place = format!("\"$DESTDIR/usr/share/licenses/{name}\"");
    format!("mkdir -p {place}\ncp {} {place}\n", files.join(" "))
}

/// What takes symbols and debugging information out of the programs and shared libraries below `$DESTDIR`, which are the
/// executable files that begin as ELF does.
pub const STRIP: &str = r#"find "$DESTDIR" -type f -perm -u=x -exec grep -alZ "$(printf '^\177ELF')" {} + | xargs -0 -r "$STRIP"
"#;

#[cfg(test)]
mod tests {
    use super::super::style;
    use super::*;

    #[test]
    fn a_table_is_a_script() {
        let list = |files: &[&str]| files.iter().map(|file| (*file).to_owned()).collect::<Vec<_>>();
        let table = InstallTable {
            files: BTreeMap::from([
                ("usr/bin/".to_owned(), list(&["misc/mke2fs", "e2fsck/e2fsck"])),
                ("etc/mke2fs.conf".to_owned(), list(&["$SRC/misc/mke2fs.conf.in"])),
                ("usr/include/openssl/".to_owned(), list(&["$SRC/include/openssl/*.h"])),
            ]),
            links: BTreeMap::from([("usr/bin/mkfs.ext4".to_owned(), "mke2fs".to_owned())]),
        };
        let name = "e2fsprogs".parse().unwrap();
        let text =
            table.script(style::named("autotools").unwrap()) + &licenses(&name, &list(&["NOTICE", "lib/uuid/COPYING"]));
        insta::assert_snapshot!(text);
    }
}
