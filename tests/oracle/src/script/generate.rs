//! From a seed to scripts. What makes a theme is in [`crate::script::theme`]; its `parts` are what all share.

use crate::random::Random;
use crate::script::case::Case;
use crate::script::theme;

/// The scripts `0..count` of a seed.
pub fn cases(seed: u64, count: u32) -> Vec<Case> {
    (0..count).map(|number| case(seed, number)).collect()
}

/// One script. Numbers go round the themes, so that any sixteen in a row show each theme once.
pub fn case(seed: u64, number: u32) -> Case {
    // Streams of their own: the same seed gives other numbers than to the graphs.
    let mut random = Random::new(seed, 0x1_0000_0000 + u64::from(number));
    let themes = theme::ALL;
    let (name, make) = themes[number as usize % themes.len()];
    let mut case = Case { number, theme: name, arguments_in: "command_args", ..Case::default() };
    make(&mut case, &mut random);
    case
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_gives_the_same_scripts() {
        assert_eq!(cases(5, 48), cases(5, 48));
        assert_ne!(cases(5, 16), cases(6, 16));
        // A script does not depend on how many are asked for.
        assert_eq!(cases(5, 48)[17], case(5, 17));
    }

    #[test]
    fn three_hundred_scripts_show_what_the_manuals_allow() {
        let cases = cases(1, 300);
        let seen = |name: &str| cases.iter().filter(|case| case.value(name).is_some()).count();
        for variable in [
            "capabilities",
            "chroot",
            "command_background",
            "command_user",
            "directory",
            "error_log",
            "no_new_privs",
            "output_log",
            "pidfile",
            "procname",
            "rc_ulimit",
            "required_dirs",
            "required_files",
            "respawn_delay",
            "respawn_max",
            "retry",
            "start_stop_daemon_args",
            "stopsig",
            "supervise_daemon_args",
            "supervisor",
            "umask",
        ] {
            assert!(seen(variable) >= 4, "{variable} occurs {} times", seen(variable));
        }
        let text: String = cases.iter().map(|case| format!("{case}{}\n", case.steps.join("\n"))).collect();
        for part in [
            "start_pre()",
            "start_post()",
            "stop_pre()",
            "start() {",
            "kill",
            "restart",
            "zap",
            "rm ",
            "openrc default",
            "cd ",
        ] {
            assert!(text.matches(part).count() >= 4, "{part}");
        }
    }
}
