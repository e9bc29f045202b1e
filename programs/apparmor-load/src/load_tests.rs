//! Tests of loading, against directories that look like the kernel's.

use std::path::PathBuf;

use super::*;
use crate::policy::tests::compiled;

/// Files as the kernel shows them, in a directory of its own.
struct Machine(testkit::TempDir);

impl Machine {
    fn new(name: &str, loaded: &str, closed: &str) -> Self {
        let root = testkit::TempDir::new(&format!("apparmor-load-{name}"));
        let (parameters, policy) =
            (root.join("sys/module/apparmor/parameters"), root.join("sys/kernel/security/apparmor"));
        fs::create_dir_all(&parameters).unwrap();
        fs::create_dir_all(&policy).unwrap();
        fs::write(parameters.join("enabled"), "Y\n").unwrap();
        fs::write(parameters.join("lock_policy"), closed).unwrap();
        fs::write(policy.join("profiles"), loaded).unwrap();
        fs::write(policy.join(".replace"), "").unwrap();
        Self(root)
    }

    fn policy(&self, bytes: &[u8]) -> PathBuf {
        let path = self.0.join("policy");
        fs::write(&path, bytes).unwrap();
        path
    }

    fn kernel(&self) -> Kernel {
        Kernel::at(&self.0)
    }

    fn content(&self, path: &str) -> Vec<u8> {
        fs::read(self.0.join(path)).unwrap()
    }
}

const BOTH: &str = "sshd (enforce)\ndhcpcd//hooks (enforce)\n";

fn both() -> Vec<u8> {
    [compiled("sshd", 0), compiled("dhcpcd//hooks", 0)].concat()
}

#[test]
fn the_whole_set_goes_to_the_kernel_and_loading_is_closed() {
    let machine = Machine::new("closed", BOTH, "N\n");
    let policy = machine.policy(&both());
    // A directory cannot refuse a second load, so this test ends here; boot tests cover the rest.
    let found = load(&machine.kernel(), &policy);
    assert_eq!(machine.content("sys/kernel/security/apparmor/.replace"), both());
    assert_eq!(machine.content("sys/module/apparmor/parameters/lock_policy"), b"Y\n");
    assert_eq!(found, Err(vec!["Loading is closed, but the kernel still accepts profiles.".to_owned()]));
}

#[test]
fn a_second_start_changes_nothing() {
    let machine = Machine::new("again", BOTH, "Y\n");
    let policy = machine.policy(&both());
    assert_eq!(load(&machine.kernel(), &policy), Ok("2 profiles are enforced, loading is closed.".to_owned()));
    assert_eq!(machine.content("sys/kernel/security/apparmor/.replace"), b"");
}

#[test]
fn a_profile_that_is_missing_or_not_enforced_keeps_loading_open() {
    let machine = Machine::new("open", "sshd (complain)\nother name (enforce)\n", "N\n");
    let policy = machine.policy(&both());
    assert_eq!(
        load(&machine.kernel(), &policy),
        Err(vec![
            "Profile sshd is loaded in mode complain, not enforced.".to_owned(),
            "Profile dhcpcd//hooks is not in the kernel.".to_owned(),
            "The kernel has a profile other name that is not of this image.".to_owned(),
        ])
    );
    assert_eq!(machine.content("sys/module/apparmor/parameters/lock_policy"), b"N\n");
}

#[test]
fn nothing_is_given_to_the_kernel_if_one_profile_only_reports() {
    let machine = Machine::new("lax", "", "N\n");
    let policy = machine.policy(&[compiled("sshd", 0), compiled("klogd", 1)].concat());
    let found = load(&machine.kernel(), &policy).unwrap_err();
    assert_eq!(
        found,
        [
            "Profile klogd is in complain mode, so it would refuse nothing. Nothing is loaded; remove the flag `complain`."
        ]
    );
    assert_eq!(machine.content("sys/kernel/security/apparmor/.replace"), b"");
}

#[test]
fn a_kernel_without_it_and_a_damaged_file_are_said() {
    let machine = Machine::new("without", BOTH, "N\n");
    let policy = machine.policy(b"\x04");
    let found = load(&machine.kernel(), &policy).unwrap_err();
    assert!(found[0].contains("the file ends in the middle of a value"), "{found:?}");
    let policy = machine.policy(&both());
    fs::write(machine.0.join("sys/module/apparmor/parameters/enabled"), "N\n").unwrap();
    let found = load(&machine.kernel(), &policy).unwrap_err();
    assert!(found[0].starts_with("AppArmor is not in this kernel"), "{found:?}");
    let found = load(&machine.kernel(), &machine.0.join("none")).unwrap_err();
    assert!(found[0].contains("composed without layer 2"), "{found:?}");
}

#[test]
fn a_check_sees_an_open_kernel() {
    let machine = Machine::new("check", BOTH, "N\n");
    let policy = machine.policy(&both());
    let found = check(&machine.kernel(), &policy).unwrap_err();
    assert_eq!(found, ["Loading is open: root could replace the profiles."]);
}
