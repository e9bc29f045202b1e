//! What is built again after a change and what is not, and what the engine tells about it.
#![expect(clippy::disallowed_methods, reason = "repeats a command as a person does")]
#![expect(clippy::unwrap_used, reason = "all of this is test code")]

use std::collections::BTreeMap;
use std::fs;
use std::time::SystemTime;

use ashlar_core::base::digest::Digest;
use ashlar_core::base::name::{Arch, PkgName};
use ashlar_core::model::recipe::Recipe;
use ashlar_core::model::toolchain::Toolchain;
use ashlar_core::model::tree::{self, PACKAGES, PackageFolder};
use ashlar_core::plan::key::explain;
use ashlar_core::plan::{BuildInputs, BuildPlan, Input, PackageFiles};
use ashlar_tests::checkout::{Checkout, Ended, names, repository};
use camino::{Utf8Path, Utf8PathBuf};

const CHAIN: [&str; 3] = ["chain-app", "chain-lib", "chain-mid"];

/// A checkout in which the chain is built.
fn chain() -> Option<Checkout> {
    let checkout = Checkout::new()?;
    let first =
        checkout.run(&["build-pkg", "chain-app"]).told(0, &["building chain-lib: install", "built chain-app 1"]);
    assert_eq!(first.built(), CHAIN);
    Some(checkout)
}

#[test]
fn nothing_to_do_is_noticed() {
    let Some(checkout) = chain() else { return };
    let again = checkout.run(&["build-pkg", "chain-app", "--verbose"]);
    assert_eq!(again.cached(), CHAIN);
    assert!(again.built().is_empty());
    // What nobody named is one line.
    let short =
        checkout.run(&["build-pkg", "chain-app"]).told(0, &["     cached chain-app (", "     cached 2 packages\n"]);
    assert_eq!(short.stderr.lines().count(), 2, "{}", short.stderr);
    let quiet = checkout.run(&["build-pkg", "chain-app", "--quiet"]);
    assert_eq!((quiet.stdout.as_str(), quiet.stderr.as_str()), (again.stdout.as_str(), ""));
}

#[test]
fn the_same_bytes_of_a_library_rebuild_nothing_above_it() {
    let Some(checkout) = chain() else { return };
    checkout.edit("chain-lib", "installing the lib\"", "installing the lib\"\necho \"and one line more\"");
    let why = checkout.run(&["why", "chain-lib"]).good();
    assert!(why.contains("phases.install: line 2: ") && why.contains("`echo \"and one line more\"`"), "{why}");
    let ended = checkout.run(&["build-pkg", "chain-app", "-v"]).told(0, &["built chain-lib 1", "same bytes as before"]);
    assert_eq!((ended.built(), ended.cached()), (vec!["chain-lib"], vec!["chain-app", "chain-mid"]));
    let why = checkout.run(&["why", "chain-lib"]).good();
    assert!(why.contains("nothing changed since its last build"), "{why}");
    let log = checkout.run(&["log", "chain-lib", "install"]).good();
    assert!(log.starts_with("==> ") && log.ends_with("installing the lib\nand one line more\n"), "{log}");
}

/// The ledger's word about a package's bytes replaces its checks, and only as long as the bytes are those.
#[test]
fn what_the_ledger_has_is_not_checked_again() {
    let Some(mut checkout) = Checkout::new() else { return };
    checkout.edit("chain-lib", "[phases]", "[phases]\ncheck = 'true'");
    let built = checkout.run(&["build-pkg", "chain-lib"]).told(0, &["building chain-lib: check"]).stdout;
    let digest = built.split_once("  chain-lib").unwrap().0;
    let plan = checkout.run(&["build-pkg", "chain-lib", "--print-plan"]).good();
    let key = plan.lines().next().unwrap().rsplit_once(' ').unwrap().1;
    fs::create_dir(checkout.root().join("digests")).unwrap();
    let ledger = checkout.root().join("digests/x86_64.txt");
    fs::write(&ledger, format!("{digest} {key} chain-lib\n")).unwrap();
    let mut store = 0;
    let mut fresh = |args: &[&str]| {
        store += 1;
        let place = checkout.root().join(format!("cache/store-{store}"));
        checkout.move_store(&place);
        checkout.run(args)
    };
    let vouched = fresh(&["build-pkg", "chain-app"]).told(0, &["built chain-lib 1", "not checked again"]);
    assert!(!vouched.stderr.contains("building chain-lib: check"), "{}", vouched.stderr);
    fresh(&["build-pkg", "chain-app", "--all-checks"]).told(0, &["building chain-lib: check"]);
    fresh(&["build-pkg", "chain-lib"]).told(0, &["building chain-lib: check"]);
    fs::write(&ledger, format!("{} {key} chain-lib\n", Digest::of("other bytes"))).unwrap();
    fresh(&["build-pkg", "chain-app"]).told(40, &["the ledger has other bytes for chain-lib"]);
}

