//! The system that `bench boot` compares Ashlar with: a minimal Debian, as the command that makes it.
//!
//! Its image is an input of a measurement and never of a build, so it is pinned by its description and its day only.

use camino::Utf8Path;

use ashlar_core::base::command::{Command, quote};
use ashlar_core::base::digest::Digest;

/// Makes the root file system.
pub const PROGRAM: &str = "mmdebstrap";
/// The account with the key.
pub const USER: &str = "admin";
/// The kernel's command line.
pub const CMDLINE: &str = "root=/dev/vda ro quiet";

/// Debian's current stable release; its package versions are those of the day.
const RELEASE: &str = "trixie";

/// What is installed besides the essential packages.
const PACKAGES: [&str; 5] = ["systemd-sysv", "udev", "linux-image-cloud-amd64", "initramfs-tools", "openssh-server"];

/// What is set up in the new root, `$1`, as a shell reads it; `@KEY@` is the file with the public key.
const SETTINGS: [&str; 5] = [
    r#"echo debian >"$1/etc/hostname""#,
    r#"printf '/dev/vda / ext4 defaults 0 1\n' >"$1/etc/fstab""#,
    r#"printf '[Match]\nName=en* eth*\n[Network]\nDHCP=yes\n' >"$1/etc/systemd/network/all.network""#,
    r#"chroot "$1" systemctl enable systemd-networkd"#,
    r#"chroot "$1" useradd -m -s /bin/bash admin && mkdir "$1/home/admin/.ssh" && cp @KEY@ "$1/home/admin/.ssh/authorized_keys" && chroot "$1" chown -R admin:admin /home/admin"#,
];

/// Makes kernel, initial file system and disk out of the packed root, in the directory where this runs.
const FINISH: &str = "set -e
mkdir root
tar -C root -xf root.tar
cp root/boot/vmlinuz-* kernel
cp root/boot/initrd.img-* initrd
chmod 0644 kernel initrd
truncate -s 2G disk
mke2fs -q -t ext4 -d root disk
rm -rf root root.tar
";

/// The image's name: what it consists of, without its day.
pub fn key() -> Digest {
    Digest::of(format!("{RELEASE}\n{PACKAGES:?}\n{SETTINGS:?}\n{FINISH}"))
}

/// Fetches and installs Debian into `scratch/root.tar`. As root, or as a user with subordinate ids.
pub fn install(scratch: &Utf8Path, public_key: &Utf8Path, mirror: Option<&str>) -> Command {
    let mut command = Command::new(PROGRAM).args(["--quiet", "--variant=minbase"]);
    command = command.arg(format!("--include={}", PACKAGES.join(",")));
    for setting in SETTINGS {
        command = command.arg(format!("--customize-hook={}", setting.replace("@KEY@", &quote(public_key.as_str()))));
    }
    command = command.args([RELEASE, scratch.join("root.tar").as_str()]);
    mirror.into_iter().fold(command, |command, mirror| command.arg(mirror))
}

/// Makes the files that QEMU takes. A user that is not root needs the id map that the root was packed with.
pub fn finish(scratch: &Utf8Path, root: bool) -> Command {
    let command = if root { Command::new("sh") } else { Command::new(PROGRAM).args(["--unshare-helper", "sh"]) };
    command.args(["-c", FINISH]).cwd(scratch)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_are_pinned() {
        let scratch = Utf8Path::new("/store/reference");
        let lines = [
            install(scratch, &scratch.join("key.pub"), None),
            install(scratch, &scratch.join("key.pub"), Some("http://mirror.example/debian")),
            finish(scratch, true),
            finish(scratch, false),
        ];
        insta::assert_snapshot!(lines.map(|line| line.to_string()).join("\n"));
        assert_eq!(key(), key());
    }
}
