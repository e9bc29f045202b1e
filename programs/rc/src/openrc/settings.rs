//! What rc.conf says about changing runlevels.

use std::collections::BTreeSet;
use std::fs::File;
use std::path::PathBuf;
use std::time::Duration;

use crate::conf::Conf;
use crate::limits;
use crate::paths::Paths;

/// Settings of one run.
#[derive(Debug)]
pub struct Settings {
    conf: Conf,
    /// `rc_parallel`; on unless switched off (OpenRC: off unless switched on).
    pub parallel: bool,
    /// So many services start at the same time at most.
    pub most_at_once: usize,
    /// `rc_nostop`
    pub keep: BTreeSet<String>,
    /// `rc_crashed_stop`
    pub stop_crashed: bool,
    /// `rc_crashed_start`
    pub start_crashed: bool,
    /// `rc_log_path`: where lines about what happened end up.
    pub log: PathBuf,
    /// What runs a service: this program, or another one in a root for tests.
    pub openrc_run: PathBuf,
    /// `/dev/null` when services start at the same time: then none of them can ask anybody.
    pub no_input: Option<File>,
}

impl Settings {
    /// Reads rc.conf and what lies in rc.conf.d.
    pub fn read(paths: &Paths) -> Settings {
        let conf = Conf::general(paths);
        let parallel = conf.yes("rc_parallel", true);
        Settings {
            parallel,
            most_at_once: if parallel { 32 } else { 1 },
            keep: conf.get("rc_nostop").unwrap_or_default().split_whitespace().map(str::to_owned).collect(),
            stop_crashed: conf.yes("rc_crashed_stop", false),
            start_crashed: conf.yes("rc_crashed_start", true),
            log: conf
                .get("rc_log_path")
                .and_then(|path| path.strip_prefix('/'))
                .map_or_else(|| paths.log.clone(), |path| paths.root.join(path)),
            openrc_run: std::env::var_os("RC_TEST_OPENRC_RUN")
                .filter(|_| paths.is_test)
                .map_or_else(|| paths.program(), PathBuf::from),
            // Without it they read what we would read.
            no_input: File::open("/dev/null").ok().filter(|_| parallel),
            conf,
        }
    }

    /// How long a service may take; `None`: as long as it likes.
    pub fn limit(&self, paths: &Paths, service: &str, action: &str) -> Option<Duration> {
        limits::limit(paths, &self.conf, service, action)
    }
}
