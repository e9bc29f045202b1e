//! From a profile to a plan: words become values, defaults are filled in, contradictions become findings.

use std::collections::BTreeSet;

use super::{
    Access, Family, FileRule, Filter, Identity, Lift, Limits, Logins, Mount, Namespaces, Place, Plan, Ports, Share,
    Users,
};
use crate::accounts;
use crate::calls::Group;
use crate::capability::Capabilities;
use crate::profile::{self, Finding, Grant, Profile, Source, Word};

/// What a plan needs to know of the machine and the request.
#[derive(Debug, Clone, Copy)]
pub struct Facts<'a> {
    /// The program that will run, absolute.
    pub command: &'a str,
    /// `/etc/passwd`.
    pub passwd: &'a str,
    /// `/etc/group`.
    pub group: &'a str,
    /// Bytes of memory.
    pub memory: u64,
}

/// Devices in a `/dev` of its own; also open to everybody where `/dev` is shared.
pub const DEVICES: &[&str] = &["/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom"];
/// Hidden unless `home` is shared.
const HOMES: &[&str] = &["/home", "/root", "/mnt", "/boot"];
/// Hidden unless `kernel` is shared.
const KERNEL: &[&str] =
    &["/sys/firmware", "/sys/kernel/debug", "/sys/kernel/security", "/sys/kernel/tracing", "/run/overlay"];
/// Hidden when `kernel` is shared all the same.
const PROC: &[&str] = &["/proc/kcore", "/proc/keys", "/proc/kallsyms", "/proc/sysrq-trigger", "/proc/config.gz"];
/// Read-only when `login-number` is shared, which makes the rest of `/proc` writable.
const SETTINGS: &[&str] =
    &["/proc/acpi", "/proc/bus", "/proc/driver", "/proc/fs", "/proc/irq", "/proc/mtrr", "/proc/scsi", "/proc/sys"];
/// Own unless `tmp` is shared.
const TEMPORARY: &[&str] = &["/tmp", "/var/tmp", "/dev/shm"];

/// Makes the plan, or says all that is wrong.
pub fn resolve(profile: &Profile, source: Source<'_>, facts: Facts<'_>) -> Result<Plan, Vec<Finding>> {
    let mut reader = Reader { source, findings: Vec::new() };
    let granted = Granted::gather(profile, &mut reader);
    let identity = profile.user.as_ref().and_then(|word| reader.user(word, facts));
    let umask = profile.umask.as_ref().map_or(Some(0o077), |word| reader.umask(word)).unwrap_or(0o077);
    let limits = Limits {
        memory: profile.limits.memory.as_ref().and_then(|word| reader.memory(word, facts.memory)),
        reserved: profile.limits.reserved.as_ref().and_then(|word| reader.memory(word, facts.memory)),
        processes: profile.limits.processes,
        user_processes: profile.limits.user_processes,
        open_files: profile.limits.open_files,
    };
    let users = profile.users.as_ref().and_then(|users| reader.users(users, facts.memory));
    let logins = profile.logins.as_ref().and_then(|word| reader.logins(word, &granted));
    let is_label =
        |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty() && !text.contains(char::is_whitespace));
    let apparmor = profile
        .apparmor
        .as_ref()
        .and_then(|word| reader.take(word, "AppArmor profile", is_label, "a name is one word"));
    reader.contradictions(profile, &granted);
    if !reader.findings.is_empty() {
        reader.findings.sort_by_key(|finding| finding.line);
        return Err(reader.findings);
    }
    let shares = |share| granted.shares.contains(&share);
    let lifted = |lift| granted.lifts.contains(&lift);
    Ok(Plan {
        summary: profile.summary.clone(),
        apparmor,
        identity,
        umask,
        limits,
        logins,
        users,
        namespaces: Namespaces {
            mount: !shares(Share::Mounts),
            ipc: !shares(Share::Ipc),
            uts: !shares(Share::HostName),
            net: !shares(Share::Network),
        },
        mounts: granted.mounts(),
        make: granted.make.clone(),
        files: (!lifted(Lift::Files)).then(|| granted.file_rules(facts.command)),
        ports: (!lifted(Lift::Ports)).then(|| granted.ports.clone()),
        signals_outside: shares(Share::Signals),
        sockets_outside: shares(Share::AbstractSockets),
        numbers_logins: shares(Share::LoginNumber),
        capabilities: granted.capabilities,
        no_new_privileges: !lifted(Lift::NoNewPrivileges),
        no_write_execute: !lifted(Lift::WriteExecute),
        filter: Filter {
            groups: granted.groups.clone(),
            families: granted.families.clone(),
            set_id_bits: lifted(Lift::SetIdBits),
            write_execute: lifted(Lift::WriteExecute),
            realtime: lifted(Lift::Realtime),
            personality: lifted(Lift::Personality),
            tells_logins: logins.is_some(),
        },
    })
}

/// All grants of a profile together.
#[derive(Default)]
struct Granted {
    files: Vec<FileRule>,
    make: Vec<Place>,
    ports: Ports,
    families: BTreeSet<Family>,
    capabilities: Capabilities,
    groups: BTreeSet<Group>,
    shares: BTreeSet<Share>,
    lifts: BTreeSet<Lift>,
}

