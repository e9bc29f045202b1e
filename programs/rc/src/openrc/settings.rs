//! Settings of rc.conf for changes of runlevel.

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
    /// `rc_parallel`; on by default (OpenRC: off by default).
    pub parallel: bool,
    /// The largest number of services that start at the same time.
    pub most_at_once: usize,
    /// `rc_nostop`
    pub keep: BTreeSet<String>,
    /// `rc_crashed_stop`
    pub stop_crashed: bool,
    /// `rc_crashed_start`
    pub start_crashed: bool,
    /// `rc_log_path`: the persistent log.
    pub log: PathBuf,
    /// The program that runs a service: this one, or another in a test root.
    pub openrc_run: PathBuf,
    /// `/dev/null` if services start in parallel: then none of them can ask questions.
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
            // Without it they read our own input.
            no_input: File::open("/dev/null").ok().filter(|_| parallel),
            conf,
        }
    }

    /// The time limit of a service; `None` is none.
    pub fn limit(&self, paths: &Paths, service: &str, action: &str) -> Option<Duration> {
        limits::limit(paths, &self.conf, service, action)
    }
}
