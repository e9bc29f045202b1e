//! The questions, their order, and which of them have an answer.

use super::answers::Answers;

/// One question.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Question {
    /// Host name.
    Host,
    /// The administrator's account.
    User,
    /// SSH keys, one at a time.
    Key,
    /// A password for the console.
    Password,
    /// The password again.
    Repeat,
    /// DHCP or a static address.
    Network,
    /// The interface of the static address.
    Interface,
    /// Router.
    Router,
    /// Name servers.
    Dns,
    /// Time zone.
    Zone,
    /// Time servers.
    Servers,
    /// Confirmation of the summary.
    Confirm,
}

use Question::{
    Confirm, Dns, Host, Interface as Card, Key, Network as Net, Password, Repeat, Router, Servers, User, Zone,
};

/// In this order. `Repeat` follows a password automatically.
pub const ORDER: [Question; 11] = [Host, User, Key, Password, Net, Card, Router, Dns, Zone, Servers, Confirm];

impl Question {
    /// Whether the question applies after these answers.
    pub fn applies(self, answers: &Answers) -> bool {
        match self {
            Card | Router | Dns => matches!(answers.network, Some(Some(_))),
            Repeat => false,
            _ => true,
        }
    }

    /// Whether it has an answer.
    pub fn answered(self, answers: &Answers) -> bool {
        match self {
            Host => answers.host.is_some(),
            User => answers.user.is_some(),
            Key => answers.keys.is_some(),
            Password | Repeat => answers.password.is_some(),
            Net => answers.network.is_some(),
            Card => answers.interface.is_some(),
            Router => answers.router.is_some(),
            Dns => answers.dns.is_some(),
            Zone => answers.zone.is_some(),
            Servers => answers.servers.is_some(),
            Confirm => false,
        }
    }

    /// Removes the answer. The parts of the network belong together.
    pub fn forget(self, answers: &mut Answers) {
        match self {
            Host => answers.host = None,
            User => answers.user = None,
            Key => answers.keys = None,
            Password | Repeat => answers.password = None,
            Net => {
                (answers.network, answers.interface, answers.router, answers.dns) = (None, None, None, None);
            }
            Card => answers.interface = None,
            Router => answers.router = None,
            Dns => answers.dns = None,
            Zone => answers.zone = None,
            Servers => answers.servers = None,
            Confirm => {}
        }
    }
}
