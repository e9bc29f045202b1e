//! `doctor`: what this machine lacks, each with the command that brings it.

use anyhow::Result;
use ashlar_core::model::hosttools::{Distro, ToolFinding};
use camino::Utf8PathBuf;
use serde::Serialize;

use crate::app::App;
use crate::exit::Exit;
use crate::host::fetch::Limits;
use crate::host::store::Store;
use crate::host::tools::probe::{self, Probe, Status};
use crate::host::tools::{self, Found};

/// Everything that was looked at. As JSON: one object; fields as here.
#[derive(Debug, Serialize)]
struct Health {
    /// The family of the distribution, when known.
    distro: Option<Distro>,
    /// One entry a tool.
    tools: Vec<ToolLine>,
    /// One entry a thing tried.
    probes: Vec<Probe>,
    /// The command that installs what is missing or too old, when something is.
    install: Option<String>,
    /// How many entries are problems: builds cannot work.
    problems: usize,
}

/// One tool.
#[derive(Debug, Serialize)]
struct ToolLine {
    name: &'static str,
    status: Status,
    /// `ok`, `missing`, `too old`, `version unknown`.
    state: &'static str,
    found: Option<String>,
    minimum: Option<&'static str>,
    path: Option<Utf8PathBuf>,
    needed_for: String,
    purpose: &'static str,
}

/// Prints the table (or JSON) on standard output. The exit code says whether builds can work here.
pub fn run(app: &App) -> Result<Exit> {
    let health = examine(app)?;
    app.reporter.show(&health, || render(&health));
    Ok(if health.problems == 0 { Exit::Good } else { Exit::Host })
}

fn examine(app: &App) -> Result<Health> {
    let distro = tools::distro()?;
    let survey = tools::survey();
    let store = match &app.global.store {
        Some(store) => store.clone(),
        None => Store::default_root()?,
    };
    let mut probes = Vec::new();
    // Without runc the line of the tool says all there is to say.
    if tools::find("runc").is_some() {
        probes.push(probe::container());
    }
    probes.extend([probe::disk(&store), probe::memory()]);
    if !app.global.offline {
        let seconds = std::time::Duration::from_secs;
        probes.push(probe::mirror(Limits { connect: seconds(3), stall: seconds(5), ..Limits::default() }));
    }
    let lacking: Vec<&Found> = survey.iter().filter(|found| found.is_lacking()).collect();
    let install = (!lacking.is_empty()).then(|| tools::advice(distro, lacking.iter().map(|found| found.tool)));
    let root = tools::is_root();
    let tools: Vec<ToolLine> = survey.iter().map(|found| line(found, root)).collect();
    let statuses = tools.iter().map(|tool| tool.status).chain(probes.iter().map(|probe| probe.status));
    let problems = statuses.filter(|status| *status == Status::Problem).count();
    Ok(Health { distro, tools, probes, install, problems })
}

fn line(found: &Found, root: bool) -> ToolLine {
    let Found { tool, finding, version, paths } = found;
    let status = match finding {
        ToolFinding::Good => Status::Ok,
        ToolFinding::Missing | ToolFinding::Old if tool.need.is_essential(root) => Status::Problem,
        _ => Status::Warning,
    };
    let state = match finding {
        ToolFinding::Good => "ok",
        ToolFinding::Unknown => "version unknown",
        ToolFinding::Old => "too old",
        ToolFinding::Missing => "missing",
    };
    ToolLine {
        name: tool.name,
        status,
        state,
        found: version.as_ref().map(ToString::to_string),
        minimum: tool.look.minimum(),
        path: paths.first().cloned(),
        needed_for: tool.need.to_string(),
        purpose: tool.purpose,
    }
}

fn word(status: Status) -> &'static str {
    match status {
        Status::Ok => "ok",
        Status::Warning => "warning",
        Status::Problem => "PROBLEM",
    }
}

fn render(health: &Health) -> String {
    let mut out = format!("{:8} {:19} {:16} {:8} {}\n", "", "tool", "found", "minimum", "needed for");
    for tool in &health.tools {
        let found = match (&tool.found, tool.state) {
            (Some(version), "too old") => format!("{version} too old"),
            (Some(version), _) => version.clone(),
            (None, "ok") => "yes".to_owned(),
            (None, state) => state.to_owned(),
        };
        let minimum = tool.minimum.unwrap_or("any");
        let (status, name) = (word(tool.status), tool.name);
        out.push_str(&format!("{status:8} {name:19} {found:16} {minimum:8} {} ({})\n", tool.needed_for, tool.purpose));
    }
    out.push('\n');
    for Probe { name, status, detail, remedy } in &health.probes {
        // What a program printed may have several lines: they stay below their heading.
        let detail = detail.replace('\n', "\n           ");
        out.push_str(&format!("{:8} {name}: {detail}\n", word(*status)));
        if let Some(remedy) = remedy {
            out.push_str(&format!("         help: {remedy}\n"));
        }
    }
    if let Some(install) = &health.install {
        out.push_str(&format!("\ninstall what is missing (or let `cargo xtask setup` do it):\n  {install}\n"));
    }
    let warnings = health.tools.iter().map(|tool| tool.status).chain(health.probes.iter().map(|probe| probe.status));
    let warnings = warnings.filter(|status| *status == Status::Warning).count();
    out.push_str(&match (health.problems, warnings) {
        (0, 0) => "\neverything works here\n".to_owned(),
        (0, warnings) => format!("\nbuilds work here; warnings: {warnings}\n"),
        (problems, warnings) => format!("\nbuilds cannot work here; problems: {problems}, warnings: {warnings}\n"),
    });
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tool(status: Status, state: &'static str, found: Option<&str>) -> ToolLine {
        ToolLine {
            name: "buildah",
            status,
            state,
            found: found.map(str::to_owned),
            minimum: Some("1.23"),
            path: None,
            needed_for: "every build".to_owned(),
            purpose: "running build steps without network",
        }
    }

    #[test]
    fn the_table_says_what_where_why_and_what_to_do() {
        let probe = Probe {
            name: "room on disk",
            status: Status::Warning,
            detail: "first\nsecond".to_owned(),
            remedy: Some("make room".to_owned()),
        };
        let mut health = Health {
            distro: Some(Distro::Debian),
            tools: vec![
                tool(Status::Ok, "ok", Some("1.28.2")),
                tool(Status::Problem, "too old", Some("1.19.6")),
                tool(Status::Problem, "missing", None),
            ],
            probes: vec![probe],
            install: Some("apt-get install buildah".to_owned()),
            problems: 2,
        };
        let text = render(&health);
        for line in [
            "ok       buildah             1.28.2           1.23     every build (running build steps without network)",
            "PROBLEM  buildah             1.19.6 too old   1.23     every build (running build steps without network)",
            "PROBLEM  buildah             missing          1.23     every build (running build steps without network)",
            "warning  room on disk: first",
            "           second",
            "         help: make room",
            "  apt-get install buildah",
            "builds cannot work here; problems: 2, warnings: 1",
        ] {
            assert!(text.lines().any(|found| found == line), "{line}\nis not in\n{text}");
        }
        health.problems = 0;
        assert!(render(&health).ends_with("builds work here; warnings: 1\n"));
        let json = serde_json::to_value(&health).unwrap();
        assert_eq!(json["distro"], "debian");
        assert_eq!(json["tools"][1]["state"], "too old");
        assert_eq!(json["probes"][0]["status"], "warning");
    }
}