impl Granted {
    fn gather(profile: &Profile, reader: &mut Reader<'_>) -> Self {
        let mut all = Granted { groups: BTreeSet::from([Group::Base]), ..Granted::default() };
        for grant in &profile.grant {
            all.add(grant, reader);
        }
        all.files.sort();
        all
    }

    fn add(&mut self, grant: &Grant, reader: &mut Reader<'_>) {
        if grant.reason.get_ref().trim().is_empty() {
            reader.say(&grant.reason, "a grant needs a reason: what the service cannot do without it".into());
        }
        let paths = [
            (&grant.list, Access::List),
            (&grant.read, Access::Read),
            (&grant.execute, Access::Execute),
            (&grant.device, Access::Device),
            (&grant.write, Access::Write),
            (&grant.make, Access::Write),
        ];
        for (words, access) in paths {
            let places = words.iter().filter_map(|word| reader.place(word));
            self.files.extend(places.map(|place| FileRule { place, access }));
        }
        self.make.extend(grant.make.iter().filter_map(|word| reader.place(word)));
        self.ports.bind.extend(&grant.bind);
        self.ports.connect.extend(&grant.connect);
        for word in &grant.capabilities {
            if let Some(bit) = reader.take(word, "capability", Capabilities::bit, "names are like CAP_SYS_TIME") {
                self.capabilities = self.capabilities.with(bit);
            }
        }
        self.groups.extend(reader.words(&grant.calls, "group of calls", Group::from_name));
        self.families.extend(reader.words(&grant.sockets, "family of sockets", Family::from_word));
        self.shares.extend(reader.words(&grant.share, "share", Share::from_word));
        self.lifts.extend(reader.words(&grant.lift, "restriction to lift", Lift::from_word));
        if !self.families.is_empty() {
            self.groups.insert(Group::Sockets);
        }
    }

    fn file_rules(&self, command: &str) -> Vec<FileRule> {
        let always =
            |path: &str, access| FileRule { place: Place { path: path.to_owned(), optional: false, line: 0 }, access };
        let mut rules = vec![always(command, Access::Execute)];
        rules.extend(DEVICES.iter().map(|path| always(path, Access::Device)));
        if self.shares.contains(&Share::LoginNumber) {
            // The kernel has no rule for a file that each process has for itself; modes and owners decide the rest.
            rules.push(always("/proc", Access::Device));
        }
        rules.extend(self.files.iter().cloned());
        rules
    }

    fn mounts(&self) -> Vec<Mount> {
        let shares = |share| self.shares.contains(&share);
        if shares(Share::Mounts) {
            return Vec::new();
        }
        let is_private = |path: &str| !shares(Share::Tmp) && TEMPORARY.iter().any(|dir| is_below(path, dir));
        let is_own_device = |path: &str| !shares(Share::Devices) && is_below(path, "/dev");
        let written = self.files.iter().filter(|rule| rule.access == Access::Write).map(|rule| rule.place.clone());
        let written: Vec<Place> = written.filter(|at| !is_private(&at.path) && !is_own_device(&at.path)).collect();
        let mut steps = vec![Mount::Receive];
        steps.extend(written.iter().cloned().map(Mount::Own));
        if shares(Share::LoginNumber) {
            let settings = SETTINGS.iter().map(|path| Place { path: (*path).to_owned(), optional: true, line: 0 });
            steps.extend(settings.map(Mount::Own));
        }
        steps.push(Mount::AllReadOnly);
        if shares(Share::LoginNumber) {
            steps.push(Mount::WritableAlone("/proc"));
        }
        steps.extend(written.into_iter().map(Mount::Writable));
        if !shares(Share::Devices) {
            steps.push(Mount::Devices(DEVICES));
        }
        if !shares(Share::Tmp) {
            // Its own /dev is in memory already.
            let places = TEMPORARY.iter().filter(|path| shares(Share::Devices) || !is_below(path, "/dev"));
            steps.extend(places.map(|path| Mount::Private(path)));
        }
        if shares(Share::Kernel) {
            steps.extend(PROC.iter().map(|path| Mount::Hide(path)));
        } else {
            steps.push(if shares(Share::Processes) { Mount::AllProcesses } else { Mount::Processes });
            steps.extend(KERNEL.iter().map(|path| Mount::Hide(path)));
        }
        if !shares(Share::Home) {
            steps.extend(HOMES.iter().map(|path| Mount::Hide(path)));
        }
        steps
    }
}

/// Collects findings while it reads words.
struct Reader<'a> {
    source: Source<'a>,
    findings: Vec<Finding>,
}

