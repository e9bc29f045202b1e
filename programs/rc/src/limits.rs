//! Time limits for starting or stopping a service: the only place that looks them up. Who enforces them: `openrc` for
//! its own children, `openrc-run` when called by hand.

use crate::conf::Conf;
use crate::depend::gather::variable_part;
use crate::paths::Paths;
use std::time::Duration;

/// The default.
const DEFAULT_SECONDS: u64 = 60;
/// The largest value.
const MAX_SECONDS: u64 = 86_400;

/// The limit for `start` or `stop`; `None` is no limit. In conf.d of the service, `rc_timeout_start`; else in rc.conf
/// `rc_NAME_timeout_start` and `rc_timeout_start`. Seconds; 0 means no limit. Ignores a value that is not a number.
pub fn limit(paths: &Paths, general: &Conf, service: &str, action: &str) -> Option<Duration> {
    decide(&Conf::of_service(paths, service), general, service, action)
}

fn decide(own: &Conf, general: &Conf, service: &str, action: &str) -> Option<Duration> {
    let for_all = format!("rc_timeout_{action}");
    let by_name = format!("rc_{}_timeout_{action}", variable_part(service));
    let number = |text: Option<&str>| text?.trim().parse::<u64>().ok();
    let configured = number(own.get(&for_all)).or_else(|| number(general.get(&by_name)));
    match configured.or_else(|| number(general.get(&for_all))).unwrap_or(DEFAULT_SECONDS) {
        0 => None,
        seconds => Some(Duration::from_secs(seconds.min(MAX_SECONDS))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_word_counts() {
        let conf = |text: &str| {
            let mut conf = Conf::default();
            conf.add(text);
            conf
        };
        // conf.d, rc.conf, seconds for the start of net.eth0
        let cases = [
            ("", "", Some(60)),
            ("rc_timeout_start=5", "rc_timeout_start=7", Some(5)),
            ("rc_timeout_stop=5", "rc_timeout_start=7", Some(7)),
            ("", "rc_net_eth0_timeout_start=9\nrc_timeout_start=7", Some(9)),
            ("rc_timeout_start=0", "rc_timeout_start=7", None),
            ("", "rc_timeout_start=0", None),
            ("rc_timeout_start=soon", "rc_timeout_start=7", Some(7)),
            ("rc_timeout_start=-1", "", Some(60)),
            ("rc_timeout_start=99999999", "", Some(MAX_SECONDS)),
        ];
        for (own, general, want) in cases {
            let got = decide(&conf(own), &conf(general), "net.eth0", "start");
            assert_eq!(got, want.map(Duration::from_secs), "{own:?} {general:?}");
        }
    }
}
