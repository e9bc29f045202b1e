//! The questions: their texts, and the meaning of an answer.

use super::answers::{Answers, time_servers, words};
use super::question::Question::{
    self, Confirm, Dns, Host, Interface as Card, Key, Network as Net, Password, Repeat, Router, Servers, User, Zone,
};
use super::state::{Dialogue, Turn};
use crate::types::{HostName, Interface, Network, SshKey, TimeServer, host_address};

/// The questions that the summary numbers.
const NUMBERED: [Question; 7] = [Host, User, Key, Password, Net, Zone, Servers];
const MIN_PASSWORD_LENGTH: usize = 12;
const NOBODY: &str = "Without a key or a password you could not log in; give at least one of the two.";
const TIME_SERVERS: &str = "pool.ntp.org";

/// The effect of a line: an action, or the next question.
type Taken = Result<Option<Turn>, String>;

impl Question {
    /// The text before the cursor.
    pub fn prompt(self, dialogue: &Dialogue) -> String {
        let user = dialogue.answers.user.as_ref().map_or("the administrator", |user| user.as_ref());
        match self {
            Host => "Host name [ashlar]: ".to_owned(),
            User => "Account of the administrator, a member of wheel: ".to_owned(),
            Key if dialogue.typed.is_empty() => {
                format!(
                    "SSH public key of {user}: paste the line, `usb` for authorized_keys on a volume labelled CIDATA, [none]: "
                )
            }
            Key => "Another key, or Enter to continue: ".to_owned(),
            Password => format!("Password of {user} for the consoles, not for SSH [none]: "),
            Repeat => "The same password again: ".to_owned(),
            Net => "Address: `dhcp`, or a fixed one like 192.0.2.10/24 [dhcp]: ".to_owned(),
            Card => format!(
                "Network card with this address ({}) [{}]: ",
                dialogue.facts.interfaces.join(" "),
                first_card(dialogue)
            ),
            Router => "Router [none]: ".to_owned(),
            Dns => "Name servers, with spaces between them [none]: ".to_owned(),
            Zone => "Time zone, like Europe/Berlin [UTC]: ".to_owned(),
            Servers => format!("Time servers, with spaces between them, or `none` [{TIME_SERVERS}]: "),
            Confirm => "`yes` to use this, or the number of a line to change it: ".to_owned(),
        }
    }

    /// Takes an answer.
    pub fn take(self, text: &str, dialogue: &mut Dialogue) -> Taken {
        let answers = &mut dialogue.answers;
        match self {
            Host => answers.host = Some(HostName::read(or(text, "ashlar"))?),
            User => {
                if text.is_empty() {
                    return Err("A name is needed, like anna. `quit` leaves.".to_owned());
                }
                answers.user = Some(dialogue.facts.new_user(text)?);
            }
            Key => return key(text, dialogue),
            Password => return password(text, dialogue),
            Repeat => return repeat(text, dialogue),
            Net => {
                answers.network = Some(match or(text, "dhcp") {
                    "dhcp" => None,
                    fixed => Some(Network::read(fixed)?),
                });
            }
            Card => {
                let name = or(text, &first_card(dialogue)).to_owned();
                if !dialogue.facts.interfaces.is_empty() && !dialogue.facts.interfaces.contains(&name) {
                    return Err(format!(
                        "No network card is called `{name}`; choose one of: {}.",
                        dialogue.facts.interfaces.join(", ")
                    ));
                }
                dialogue.answers.interface = Some(Interface::read(&name)?);
            }
            Router => answers.router = Some(router(text, answers)?),
            Dns => {
                answers.dns = Some(
                    or(text, "none")
                        .split_whitespace()
                        .filter(|word| *word != "none")
                        .map(host_address)
                        .collect::<Result<_, _>>()?,
                )
            }
            Zone => answers.zone = Some(dialogue.facts.zone(or(text, "UTC"))?),
            Servers => answers.servers = Some(servers(text)?),
            Confirm => return confirm(text, dialogue),
        }
        dialogue.forward();
        Ok(None)
    }
}

fn or<'a>(text: &'a str, default: &'a str) -> &'a str {
    if text.is_empty() { default } else { text }
}

fn first_card(dialogue: &Dialogue) -> String {
    dialogue.facts.interfaces.first().map_or("eth0", String::as_str).to_owned()
}

/// Adds a key, unless it is there already.
pub fn add_key(dialogue: &mut Dialogue, key: SshKey, say: &mut Vec<String>) {
    if dialogue.typed.contains(&key) {
        return say.push(format!("{} is in the list already.", key.short()));
    }
    say.push(format!("Added: {}", key.short()));
    dialogue.typed.push(key);
}

