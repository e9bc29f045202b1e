//! Recipes as people write them: every mistake has a fixture and its message, and the real tree has none.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test without its input must fail")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use ashlar_core::base::diag::Diagnostic;
use ashlar_core::formats::cargo_lock;
use ashlar_core::formats::kconfig;
use ashlar_core::formats::toml_layout;
use ashlar_core::model::mounts;
use ashlar_core::model::recipe::schema;
use ashlar_core::model::toolchain::Toolchain;
use ashlar_core::model::tree::{self, PACKAGES, PackageFolder, Tree};
use ashlar_core::verify::lint::object_files::ExpectedNotes;
use camino::{Utf8Path, Utf8PathBuf};

fn repository() -> Utf8PathBuf {
    Utf8Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

/// The package folders directly below `root`, sorted; folders without a recipe are passed over. In messages they lie in `place`.
fn folders(root: &Utf8Path, place: &str) -> Vec<PackageFolder> {
    let mut names: Vec<String> = subfolders(root);
    names.sort();
    names
        .iter()
        .filter(|name| root.join(name).join("pkg.toml").exists())
        .map(|name| folder(&root.join(name), &Utf8Path::new(place).join(name)))
        .collect()
}

/// Every package of the repository.
fn packages() -> Vec<PackageFolder> {
    let found: Vec<PackageFolder> =
        PACKAGES.iter().flat_map(|place| folders(&repository().join(place), place)).collect();
    assert!(found.len() > 40, "packages are missing: only {} found", found.len());
    found
}

fn subfolders(root: &Utf8Path) -> Vec<String> {
    let entries = root.read_dir_utf8().unwrap().map(|entry| entry.unwrap());
    entries.filter(|entry| entry.file_type().unwrap().is_dir()).map(|entry| entry.file_name().to_owned()).collect()
}

fn folder(path: &Utf8Path, shown: &Utf8Path) -> PackageFolder {
    let text = fs::read_to_string(path.join("pkg.toml")).unwrap();
    let mut files = BTreeSet::new();
    collect(path, path, &mut files);
    PackageFolder { path: shown.to_owned(), text, files }
}

fn collect(root: &Utf8Path, at: &Utf8Path, files: &mut BTreeSet<String>) {
    for entry in at.read_dir_utf8().unwrap().map(|entry| entry.unwrap()) {
        if entry.file_type().unwrap().is_dir() {
            collect(root, entry.path(), files);
        } else {
            files.insert(entry.path().strip_prefix(root).unwrap().to_string());
        }
    }
}

fn rendered(findings: &[Diagnostic], folders: &[PackageFolder]) -> String {
    let texts: BTreeMap<Utf8PathBuf, &str> =
        folders.iter().map(|folder| (folder.file(), folder.text.as_str())).collect();
    let text = |finding: &Diagnostic| finding.file.as_ref().and_then(|file| texts.get(file)).copied();
    findings.iter().map(|finding| finding.render(text(finding))).collect::<Vec<_>>().join("\n")
}

fn load(folders: &[PackageFolder], flags: &BTreeSet<String>) -> Result<Tree, Vec<Diagnostic>> {
    tree::load(folders.iter().map(|folder| tree::read(folder, flags)).collect())
}

/// Each folder of `recipes-bad` is a package of the same name, or a tree of packages. The snapshot is what its author reads.
#[test]
fn every_mistake_has_its_message() {
    let root = repository().join("tests/fixtures/recipes-bad");
    let flags: BTreeSet<String> = ["pie", "relro-now", "stack-clash"].map(str::to_owned).into();
    let mut cases = subfolders(&root);
    cases.sort();
    assert!(cases.len() >= 60, "fixtures are missing: only {} found below {root}", cases.len());
    let mut codes = BTreeSet::new();
    for case in &cases {
        let path = root.join(case);
        let folders = match path.join("pkg.toml").exists() {
            true => vec![folder(&path, &Utf8Path::new("pkgs").join(case))],
            false => folders(&path, "pkgs"),
        };
        let findings = load(&folders, &flags).expect_err(case);
        codes.extend(findings.iter().map(|finding| finding.code));
        insta::with_settings!({ snapshot_path => "snapshots/recipes-bad", prepend_module_to_snapshot => false, omit_expression => true }, {
            insta::assert_snapshot!(case.as_str(), rendered(&findings, &folders));
        });
    }
    insta::assert_snapshot!("codes", codes.into_iter().collect::<Vec<_>>().join("\n"));
}

#[test]
fn the_tree_is_valid() {
    let root = repository();
    let file = Utf8Path::new("toolchain/hardening.toml");
    let policy = fs::read_to_string(root.join(file)).unwrap();
    let policy = Toolchain::parse(&policy, file).unwrap_or_else(|findings| panic!("{findings:#?}"));
    let folders = packages();
    if let Err(findings) = load(&folders, &policy.flag_names()) {
        panic!("{}", rendered(&findings, &folders));
    }
}

/// The schema that editors get: it takes every recipe that the tree has.
#[test]
fn recipes_conform_to_the_schema() {
    let schema = jsonschema::validator_for(schema::schema().as_value()).unwrap();
    let mut conforming = 0;
    let fixtures = "tests/fixtures/tree/pkgs";
    for folder in packages().into_iter().chain(folders(&repository().join(fixtures), fixtures)) {
        let recipe: serde_json::Value = toml::from_str(&folder.text).unwrap();
        let faults: Vec<String> = schema.iter_errors(&recipe).map(|fault| fault.to_string()).collect();
        assert!(faults.is_empty(), "{}: {faults:#?}", folder.path);
        conforming += 1;
    }
    assert!(conforming > 40, "only {conforming} recipes were found");
}

/// What the schema can see of the mistakes that people make: keys and types, and values of a fixed form.
const SEEN_BY_SCHEMA: [&str; 5] =
    ["recipe::unknown-key", "recipe::wrong-type", "recipe::unknown-style", "recipe::bad-sha256", "recipe::bad-strip"];

#[test]
fn the_schema_refuses_keys_and_types_that_the_parser_refuses() {
    let schema = jsonschema::validator_for(schema::schema().as_value()).unwrap();
    let root = repository().join("tests/fixtures/recipes-bad");
    let mut refused = BTreeSet::new();
    for case in subfolders(&root).iter().filter(|case| root.join(case).join("pkg.toml").exists()) {
        let folder = folder(&root.join(case), case.as_str().into());
        // What is not TOML has no keys to judge.
        let Ok(recipe) = toml::from_str::<serde_json::Value>(&folder.text) else { continue };
        let findings = load(&[folder], &BTreeSet::new()).expect_err(case);
        let seen = findings.iter().map(|finding| finding.code).find(|code| SEEN_BY_SCHEMA.contains(code));
        assert!(seen.is_none() || !schema.is_valid(&recipe), "{case}: the schema takes what is {seen:?}");
        refused.extend(seen);
    }
    assert_eq!(refused, SEEN_BY_SCHEMA.into(), "a fixture is missing");
    let empty = serde_json::json!({});
    assert_eq!(schema.iter_errors(&empty).count(), 4, "name, version, summary and license are required");
}

/// A program that is no member of the workspace would be neither linted nor tested.
#[test]
fn every_program_is_a_member_of_the_workspace() {
    let programs = repository().join("programs");
    let manifest: toml::Table = fs::read_to_string(programs.join("Cargo.toml")).unwrap().parse().unwrap();
    let members = manifest["workspace"]["members"].as_array().unwrap();
    let members: Vec<&str> = members.iter().map(|member| member.as_str().unwrap()).collect();
    let mut folders = subfolders(&programs);
    folders.extend(subfolders(&programs.join("lib")).iter().map(|name| format!("lib/{name}")));
    folders.retain(|folder| programs.join(folder).join("Cargo.toml").is_file());
    folders.sort();
    assert_eq!(members, folders);
    for folder in packages().iter().filter(|folder| folder.path.starts_with("programs")) {
        assert!(folder.text.contains("\nworkspace = ["), "{}: it has no `workspace`", folder.file());
    }
}

/// What every compilation of the tree is given.
#[test]
fn compiler_configuration() {
    let file = Utf8Path::new("toolchain/hardening.toml");
    let policy = Toolchain::parse(&fs::read_to_string(repository().join(file)).unwrap(), file).unwrap();
    // By these, units show that they were compiled with it.
    assert_eq!(ExpectedNotes::by(&policy.render_cc_cfg(&[])), ExpectedNotes { cet: true, no_ident: true });
    insta::assert_snapshot!(format!(
        "# cc.cfg\n{}\n# cxx.cfg\n{}",
        policy.render_cc_cfg(&[]),
        policy.render_cxx_cfg(&[])
    ));
}

/// Configuration fragments of one package do not contradict each other; lock files pin every crate.
#[test]
fn fragments_and_lock_files_are_valid() {
    let root = repository();
    let mut read = 0;
    for folder in packages() {
        let path = |file: &str| folder.path.join(file);
        let text = |file: &str| fs::read_to_string(root.join(path(file))).unwrap();
        let fragments: Vec<(Utf8PathBuf, String)> =
            folder.files.iter().filter(|file| file.ends_with(".config")).map(|file| (path(file), text(file))).collect();
        let merged = kconfig::merge(fragments.iter().map(|(file, text)| (file.as_path(), text.as_str())));
        let locks = folder.files.iter().filter(|file| file.ends_with("Cargo.lock"));
        let locked: Result<Vec<_>, _> = locks.map(|file| cargo_lock::parse(&text(file), &path(file))).collect();
        let findings: Vec<Diagnostic> = [merged.err(), locked.err()].into_iter().flatten().flatten().collect();
        let rendered: String = findings.iter().map(|finding| finding.render(None)).collect();
        assert!(findings.is_empty(), "{rendered}");
        read += fragments.len();
    }
    assert!(read > 0, "no fragment was found");
}

/// What a service mounts is in no plan of `/init`, so the inventory of an image names it by hand: every such line of a script,
/// with the values that it has without configuration.
#[test]
fn the_inventory_names_what_services_mount() {
    let root = repository();
    let mut mounted = Vec::new();
    for folder in packages() {
        for file in folder.files.iter().filter(|file| file.starts_with("init.d/")) {
            let text = fs::read_to_string(root.join(&folder.path).join(file)).unwrap();
            let lines = text.lines().filter_map(|line| line.trim().strip_prefix("mount -t "));
            mounted.extend(lines.map(|line| in_words_of_the_plan(line).unwrap_or_else(|| panic!("{file}: {line}"))));
        }
    }
    assert_eq!(mounted, mounts::BY_SERVICES.lines().collect::<Vec<_>>());
}

/// `TYPE -o "OPTIONS" SOURCE PLACE` as `/init` would tell it.
fn in_words_of_the_plan(command: &str) -> Option<String> {
    let (kind, rest) = command.split_once(" -o ")?;
    let (options, rest) = rest.split_once(' ')?;
    let (_, place) = rest.split_once(' ')?;
    let mut options = options.trim_matches('"').to_owned();
    while let Some((before, rest)) = options.split_once("${") {
        let (variable, after) = rest.split_once('}')?;
        let (_, default) = variable.split_once('-')?;
        options = format!("{before}{default}{after}");
    }
    Some(format!("mount {kind} on {place} ({options})"))
}

/// `cargo xtask fmt` changes space and order, and neither a value nor a comment.
#[test]
fn the_layout_keeps_values_and_comments() {
    let comments = |text: &str| {
        let lines = text.lines().map(str::trim).filter(|line| line.starts_with('#')).map(str::to_owned);
        let mut lines: Vec<String> = lines.collect();
        lines.sort();
        lines
    };
    for folder in packages() {
        let laid_out = toml_layout::formatted(&folder.text, &schema::order).unwrap();
        let values = |text: &str| toml::from_str::<toml::Table>(text).unwrap();
        assert_eq!(values(&laid_out), values(&folder.text), "{}", folder.path);
        assert_eq!(comments(&laid_out), comments(&folder.text), "{}", folder.path);
        assert_eq!(laid_out, folder.text, "{}: `cargo xtask fmt` lays it out", folder.path);
    }
}