#[test]
fn other_bytes_of_a_library_rebuild_all_above_it() {
    let Some(checkout) = chain() else { return };
    checkout.edit("chain-lib", "OPTION = \"one\"", "OPTION = \"two\"");
    let why = checkout.run(&["why", "chain-lib"]).good();
    assert!(why.contains("env.OPTION: one -> two"), "{why}");
    let ended = checkout.run(&["build-pkg", "chain-app"]).told(0, &[]);
    assert_eq!(ended.built(), CHAIN);
    assert!(!ended.stderr.contains("same bytes as before"));
    // Back again: everything is still stored, and asking why changes nothing.
    checkout.edit("chain-lib", "OPTION = \"two\"", "OPTION = \"one\"");
    for _ in 0..2 {
        assert!(checkout.run(&["why", "chain-lib"]).good().contains("env.OPTION: two -> one"));
    }
    assert_eq!(checkout.run(&["build-pkg", "chain-app", "-v"]).told(0, &[]).cached(), CHAIN);
    assert!(checkout.run(&["why", "chain-lib"]).good().contains("nothing changed"));
}

#[test]
fn what_install_loses_or_the_recipe_imagines_is_refused() {
    let Some(checkout) = Checkout::new() else { return };
    let install = "echo \"installing the lib\"";
    checkout.edit("chain-lib", install, "mkdir -p /etc/lost\necho x > /etc/lost/file");
    let texts = ["outside of $DESTDIR", "\n  /etc/lost/file", "help: put $DESTDIR before the path"];
    drop(checkout.run(&["build-pkg", "chain-lib"]).told(30, &texts));
    checkout.edit("chain-lib", "mkdir -p /etc/lost\necho x > /etc/lost/file", install);
    checkout.edit("chain-lib", "[phases]", "[modes]\n\"usr/share/none\" = \"0700\"\n\n[phases]");
    let texts = ["`[modes]` has `usr/share/none`, which was not installed"];
    drop(checkout.run(&["build-pkg", "chain-lib"]).told(30, &texts));
    let more =
        "[[output]]\nname = \"split-more\"\nsummary = \"Another part\"\nfiles = [\"usr/share/split/**\"]\n\n[[test]]";
    checkout.edit("split", "[[test]]", more);
    let texts = ["`usr/share/split/extra/file` belongs to split-extra and to split-more"];
    drop(checkout.run(&["build-pkg", "split"]).told(30, &texts));
}

#[test]
fn a_broken_recipe_stops_only_what_needs_it() {
    let Some(checkout) = Checkout::new() else { return };
    checkout.edit("chain-mid", "license = \"MIT\"", "licence = \"MIT\"");
    fs::create_dir_all(checkout.root().join("pkgs/begun")).unwrap();
    let warnings = [
        "warning: pkgs/chain-mid/pkg.toml:4:1: `licence` is not a recipe key; it stops only what needs it",
        "pkgs/begun has no pkg.toml",
    ];
    let ended = checkout.run(&["build-pkg", "clean", "chain-lib"]).told(0, &warnings);
    assert_eq!(ended.built(), ["chain-lib", "clean"]);
    // What needs it ends with the findings themselves, and so does what is about the whole tree.
    for args in [&["build-pkg", "chain-app"][..], &["build-pkg", "chain-mid"], &["check"], &["build-pkg", "--all"]] {
        let ended = checkout.run(args).told(10, &["error[recipe::unknown-key]", "  --> pkgs/chain-mid/pkg.toml:4:1"]);
        assert!(ended.built().is_empty());
    }
    drop(checkout.run(&["build-pkg", "chain-nothing"]).told(2, &["there is no package `chain-nothing`"]));
}

#[test]
fn after_a_failure_what_does_not_need_it_is_built() {
    let Some(checkout) = Checkout::new() else { return };
    checkout.edit("chain-lib", "echo \"installing the lib\"", "echo \"no room\"; exit 3");
    let texts = [
        "not built, since it needs what failed: chain-app, chain-mid\n",
        "error: cannot build chain-lib 1\n  because: chain-lib failed in `install`\n  because: exit code 3 after ",
    ];
    let ended = checkout.run(&["build-pkg", "chain-app", "clean", "split"]).told(30, &texts);
    assert_eq!(ended.built(), ["clean", "split"]);
    // Each of two failures is told in full, and what was built is not built again.
    let ended = checkout.run(&["build-pkg", "chain-lib", "broken", "clean"]);
    let texts = ["error: cannot build broken 1\n", "error: cannot build chain-lib 1\n", "cached clean ("];
    assert!(ended.told(30, &texts).built().is_empty());
}

