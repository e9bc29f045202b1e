//! The table of host tools. One entry a tool; CONTRIBUTING.md says how to add one.

use super::tool::{Look, Need, Packages, Tool};

const fn program(minimum: &'static str) -> Look {
    Look::Program { minimum: Some(minimum), version: &["--version"] }
}

/// Any version does.
const PRESENT: Look = Look::Program { minimum: None, version: &[] };

/// The name of the UEFI firmware: its code, and an empty flash for its variables.
pub const OVMF: &str = "OVMF";
/// The name of the same with code that can enforce Secure Boot.
pub const SECURE_BOOT_OVMF: &str = "OVMF with Secure Boot";

/// Everything Ashlar takes from the host, in the order in which it is reported.
pub const TOOLS: &[Tool] = &[
    Tool {
        name: "cargo",
        purpose: "building xtask itself; fetching the crates of Rust packages",
        // The oldest Rust that compiles xtask.
        look: program(env!("CARGO_PKG_RUST_VERSION")),
        need: Need::Builds,
        // Distributions' own are often older; people have it by rustup.
        packages: Packages { debian: &[], fedora: &[], arch: &[], alpine: &[] },
    },
    Tool {
        name: "cc",
        purpose: "linking xtask; the host's side of `bench malloc`",
        look: PRESENT,
        need: Need::Builds,
        packages: Packages {
            debian: &["gcc", "libc6-dev"],
            fedora: &["gcc", "glibc-devel"],
            arch: &["gcc"],
            alpine: &["gcc", "musl-dev"],
        },
    },
    Tool {
        name: "buildah",
        purpose: "removing what other ids of a build made; generated Containerfiles",
        look: program("1.23"),
        need: Need::UserBuilds,
        packages: Packages { debian: &["buildah"], fedora: &["buildah"], arch: &["buildah"], alpine: &["buildah"] },
    },
    Tool {
        name: "runc",
        // crun refuses hosts that mix cgroup versions.
        purpose: "running build steps without network and rights",
        look: program("1.1"),
        need: Need::Builds,
        packages: Packages { debian: &["runc"], fedora: &["runc"], arch: &["runc"], alpine: &["runc"] },
    },
    Tool {
        name: "newuidmap",
        purpose: "containers of a user that is not root",
        look: PRESENT,
        need: Need::UserBuilds,
        packages: Packages {
            debian: &["uidmap"],
            fedora: &["shadow-utils"],
            arch: &["shadow"],
            alpine: &["shadow-uidmap"],
        },
    },
    Tool {
        name: "unshare",
        purpose: "entering the containers of build steps",
        look: PRESENT,
        need: Need::Builds,
        packages: Packages {
            debian: &["util-linux"],
            fedora: &["util-linux-core"],
            arch: &["util-linux"],
            alpine: &["util-linux-misc"],
        },
    },
    Tool {
        name: "mount",
        purpose: "entering the containers of build steps; the work directories of a second build",
        look: PRESENT,
        need: Need::Builds,
        packages: UTIL_LINUX,
    },
    Tool {
        name: "umount",
        purpose: "undoing those mounts",
        look: PRESENT,
        need: Need::Commands(&["verify-repro"]),
        packages: UTIL_LINUX,
    },
    Tool {
        name: "root certificates",
        purpose: "fetching over https",
        look: Look::Files(&[
            &["/etc/ssl/certs/ca-certificates.crt"],
            &["/etc/pki/tls/certs/ca-bundle.crt"],
            &["/etc/ssl/cert.pem"],
        ]),
        need: Need::Commands(&["fetch"]),
        packages: Packages {
            debian: &["ca-certificates"],
            fedora: &["ca-certificates"],
            arch: &["ca-certificates"],
            alpine: &["ca-certificates"],
        },
    },
    Tool {
        name: "gpgv",
        purpose: "checking the signature of the package index",
        look: program("2.2"),
        need: Need::Commands(&["seed lock"]),
        packages: Packages { debian: &["gpgv"], fedora: &["gnupg2"], arch: &["gnupg"], alpine: &["gpgv"] },
    },
    Tool {
        name: "qemu-system-x86_64",
        purpose: "starting the ISO",
        look: program("7.0"),
        need: Need::Commands(&["run", "boot-test", "bench", "grade"]),
        packages: Packages {
            debian: &["qemu-system-x86"],
            fedora: &["qemu-system-x86-core"],
            arch: &["qemu-system-x86"],
            alpine: &["qemu-system-x86_64"],
        },
    },
    Tool {
        name: OVMF,
        purpose: "starting the ISO by UEFI",
        look: Look::Files(OVMF_PLAIN),
        need: Need::Commands(&["run", "boot-test", "grade"]),
        packages: Packages { debian: &["ovmf"], fedora: &["edk2-ovmf"], arch: &["edk2-ovmf"], alpine: &["ovmf"] },
    },
    Tool {
        name: SECURE_BOOT_OVMF,
        purpose: "starting the ISO by UEFI that enforces Secure Boot",
        look: Look::Files(OVMF_SECURE_BOOT),
        need: Need::Commands(&["boot-test"]),
        packages: Packages { debian: &["ovmf"], fedora: &["edk2-ovmf"], arch: &["edk2-ovmf"], alpine: &["ovmf"] },
    },
    Tool {
        name: "openssl",
        purpose: "making keys for Secure Boot",
        look: PRESENT,
        need: Need::Commands(&["keys", "boot-test"]),
        packages: Packages { debian: &["openssl"], fedora: &["openssl"], arch: &["openssl"], alpine: &["openssl"] },
    },
    Tool {
        name: "ssh",
        purpose: "logging into the started system",
        // It says its version on standard error; every supported distribution's is new enough.
        look: PRESENT,
        need: Need::Commands(&["run", "boot-test", "bench", "grade"]),
        packages: OPENSSH,
    },
    Tool {
        name: "scp",
        purpose: "copying files into the started system",
        look: PRESENT,
        need: Need::Commands(&["boot-test"]),
        packages: OPENSSH,
    },
    Tool {
        name: "ssh-keygen",
        purpose: "the throw-away key of the started system",
        look: PRESENT,
        need: Need::Commands(&["run", "boot-test", "bench", "grade"]),
        packages: OPENSSH_KEYGEN,
    },
    Tool {
        name: "podman",
        purpose: "the tests that run the images",
        look: program("4.0"),
        need: Need::Commands(&["the image tests"]),
        packages: Packages { debian: &["podman"], fedora: &["podman"], arch: &["podman"], alpine: &["podman"] },
    },
    Tool {
        name: "nft",
        purpose: "the original that our packet filter is compared with",
        look: PRESENT,
        need: Need::Commands(&["the packet filter tests"]),
        packages: Packages { debian: &["nftables"], fedora: &["nftables"], arch: &["nftables"], alpine: &["nftables"] },
    },
    Tool {
        name: "ip",
        purpose: "the small networks in which the packet filter is tried",
        look: PRESENT,
        need: Need::Commands(&["the packet filter tests"]),
        packages: Packages { debian: &["iproute2"], fedora: &["iproute"], arch: &["iproute2"], alpine: &["iproute2"] },
    },
    Tool {
        name: "make",
        purpose: "what `bench noop` is compared with",
        look: PRESENT,
        need: Need::Commands(&["bench"]),
        packages: Packages { debian: &["make"], fedora: &["make"], arch: &["make"], alpine: &["make"] },
    },
    Tool {
        name: "python3",
        // With the module `venv`, which Debian alone packs apart.
        purpose: "pip: the grader ssh-audit, and the wheels of seeds",
        // The oldest that ssh-audit works with.
        look: program("3.10"),
        need: Need::Commands(&["grade", "seed lock"]),
        packages: Packages { debian: &["python3-venv"], fedora: &["python3"], arch: &["python"], alpine: &["python3"] },
    },
];

