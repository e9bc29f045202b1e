//! Parses the command line into a request.

use std::path::PathBuf;

use crate::digest::Digest;
use crate::problem::{Outcome, problem};
use crate::spec::RunOptions;

/// Printed for `--help`, and after a command line with a mistake.
pub const USAGE: &str = "\
usage: container run [-d] [OPTION…] IMAGE [COMMAND…]   IMAGE: an OCI layout directory, or a tar archive of one
       container ps | images
       container stop|logs|rm NAME
       container rmi DIGEST
options of run: --name NAME, --digest sha256:…, --user USER[:GROUP], --allow-root, --env KEY=VALUE,
  --network none|host, --no-limits (where there are no control groups of version 2), --seccomp FILE";

/// A command.
#[derive(Debug)]
pub enum Request {
    /// Start a container.
    Run(Box<Run>),
    /// Supervise a container; `run -d` starts this.
    Monitor(String),
    /// List containers.
    Ps,
    /// List unpacked images.
    Images,
    /// Stop a container.
    Stop(String),
    /// Print a container's log.
    Logs(String),
    /// Remove a stopped container.
    Rm(String),
    /// Remove an unpacked image.
    Rmi(Digest),
    /// Print the usage.
    Help,
}

/// `run`, as given.
#[derive(Debug)]
pub struct Run {
    /// Run in the background.
    pub detach: bool,
    /// Layout or archive.
    pub image: PathBuf,
    /// The expected digest of the image.
    pub digest: Option<Digest>,
    /// The list of system calls, if not the default one.
    pub seccomp: Option<PathBuf>,
    /// Options for the runtime's configuration.
    pub options: RunOptions,
}

/// Parses the words after the program's name.
pub fn read(mut words: impl Iterator<Item = String>) -> Outcome<Request> {
    let request = match words.next().as_deref() {
        Some("run") => return run(words),
        Some("ps") => Request::Ps,
        Some("images") => Request::Images,
        Some("monitor") => Request::Monitor(name(words.next())?),
        Some("stop") => Request::Stop(name(words.next())?),
        Some("logs") => Request::Logs(name(words.next())?),
        Some("rm") => Request::Rm(name(words.next())?),
        Some("rmi") => Request::Rmi(digest(words.next())?),
        Some("help" | "--help" | "-h") | None => Request::Help,
        Some(other) => return problem(format!("unknown command `{other}`\n{USAGE}")),
    };
    match words.next() {
        None => Ok(request),
        Some(word) => problem(format!("unexpected argument `{word}`\n{USAGE}")),
    }
}

fn run(mut words: impl Iterator<Item = String>) -> Outcome<Request> {
    let options = RunOptions { limits: true, ..RunOptions::default() };
    let mut run = Run { detach: false, image: PathBuf::new(), digest: None, seccomp: None, options };
    while let Some(word) = words.next() {
        let mut value = || words.next().map_or_else(|| problem(format!("{word} needs a value\n{USAGE}")), Ok);
        match word.as_str() {
            "-d" => run.detach = true,
            "--allow-root" => run.options.allow_root = true,
            "--no-limits" => run.options.limits = false,
            "--name" => run.options.name = name(Some(value()?))?,
            "--digest" => run.digest = Some(digest(Some(value()?))?),
            "--user" => run.options.user = Some(value()?),
            "--env" => run.options.env.push(value()?),
            "--seccomp" => run.seccomp = Some(value()?.into()),
            "--network" => match value()?.as_str() {
                "none" => run.options.host_network = false,
                "host" => run.options.host_network = true,
                other => return problem(format!("--network is `none` or `host`, not `{other}`")),
            },
            "--privileged" => return problem("--privileged is not supported, on purpose"),
            option if option.starts_with('-') => return problem(format!("unknown option `{option}`\n{USAGE}")),
            image => {
                run.image = image.into();
                run.options.command = words.by_ref().collect();
            }
        }
    }
    if run.image.as_os_str().is_empty() {
        return problem(format!("no image given\n{USAGE}"));
    }
    if run.options.name.is_empty() {
        let stem = run.image.file_stem().unwrap_or_default().to_string_lossy().to_ascii_lowercase();
        let plain: String =
            stem.chars().filter(|letter| letter.is_ascii_alphanumeric() || *letter == '-').take(40).collect();
        run.options.name =
            name(Some(plain)).or_else(|_| problem("add --name NAME: the image's file name cannot be used as one"))?;
    }
    Ok(Request::Run(Box::new(run)))
}

/// Names become directories and control groups: lower-case letters, digits and hyphens, beginning with a letter or
/// digit.
fn name(word: Option<String>) -> Outcome<String> {
    let Some(word) = word else { return problem(format!("no container given\n{USAGE}")) };
    let plain = |letter: char| letter.is_ascii_lowercase() || letter.is_ascii_digit() || letter == '-';
    if word.is_empty() || word.len() > 40 || word.starts_with('-') || !word.chars().all(plain) {
        return problem(format!("invalid name `{word:.60}`: use at most 40 lower-case letters, digits and hyphens"));
    }
    Ok(word)
}

/// As `container images` prints it.
fn digest(word: Option<String>) -> Outcome<Digest> {
    word.map_or_else(|| problem(format!("no image given\n{USAGE}")), |word| Digest::parse(&word))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_line(line: &str) -> Outcome<Request> {
        read(line.split_whitespace().map(str::to_owned))
    }

    #[test]
    fn options_end_at_the_image() {
        let Request::Run(run) = read_line("run -d --user 7:8 /srv/Hello.tar serve --name x").unwrap() else { panic!() };
        assert_eq!((run.detach, run.options.name.as_str(), run.options.user.as_deref()), (true, "hello", Some("7:8")));
        assert_eq!(run.options.command, ["serve", "--name", "x"]);
    }

    #[test]
    fn what_is_refused() {
        for line in [
            "run",
            "run --privileged a",
            "run --volume /:/x a",
            "run --cap SYS_ADMIN a",
            "stop",
            "stop ../x",
            "rm .crun",
            "run --name A a",
            "ps x",
            "exec a",
            "run --network bridge a",
            "logs -x",
            "rmi",
            "rmi ../x",
            "rmi sha256:../../run",
            "run --digest sha256:0 a",
            "run --digest a",
        ] {
            assert!(read_line(line).is_err(), "{line}");
        }
    }
}
