use std::collections::BTreeMap;

use super::key::explain;
use super::steps::steps;
use super::*;
use crate::base::name::Phase;

/// A small plan with every kind of step.
fn plan() -> BuildPlan {
    let digest = |text: &str| Digest::of(text);
    let name = |text: &str| text.parse::<PkgName>().unwrap();
    BuildPlan {
        contract: CONTRACT,
        package: name("demo"),
        version: "1.2".to_owned(),
        license: "MIT".to_owned(),
        arch: Arch::X86_64,
        epoch: Epoch::RELEASE,
        seed: digest("seed"),
        sources: vec![PlannedSource {
            sha256: digest("source"),
            file: "demo-1.2.tar.xz".to_owned(),
            strip: 1,
            include: vec!["lib".to_owned(), "it's".to_owned()],
            to: ".".to_owned(),
        }],
        crates: vec![PlannedCrate { name: "libc".to_owned(), version: "0.2.1".to_owned(), sha256: digest("crate") }],
        patch_files: Vec::new(),
        patches: vec![PlannedFile { path: "0001-fix.patch".to_owned(), sha256: digest("patch"), executable: false }],
        files: vec![PlannedFile { path: "demo.config".to_owned(), sha256: digest("config"), executable: false }],
        files_are_source: true,
        workspace: None,
        libs: vec![Input { name: name("musl"), diff_id: digest("musl") }],
        tools: Vec::new(),
        toolchain: BTreeMap::from([("cc.cfg".to_owned(), "-ffile-prefix-map=@ROOT@/src=.\n".to_owned())]),
        env: BTreeMap::from([("OUT".to_owned(), "@ROOT@/obj".to_owned())]),
        phases: BTreeMap::from([
            (Phase::Build, "make all\n".to_owned()),
            (Phase::Install, "make install\necho done\n".to_owned()),
        ]),
        modes: BTreeMap::from([("root".to_owned(), 0o700)]),
        tests: vec![("runs".to_owned(), "\"$DESTDIR/usr/bin/demo\"".to_owned())],
        outputs: vec![(name("demo-doc"), vec!["usr/share/doc/**".to_owned()])],
    }
}

/// The plan with patches of others: of an archive, and a file that is one.
fn patched() -> BuildPlan {
    let file = |file: &str, include: Vec<String>, to: &str| PlannedSource {
        sha256: Digest::of(file),
        file: file.to_owned(),
        strip: 0,
        include,
        to: to.to_owned(),
    };
    let archive = file("demo_1.2-3.debian.tar.xz", vec!["debian/patches/fix.patch".to_owned()], "1");
    BuildPlan { patch_files: vec![archive, file("fix.patch", Vec::new(), "2")], ..plan() }
}

#[test]
fn the_key_is_stable() {
    // A change here invalidates every cache: raise CONTRACT and say so.
    insta::assert_snapshot!(plan().key(), @"a2d8d152a2839567a6412b9cf7f73bf1f0b2f469d04ce75c7a426875ca0eab6f");
}

#[test]
fn every_field_changes_the_key() {
    let base = patched();
    let value = serde_json::to_value(&base).unwrap();
    for field in value.as_object().unwrap().keys() {
        let mut changed = value.clone();
        changed[field] = match &value[field] {
            serde_json::Value::Number(n) => (n.as_u64().unwrap() + 1).into(),
            serde_json::Value::String(_) if field == "arch" => continue,
            serde_json::Value::String(_) if field == "seed" => Digest::of("other").to_string().into(),
            serde_json::Value::String(s) => format!("{s}x").into(),
            serde_json::Value::Bool(b) => (!b).into(),
            serde_json::Value::Array(a) if a.is_empty() => changed["libs"].clone(),
            serde_json::Value::Array(_) => serde_json::Value::Array(Vec::new()),
            _ => serde_json::Value::Object(serde_json::Map::new()),
        };
        let changed: BuildPlan = serde_json::from_value(changed).unwrap();
        assert_ne!(changed.key(), base.key(), "{field}");
        assert!(!explain(&base.canonical(), &changed.canonical()).unwrap().is_empty(), "{field}");
    }
    assert_eq!(serde_json::from_str::<BuildPlan>(&base.canonical()).unwrap(), base);
    assert!(explain(&base.canonical(), &base.canonical()).unwrap().is_empty());
}