const OPENSSH: Packages = Packages {
    debian: &["openssh-client"],
    fedora: &["openssh-clients"],
    arch: &["openssh"],
    alpine: &["openssh-client-default"],
};

/// Some put the program that makes keys elsewhere than the client.
const OPENSSH_KEYGEN: Packages =
    Packages { debian: &["openssh-client"], fedora: &["openssh"], arch: &["openssh"], alpine: &["openssh-keygen"] };

const UTIL_LINUX: Packages =
    Packages { debian: &["mount"], fedora: &["util-linux-core"], arch: &["util-linux"], alpine: &["util-linux-misc"] };

/// Code and variables of the UEFI firmware, as distributions install them; the 4 MB build first where both exist.
const OVMF_PLAIN: &[&[&str]] = &[
    &["/usr/share/OVMF/OVMF_CODE_4M.fd", "/usr/share/OVMF/OVMF_VARS_4M.fd"],
    &["/usr/share/OVMF/OVMF_CODE.fd", "/usr/share/OVMF/OVMF_VARS.fd"],
    &["/usr/share/edk2/ovmf/OVMF_CODE.fd", "/usr/share/edk2/ovmf/OVMF_VARS.fd"],
    &["/usr/share/edk2/x64/OVMF_CODE.4m.fd", "/usr/share/edk2/x64/OVMF_VARS.4m.fd"],
    &["/usr/share/edk2-ovmf/x64/OVMF_CODE.fd", "/usr/share/edk2-ovmf/x64/OVMF_VARS.fd"],
];

const OVMF_SECURE_BOOT: &[&[&str]] = &[
    &["/usr/share/OVMF/OVMF_CODE_4M.secboot.fd", "/usr/share/OVMF/OVMF_VARS_4M.fd"],
    &["/usr/share/OVMF/OVMF_CODE.secboot.fd", "/usr/share/OVMF/OVMF_VARS.fd"],
    &["/usr/share/edk2/ovmf/OVMF_CODE.secboot.fd", "/usr/share/edk2/ovmf/OVMF_VARS.fd"],
    &["/usr/share/edk2/x64/OVMF_CODE.secboot.4m.fd", "/usr/share/edk2/x64/OVMF_VARS.4m.fd"],
    &["/usr/share/edk2-ovmf/x64/OVMF_CODE.secboot.fd", "/usr/share/edk2-ovmf/x64/OVMF_VARS.fd"],
];
