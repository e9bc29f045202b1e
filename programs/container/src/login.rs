//! Whose deeds a container's are, for audit.
//!
//! A process that no login started has no number (`loginuid`) yet, and may write any, once: a container that was started at boot
//! could take that of a person. It gets one that is nobody's before it begins. One that an administrator starts has his.

use std::fs;
use std::io;

use crate::problem::{Outcome, problem};

/// Below those of persons, and of no account. `ausearch -ul 999` finds containers.
const CONTAINERS: &str = "999";
/// As the kernel writes it where nobody logged in.
const NOBODY: &str = "4294967295";
const OWN: &str = "/proc/self/loginuid";

/// Takes the number of containers unless there is one.
pub fn attach() -> Outcome<()> {
    match fs::read_to_string(OWN).and_then(|own| taken(&own).map_or(Ok(()), |number| fs::write(OWN, number))) {
        // A kernel without audit.
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => problem(format!("giving the container a number for audit ({OWN}): {error}")),
        Ok(()) => Ok(()),
    }
}

/// What to write, when this is the number.
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
        // His who started it.
        assert_eq!(taken("1000"), None);
        assert_eq!(taken("0"), None);
    }
}
