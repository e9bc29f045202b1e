//! A small Ashlar tree in a temporary directory, with its own store, and the real program to run in it.
//!
//! Its packages are those of `fixtures/tree/pkgs`; its seed is a shell and a few small programs out of the real seed's lock,
//! unpacked once and shared by all tests.
#![expect(clippy::disallowed_methods, reason = "runs xtask as a person does")]
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "all of this is test code")]

use std::fs;
use std::process::{Command, Output, Stdio};
use std::sync::OnceLock;

use ashlar_core::model::seed::{SeedDef, SeedName};
use camino::{Utf8Path, Utf8PathBuf};
use tempfile::TempDir;

/// How a run of the program ended.
#[derive(Debug)]
pub struct Ended {
    /// Exit code; absent when it was killed.
    pub code: Option<i32>,
    /// What it printed as its result.
    pub stdout: String,
    /// What it told the person.
    pub stderr: String,
}

impl Ended {
    /// From a process's output; repeats it, so that a failing test shows what was printed.
    pub fn of(output: Output) -> Self {
        let text = |bytes| String::from_utf8(bytes).expect("the program prints UTF-8");
        let ended = Self { code: output.status.code(), stdout: text(output.stdout), stderr: text(output.stderr) };
        eprintln!("{}{}exit {:?}", ended.stdout, ended.stderr, ended.code);
        ended
    }

    /// Asserts success; gives the standard output.
    pub fn good(self) -> String {
        assert_eq!(self.code, Some(0), "{}", self.stderr);
        self.stdout
    }

    /// Asserts the exit code and that every one of `texts` was told to the person.
    pub fn told(self, code: i32, texts: &[&str]) -> Self {
        assert_eq!(self.code, Some(code), "{}", self.stderr);
        for text in texts {
            assert!(self.stderr.contains(text), "`{text}` is not in:\n{}", self.stderr);
        }
        self
    }

    /// Packages that this run built.
    pub fn built(&self) -> Vec<&str> {
        self.events("built ")
    }

    /// Packages that needed no build, of a run with `--verbose`.
    pub fn cached(&self) -> Vec<&str> {
        self.events("cached ")
    }

    fn events(&self, verb: &str) -> Vec<&str> {
        let lines = self.stderr.lines().filter_map(|line| line.trim_start().strip_prefix(verb));
        let mut names: Vec<&str> = lines.filter_map(|rest| rest.split(' ').next()).collect();
        names.sort_unstable();
        names
    }
}

/// A tree with a store.
#[derive(Debug)]
pub struct Checkout {
    guard: TempDir,
    store: Utf8PathBuf,
}

impl Checkout {
    /// A fresh tree and an empty store; `None`, with the reason on standard error, where builds cannot run.
    pub fn new() -> Option<Self> {
        Self::ready().then(|| {
            let guard = tempfile::Builder::new().prefix("ashlar-test-").tempdir().unwrap();
            let root = utf8(guard.path());
            write_tree(root);
            let store = root.join("cache/store");
            furnish(&store);
            Self { guard, store }
        })
    }

    /// Whether builds can run here; says why not, once in each test.
    fn ready() -> bool {
        static OBSTACLE: OnceLock<Option<String>> = OnceLock::new();
        let obstacle = OBSTACLE.get_or_init(obstacle);
        if let Some(why) = obstacle {
            testkit::skipped(why);
        }
        obstacle.is_none()
    }

    /// The tree.
    pub fn root(&self) -> &Utf8Path {
        utf8(self.guard.path())
    }

    /// The store.
    pub fn store(&self) -> &Utf8Path {
        &self.store
    }

    /// Uses the directory `store` from now on.
    pub fn move_store(&mut self, store: &Utf8Path) {
        furnish(store);
        self.store = store.to_owned();
    }

    /// The recipe of a package.
    pub fn recipe(&self, package: &str) -> Utf8PathBuf {
        self.root().join("pkgs").join(package).join("pkg.toml")
    }

    /// Replaces `from` in a recipe; it must be there.
    pub fn edit(&self, package: &str, from: &str, to: &str) {
        let text = fs::read_to_string(self.recipe(package)).unwrap();
        assert!(text.contains(from), "{package} does not contain `{from}`");
        fs::write(self.recipe(package), text.replace(from, to)).unwrap();
    }

    /// The program with its arguments, in this tree and on this store.
    pub fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(program());
        command.args(args).current_dir(self.root()).env("ASHLAR_STORE", &self.store).stdin(Stdio::null());
        for name in ["CARGO_MANIFEST_DIR", "ASHLAR_MIRRORS", "http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"] {
            command.env_remove(name);
        }
        command
    }

    /// Runs the program to its end.
    pub fn run(&self, args: &[&str]) -> Ended {
        eprintln!("$ cargo xtask {}", args.join(" "));
        Ended::of(self.command(args).output().unwrap())
    }

    /// Names in a folder of the store, sorted.
    pub fn stored(&self, folder: &str) -> Vec<String> {
        names(&self.store.join(folder))
    }
}

