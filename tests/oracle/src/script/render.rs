//! A case as the files of a test root, and its steps as the driver reads them.

use crate::render::{Content, Entry};
use std::fmt;

use super::case::{Case, SERVICE};

/// The shell program that runs in a test root as process 1, the same on both sides.
pub const DRIVER: &str = include_str!("driver.sh");

/// Who there is: with and without a home, in further groups, of a group without a name.
const PASSWD: &str = "\
root:x:0:0:root:/root:/bin/sh
web:x:33:33:web:/srv/www:/bin/false
db:x:70:70::/var/nowhere:/bin/sh
odd:x:71:4242::/:
nobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin
";

const GROUP: &str = "\
root:x:0:
adm:x:4:db
uucp:x:10:
web:x:33:
db:x:70:
ssl:x:110:db,web
nogroup:x:65534:
";

/// Whoever may start a daemon as a user may do so.
const PAM: &str = "\
auth required pam_permit.so
account required pam_permit.so
session required pam_permit.so
";

/// Everything below the case's `etc`.
pub fn entries(case: &Case) -> Vec<Entry> {
    let entry = |path: &str, content| Entry { path: path.to_owned(), content };
    let file = |text: &str| Content::File(text.to_owned(), false);
    let mut entries = vec![
        entry("init.d", Content::Directory),
        entry("conf.d", Content::Directory),
        entry("runlevels", Content::Directory),
        entry("runlevels/default", Content::Directory),
        entry(&format!("runlevels/default/{SERVICE}"), Content::Link(format!("/etc/init.d/{SERVICE}"))),
        entry(&format!("init.d/{SERVICE}"), Content::File(script(case), true)),
        entry("rc.conf", file("rc_interactive=\"NO\"\n")),
        entry("passwd", file(PASSWD)),
        entry("group", file(GROUP)),
        entry("pam.d", Content::Directory),
        entry("pam.d/other", file(PAM)),
    ];
    if !case.conf.is_empty() {
        let lines: String = case.conf.iter().map(|line| format!("{line}\n")).collect();
        entries.push(entry(&format!("conf.d/{SERVICE}"), file(&lines)));
    }
    entries
}

/// The steps, one a line.
pub fn steps(case: &Case) -> String {
    case.steps.iter().map(|step| format!("{step}\n")).collect()
}

/// The service script.
pub fn script(case: &Case) -> String {
    let mut text = String::from("#!/sbin/openrc-run\n");
    let mut line = |name: &str, value: &str| text.push_str(&format!("{name}={value}\n"));
    for (name, value) in &case.variables {
        line(name, value);
    }
    if !case.arguments.is_empty() {
        // Words are written so that they can be between double quotes.
        line(case.arguments_in, &format!("\"{}\"", case.arguments.join(" ")));
    }
    for function in &case.functions {
        text.push_str(function);
        text.push('\n');
    }
    text
}

impl fmt::Display for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "script {} ({})", self.number, self.theme)?;
        for line in script(self).lines() {
            writeln!(f, "  | {line}")?;
        }
        for line in &self.conf {
            writeln!(f, "  conf.d: {line}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_script_is_plain_openrc() {
        let mut case = Case { arguments_in: "command_args", ..Case::default() };
        case.set("command", "/usr/sbin/stand-in");
        case.set("pidfile", "/run/a.pid");
        case.set("pidfile", "/run/web.pid");
        case.argue("--one");
        case.argue("'two words'");
        case.functions.push("start_pre() { return 1; }".into());
        let expected = "\
#!/sbin/openrc-run
command=/usr/sbin/stand-in
pidfile=/run/web.pid
command_args=\"--one 'two words'\"
start_pre() { return 1; }
";
        assert_eq!(script(&case), expected);
    }

    #[test]
    fn a_step_is_one_line() {
        for case in crate::script::generate::cases(1, 200) {
            assert_eq!(steps(&case).lines().count(), case.steps.len(), "{case}");
        }
    }
}
