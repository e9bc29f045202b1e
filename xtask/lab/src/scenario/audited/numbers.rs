//! Attempts to act as root without the number of one's login, or with another's: the number stays, and the record shows what cannot be
//! refused.

use super::records::search;
use crate::console::facts::{Expected, Fact};
use crate::scenario::accounts::ADMIN;

/// A command of a member of wheel that once ran without the member's number, or that might: name of the fact, and the command, which
/// prints the number that it has as `number=N`.
const WAYS: [(&str, &str); 6] = [
    ("a shell by way of init.d", "become /etc/init.d/../../usr/bin/sh -c 'echo number=$(cat /proc/self/loginuid)'"),
    (
        "a script of one's own",
        "printf '#!/sbin/openrc-run\\nstart() { echo number=$(cat /proc/self/loginuid); }\\n' >x; become openrc-run $PWD/x start",
    ),
    ("the same by way of init.d", "become /usr/bin/openrc-run /etc/init.d/../..$PWD/x restart"),
    (
        "a link with a service program's name",
        "ln -sf /usr/bin/confine rc; become $PWD/rc --profile /usr/lib/confine/default.toml -- /usr/bin/sh -c \
         'echo number=$(cat /proc/self/loginuid)'",
    ),
    (
        "a daemon started by hand",
        "become start-stop-daemon --start --background --stdout /run/number --exec /usr/bin/cat -- /proc/self/loginuid; \
         sleep 1; echo number=$(become cat /run/number)",
    ),
    ("root that asks again", "become become sh -c 'echo number=$(cat /proc/self/loginuid)'"),
];

/// Whatever the words of a command are, it has its caller's number, and it keeps it.
pub(super) fn shed() -> Vec<Fact> {
    let own = |command: &str| {
        format!("{{ {command}; }} 2>/dev/null | grep -o 'number=[0-9]*' | sed \"s/^number=$(id -u {ADMIN})$/own/\"")
    };
    let mut facts: Vec<Fact> =
        WAYS.iter().map(|&(name, command)| Fact::new(name, &own(command), Expected::Is("own".to_owned()))).collect();
    facts.push(Fact::as_root(
        "a forged number",
        "echo 1 2>&1 >/proc/self/loginuid | grep -c permitted; cat /proc/self/loginuid | sed 's/^1$/forged/;s/^[0-9]*$/own/'",
        Expected::Is("1\nown".to_owned()),
    ));
    facts
}

/// Services belong to no login, whichever user restarts them; the log names that user. A change of a service's script is on record with
/// its author's number, and so are the actions of the changed script.
pub(super) fn told() -> Vec<Fact> {
    let is = |text: &str| Expected::Is(text.to_owned());
    let recorded = |what: &str| format!("{} | grep -q '^type=SYSCALL' && echo recorded", search(what));
    let forge = "printf '#!/sbin/openrc-run\\nstart() { echo 77777 >/proc/self/loginuid; }\\n' >/etc/init.d/forger; \
                 chmod 755 /etc/init.d/forger; rc-service forger start >/dev/null 2>&1; echo started";
    vec![
        Fact::new(
            "a restarted service",
            "become rc-service chronyd restart >/dev/null 2>&1; become cat /proc/$(become cat /run/chrony/chronyd.pid)/loginuid",
            is("99"),
        ),
        Fact::new(
            "one from a shell, by its script",
            "become sh -c '/etc/init.d/klogd restart >/dev/null 2>&1; cat /proc/$(cat /run/klogd.pid)/loginuid'",
            is("99"),
        ),
        Fact::as_root(
            "who restarted it",
            &format!(
                "grep -c 'rc-starter.*: {ADMIN} ([0-9]*) asks for .\"rc-service\", \"chronyd\", \"restart\"' /var/log/messages"
            ),
            is("1"),
        ),
        Fact::as_root("a script that forges", forge, is("started")),
        Fact::as_root("who wrote it", &recorded(&format!("-k startup -ua {ADMIN} -f forger")), is("recorded")),
        Fact::as_root("who started it", &recorded(&format!("-k root-exec -ua {ADMIN} -x /usr/bin/rc")), is("recorded")),
        Fact::as_root("what ran as nobody", &recorded("-k service-exec -x /usr/bin/busybox"), is("recorded")),
        Fact::as_root(
            "which number it took",
            "grep -c '^type=LOGIN .*old-auid=4294967295 auid=77777 .*res=1' /var/log/audit/audit.log; rm /etc/init.d/forger",
            is("1"),
        ),
        Fact::as_root(
            "who signals init",
            &format!("kill -HUP 1; {}", recorded(&format!("-k init -ua {ADMIN}"))),
            is("recorded"),
        ),
        Fact::as_root(
            "no flood of records",
            "n=$(cat /var/log/audit/audit.log | grep -c 'key=\"service-exec\"'); [ $n -lt 1000 ] && echo few || echo $n",
            is("few"),
        ),
    ]
}
