//! Decides whether `confine` starts a daemon: if the system has a profile for its service, or one for all others.
//!
//! A system without profiles starts daemons as OpenRC does. A profile that cannot be applied prevents the start;
//! `confine` reports that, and we pass it on.

use crate::paths::Paths;
use std::ffi::OsString;
use std::os::fd::RawFd;
use std::path::{Path, PathBuf};

/// A daemon's profile, and the program that applies it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Confinement {
    program: PathBuf,
    profile: PathBuf,
    service: String,
}

impl Confinement {
    /// The first existing one: the administrator's for the service, the image's, and then theirs for any service.
    pub fn of(paths: &Paths, service: &str, chroot: Option<&Path>) -> Result<Option<Confinement>, String> {
        let folders = [paths.root.join("etc/confine"), paths.root.join("usr/lib/confine")];
        let find =
            |name: &str| folders.iter().map(|folder| folder.join(format!("{name}.toml"))).find(|file| file.exists());
        let own = find(service);
        match (own.is_some(), chroot) {
            (true, Some(root)) => Err(format!(
                "{service} has a profile, which cannot be applied in another root (`{}`); remove `chroot`, and restrict the \
                 files in the profile",
                root.display()
            )),
            (false, Some(_)) => Ok(None),
            (_, None) => Ok(own.or_else(|| find("default")).map(|profile| Confinement {
                program: paths.root.join("usr/bin/confine"),
                profile,
                service: service.to_owned(),
            })),
        }
    }

    /// The program to start instead, which becomes the daemon.
    pub fn program(&self) -> &Path {
        &self.program
    }

    /// Its arguments, up to the daemon's. `report`: where it writes errors; closed when the daemon runs.
    pub fn arguments(&self, report: RawFd, argv0: &str, exec: &Path) -> Vec<OsString> {
        let mut words: Vec<OsString> = vec!["--profile".into(), self.profile.clone().into()];
        words.extend(["--service".into(), OsString::from(&self.service)]);
        words.extend(["--argv0".into(), argv0.into(), "--report-to".into(), report.to_string().into()]);
        words.extend(["--".into(), exec.into()]);
        words
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn the_nearest_profile_counts() {
        let root = testkit::TempDir::new("rc-confinement");
        let paths = Paths::below(&root, true);
        let profile = |service: &str, chroot: Option<&Path>| {
            let found = Confinement::of(&paths, service, chroot)?;
            Ok::<_, String>(found.map(|found| found.profile.strip_prefix(&root).unwrap().to_owned()))
        };
        assert_eq!(profile("sshd", None), Ok(None));
        for (file, service, want) in [
            ("usr/lib/confine/default.toml", "sshd", "usr/lib/confine/default.toml"),
            ("etc/confine/default.toml", "sshd", "etc/confine/default.toml"),
            ("usr/lib/confine/sshd.toml", "sshd", "usr/lib/confine/sshd.toml"),
            ("etc/confine/sshd.toml", "sshd", "etc/confine/sshd.toml"),
            ("etc/confine/sshd.toml", "other", "etc/confine/default.toml"),
        ] {
            let path = root.join(file);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "").unwrap();
            assert_eq!(profile(service, None), Ok(Some(PathBuf::from(want))));
        }
        assert_eq!(profile("other", Some(Path::new("/srv"))), Ok(None));
        assert!(profile("sshd", Some(Path::new("/srv"))).is_err());
    }
}
