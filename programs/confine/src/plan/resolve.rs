//! From a profile to a plan: parses words, fills in defaults, and reports contradictions.

use std::collections::BTreeSet;

use base::findings::{Finding, Findings};

use super::{
    Access, Allow, Family, FileRule, Filter, HostResource, Identity, Limits, Logins, Mount, Namespaces, Place, Plan,
    Ports, Users,
};
use crate::accounts;
use crate::calls::Group;
use crate::capability::Capabilities;
use crate::profile::{self, ConfineProfile, Grant, Word};

/// Facts about the machine and the request.
#[derive(Debug, Clone, Copy)]
pub struct Facts<'a> {
    /// The program, an absolute path.
    pub command: &'a str,
    /// `/etc/passwd`.
    pub passwd: &'a str,
    /// `/etc/group`.
    pub group: &'a str,
    /// Bytes of memory.
    pub memory: u64,
}

/// Devices in a private `/dev`; every service may open them in the host's `/dev` as well.
pub const DEVICES: &[&str] = &["/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom"];
/// Hidden unless `host` names `home`.
const HOMES: &[&str] = &["/home", "/root", "/mnt", "/boot"];
/// Hidden unless `host` names `kernel`.
const KERNEL: &[&str] =
    &["/sys/firmware", "/sys/kernel/debug", "/sys/kernel/security", "/sys/kernel/tracing", "/run/overlay"];
/// Hidden even if `host` names `kernel`.
const PROC: &[&str] = &["/proc/kcore", "/proc/keys", "/proc/kallsyms", "/proc/sysrq-trigger", "/proc/config.gz"];
/// Read-only under `allow = ["loginuid"]`, which makes the rest of `/proc` writable.
const SETTINGS: &[&str] =
    &["/proc/acpi", "/proc/bus", "/proc/driver", "/proc/fs", "/proc/irq", "/proc/mtrr", "/proc/scsi", "/proc/sys"];
/// Private unless `host` names `tmp`.
const TEMPORARY: &[&str] = &["/tmp", "/var/tmp", "/dev/shm"];

