//! Parts that the conversations share.

use std::time::Duration;

use super::accounts::{ADMIN, GUEST, HOST};
use super::conversation::{Item, MOMENT};
use crate::console::Step;
use crate::console::facts::{BECOME, Expected, Fact};
use crate::console::task::{Login, Task};

/// An account like the administrator's, but for the groups; its password is not locked, which would be refused for that.
pub(super) fn guest() -> Fact {
    Fact::as_root(
        "another account has the administrator's key",
        &format!(
            "adduser -D {GUEST} && sed -i 's/^{GUEST}:!/{GUEST}:*/' /etc/shadow && cp -r /home/{ADMIN}/.ssh /home/{GUEST}/ && \
             chown -R {GUEST}:{GUEST} /home/{GUEST} && grep -c '^{GUEST}:\\*:' /etc/shadow"
        ),
        Expected::Is("1".to_owned()),
    )
}

/// It may come in over SSH.
pub(super) fn joins() -> Fact {
    Fact::as_root(
        "it joins the group",
        &format!("addgroup {GUEST} ssh && grep -c '^ssh:.*,{GUEST}$' /etc/group"),
        Expected::Is("1".to_owned()),
    )
}

pub(super) fn refused(name: &'static str, login: Login) -> Item {
    Item::Check {
        name,
        task: Task::Refusal { login },
        // The methods in parentheses are all that the server offers.
        expected: Expected::Has("Permission denied (publickey)"),
        // The packet filter makes who was here just now wait.
        within: Some(MOMENT * 2),
    }
}

/// The host name and what asks for a user after it.
pub(super) fn prompt() -> String {
    format!("{HOST} login:")
}

/// A machine that is up: SSH answers, and the console asks for a user.
pub(super) fn up() -> Vec<Item> {
    let greeting = Item::Check {
        name: "SSH banner",
        task: Task::Banner,
        expected: Expected::Has("SSH-2.0-OpenSSH"),
        within: None,
    };
    vec![greeting, expect(&prompt(), MOMENT)]
}

/// The administrator switches it off.
pub(super) fn off() -> [Item; 2] {
    [leave("poweroff"), Item::Step(Step::End { within: MOMENT })]
}

pub(super) fn leave(command: &str) -> Item {
    let task = Task::Leave { user: ADMIN.to_owned(), command: format!("{BECOME} {command}") };
    Item::Step(Step::Outside { task, within: MOMENT })
}

pub(super) fn expect(pattern: &str, within: Duration) -> Item {
    Item::Step(Step::Expect { pattern: pattern.to_owned(), within })
}

pub(super) fn check(name: &'static str, task: Task, expected: &str) -> Item {
    Item::Check { name, task, expected: Expected::Is(expected.to_owned()), within: Some(MOMENT) }
}

pub(super) fn clock(base: Option<u64>) -> Item {
    let task = Task::Clock { user: ADMIN.to_owned(), base };
    Item::Check { name: "seconds off the clock", task, expected: Expected::Between(-5, 5), within: Some(MOMENT) }
}
