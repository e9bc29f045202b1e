//! Container images as people use them: composed by the program, run by runc, asked over HTTP.
#![expect(clippy::disallowed_methods, reason = "starts programs as a user does")]
#![expect(clippy::unwrap_used, reason = "all of this is test code")]

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::process::{Command, Stdio};
use std::time::Duration;

use ashlar_tests::checkout::{program, repository};
use camino::{Utf8Path, Utf8PathBuf};
use serde_json::{Value, json};

/// Composes the image `name` into a fresh directory; nothing, said aloud, when that would build the system first.
fn layout(name: &str, dir: &Utf8Path) -> Option<Utf8PathBuf> {
    if !program().is_file() || !repository().join("out").join(name).join("oci-layout").is_file() {
        testkit::skipped(format_args!("out/{name} is not there; ./build.sh --target test composes it first"));
        return None;
    }
    let to = dir.join("layout");
    let output = Command::new(program())
        .args(["image", name, "--output", to.as_str()])
        .current_dir(repository())
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Some(to)
}

fn read(layout: &Utf8Path, descriptor: &Value) -> Value {
    let digest = descriptor["digest"].as_str().unwrap().trim_start_matches("sha256:");
    serde_json::from_slice(&std::fs::read(layout.join("blobs/sha256").join(digest)).unwrap()).unwrap()
}

/// The image's configuration and its one layer's file.
fn image(layout: &Utf8Path) -> (Value, Utf8PathBuf) {
    let index: Value = serde_json::from_slice(&std::fs::read(layout.join("index.json")).unwrap()).unwrap();
    let manifest = read(layout, &index["manifests"][0]);
    assert_eq!(manifest["layers"].as_array().unwrap().len(), 1, "one layer");
    let layer = manifest["layers"][0]["digest"].as_str().unwrap().trim_start_matches("sha256:");
    (read(layout, &manifest["config"]), layout.join("blobs/sha256").join(layer))
}

/// A runc bundle: read-only root, no capability, no new privileges, the image's own user, the host's loopback.
fn bundle(dir: &Utf8Path, config: &Value, layer: &Utf8Path, listen: &str) {
    let rootfs = dir.join("rootfs");
    std::fs::create_dir_all(&rootfs).unwrap();
    let tar = Command::new("tar").args(["-xf", layer.as_str(), "-C", rootfs.as_str()]).status().unwrap();
    assert!(tar.success());
    let user: Vec<u32> = config["config"]["User"].as_str().unwrap().split(':').map(|id| id.parse().unwrap()).collect();
    let none: [&str; 0] = [];
    let spec = json!({
        "ociVersion": "1.0.2",
        "process": {
            "terminal": false, "cwd": "/", "noNewPrivileges": true,
            "user": {"uid": user[0], "gid": user[1]},
            "args": config["config"]["Entrypoint"],
            "env": [format!("ASHLAR_LISTEN={listen}")],
            "capabilities": {"bounding": none, "effective": none, "permitted": none, "ambient": none},
        },
        // runc itself looks at /proc/self before it starts the program.
        "mounts": [{"destination": "/proc", "type": "proc", "source": "proc", "options": ["nosuid", "noexec", "nodev"]}],
        "root": {"path": "rootfs", "readonly": true},
        "linux": {"namespaces": [{"type": "pid"}, {"type": "mount"}, {"type": "ipc"}, {"type": "uts"}]},
    });
    std::fs::write(dir.join("config.json"), spec.to_string()).unwrap();
}

fn ask(address: &str) -> Option<String> {
    let mut stream = TcpStream::connect(address).ok()?;
    stream.set_read_timeout(Some(Duration::from_secs(5))).ok()?;
    stream.write_all(b"GET / HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n").ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    Some(answer)
}

#[test]
fn hello_is_one_file_below_300_kilobytes_and_answers_as_nobody() {
    let scratch = tempfile::tempdir().unwrap();
    let dir = Utf8Path::from_path(scratch.path()).unwrap();
    let Some(layout) = layout("hello", dir) else { return };
    let (config, layer) = image(&layout);
    let size = std::fs::metadata(&layer).unwrap().len();
    assert!(size <= 300_000, "{size} bytes");
    let listing = Command::new("tar").args(["-tf", layer.as_str()]).output().unwrap();
    let listing = String::from_utf8(listing.stdout).unwrap();
    let files: Vec<&str> = listing.lines().filter(|path| !path.ends_with('/')).collect();
    assert_eq!(files, ["usr/bin/hello"]);

    if Command::new("runc").arg("--version").output().is_err() {
        testkit::skip!("runc is not installed, so the image is not started; cargo xtask setup installs it");
    }
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let address = format!("127.0.0.1:{port}");
    bundle(dir, &config, &layer, &address);
    let id = format!("ashlar-test-{}", std::process::id());
    let mut run = Command::new("runc")
        .args(["run", "--bundle", dir.as_str(), &id])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let answer = (0..100).find_map(|_| {
        std::thread::sleep(Duration::from_millis(100));
        ask(&address)
    });
    let killed = Command::new("runc").args(["kill", &id, "TERM"]).status().unwrap();
    let status = run.wait().unwrap();
    let answer = answer.expect("no answer within ten seconds");
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n") && answer.ends_with("Hello from Ashlar.\n"), "{answer}");
    assert!(killed.success() && status.success(), "ended by SIGTERM with {status}");
}

#[test]
fn base_has_a_shell_and_no_set_id_file() {
    let scratch = tempfile::tempdir().unwrap();
    let dir = Utf8Path::from_path(scratch.path()).unwrap();
    let Some(layout) = layout("base", dir) else { return };
    let (_, layer) = image(&layout);
    let listing = Command::new("tar").args(["--numeric-owner", "-tvf", layer.as_str()]).output().unwrap();
    let listing = String::from_utf8(listing.stdout).unwrap();
    assert!(listing.lines().any(|line| line.ends_with(" usr/bin/sh -> busybox")), "{listing}");
    assert!(listing.lines().all(|line| !line[..10].contains('s') && line.contains(" 0/0 ")), "{listing}");
    for document in ["sbom.spdx.json", "sbom.cdx.json"] {
        let text = std::fs::read(layout.join(document)).unwrap();
        assert!(serde_json::from_slice::<Value>(&text).unwrap().is_object(), "{document}");
    }
}
