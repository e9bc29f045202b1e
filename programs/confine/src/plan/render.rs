//! A plan as text: `--print-plan` prints it, `/run/confine/NAME` keeps it, and tests compare it.

use std::fmt::Write as _;

use super::{Access, Family, Logins, Mount, Place, Plan, Users};

impl Plan {
    /// One line per step, in the order of execution.
    pub fn render(&self) -> String {
        let mut text = String::new();
        line(&mut text, "summary", &self.summary);
        line(&mut text, "AppArmor profile", self.apparmor.as_deref().unwrap_or("by the command's path"));
        self.render_surroundings(&mut text);
        self.render_access(&mut text);
        line(&mut text, "login UID", if self.sets_loginuid { "set by the service" } else { "the services'" });
        let list = |names: Vec<String>| if names.is_empty() { "none".to_owned() } else { names.join(" ") };
        line(&mut text, "capabilities", &list(self.capabilities.names()));
        if let Some(user) = &self.identity {
            let (uid, gid) = (user.uid, user.gid);
            line(&mut text, "user", &format!("{} ({uid}), group {gid}, groups {:?}", user.name, user.groups));
        }
        line(&mut text, "no new privileges", yes(self.no_new_privileges));
        line(&mut text, "memory writable and executable", if self.no_write_execute { "never" } else { "allowed" });
        self.render_filter(&mut text);
        text
    }

    fn render_surroundings(&self, text: &mut String) {
        line(text, "umask", &format!("{:03o}", self.umask));
        if let Some(bytes) = self.limits.memory {
            line(text, "memory of the control group", &format!("{bytes} bytes"));
        }
        if let Some(bytes) = self.limits.reserved {
            line(text, "memory kept for the control group", &format!("{bytes} bytes"));
        }
        if let Some(count) = self.limits.processes {
            line(text, "processes of the control group", &count.to_string());
        }
        if let Some(count) = self.limits.user_processes {
            line(text, "processes of each user", &count.to_string());
        }
        if let Some(count) = self.limits.open_files {
            line(text, "open files", &count.to_string());
        }
        line(text, "core dumps", "none");
        if let Some((_, word, _)) = Logins::ALL.iter().find(|(logins, ..)| self.logins == Some(*logins)) {
            line(text, "logins", &format!("{word}; moved into the user's control group"));
        }
        if let Some(users) = &self.users {
            self.render_users(text, users);
        }
        for place in &self.make {
            line(text, "make file", &shown(place));
        }
        let spaces = self.namespaces;
        for (name, own) in
            [("mounts", spaces.mount), ("IPC", spaces.ipc), ("host name", spaces.uts), ("network", spaces.net)]
        {
            line(text, name, if own { "own namespace" } else { "the system's" });
        }
        for step in &self.mounts {
            let action = match step {
                Mount::Receive => "receive the system's, send none".to_owned(),
                Mount::Own(place) => format!("own mount at {}", shown(place)),
                Mount::AllReadOnly => "all read-only".to_owned(),
                Mount::Writable(place) => format!("writable again: {}", shown(place)),
                Mount::WritableAlone(path) => format!("writable again, but not what is below: {path}"),
                Mount::Private(path) => format!("own and empty: {path}"),
                Mount::Devices(devices) => format!("own /dev: {} /dev/log", devices.join(" ")),
                Mount::Processes => "/proc: own processes only".to_owned(),
                Mount::AllProcesses => "/proc: processes only".to_owned(),
                Mount::Hide(path) => format!("hidden: {path}"),
            };
            line(text, "mount", &action);
        }
    }

    fn render_users(&self, text: &mut String, users: &Users) {
        let Users { apart, logins, memory, processes, all_memory, all_processes, weight } = users;
        line(text, "each user", &format!("{memory} bytes, {processes} processes, {logins} logins"));
        line(text, "all users", &format!("{all_memory} bytes, {all_processes} processes, weight {weight}"));
        line(text, "users apart", &format!("members of {apart}"));
    }

    fn render_access(&self, text: &mut String) {
        match &self.files {
            None => line(text, "files", "not restricted by path"),
            Some(rules) => {
                for rule in rules {
                    let access = match rule.access {
                        Access::List => "list",
                        Access::Read => "read",
                        Access::Execute => "execute",
                        Access::Device => "device",
                        Access::Write => "write",
                    };
                    line(text, "files", &format!("{access} {}", shown(&rule.place)));
                }
            }
        }
        match &self.ports {
            None => line(text, "TCP", "not restricted by port"),
            Some(ports) => line(text, "TCP", &format!("bind {:?}, connect {:?}", ports.bind, ports.connect)),
        }
        line(text, "signals to others", yes(self.signals_outside));
        line(text, "abstract sockets of others", yes(self.sockets_outside));
    }

    fn render_filter(&self, text: &mut String) {
        let groups: Vec<&str> = self.filter.groups.iter().map(|group| group.name()).collect();
        line(text, "system calls", &groups.join(" "));
        let families: Vec<&str> = Family::ALL
            .iter()
            .filter(|(family, ..)| self.filter.families.contains(family))
            .map(|(_, word, _)| *word)
            .collect();
        line(text, "sockets", &if families.is_empty() { "none".to_owned() } else { families.join(" ") });
        line(text, "set-ID bits", yes(self.filter.set_id_bits));
        line(text, "real-time scheduling", yes(self.filter.realtime));
        line(text, "other execution domains", yes(self.filter.personality));
    }
}

fn line(text: &mut String, name: &str, value: &str) {
    // Writing to a String cannot fail.
    let _written = writeln!(text, "{name}: {value}");
}

fn yes(value: bool) -> &'static str {
    if value { "yes" } else { "no" }
}

fn shown(place: &Place) -> String {
    format!("{}{}", place.path, if place.optional { " (if there)" } else { "" })
}
