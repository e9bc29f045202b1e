//! The options of `openrc-run`, and which word of its command line is the script.

use crate::getopt::{self, Known, option};

/// In the order of the usage.
pub const OPTIONS: [Known; 10] = [
    option('d', "debug", false),
    option('D', "nodeps", false),
    option('s', "ifstarted", false),
    option('S', "ifstopped", false),
    option('Z', "dry-run", false),
    option('q', "quiet", false),
    option('v', "verbose", false),
    option('C', "nocolor", false),
    option('h', "help", false),
    option('l', "lockfd", true),
];

/// The script in a command line of `openrc-run`.
pub fn script_of(args: &[String]) -> Option<String> {
    getopt::parse(&OPTIONS, args, false).ok()?.rest.first().cloned()
}
