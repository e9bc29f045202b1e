use super::*;

fn folder(name: &str) -> testkit::TempDir {
    let path = testkit::TempDir::new(&format!("ashlar-apply-{name}"));
    fs::create_dir_all(path.join("etc")).unwrap();
    path
}

fn file(path: &str, content: &str, mode: u32) -> Step {
    Step::File { path: path.to_owned(), mode, owner: 0, content: content.to_owned(), what: String::new() }
}

fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<_> =
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn a_plan_is_carried_out() {
    let root = folder("all");
    fs::write(root.join("etc/shadow"), "old").unwrap();
    let steps = [
        Step::Directory { path: "/home/anna".to_owned(), mode: 0o700, owner: 0 },
        file("/etc/shadow", "new", 0o600),
        file("/etc/new/deep", "x", 0o644),
        Step::Link { path: "/etc/localtime".to_owned(), target: "/usr/share/zoneinfo/UTC".to_owned() },
        Step::Command(vec!["false".to_owned()]),
        Step::Command(vec!["/no/such/program".to_owned()]),
    ];
    let mut said = Vec::new();
    // Twice: an interrupted configuration is applied again.
    for _ in 0..2 {
        apply(&steps, &root, &mut |line| said.push(line)).unwrap();
    }
    assert_eq!(fs::read_to_string(root.join("etc/shadow")).unwrap(), "new");
    assert_eq!(fs::metadata(root.join("etc/shadow")).unwrap().permissions().mode() & 0o7777, 0o600);
    assert_eq!(fs::metadata(root.join("home/anna")).unwrap().permissions().mode() & 0o7777, 0o700);
    assert_eq!(fs::read_link(root.join("etc/localtime")).unwrap(), Path::new("/usr/share/zoneinfo/UTC"));
    assert_eq!(names(&root.join("etc")), ["localtime", "new", "shadow"]);
    assert_eq!(said.len(), 4);
    assert!(said[0].contains("[\"false\"] ended with exit status: 1; continuing"), "{said:?}");
}

#[test]
fn what_cannot_be_written_changes_nothing() {
    let root = folder("none");
    fs::write(root.join("etc/passwd"), "old").unwrap();
    fs::write(root.join("home"), "a file where a directory is needed").unwrap();
    let steps =
        [file("/etc/passwd", "new", 0o644), Step::Directory { path: "/home".to_owned(), mode: 0o755, owner: 0 }];
    let failed = apply(&steps, &root, &mut |_| {}).unwrap_err();
    assert_eq!(
        failed.to_string(),
        "failed to make /home (0755, owner 0): something else has this name. Nothing was changed."
    );
    assert_eq!(fs::read_to_string(root.join("etc/passwd")).unwrap(), "old");
    assert_eq!(names(&root.join("etc")), ["passwd"]);
}