/// Names in a directory, sorted.
pub fn names(dir: &Utf8Path) -> Vec<String> {
    let mut names: Vec<String> =
        dir.read_dir_utf8().unwrap().map(|entry| entry.unwrap().file_name().to_owned()).collect();
    names.sort();
    names
}

/// Processes that belong to containers of builds of `package`, by their mounts, and control groups of such.
pub fn containers_of(package: &str) -> Vec<String> {
    let place = format!("/work/{package}-");
    let mut found: Vec<String> = Vec::new();
    for name in names(Utf8Path::new("/proc")) {
        // What ends meanwhile is what nobody looks for.
        let mounts = fs::read_to_string(format!("/proc/{name}/mountinfo")).unwrap_or_default();
        if name.parse::<u32>().is_ok() && mounts.contains(&place) {
            found.push(format!("process {name}"));
        }
    }
    for controller in ["memory", "pids", "unified"] {
        let groups = Utf8Path::new("/sys/fs/cgroup").join(controller);
        let below = if groups.is_dir() { names(&groups) } else { Vec::new() };
        found.extend(below.into_iter().filter(|name| name.starts_with(&format!("ashlar-{package}-"))));
    }
    found
}

/// The real repository.
pub fn repository() -> Utf8PathBuf {
    Utf8Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

/// `target/<profile>`, in whose `deps` this test lies.
fn target() -> Utf8PathBuf {
    let test = Utf8PathBuf::from_path_buf(std::env::current_exe().unwrap()).unwrap();
    test.ancestors().nth(2).expect("a test lies in target/<profile>/deps").to_owned()
}

/// The user's own store.
pub fn real_store() -> Utf8PathBuf {
    let named = std::env::var("ASHLAR_STORE").map(Utf8PathBuf::from);
    named.unwrap_or_else(|_| Utf8PathBuf::from(std::env::var("HOME").unwrap()).join(".cache/ashlar"))
}

/// The `xtask` program of this build profile, built or not.
pub fn program() -> Utf8PathBuf {
    target().join("xtask")
}

/// What keeps builds from running here, if anything.
fn obstacle() -> Option<String> {
    if !program().is_file() {
        return Some(format!(
            "{} is not built; `cargo build --package xtask` (with the same profile) builds it",
            program()
        ));
    }
    let output = Command::new(program()).current_dir(repository()).args(["doctor", "--offline"]).output().unwrap();
    if output.status.success() {
        return None;
    }
    let table = String::from_utf8_lossy(&output.stdout);
    Some(format!("`cargo xtask doctor` says that builds cannot run here:\n{table}"))
}

/// Copies the fixture tree to `root`, with the real flags and the part of the real seed's lock that the small seed needs.
fn write_tree(root: &Utf8Path) {
    let (real, fixture) = (repository(), repository().join("tests/fixtures/tree"));
    copy(&fixture, root);
    for empty in ["images", "iso"] {
        fs::create_dir(root.join(empty)).unwrap();
    }
    fs::copy(real.join("toolchain/hardening.toml"), root.join("toolchain/hardening.toml")).unwrap();
    let seed = SeedName::default();
    let def = SeedDef::parse(&fs::read_to_string(fixture.join(seed.def_file())).unwrap(), &seed).unwrap();
    let lock = fs::read_to_string(real.join(seed.lock_file())).unwrap();
    let (head, packages) = lock.split_once("\n[[package]]\n").expect("seed.lock lists packages");
    // The recorded tree is that of the whole seed.
    let mut small: String =
        head.lines().filter(|line| !line.starts_with("tree")).map(|line| format!("{line}\n")).collect();
    for package in packages.split("\n[[package]]\n") {
        let name = package.split('"').nth(1).expect("a locked package begins with its name");
        if def.packages.iter().any(|wanted| wanted == name) {
            small.push_str(&format!("\n[[package]]\n{package}"));
        }
    }
    fs::write(root.join(seed.lock_file()), small).unwrap();
}

fn copy(from: &Utf8Path, to: &Utf8Path) {
    fs::create_dir_all(to).unwrap();
    for name in names(from) {
        let source = from.join(&name);
        if source.is_dir() {
            copy(&source, &to.join(&name));
        } else {
            fs::copy(&source, to.join(&name)).unwrap();
        }
    }
}

/// A store that shares with others only what is pinned by hash: fetched files and the unpacked seed.
fn furnish(store: &Utf8Path) {
    fs::create_dir_all(store).unwrap();
    let shared = target().join("tmp/engine-tests");
    for (name, place) in [("seed", shared.join("seed")), ("distfiles", real_store().join("distfiles"))] {
        fs::create_dir_all(&place).unwrap();
        std::os::unix::fs::symlink(place, store.join(name)).unwrap();
    }
}

fn utf8(path: &std::path::Path) -> &Utf8Path {
    Utf8Path::from_path(path).expect("temporary directories have UTF-8 names")
}
