//! A pull request by an attacker: packages that try to get out of their builds, or to take the machine. Each attempt must be
//! refused or without effect, and told. The attempts are in `fixtures/tree/pkgs/hostile*`; here is what a host has to lose.
#![expect(clippy::disallowed_methods, reason = "has a process to lose, as a host has")]
#![expect(clippy::unwrap_used, reason = "all of this is test code")]

use std::collections::BTreeMap;
use std::fs;
use std::net::TcpListener;
use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::fs::MetadataExt as _;
use std::os::unix::net::{SocketAddr, UnixListener};
use std::os::unix::process::CommandExt as _;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use ashlar_tests::checkout::Checkout;

/// What `hostile` tries. One that is not reported was not tried.
const ATTEMPTS: [&str; 37] = [
    "chroot-escape",
    "control-groups",
    "daemon",
    "device-node",
    "devices",
    "endless-file",
    "file-capability",
    "foreign-ids",
    "hard-link-out",
    "host-read",
    "host-socket",
    "host-state",
    "host-write",
    "inputs-write",
    "job-pipe",
    "kernel-calls",
    "kernel-settings",
    "keyring",
    "limits",
    "mount",
    "namespaces",
    "netlink",
    "network",
    "other-numbering",
    "other-packages",
    "out-of-memory-score",
    "priority",
    "ptrace",
    "raw-sockets",
    "seed-write",
    "setuid-file",
    "siblings-seen",
    "signals",
    "store-read",
    "host-clock-and-name",
    "host-files-after",
    "neighbour",
];

/// A process of the host that outlives every attempt, if all goes well.
struct Victim(Child);

impl Victim {
    fn start() -> Self {
        let mut sleep = Command::new("sleep");
        sleep.arg0("ashlar-victim").arg("600").stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        Self(sleep.spawn().unwrap())
    }
}

