use super::*;
use crate::model::seed::lock::LockedPackage;

const GOOD: &str = r#"
base = "debian"
without = ["clang"]
drop = ["usr/lib/old/**"]
links = { "usr/bin/cc" = "clang" }
scripts = { "usr/bin/clang" = "clang.sh" }

[[wheel]]
name = "ziglang"
version = "0.14.1"
files = { "ziglang/zig" = "usr/bin/zig" }
"#;

fn zig() -> SeedName {
    "zig".parse().unwrap()
}

fn package(name: &str) -> LockedPackage {
    let pool = format!("pool/{name}.deb");
    LockedPackage { name: name.into(), version: "1".into(), pool, sha256: Digest::of(name), size: 1 }
}

fn base() -> ResolvedSeed {
    ResolvedSeed {
        name: SeedName::default(),
        snapshot: "x".into(),
        packages: vec![package("clang"), package("make")],
        drop: vec!["etc/**".into()],
        links: [("usr/bin/awk".to_owned(), "gawk".to_owned())].into(),
        wheels: Vec::new(),
        scripts: BTreeMap::new(),
        tree: Some(Digest::of("the base's")),
    }
}

fn resolved(def: &DerivedDef) -> Result<ResolvedSeed, Vec<Diagnostic>> {
    let scripts = [("clang.sh".to_owned(), "exec zig clang".to_owned())].into();
    def.resolve(base(), &scripts, &[Digest::of("wheel")])
}

fn rendered(findings: &[Diagnostic], text: &str) -> String {
    findings.iter().map(|finding| finding.render(Some(text))).collect()
}

#[test]
fn the_base_with_other_programs() {
    let seed = resolved(&DerivedDef::parse(GOOD, &zig()).unwrap()).unwrap();
    assert_eq!(seed.packages, [package("make")]);
    assert_eq!(seed.drop, ["etc/**", "usr/lib/old/**"]);
    assert_eq!(seed.links.keys().collect::<Vec<_>>(), ["usr/bin/awk", "usr/bin/cc"]);
    assert_eq!(seed.scripts["usr/bin/clang"], "exec zig clang");
    assert_eq!((seed.wheels[0].sha256, seed.tree), (Digest::of("wheel"), None));
}

#[test]
fn the_lock_prints_what_it_reads_and_knows_when_it_is_stale() {
    let def = DerivedDef::parse(GOOD, &zig()).unwrap();
    let seed = resolved(&def).unwrap();
    let lock = DerivedLock::new(&seed, Digest::of("tree"));
    let text = lock.print(&zig());
    insta::assert_snapshot!(text);
    assert_eq!(DerivedLock::parse(&text, &zig()), Ok(lock.clone()));
    assert_eq!(lock.pins(&def), Ok(vec![Digest::of("wheel")]));
    assert_eq!(lock.confirm(&def, seed.clone()).unwrap().tree, Some(Digest::of("tree")));
    let changed = ResolvedSeed { packages: vec![package("make"), package("more")], ..seed };
    let newer = DerivedDef::parse(&GOOD.replace("0.14.1", "0.15.1"), &zig()).unwrap();
    let mut findings = lock.confirm(&def, changed).unwrap_err();
    findings.extend(lock.pins(&newer).unwrap_err());
    findings.extend(DerivedLock::parse(&text.replace("schema = 1", "schema = 2"), &zig()).unwrap_err());
    insta::assert_snapshot!(rendered(&findings, GOOD));
}

#[test]
fn complaints() {
    let text = GOOD
        .replace("\"debian\"", "\"zig\"")
        .replace("\"usr/bin/cc\"", "\"/usr/bin/cc\"")
        .replace("\"usr/bin/zig\"", "\"../zig\"")
        .replace("clang.sh", "../clang.sh");
    let mut shown = rendered(&DerivedDef::parse(&text, &zig()).unwrap_err(), &text);
    let text = GOOD.replace("without = [\"clang\"]", "without = [\"clan\"]");
    shown += &rendered(&resolved(&DerivedDef::parse(&text, &zig()).unwrap()).unwrap_err(), &text);
    let text = GOOD.replace("drop =", "dropped =");
    shown += &rendered(&DerivedDef::parse(&text, &zig()).unwrap_err(), &text);
    insta::assert_snapshot!(shown);
}
