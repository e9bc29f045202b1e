//! `rc-update`: assigns services to runlevels.

use std::collections::BTreeSet;
use std::io;

use crate::depend::Graph;
use crate::getopt::{Known, Parsed, option, parse};
use crate::message::{eerror, einfo, ewarn, print};
use crate::paths::Paths;
use crate::rc_service::{apply_common, can_run, exists, files};
use crate::runlevel::{self, BOOT, Levels, SYSINIT};
use crate::state;

const OPTIONS: [Known; 7] = [
    option('a', "all", false),
    option('s', "stack", false),
    option('u', "update", false),
    option('h', "help", false),
    option('C', "nocolor", false),
    option('v', "verbose", false),
    option('q', "quiet", false),
];

const HELP: &str = "\
Usage: rc-update [options] add SERVICE [RUNLEVEL...]
   or: rc-update [options] del SERVICE [RUNLEVEL...]
   or: rc-update [options] [show [RUNLEVEL...]]

Without RUNLEVEL: the current one; `show`: all of them.

  -a, --all      del: from all runlevels
  -s, --stack    SERVICE is a runlevel: all its services belong to RUNLEVEL as well
  -u, --update   renew the cache of dependencies
  -C, --nocolor  -v, --verbose (show: unused services as well)  -q, --quiet  -h, --help  -V, --version";

/// Runs the program; the exit code.
pub fn run(args: &[String]) -> u8 {
    let paths = Paths::system();
    let options = match parse(&OPTIONS, args, false) {
        Ok(options) => options,
        Err(problem) => return fail(&format!("{problem}; `rc-update --help` lists the options")),
    };
    apply_common(&options);
    if options.has("help") {
        print(HELP);
        return 0;
    }
    let words: Vec<&str> = options.rest.iter().map(String::as_str).collect();
    let result = match words.as_slice() {
        [] if options.has("update") => renew(&paths),
        [] => show(&paths, &options, &[]),
        ["show", levels @ ..] => show(&paths, &options, levels),
        ["add", service, levels @ ..] => change(&paths, &options, service, levels, true),
        ["del" | "delete", service, levels @ ..] => change(&paths, &options, service, levels, false),
        ["add" | "del" | "delete"] => return fail("no service specified"),
        [other, ..] => return fail(&format!("invalid command `{other}'; there are add, del and show")),
    };
    result.unwrap_or_else(|error| fail(&error.to_string()))
}

fn renew(paths: &Paths) -> io::Result<u8> {
    let (graph, _) = Graph::load_from(paths, true)?;
    graph.remarks.iter().for_each(|remark| ewarn(remark));
    Ok(0)
}

fn show(paths: &Paths, options: &Parsed, asked: &[&str]) -> io::Result<u8> {
    if options.has("update") {
        renew(paths)?;
    }
    let levels = Levels::read(paths)?;
    // An empty table is correct, but the name may be wrong: print a line.
    for unknown in asked.iter().filter(|level| !levels.exists(level)) {
        ewarn(&format!("rc-update: `{unknown}' is not a valid runlevel"));
    }
    let shown: Vec<&String> =
        levels.0.keys().filter(|level| asked.is_empty() || asked.contains(&level.as_str())).collect();
    let mut services: BTreeSet<&str> =
        shown.iter().flat_map(|level| &levels.0[*level].services).map(String::as_str).collect();
    let all = files(paths);
    if options.has("verbose") {
        services.extend(all.iter().map(String::as_str));
    }
    // A dangling link is not a service.
    services.retain(|service| all.iter().any(|known| known == service));
    for service in services {
        let mut line = format!("{service:>20} |");
        for level in &shown {
            let is_in = levels.0[*level].services.contains(service);
            line.push_str(&format!(
                " {:width$}",
                if is_in { level.as_str() } else { "" },
                width = level.chars().count()
            ));
        }
        print(&line);
    }
    Ok(0)
}

fn change(paths: &Paths, options: &Parsed, service: &str, asked: &[&str], add: bool) -> io::Result<u8> {
    let levels = Levels::read(paths)?;
    let stack = options.has("stack");
    if let Some(problem) = refusal(paths, &levels, service, stack, add) {
        return Ok(fail(&problem));
    }
    let targets: Vec<String> = match (options.has("all") && !add, asked) {
        (true, _) => levels.0.keys().cloned().collect(),
        (false, []) => vec![state::runlevel(paths).unwrap_or_else(|| SYSINIT.to_owned())],
        (false, asked) => asked.iter().map(|level| (*level).to_owned()).collect(),
    };
    let (mut code, mut removed) = (0, false);
    for level in &targets {
        if !levels.exists(level) {
            code = fail(&format!("`{level}' is not a valid runlevel"));
        } else if add {
            add_one(paths, service, level, stack)?;
        } else if remove_one(paths, &levels, service, level, stack)? {
            removed = true;
        } else if !options.has("all") {
            let what = if stack { "runlevel" } else { "service" };
            code = fail(&format!("{what} `{service}' is not in the runlevel `{level}'"));
        }
    }
    if options.has("all") && !add && !removed {
        code = fail(&format!("service `{service}' is not in any runlevel"));
    }
    Ok(code)
}

fn refusal(paths: &Paths, levels: &Levels, service: &str, stack: bool, add: bool) -> Option<String> {
    if !crate::paths::is_service_name(service) {
        return Some(format!("`{service}' cannot be a name"));
    }
    match (stack, add) {
        (true, _) if !levels.exists(service) => Some(format!("`{service}' is not a valid runlevel")),
        (true, _) if matches!(service, SYSINIT | BOOT) => {
            Some(format!("cannot stack the {service} runlevel: it is part of all others"))
        }
        (false, true) if !exists(paths, service) => Some(format!("service `{service}' does not exist")),
        (false, true) if !can_run(paths, service) => Some(format!("service `{service}' is not executable")),
        _ => None,
    }
}

fn add_one(paths: &Paths, service: &str, level: &str, stack: bool) -> io::Result<()> {
    if stack && service == level {
        ewarn(&format!("rc-update: cannot stack `{level}' into itself; skipping"));
        return Ok(());
    }
    let what = if stack { "runlevel" } else { "service" };
    let added = if stack { runlevel::stack(paths, level, service)? } else { runlevel::add(paths, level, service)? };
    if added {
        einfo(&format!("{what} {service} added to runlevel {level}"));
    } else {
        ewarn(&format!("rc-update: {service} already installed in runlevel `{level}'; skipping"));
    }
    Ok(())
}

fn remove_one(paths: &Paths, levels: &Levels, service: &str, level: &str, stack: bool) -> io::Result<bool> {
    let held = levels
        .0
        .get(level)
        .is_some_and(|l| if stack { l.stacks.contains(service) } else { l.services.contains(service) });
    if held && runlevel::remove(paths, level, service)? {
        let what = if stack { "runlevel" } else { "service" };
        einfo(&format!("{what} {service} removed from runlevel {level}"));
        return Ok(true);
    }
    Ok(false)
}

fn fail(problem: &str) -> u8 {
    eerror(&format!("rc-update: {problem}"));
    1
}
