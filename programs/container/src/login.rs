//! The login UID of a container, for audit.
//!
//! A process outside any login has no login UID yet, and may set any, once. A container started at boot could take a
//! user's; so it gets one of its own before it begins. A container that an administrator starts has the
//! administrator's.

use std::fs;
use std::io;

use crate::problem::{Outcome, problem};

/// Below the UIDs of users, and without an account. `ausearch -ul 999` finds containers.
const CONTAINERS: &str = "999";
/// The kernel's value for "not set".
const NOBODY: &str = "4294967295";
const OWN: &str = "/proc/self/loginuid";

/// Sets the containers' login UID unless one is set.
pub fn attach() -> Outcome<()> {
    match fs::read_to_string(OWN).and_then(|own| taken(&own).map_or(Ok(()), |number| fs::write(OWN, number))) {
        // A kernel without audit.
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => problem(format!("setting the container's login UID {OWN}: {error}")),
        Ok(()) => Ok(()),
    }
}

/// The value to write, if this is the present one.
fn taken(own: &str) -> Option<&'static str> {
    (own.trim_end() == NOBODY).then_some(CONTAINERS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_has_no_number_gets_that_of_containers() {
        assert_eq!(taken("4294967295"), Some("999"));
        assert_eq!(taken("4294967295\n"), Some("999"));
        // The administrator's.
        assert_eq!(taken("1000"), None);
        assert_eq!(taken("0"), None);
    }
}