#[test]
fn a_failure_is_told_with_its_log_and_a_command_to_repeat_it() {
    let Some(checkout) = Checkout::new() else { return };
    let ended = checkout.run(&["build-pkg", "broken"]);
    let lines: Vec<String> =
        ended.stderr.lines().map(|line| line.replace(checkout.store().as_str(), "STORE")).collect();
    let text = lines.join("\n");
    insta::assert_snapshot!(without_seconds(&text));
    // The command is that of the runtime; it works as long as the build is kept.
    let kept = checkout.run(&["build-pkg", "broken", "--keep"]).told(30, &["kept; `cargo xtask shell broken`"]);
    assert!(!kept.stderr.contains("which is gone"), "{}", kept.stderr);
    let script = checkout.store().join("logs/broken").join(script_of(&kept.stderr));
    let again = Ended::of(std::process::Command::new("sh").arg(&script).output().unwrap());
    assert_eq!(again.code, ended_code(&kept.stderr), "{again:?}");
}

/// The text with every duration in seconds as `N`.
fn without_seconds(text: &str) -> String {
    let number = |word: &str| !word.is_empty() && word.chars().all(|c| c.is_ascii_digit() || c == '.');
    text.split(' ')
        .map(|word| if number(word) && word.contains('.') { "N" } else { word })
        .collect::<Vec<_>>()
        .join(" ")
}

/// The name of the script that a failure names.
fn script_of(stderr: &str) -> String {
    let path = stderr.lines().find_map(|line| line.trim().strip_prefix("command  sh ")).unwrap();
    Utf8Path::new(path).file_name().unwrap().to_owned()
}

/// The exit code that a failure names.
fn ended_code(stderr: &str) -> Option<i32> {
    stderr.split("exit code ").nth(1)?.split(' ').next()?.parse().ok()
}

#[test]
fn touching_and_commenting_rebuild_nothing() {
    let Some(checkout) = chain() else { return };
    checkout.edit("chain-lib", "# Decides what the package holds.", "# A better comment,\n# on two lines.");
    for package in CHAIN {
        let file = fs::File::options().write(true).open(checkout.recipe(package)).unwrap();
        file.set_modified(SystemTime::now() + std::time::Duration::from_secs(3600)).unwrap();
    }
    let ended = checkout.run(&["build-pkg", "chain-app", "-v"]).told(0, &[]);
    assert_eq!((ended.built(), ended.cached()), (vec![], CHAIN.to_vec()));
}

#[test]
fn a_file_beside_the_recipe_is_an_input() {
    let Some(checkout) = chain() else { return };
    fs::write(checkout.recipe("chain-mid").with_file_name("extra"), "x").unwrap();
    let why = checkout.run(&["why", "chain-mid"]).good();
    assert!(why.contains("files[extra]"), "{why}");
    let ended = checkout.run(&["build-pkg", "chain-app", "-v"]).told(0, &["same bytes as before"]);
    assert_eq!((ended.built(), ended.cached()), (vec!["chain-mid"], vec!["chain-app", "chain-lib"]));
}

#[test]
fn plans_are_the_same_in_every_checkout() {
    let (Some(one), Some(other)) = (Checkout::new(), Checkout::new()) else { return };
    let plan =
        |checkout: &Checkout, form: &str| checkout.run(&["build-pkg", "clean", &format!("--print-plan={form}")]).good();
    let text = plan(&one, "text");
    assert!(
        text.starts_with("# clean 1 key ")
            && text.contains("\nrun       install\n")
            && text.contains("\ncollect   clean\n"),
        "{text}"
    );
    assert_eq!(text, plan(&other, "text"));
    let json = plan(&one, "json");
    assert_eq!(json, plan(&other, "json"));
    let read: BuildPlan = serde_json::from_str(&json).unwrap();
    assert!(text.contains(&read.key().to_string()), "the printed key is that of the printed plan");
    assert!(!one.run(&["log", "clean"]).stderr.is_empty(), "printing a plan builds nothing");
}

#[test]
fn the_graph_names_every_arrow() {
    let Some(checkout) = Checkout::new() else { return };
    let dot = checkout.run(&["graph"]).good();
    assert!(
        dot.contains("\"chain-mid\" -> \"chain-lib\";")
            && dot.contains("\"chain-app\" -> \"chain-mid\" [style = dashed];"),
        "{dot}"
    );
}

