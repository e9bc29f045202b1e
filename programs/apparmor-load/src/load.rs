//! Loads in this order: read the file, load it, check that the kernel enforces it, close loading, check that it is
//! closed. The first failure ends it. Loading then stays open, so that the service can be restarted after a repair;
//! services that need this one do not start.

use std::fs;
use std::io::ErrorKind;
use std::path::Path;

use crate::kernel::{Kernel, Loaded};
use crate::policy::{self, Profile};

/// Messages, one per line.
pub type Findings = Vec<String>;

/// The file's bytes and profiles, if the kernel would enforce all of them.
pub fn read(path: &Path) -> Result<(Vec<u8>, Vec<Profile>), Findings> {
    let shown = path.display();
    let bytes = fs::read(path).map_err(|error| {
        vec![format!(
            "{shown}: {error}. The image holds the profiles there; one without them was composed without layer 2."
        )]
    })?;
    let profiles = policy::read(&bytes).map_err(|broken| {
        vec![format!("{shown}: {broken}. Nothing is loaded. The image is damaged; boot another version.")]
    })?;
    let lax: Findings = profiles.iter().filter(|profile| !profile.enforced).map(|profile| lax(&profile.name)).collect();
    if lax.is_empty() { Ok((bytes, profiles)) } else { Err(lax) }
}

fn lax(name: &str) -> String {
    format!(
        "Profile {name} is in complain mode, so it would refuse nothing. Nothing is loaded; remove the flag `complain`."
    )
}

/// The differences between the kernel's profiles and the file's.
pub fn compare(wanted: &[Profile], loaded: &Loaded) -> Findings {
    let mut rest = loaded.clone();
    let mut found: Findings = wanted
        .iter()
        .filter_map(|profile| match rest.remove(&profile.name) {
            Some(mode) if mode == "enforce" => None,
            Some(mode) => Some(format!("Profile {} is loaded in mode {mode}, not enforced.", profile.name)),
            None => Some(format!("Profile {} is not in the kernel.", profile.name)),
        })
        .collect();
    found.extend(rest.keys().map(|name| format!("The kernel has a profile {name} that is not of this image.")));
    found
}

/// Loads the file and closes loading. Returns the message of success.
pub fn load(kernel: &Kernel, path: &Path) -> Result<String, Findings> {
    let (bytes, profiles) = read(path)?;
    if !kernel.enabled() {
        return Err(vec![
            "AppArmor is not in this kernel or switched off (`apparmor=0` on its command line?).".to_owned(),
        ]);
    }
    if kernel.closed().map_err(one)? {
        // On a second start there is nothing to do, if everything is unchanged.
        return check(kernel, path);
    }
    kernel.load(&bytes).map_err(|error| {
        vec![format!("The kernel rejected the profiles: {error}. Its log (dmesg) names the profile and the reason.")]
    })?;
    finish(kernel, path, &bytes, &profiles)
}

fn finish(kernel: &Kernel, path: &Path, bytes: &[u8], profiles: &[Profile]) -> Result<String, Findings> {
    let differences = compare(profiles, &kernel.profiles().map_err(one)?);
    if !differences.is_empty() {
        return Err(differences);
    }
    kernel.close().map_err(|error| vec![format!("Loading could not be closed: {error}.")])?;
    match kernel.load(bytes) {
        Err(refused) if refused.kind() == ErrorKind::PermissionDenied => check(kernel, path),
        Err(other) => Err(vec![format!("Loading was closed, but a second load fails for another reason: {other}.")]),
        Ok(()) => Err(vec!["Loading is closed, but the kernel still accepts profiles.".to_owned()]),
    }
}

/// Whether exactly the profiles of the file are enforced, and loading is closed.
pub fn check(kernel: &Kernel, path: &Path) -> Result<String, Findings> {
    let (_, profiles) = read(path)?;
    let mut found = compare(&profiles, &kernel.profiles().map_err(one)?);
    if !kernel.closed().map_err(one)? {
        found.push("Loading is open: root could replace the profiles.".to_owned());
    }
    if found.is_empty() {
        Ok(format!("{} profiles are enforced, loading is closed.", profiles.len()))
    } else {
        Err(found)
    }
}

fn one(error: std::io::Error) -> Findings {
    vec![format!("{error}.")]
}

#[cfg(test)]
#[path = "load_tests.rs"]
mod tests;
