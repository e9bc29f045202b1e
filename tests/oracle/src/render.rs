//! A graph as the files of a test root, and its commands as the driver reads them.

use crate::graph::{Behaviour, Graph, Service};

/// A file to write below the graph's directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Path below `etc`.
    pub path: String,
    /// What it is.
    pub content: Content,
}

/// What an entry is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Content {
    /// A file with the execute permission or without.
    File(String, bool),
    /// A symbolic link.
    Link(String),
    /// A directory.
    Directory,
}

/// The shell program that runs in a test root as process 1, the same on both sides.
pub const DRIVER: &str = include_str!("driver.sh");

/// The file that services write their log to.
pub const LOG: &str = "/oracle/log";

/// Everything below the graph's `etc`.
pub fn entries(graph: &Graph) -> Vec<Entry> {
    let mut entries = Vec::new();
    let mut add = |path: String, content| entries.push(Entry { path, content });
    add("init.d".into(), Content::Directory);
    add("conf.d".into(), Content::Directory);
    add("runlevels".into(), Content::Directory);
    for service in &graph.services {
        let content = match &service.link_to {
            Some(target) => Content::Link(target.clone()),
            None => Content::File(script(service), service.behaviour != Behaviour::NotExecutable),
        };
        add(format!("init.d/{}", service.name), content);
        if !service.conf.is_empty() {
            add(format!("conf.d/{}", service.name), Content::File(lines(&service.conf), false));
        }
    }
    for (level, services) in &graph.levels {
        add(format!("runlevels/{level}"), Content::Directory);
        for service in services {
            add(format!("runlevels/{level}/{service}"), Content::Link(format!("/etc/init.d/{service}")));
        }
    }
    for (level, inner) in &graph.stacked {
        add(format!("runlevels/{level}/{inner}"), Content::Link(format!("../{inner}")));
    }
    // The interactive question has no place in a comparison; the rest is what Debian's package sets.
    let mut conf = vec!["rc_interactive=\"NO\"".to_owned(), "rc_loopsolver_enable=\"YES\"".to_owned()];
    conf.extend(graph.rc_conf.iter().cloned());
    add("rc.conf".into(), Content::File(lines(&conf), false));
    entries
}

/// The commands, one a line.
pub fn commands(graph: &Graph) -> String {
    graph.steps.iter().map(|step| format!("{}\n", step.command)).collect()
}

fn lines(lines: &[String]) -> String {
    lines.iter().map(|line| format!("{line}\n")).collect()
}

/// One service script.
pub fn script(service: &Service) -> String {
    let name = &service.name;
    let mut text = format!("#!/sbin/openrc-run\ndescription=\"Service {name} of a generated graph\"\n");
    match service.behaviour {
        Behaviour::Exits => text.push_str("exit 1\n"),
        Behaviour::Supervised => {
            text.push_str("supervisor=supervise-daemon\ncommand=/bin/busybox\ncommand_args=\"sleep 401\"\npidfile=/run/under.pid\n");
        }
        Behaviour::Daemon => {
            text.push_str(
                "command=/bin/busybox\ncommand_args=\"sleep 402\"\ncommand_background=yes\npidfile=/run/back.pid\nretry=TERM/20\n",
            );
        }
        Behaviour::NoProgram => text.push_str("command=/usr/bin/no-such-program\n"),
        Behaviour::NoRequiredDirectory => text.push_str("required_dirs=/etc/no-such-directory\n"),
        Behaviour::RequiredFile(true) => text.push_str("required_files=\"/etc/passwd /etc/group\"\n"),
        Behaviour::RequiredFile(false) => text.push_str("required_files=\"/etc/passwd /etc/no-such-file\"\n"),
        _ => {}
    }
    if !service.depend.is_empty() {
        text.push_str("depend() {\n");
        for (relation, targets) in &service.depend {
            // The shell must not make files of a `*`.
            let targets: Vec<String> = targets.iter().map(|word| word.replace('*', "\\*")).collect();
            text.push_str(&format!("\t{} {}\n", relation.word(), targets.join(" ")));
        }
        text.push_str("}\n");
    }
    text.push_str(&functions(&service.behaviour));
    text
}

fn function(name: &str, before: &str, code: u8) -> String {
    format!(
        "{name}() {{\n\techo \"{name}-begin $RC_SVCNAME\" >>{LOG}\n{before}\techo \"{name}-end $RC_SVCNAME\" >>{LOG}\n\treturn {code}\n}}\n"
    )
}

fn functions(behaviour: &Behaviour) -> String {
    let (start, stop) = (|before: &str, code| function("start", before, code), |code| function("stop", "", code));
    let both = start("", 0) + &stop(0);
    match behaviour {
        Behaviour::Plain | Behaviour::NotExecutable | Behaviour::Exits => both,
        Behaviour::NoRequiredDirectory | Behaviour::RequiredFile(_) => both,
        Behaviour::Slow(hundredths) => {
            let sleep = format!("\tsleep {}.{:02}\n", hundredths / 100, hundredths % 100);
            start(&sleep, 0) + &function("stop", &sleep, 0)
        }
        Behaviour::FailStart(code) => start("", *code) + &stop(0),
        Behaviour::FailPre => both + "start_pre() { return 1; }\n",
        Behaviour::FailPost => both + "start_post() { return 1; }\n",
        Behaviour::FailStop => start("", 0) + &stop(1),
        Behaviour::FailStopPre => both + "stop_pre() { return 1; }\n",
        Behaviour::Empty | Behaviour::Supervised | Behaviour::Daemon | Behaviour::NoProgram => String::new(),
        Behaviour::Inactive => start("\tyesno \"$IN_BACKGROUND\" || mark_service_inactive\n", 0) + &stop(0),
        Behaviour::Syntax => both + "start() { if\n",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graph::Relation;

    #[test]
    fn a_script_is_plain_openrc() {
        let mut service = Service::new("net.q");
        service.depends(Relation::Need, "a");
        service.depends(Relation::Need, "b");
        service.depends(Relation::After, "*");
        service.behaviour = Behaviour::Slow(105);
        let expected = "\
#!/sbin/openrc-run
description=\"Service net.q of a generated graph\"
depend() {
\tneed a b
\tafter \\*
}
start() {
\techo \"start-begin $RC_SVCNAME\" >>/oracle/log
\tsleep 1.05
\techo \"start-end $RC_SVCNAME\" >>/oracle/log
\treturn 0
}
stop() {
\techo \"stop-begin $RC_SVCNAME\" >>/oracle/log
\tsleep 1.05
\techo \"stop-end $RC_SVCNAME\" >>/oracle/log
\treturn 0
}
";
        assert_eq!(script(&service), expected);
    }

    #[test]
    fn paths_are_unique_and_directories_come_before_their_entries() {
        for graph in crate::generate::graphs(1, 64) {
            let entries = entries(&graph);
            for (index, entry) in entries.iter().enumerate() {
                assert!(entries[..index].iter().all(|other| other.path != entry.path), "{}\n{graph}", entry.path);
                if let Some((parent, _)) = entry.path.rsplit_once('/') {
                    let made = entries[..index].iter().any(|other| other.path == parent);
                    assert!(made, "{} has no directory\n{graph}", entry.path);
                }
            }
            assert!(commands(&graph).lines().count() == graph.steps.len(), "a command is one line");
        }
    }
}