/// Returns the plan, or all findings.
pub fn resolve(profile: &ConfineProfile, facts: Facts<'_>) -> Result<Plan, Findings> {
    let mut reader = Reader::default();
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
        .and_then(|word| reader.take(word, "invalid AppArmor profile", is_label, "a name has no spaces"));
    reader.contradictions(profile, &granted);
    if !reader.findings.is_empty() {
        reader.findings.sort_by_key(|finding| finding.at);
        return Err(reader.findings.into_iter().collect());
    }
    let uses_host = |resource| granted.host.contains(&resource);
    let allowed = |allow| granted.allowed.contains(&allow);
    Ok(Plan {
        summary: profile.summary.clone(),
        apparmor,
        identity,
        umask,
        limits,
        logins,
        users,
        namespaces: Namespaces {
            mount: !uses_host(HostResource::Mounts),
            ipc: !uses_host(HostResource::Ipc),
            uts: !uses_host(HostResource::HostName),
            net: !uses_host(HostResource::Network),
        },
        mounts: granted.mounts(),
        make: granted.make.clone(),
        files: (!allowed(Allow::AllFiles)).then(|| granted.file_rules(facts.command)),
        ports: (!allowed(Allow::AllPorts)).then(|| granted.ports.clone()),
        signals_outside: uses_host(HostResource::Signals),
        sockets_outside: uses_host(HostResource::AbstractSockets),
        sets_loginuid: allowed(Allow::LoginUid),
        capabilities: granted.capabilities,
        no_new_privileges: !allowed(Allow::NewPrivileges),
        no_write_execute: !allowed(Allow::WriteExecute),
        filter: Filter {
            groups: granted.groups.clone(),
            families: granted.families.clone(),
            set_id_bits: allowed(Allow::SetIdBits),
            write_execute: allowed(Allow::WriteExecute),
            realtime: allowed(Allow::Realtime),
            personality: allowed(Allow::Personality),
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
    host: BTreeSet<HostResource>,
    allowed: BTreeSet<Allow>,
}

impl Granted {
    fn gather(profile: &ConfineProfile, reader: &mut Reader) -> Self {
        let mut all = Granted { groups: BTreeSet::from([Group::Base]), ..Granted::default() };
        for grant in &profile.grant {
            all.add(grant, reader);
        }
        all.files.sort();
        all
    }

    fn add(&mut self, grant: &Grant, reader: &mut Reader) {
        if grant.reason.get_ref().trim().is_empty() {
            reader.say(&grant.reason, "this grant has no reason", "say what the service cannot do without it");
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
            if let Some(bit) =
                reader.take(word, "unknown capability", Capabilities::bit, "names look like CAP_SYS_TIME")
            {
                self.capabilities = self.capabilities.with(bit);
            }
        }
        self.groups.extend(reader.words(&grant.calls, "unknown group of calls", Group::from_name));
        self.families.extend(reader.words(&grant.sockets, "unknown socket family", Family::from_word));
        self.host.extend(reader.words(&grant.host, "unknown resource of the host", HostResource::from_word));
        self.allowed.extend(reader.words(&grant.allow, "unknown permission", Allow::from_word));
        if !self.families.is_empty() {
            self.groups.insert(Group::Sockets);
        }
    }

    fn file_rules(&self, command: &str) -> Vec<FileRule> {
        let always =
            |path: &str, access| FileRule { place: Place { path: path.to_owned(), optional: false, at: None }, access };
        let mut rules = vec![always(command, Access::Execute)];
        rules.extend(DEVICES.iter().map(|path| always(path, Access::Device)));
        if self.allowed.contains(&Allow::LoginUid) {
            // Landlock has no rule for a file that each process has for itself; modes and owners decide the rest.
            rules.push(always("/proc", Access::Device));
        }
        rules.extend(self.files.iter().cloned());
        rules
    }

    fn mounts(&self) -> Vec<Mount> {
        let uses_host = |resource| self.host.contains(&resource);
        if uses_host(HostResource::Mounts) {
            return Vec::new();
        }
        let is_private = |path: &str| !uses_host(HostResource::Tmp) && TEMPORARY.iter().any(|dir| is_below(path, dir));
        let is_own_device = |path: &str| !uses_host(HostResource::Devices) && is_below(path, "/dev");
        let written = self.files.iter().filter(|rule| rule.access == Access::Write).map(|rule| rule.place.clone());
        let written: Vec<Place> = written.filter(|at| !is_private(&at.path) && !is_own_device(&at.path)).collect();
        let mut steps = vec![Mount::Receive];
        steps.extend(written.iter().cloned().map(Mount::Own));
        if self.allowed.contains(&Allow::LoginUid) {
            let settings = SETTINGS.iter().map(|path| Place { path: (*path).to_owned(), optional: true, at: None });
            steps.extend(settings.map(Mount::Own));
        }
        steps.push(Mount::AllReadOnly);
        if self.allowed.contains(&Allow::LoginUid) {
            steps.push(Mount::WritableAlone("/proc"));
        }
        steps.extend(written.into_iter().map(Mount::Writable));
        if !uses_host(HostResource::Devices) {
            steps.push(Mount::Devices(DEVICES));
        }
        if !uses_host(HostResource::Tmp) {
            // A private /dev is in memory already.
            let places = TEMPORARY.iter().filter(|path| uses_host(HostResource::Devices) || !is_below(path, "/dev"));
            steps.extend(places.map(|path| Mount::Private(path)));
        }
        if uses_host(HostResource::Kernel) {
            steps.extend(PROC.iter().map(|path| Mount::Hide(path)));
        } else {
            steps.push(if uses_host(HostResource::Processes) { Mount::AllProcesses } else { Mount::Processes });
            steps.extend(KERNEL.iter().map(|path| Mount::Hide(path)));
        }
        if !uses_host(HostResource::Home) {
            steps.extend(HOMES.iter().map(|path| Mount::Hide(path)));
        }
        steps
    }
}

/// Words that had another name in older profiles.
const RENAMED: [(&str, &str); 4] = [
    ("files", "`all-files`"),
    ("login-number", "`allow = [\"loginuid\"]`"),
    ("no-new-privileges", "`new-privileges`"),
    ("ports", "`all-ports`"),
];

/// Parses words, and collects findings.
#[derive(Default)]
struct Reader {
    findings: Vec<Finding>,
}

impl Reader {
    fn say(&mut self, at: &Word, what: impl Into<String>, remedy: &str) {
        self.findings.push(Finding::new(at.span(), what, remedy));
    }

    fn take<T>(&mut self, word: &Word, wrong: &str, read: impl Fn(&str) -> Option<T>, hint: &str) -> Option<T> {
        let value = read(word.get_ref());
        if value.is_none() {
            self.say(word, format!("{wrong} `{}`", word.get_ref()), hint);
        }
        value
    }

    /// Parses words of a closed list.
    fn words<T>(&mut self, list: &[Word], wrong: &str, read: impl Fn(&str) -> Option<T>) -> Vec<T> {
        let mut take = |word: &Word| {
            let renamed = RENAMED.iter().find(|(old, _)| word.get_ref() == old);
            let hint = renamed.map_or("`confine --words` lists them".to_owned(), |(_, new)| format!("write {new}"));
            self.take(word, wrong, &read, &hint)
        };
        list.iter().filter_map(&mut take).collect()
    }

    /// A path; `-` before it allows it to be missing.
    fn place(&mut self, word: &Word) -> Option<Place> {
        let text = word.get_ref();
        let (optional, path) = text.strip_prefix('-').map_or((false, text.as_str()), |path| (true, path));
        let parts = path.strip_prefix('/').map(|rest| rest.split('/').collect::<Vec<_>>());
        let is_plain =
            path == "/" || parts.is_some_and(|parts| parts.iter().all(|part| !matches!(*part, "" | "." | "..")));
        if !is_plain || path.contains('\0') {
            let remedy = "begin with / and leave out `.`, `..`, `//` and a final `/`";
            self.say(word, format!("`{path}` is not a plain absolute path"), remedy);
            return None;
        }
        Some(Place { path: path.to_owned(), optional, at: Some(word.span().into()) })
    }

    fn user(&mut self, word: &Word, facts: Facts<'_>) -> Option<Identity> {
        let found = accounts::user(word.get_ref(), facts.passwd, facts.group);
        if found.is_none() {
            let what = format!("user `{}` is not in /etc/passwd", word.get_ref());
            self.say(word, what, "add it to the package `filesystem`");
        }
        found
    }

    fn umask(&mut self, word: &Word) -> Option<u32> {
        let mask = |text: &str| u32::from_str_radix(text, 8).ok().filter(|mask| *mask <= 0o777);
        self.take(word, "invalid umask", mask, "write an octal number up to 777, like \"027\"")
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
        self.take(word, "invalid amount of memory", read, "write it like \"64M\" or \"50%\"")
    }

    fn logins(&mut self, word: &Word, granted: &Granted) -> Option<Logins> {
        let found = self.take(word, "invalid value of `logins`:", Logins::from_word, "write `one` or `many`")?;
        if granted.families.is_empty() || !granted.groups.contains(&Group::Identity) {
            let why = "a service that logs users in needs `calls = [\"identity\"]`, and `sockets = [\"unix\"]` to report the login";
            self.say(word, why, "");
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
        let apart = self.take(
            &users.apart,
            "invalid group",
            is_group,
            "use lower-case letters and digits; `users` is reserved",
        );
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

    fn contradictions(&mut self, profile: &ConfineProfile, granted: &Granted) {
        if let Some(user) = &profile.user {
            if granted.allowed.contains(&Allow::NewPrivileges) {
                let why = "`user` and `new-privileges` exclude each other: without root, a filter of system calls needs \
                           no_new_privs";
                self.say(user, why, "");
            }
        }
        let loginuid = profile.grant.iter().flat_map(|grant| &grant.allow).find(|word| *word.get_ref() == "loginuid");
        if let Some(word) = loginuid.filter(|_| !granted.host.contains(&HostResource::Kernel)) {
            let why = "`loginuid` needs `host = [\"kernel\"]`: the /proc of own processes is read-only";
            self.say(word, why, "");
        }
        let hidden: Vec<&str> = granted
            .mounts()
            .into_iter()
            .filter_map(|step| if let Mount::Hide(path) = step { Some(path) } else { None })
            .collect();
        for FileRule { place, .. } in &granted.files {
            if let Some(cover) = hidden.iter().find(|cover| is_below(&place.path, cover)) {
                let resource = if HOMES.contains(cover) { "home" } else { "kernel" };
                let what = format!("`{}` is granted, but {cover} is hidden", place.path);
                let remedy = format!("add `host = [\"{resource}\"]` to the grant");
                self.findings.push(Finding::new(place.at.unwrap_or_default(), what, remedy));
            }
        }
    }
}

fn is_below(path: &str, dir: &str) -> bool {
    path.strip_prefix(dir).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}