impl Drop for Victim {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

#[test]
fn nothing_of_the_host_is_in_reach() {
    let Some(checkout) = Checkout::new() else { return };
    let mut victim = Victim::start();
    let secret = checkout.root().join("secret");
    fs::write(&secret, "the secret of the host\n").unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let socket = format!("ashlar-hostile-{}", std::process::id());
    let _abstract = UnixListener::bind_addr(&SocketAddr::from_abstract_name(&socket).unwrap()).unwrap();
    let facts = format!(
        "secret {secret}\nstore {}\nport {}\nsocket {socket}\nvictim {}\n",
        checkout.store(),
        listener.local_addr().unwrap().port(),
        victim.0.id()
    );
    fs::write(checkout.recipe("hostile").with_file_name("facts"), facts).unwrap();
    let names = || {
        fs::read_to_string("/proc/sys/kernel/hostname").unwrap()
            + &fs::read_to_string("/proc/sys/kernel/core_pattern").unwrap()
    };
    let before = names();

    let ended =
        checkout.run(&["build-pkg", "hostile", "slow", "--jobs", "2"]).told(0, &["built hostile 1", "built slow 1"]);
    let log = checkout.run(&["log", "hostile", "check"]).good() + &checkout.run(&["log", "hostile", "install"]).good();

    let mut told: BTreeMap<&str, String> = BTreeMap::new();
    for line in log.lines() {
        if let Some((name, said)) =
            line.split_once(' ').filter(|(_, said)| said.starts_with("refused: ") || said.starts_with("DONE: "))
        {
            told.insert(name, said.to_owned());
        }
    }
    let refused = |so: bool, why: &str| if so { format!("refused: {why}") } else { format!("DONE: not {why}") };
    told.insert("host-clock-and-name", refused(names() == before, "as before"));
    let unharmed =
        fs::read_to_string(&secret).unwrap() == "the secret of the host\n" && victim.0.try_wait().unwrap().is_none();
    told.insert("host-files-after", refused(unharmed, "as before"));
    told.insert("neighbour", refused(ended.built().contains(&"slow"), "built meanwhile"));
    for (name, said) in &told {
        eprintln!("{name:20} {said}");
    }
    let mut expected = ATTEMPTS.to_vec();
    expected.sort_unstable();
    assert_eq!(told.keys().copied().collect::<Vec<_>>(), expected, "an attempt was not made");
    let done: Vec<_> = told.iter().filter(|(_, said)| !said.starts_with("refused: ")).collect();
    assert!(done.is_empty(), "{done:?}");
    eprintln!("{} of {} refused or without effect", told.len() - done.len(), ATTEMPTS.len());

    // A link in the staging tree is packaged as a link.
    let id = checkout.stored("packages/hostile").remove(0);
    let manifest =
        fs::read_to_string(checkout.store().join("packages/hostile").join(id).join("manifest.json")).unwrap();
    assert!(
        manifest.contains("usr/share/hostile/shadow") && !manifest.contains("usr/share/hostile/root/etc"),
        "{manifest}"
    );
    assert!(checkout.stored("work").is_empty());
}

#[test]
fn what_a_build_leaves_on_the_host_is_nobodys() {
    let Some(checkout) = Checkout::new() else { return };
    drop(checkout.run(&["build-pkg", "hostile-dest", "--keep"]).told(30, &[]));
    let kept = checkout.stored("work").into_iter().find(|name| name.ends_with(".kept")).unwrap();
    let dir = checkout.store().join("work").join(kept.trim_end_matches(".kept"));
    let setuid = fs::metadata(dir.join("dest/usr/share/x/setuid")).unwrap();
    assert!(setuid.mode() & 0o4000 != 0 && (setuid.uid() >= 0x7000_0000 || setuid.uid() != 0), "{}", setuid.uid());
    assert_eq!(fs::metadata(&dir).unwrap().mode() & 0o777, 0o700, "and other accounts do not get there");
}

#[test]
fn the_collector_refuses_what_no_package_may_hold() {
    let Some(checkout) = Checkout::new() else { return };
    let texts = [
        "/usr/share/x/fifo: a fifo cannot be packaged",
        "/usr/share/x/socket: a socket cannot be packaged",
        "/usr/share/x/hole: it claims 3298534883328 bytes",
        "/usr/share/x/setuid: mode 4755 has setuid or setgid",
    ];
    let started = Instant::now();
    drop(checkout.run(&["build-pkg", "hostile-dest"]).told(30, &texts));
    assert!(started.elapsed() < Duration::from_secs(60), "a hole is not hashed");
    assert!(checkout.stored("work").is_empty());
}

#[test]
fn memory_and_processes_end_where_the_build_has_its_share() {
    let Some(checkout) = Checkout::new() else { return };
    let doctor = checkout.run(&["doctor", "--offline"]).stdout;
    if !doctor.contains("control groups") || doctor.contains("without control groups") {
        testkit::skip!("no control groups here, so memory is not limited");
    }
    let texts = ["the phase met a limit of the sandbox: it tried to run more than 2048 processes at once"];
    drop(checkout.run(&["build-pkg", "hostile-forks"]).told(30, &texts));
    let texts = [
        "the phase met a limit of the sandbox: it used more than ",
        " GiB of memory, so the kernel ended 1 of its processes",
    ];
    drop(checkout.run(&["build-pkg", "hostile-memory", "--jobs", "2"]).told(30, &texts));
    assert!(checkout.stored("work").is_empty());
}

#[test]
fn the_disk_is_not_filled() {
    let Some(checkout) = Checkout::new() else { return };
    let free = checkout.run(&["doctor", "--offline"]).stdout;
    let gigabytes = free
        .lines()
        .find_map(|line| line.split_once("room on disk: ")?.1.split(['.', ' ']).next()?.parse::<u64>().ok());
    if gigabytes.is_none_or(|free| free < 40) {
        testkit::skip!("less than 40 GB of room");
    }
    let texts = ["the phase was ended: the build occupies 2", " GiB of the disk, and the limit is 24.0 GiB"];
    drop(checkout.run(&["build-pkg", "hostile-disk"]).told(30, &texts));
    assert!(checkout.stored("work").is_empty());
}