#[test]
fn a_split_package_is_two() {
    let Some(checkout) = Checkout::new() else { return };
    let stdout = checkout.run(&["build-pkg", "split"]).told(0, &["built split 1"]).stdout;
    let diff_ids: BTreeMap<&str, &str> =
        stdout.lines().filter_map(|line| line.split_once("  ")).map(|(id, name)| (name, id)).collect();
    for (name, holds, lacks) in
        [("split", "usr/share/split/main", "extra/file"), ("split-extra", "usr/share/split/extra/file", "main")]
    {
        let layout = checkout.store().join("packages").join(name).join(diff_ids[name]);
        let manifest = fs::read_to_string(layout.join("manifest.json")).unwrap();
        assert!(manifest.contains(holds) && !manifest.contains(lacks), "{name}: {manifest}");
        assert_eq!(names(&layout), ["blobs", "index.json", "manifest.json", "oci-layout"]);
    }
    assert!(checkout.run(&["build-pkg", "split-extra"]).told(0, &["cached split "]).built().is_empty());
}

#[test]
fn a_failing_phase_is_shown_with_its_log() {
    let Some(checkout) = Checkout::new() else { return };
    let texts =
        ["failed broken", "broken failed in `build`", "exit code 3", "this is why it fails", "/broken/build.log"];
    drop(checkout.run(&["build-pkg", "broken"]).told(30, &texts));
    assert!(checkout.run(&["log", "broken", "configure"]).good().ends_with("everything is fine so far\n"));
    drop(checkout.run(&["log", "broken", "install"]).told(1, &["no log of `install`; there are: configure, build"]));
    assert!(checkout.stored("work").is_empty(), "a failed build leaves nothing unless it is asked to");
    drop(checkout.run(&["build-pkg", "brokn"]).told(2, &["there is no package `brokn`; did you mean `broken`?"]));
}

/// The real recipes, and what a change of musl's allocator option does to their keys; nothing is built.
#[test]
fn the_allocators_option_is_an_input_of_all_that_use_musl() {
    let recipes = real_recipes();
    let musl: PkgName = "musl".parse().unwrap();
    let mut changed = recipes.clone();
    let option = changed.get_mut(&musl).unwrap().env.get_mut("MI_SECURE").unwrap();
    assert_eq!(std::mem::replace(option, "3".to_owned()), "4");
    let (before, after) = (plan(&recipes[&musl], "musl 4"), plan(&changed[&musl], "musl 4"));
    assert_ne!(before.key(), after.key());
    assert_eq!(explain(&before.canonical(), &after.canonical()).unwrap(), ["env.MI_SECURE: 4 -> 3"]);
    let users: Vec<&Recipe> = recipes.values().filter(|recipe| recipe.libs.contains(&musl)).collect();
    assert!(users.len() >= 3, "{users:?}");
    for user in users {
        let (before, after) = (plan(user, "musl 4"), plan(user, "musl 3"));
        assert_ne!(before.key(), after.key(), "{}", user.name);
        let named = explain(&before.canonical(), &after.canonical())
            .unwrap()
            .iter()
            .any(|line| line.starts_with("libs[musl].diff_id: "));
        assert!(named, "{}", user.name);
    }
}

/// A plan in which every library's layer has the bytes `layer`.
fn plan(recipe: &Recipe, layer: &str) -> BuildPlan {
    let inputs =
        |names: &[PkgName]| names.iter().map(|name| Input { name: name.clone(), diff_id: Digest::of(layer) }).collect();
    let inputs = BuildInputs {
        seed: Digest::of("seed"),
        libs: inputs(&recipe.libs),
        tools: inputs(&recipe.tools),
        toolchain: BTreeMap::new(),
    };
    BuildPlan::new(recipe, PackageFiles::default(), inputs, Arch::X86_64)
}

fn real_recipes() -> BTreeMap<PkgName, Recipe> {
    let root = repository();
    let policy = "toolchain/hardening.toml";
    let policy = Toolchain::parse(&fs::read_to_string(root.join(policy)).unwrap(), Utf8Path::new(policy)).unwrap();
    let folder = |path: Utf8PathBuf| {
        let dir = root.join(&path);
        let text = fs::read_to_string(dir.join("pkg.toml")).unwrap();
        let patches = dir.join("patches");
        let patches = if patches.is_dir() { names(&patches) } else { Vec::new() };
        let mut files: std::collections::BTreeSet<String> =
            patches.into_iter().map(|patch| format!("patches/{patch}")).collect();
        files.extend(names(&dir));
        PackageFolder { path, text, files }
    };
    let below = |place: &&str| {
        let place = Utf8PathBuf::from(*place);
        names(&root.join(&place)).into_iter().map(move |name| place.join(name))
    };
    let is_package = |path: &Utf8PathBuf| root.join(path).join("pkg.toml").is_file();
    let read = |path| tree::read(&folder(path), &policy.flag_names());
    let folders = PACKAGES.iter().flat_map(below).filter(is_package).map(read).collect();
    tree::load(folders).unwrap().recipes
}