fn key(text: &str, dialogue: &mut Dialogue) -> Taken {
    match text {
        "usb" => Ok(Some(Turn::ReadKeys)),
        "" | "none" => {
            dialogue.answers.keys = Some(std::mem::take(&mut dialogue.typed));
            dialogue.forward();
            Ok(None)
        }
        line => {
            let key = SshKey::read(line)?;
            if !dialogue.typed.contains(&key) {
                dialogue.typed.push(key);
            }
            Ok(None)
        }
    }
}

fn password(text: &str, dialogue: &mut Dialogue) -> Taken {
    if text.is_empty() {
        if dialogue.answers.keys.as_ref().is_none_or(Vec::is_empty) {
            dialogue.ask_again(Key);
            return Err(NOBODY.to_owned());
        }
        dialogue.answers.password = Some(None);
        dialogue.forward();
        return Ok(None);
    }
    if text.chars().count() < MIN_PASSWORD_LENGTH {
        return Err(format!("A password has at least {MIN_PASSWORD_LENGTH} characters; a few words are easy to type."));
    }
    if text.len() > 255 || text.chars().any(char::is_control) {
        return Err("A password has at most 255 bytes and no control characters.".to_owned());
    }
    dialogue.first = Some(text.to_owned());
    dialogue.at = Repeat;
    Ok(None)
}

fn repeat(text: &str, dialogue: &mut Dialogue) -> Taken {
    match dialogue.first.take() {
        Some(first) if first == text => Ok(Some(Turn::Hash(first))),
        _ => {
            dialogue.at = Password;
            Err("The two were not the same. Once more.".to_owned())
        }
    }
}

fn router(text: &str, answers: &Answers) -> Result<Option<std::net::IpAddr>, String> {
    if matches!(text, "" | "none") {
        return Ok(None);
    }
    let router = host_address(text)?;
    match answers.network {
        Some(Some(own)) if own.address == router => Err("This is the address of this machine itself.".to_owned()),
        Some(Some(own)) if !own.holds(router) => {
            Err(format!("{router} is not in the network of {own}, so it could not be reached."))
        }
        _ => Ok(Some(router)),
    }
}

fn servers(text: &str) -> Result<Vec<TimeServer>, String> {
    match text {
        "none" => Ok(Vec::new()),
        // As host names they are well formed, but whoever types them answers another question.
        "yes" | "no" | "y" | "n" => {
            Err(format!("`{text}` is not a time server: type a name, type `none`, or press Enter for {TIME_SERVERS}."))
        }
        _ => time_servers(or(text, TIME_SERVERS)),
    }
}

fn confirm(text: &str, dialogue: &mut Dialogue) -> Taken {
    if text == "yes" {
        let answers = &dialogue.answers;
        if answers.keys.as_ref().is_none_or(Vec::is_empty) && !matches!(answers.password, Some(Some(_))) {
            dialogue.ask_again(Key);
            return Err(NOBODY.to_owned());
        }
        return match dialogue.answers.config(&dialogue.facts) {
            Some(config) => Ok(Some(Turn::Apply(Box::new(config)))),
            None => {
                dialogue.forward();
                Err("An answer is missing.".to_owned())
            }
        };
    }
    let chosen = text.parse::<usize>().ok().and_then(|number| NUMBERED.get(number.checked_sub(1)?));
    let Some(question) = chosen else {
        return Err(format!("Type `yes`, or a number from 1 to {}.", NUMBERED.len()));
    };
    dialogue.ask_again(*question);
    Ok(None)
}

/// All answers, numbered.
pub fn summary(dialogue: &Dialogue) -> Vec<String> {
    let answers = &dialogue.answers;
    let none = || "none".to_owned();
    let keys = answers.keys.iter().flatten().map(SshKey::short).collect::<Vec<_>>();
    let network = match (answers.network.flatten(), &answers.interface) {
        (Some(network), Some(card)) => format!(
            "{network} on {card}, router {}, name servers {}",
            answers.router.flatten().map_or_else(none, |router| router.to_string()),
            answers.dns.as_ref().filter(|list| !list.is_empty()).map_or_else(none, |list| words(list.iter())),
        ),
        _ => "from DHCP and router advertisements".to_owned(),
    };
    let servers = answers.servers.iter().flatten().map(|server| server.host()).collect::<Vec<_>>();
    let values = [
        answers.host.as_ref().map_or_else(none, ToString::to_string),
        answers.user.as_ref().map_or_else(none, |user| format!("{user}, member of wheel")),
        if keys.is_empty() { none() } else { keys.join(", ") },
        if matches!(answers.password, Some(Some(_))) { "set, for the consoles" } else { "none" }.to_owned(),
        network,
        answers.zone.as_ref().map_or_else(none, ToString::to_string),
        if servers.is_empty() { none() } else { servers.join(", ") },
    ];
    let names = ["Host name", "Administrator", "SSH keys", "Password", "Network", "Time zone", "Time servers"];
    names
        .iter()
        .zip(&values)
        .enumerate()
        .map(|(index, (name, value))| format!("  {}  {name:<14} {value}", index + 1))
        .collect()
}
