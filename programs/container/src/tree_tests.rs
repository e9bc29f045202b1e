use std::time::{Duration, Instant};

use super::*;
use crate::archive::Archive;
use crate::step::step;
use crate::testing::{dir_of_root, entry, linked, tar};

/// Unpacks a layer.
fn unpack(tree: &mut Tree, entries: &[Vec<u8>]) -> Outcome<()> {
    let bytes = tar(entries);
    let mut archive = Archive::new(&bytes[..]);
    tree.begin_layer();
    while let Some(entry) = archive.next_entry()? {
        tree.apply(&step(&entry)?, &entry, &mut archive)?;
    }
    Ok(())
}

fn depth_of(root: &Path) -> usize {
    let children = fs::read_dir(root).unwrap().map(|child| child.unwrap());
    let below = children.filter(|child| child.file_type().unwrap().is_dir()).map(|child| depth_of(&child.path()));
    below.max().map_or(0, |depth| depth + 1)
}

/// A quadratic version compared each with every child of the directory: two hours instead of one second.
#[test]
fn two_hundred_thousand_paths_and_as_many_questions() {
    let path = |number: u32| PathBuf::from(format!("/store/image.partial/usr/share/{number}"));
    let begin = Instant::now();
    let mut made = CreatedPaths::default();
    (0..200_000).for_each(|number| made.insert(path(number).join("file")));
    let reached = (100_000..300_000).filter(|number| made.reaches(&path(*number))).count();
    assert_eq!(reached, 100_000);
    assert!(begin.elapsed() < Duration::from_secs(20), "{:?}", begin.elapsed());
}

#[test]
fn names_that_begin_alike_are_others() {
    let mut made = CreatedPaths::default();
    for path in ["/r/a-b", "/r/a.b/c", "/r/ab"] {
        made.insert(path.into());
    }
    let reached = ["/r", "/r/a-b", "/r/a.b", "/r/a.b/c", "/r/ab"];
    assert!(reached.iter().all(|path| made.reaches(Path::new(path))));
    assert!(!["/r/a", "/r/a-", "/r/a.b/c/d", "/r/b"].iter().any(|path| made.reaches(Path::new(path))));
}

/// An opaque whiteout may be repeated; only the first has an effect.
#[test]
fn repeated_whiteouts_of_a_full_directory() {
    let Some(room) = dir_of_root("whiteouts") else { return };
    let file = |number: u32| entry(format!("d/{number}").as_bytes(), b'0', b"");
    let mut tree = Tree::new(&room);
    unpack(&mut tree, &(0..5_000).map(file).collect::<Vec<_>>()).unwrap();
    let whiteout = entry(b"d/.wh..wh..opq", b'0', b"");
    let upper: Vec<_> = (10_000..15_000).map(file).chain(std::iter::repeat_n(whiteout, 5_000)).collect();
    let begin = Instant::now();
    unpack(&mut tree, &upper).unwrap();
    assert!(begin.elapsed() < Duration::from_secs(20), "{:?}", begin.elapsed());
    assert_eq!(fs::read_dir(room.join("d")).unwrap().count(), 5_000);
    assert!(room.join("d/10000").exists());
}

#[test]
fn lower_layers_are_hidden_below_what_the_layer_makes_as_well() {
    let Some(room) = dir_of_root("opaque") else { return };
    let mut tree = Tree::new(&room);
    unpack(&mut tree, &[entry(b"d/sub/old", b'0', b""), entry(b"d/old", b'0', b""), entry(b"e/old", b'0', b"")])
        .unwrap();
    let whiteout = entry(b"d/.wh..wh..opq", b'0', b"");
    unpack(&mut tree, &[entry(b"d/sub/new", b'0', b""), whiteout, entry(b"d/later", b'0', b"")]).unwrap();
    for (path, is_there) in
        [("d/sub/new", true), ("d/later", true), ("e/old", true), ("d/old", false), ("d/sub/old", false)]
    {
        assert_eq!(room.join(path).exists(), is_there, "{path}");
    }
}

/// `d -> x/x/x/…` is one short name. Its missing target was made, 1,960 levels deep, and could not be removed again.
#[test]
fn the_depth_is_that_of_the_tree() {
    let Some(room) = dir_of_root("deep") else { return };
    let far = b"x/".repeat(45);
    // A header has room for 100 bytes of a target: the second link begins where the first ends.
    let attack = [
        linked(b"d", b'2', &far, 0o777, b""),
        entry(b"d/file", b'0', b""),
        linked(b"d/e", b'2', &far, 0o777, b""),
        entry(b"d/e/file", b'0', b""),
    ];
    let refused = unpack(&mut Tree::new(&room), &attack).unwrap_err().0;
    assert!(refused.contains("more than 64 levels"), "{refused}");
    assert!(depth_of(&room) <= 64, "{}", depth_of(&room));
    // A link within the limit works, for images whose links come before their targets.
    let usual = [linked(b"var/run", b'2', b"/run", 0o777, b""), entry(b"var/run/pid", b'0', b"")];
    unpack(&mut Tree::new(&room), &usual).unwrap();
    assert!(room.join("run/pid").exists());
}

/// Few entries can imply many parents, and a few links a long way.
#[test]
fn what_is_implied_counts() {
    let Some(room) = dir_of_root("implied") else { return };
    let mut tree = Tree::new(&room);
    tree.count = MAX_ENTRIES - 10;
    let parents = entry(b"a/b/c/d/e/f/g/h/i/j/k", b'0', b"");
    assert!(unpack_on(&mut tree, &parents).unwrap_err().0.contains("too many entries"));
    tree.count = 0;
    tree.path_bytes = MAX_PATH_BYTES - 5;
    assert!(unpack_on(&mut tree, &entry(b"long-name", b'0', b"")).unwrap_err().0.contains("too many long names"));
    let mut links = vec![entry(b"z/file", b'0', b"")];
    links.push(linked(b"l0", b'2', b"z", 0o777, b""));
    for number in 1..20 {
        let way = format!("{}l{}", "z/../".repeat(18), number - 1);
        links.push(linked(format!("l{number}").as_bytes(), b'2', way.as_bytes(), 0o777, b""));
    }
    links.push(entry(b"l19/x", b'0', b""));
    assert!(unpack(&mut Tree::new(&room), &links).unwrap_err().0.contains("too long, with links"));
}

/// One entry in the current layer.
fn unpack_on(tree: &mut Tree, entry: &[u8]) -> Outcome<()> {
    let mut archive = Archive::new(entry);
    let Some(entry) = archive.next_entry()? else { return Ok(()) };
    tree.apply(&step(&entry)?, &entry, &mut archive)
}

#[test]
fn what_names_nothing_makes_nothing() {
    let Some(room) = dir_of_root("nothing") else { return };
    let mut tree = Tree::new(&room);
    unpack(&mut tree, &[entry(b"a/b/.wh.c", b'0', b""), entry(b"d/e/.wh..wh..opq", b'0', b"")]).unwrap();
    let refused = unpack(&mut tree, &[linked(b"f", b'1', b"g/h", 0, b"")]).unwrap_err().0;
    assert_eq!(refused, "f is a link to g/h, which is not there");
    assert_eq!(fs::read_dir(&room).unwrap().count(), 0);
}