impl Reader<'_> {
    fn say(&mut self, at: &Word, message: String) {
        self.findings.push(Finding { line: self.source.line(at.span()), message });
    }

    fn take<T>(&mut self, word: &Word, kind: &str, read: impl Fn(&str) -> Option<T>, hint: &str) -> Option<T> {
        let value = read(word.get_ref());
        if value.is_none() {
            self.say(word, format!("there is no {kind} `{}`; {hint}", word.get_ref()));
        }
        value
    }

    /// Words of a closed list.
    fn words<T>(&mut self, list: &[Word], kind: &str, read: impl Fn(&str) -> Option<T>) -> Vec<T> {
        let hint = "`confine --words` lists them";
        list.iter().filter_map(|word| self.take(word, kind, &read, hint)).collect()
    }

    /// A path; `-` before it means that it may be missing.
    fn place(&mut self, word: &Word) -> Option<Place> {
        let text = word.get_ref();
        let (optional, path) = text.strip_prefix('-').map_or((false, text.as_str()), |path| (true, path));
        let parts = path.strip_prefix('/').map(|rest| rest.split('/').collect::<Vec<_>>());
        let is_plain =
            path == "/" || parts.is_some_and(|parts| parts.iter().all(|part| !matches!(*part, "" | "." | "..")));
        if !is_plain || path.contains('\0') {
            self.say(
                word,
                format!(
                    "`{path}` is no plain absolute path; write it from / without `.`, `..` and doubled or final `/`"
                ),
            );
            return None;
        }
        Some(Place { path: path.to_owned(), optional, line: self.source.line(word.span()) })
    }

    fn user(&mut self, word: &Word, facts: Facts<'_>) -> Option<Identity> {
        let found = accounts::user(word.get_ref(), facts.passwd, facts.group);
        if found.is_none() {
            self.say(
                word,
                format!(
                    "there is no user `{}` in /etc/passwd; the image's package `filesystem` lists them",
                    word.get_ref()
                ),
            );
        }
        found
    }

    fn umask(&mut self, word: &Word) -> Option<u32> {
        let mask = |text: &str| u32::from_str_radix(text, 8).ok().filter(|mask| *mask <= 0o777);
        self.take(word, "file mode mask", mask, "an octal number up to 777, like \"027\"")
    }

    fn memory(&mut self, word: &Word, total: u64) -> Option<u64> {
        let read = |text: &str| {
            if let Some(percent) = text.strip_suffix('%') {
                return percent
                    .parse()
                    .ok()
                    .filter(|part| (1..=100).contains(part))
                    .map(|part: u64| total / 100 * part);
            }
            let unit = |text: &str| match text.as_bytes().last()? {
                b'K' => Some(1 << 10),
                b'M' => Some(1 << 20),
                b'G' => Some(1 << 30),
                _ => None,
            };
            let number: u64 = text.get(..text.len().checked_sub(1)?)?.parse().ok()?;
            number.checked_mul(unit(text)?).filter(|bytes| *bytes > 0)
        };
        self.take(word, "amount of memory", read, "write it like \"64M\" or \"50%\"")
    }

    fn logins(&mut self, word: &Word, granted: &Granted) -> Option<Logins> {
        let found = self.take(word, "number of logins", Logins::from_word, "write `one` or `many`")?;
        if granted.families.is_empty() || !granted.groups.contains(&Group::Identity) {
            let why =
                "who logs users in needs the calls `identity`, and sockets of the family `unix` to tell who is moved";
            self.say(word, why.into());
        }
        Some(found)
    }

    fn users(&mut self, users: &profile::Users, total: u64) -> Option<Users> {
        let memory = self.memory(&users.memory, total);
        let all_memory = self.memory(&users.together.memory, total);
        let is_group = |text: &str| {
            let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
            Some(text.to_owned()).filter(|text| !text.is_empty() && text.bytes().all(plain) && text != "users")
        };
        let apart =
            self.take(&users.apart, "group", is_group, "a name has small letters and digits, and is not `users`");
        Some(Users {
            apart: apart?,
            logins: users.logins,
            memory: memory?,
            processes: users.processes,
            all_memory: all_memory?,
            all_processes: users.together.processes,
            weight: users.together.weight,
        })
    }

    fn contradictions(&mut self, profile: &Profile, granted: &Granted) {
        if let Some(user) = &profile.user {
            if granted.lifts.contains(&Lift::NoNewPrivileges) {
                let why = "`user` and the lift `no-new-privileges` exclude each other: without root, a filter of system \
                           calls needs no_new_privs";
                self.say(user, why.into());
            }
        }
        let number = profile.grant.iter().flat_map(|grant| &grant.share).find(|word| *word.get_ref() == "login-number");
        if let Some(word) = number.filter(|_| !granted.shares.contains(&Share::Kernel)) {
            let why = "`login-number` needs the share `kernel`: the /proc of own processes is read-only";
            self.say(word, why.into());
        }
        let hidden: Vec<&str> = granted
            .mounts()
            .into_iter()
            .filter_map(|step| if let Mount::Hide(path) = step { Some(path) } else { None })
            .collect();
        for FileRule { place, .. } in &granted.files {
            if let Some(cover) = hidden.iter().find(|cover| is_below(&place.path, cover)) {
                let share = if HOMES.contains(cover) { "home" } else { "kernel" };
                let message =
                    format!("`{}` is granted, but {cover} is hidden; share `{share}`, with the reason", place.path);
                self.findings.push(Finding { line: place.line, message });
            }
        }
    }
}

fn is_below(path: &str, dir: &str) -> bool {
    path.strip_prefix(dir).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}