#[test]
fn the_plan_in_another_seed_is_the_plan_made_there() {
    let there = Digest::of("another");
    let made_there = BuildPlan { seed: there, ..plan() };
    assert_eq!(plan().keyed().in_seed(&plan().seed, &there), made_there.keyed());
}

/// The plan of a member of a workspace.
fn member() -> BuildPlan {
    let planned = |path: &str| PlannedFile { path: path.to_owned(), sha256: Digest::of(path), executable: false };
    let workspace = PlannedWorkspace {
        manifest: "[workspace]\n".to_owned(),
        lock: "version = 4\n".to_owned(),
        files: vec![planned("lib/base/Cargo.toml")],
    };
    BuildPlan { workspace: Some(workspace), sources: Vec::new(), patches: Vec::new(), ..plan() }
}

#[test]
fn a_member_of_a_workspace_is_built_in_its_place() {
    assert_eq!(env::variables(&member(), &Variations::none(), 1)["SRC"], "/build/src/demo");
    assert_ne!(member().key(), BuildPlan { workspace: None, ..member() }.key());
    let text: Vec<String> = steps(&member()).iter().map(ToString::to_string).take(3).collect();
    let rendered = containerfile::render(&member(), "programs/demo".into());
    let copied: Vec<&str> = rendered
        .lines()
        .filter(|line| {
            line.starts_with("COPY programs") || line.contains("printf %s") || line.contains("mkdir -p /build/src/demo")
        })
        .collect();
    insta::assert_snapshot!(format!("{}\n{}", text.join("\n"), copied.join("\n")));
}

#[test]
fn steps_as_text() {
    let text: Vec<String> = steps(&patched()).iter().map(ToString::to_string).collect();
    insta::assert_snapshot!(text.join("\n"));
}

#[test]
fn containerfile() {
    insta::assert_snapshot!(containerfile::render(&patched(), "pkgs/zlib".into()));
}

#[test]
fn why_names_the_input() {
    let (old, mut new) = (plan(), plan());
    new.version = "1.3".to_owned();
    new.libs[0].diff_id = Digest::of("new musl");
    new.phases.insert(Phase::Install, "make install\necho changed\n".to_owned());
    new.phases.insert(Phase::Check, "make test".to_owned());
    insta::assert_snapshot!(explain(&old.canonical(), &new.canonical()).unwrap().join("\n"));
}

#[test]
fn variations_reach_environment_and_scripts_but_not_the_key() {
    let (standard, varied) = (Variations::none(), Variations::all(Some(0), true));
    let (a, b) = (env::variables(&plan(), &standard, 2), env::variables(&plan(), &varied, 1));
    let different: Vec<&str> =
        a.iter().filter(|(name, value)| b[*name] != **value).map(|(name, _)| name.as_str()).collect();
    assert_eq!(different, ["HOME", "JOBS", "LC_ALL", "OBJ", "OUT", "SRC", "TZ"]);
    assert_eq!(a["OUT"], "/build/obj");
    assert!(env::script("make", Phase::Check, &varied).starts_with("umask 022\n"));
    assert_eq!(env::script("make", Phase::Build, &varied), "umask 077\nexec 8<>/jobserver\ncd \"$SRC\"\nmake\n");
    assert_eq!(env::toolchain_files(&plan(), &varied)["cc.cfg"], "-ffile-prefix-map=/another/place/to-build/src=.\n");
    for name in a.keys().filter(|name| *name != "OUT") {
        assert!(crate::model::recipe::validate::CONTRACT.contains(&name.as_str()), "{name}");
    }
}

#[test]
fn the_first_matching_split_owns_a_file() {
    assert_eq!(plan().owner("usr/share/doc/demo/README").as_str(), "demo-doc");
    assert_eq!(plan().owner("usr/bin/demo").as_str(), "demo");
    assert_eq!(plan().package_names().count(), 2);
}
