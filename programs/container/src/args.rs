//! The command line: words in, a request out.

use std::path::PathBuf;

use crate::digest::Digest;
use crate::problem::{Outcome, problem};
use crate::spec::Asked;

/// Shown for `--help`, and after a command line that cannot be read.
pub const USAGE: &str = "\
usage: container run [-d] [OPTION…] IMAGE [COMMAND…]   IMAGE: an OCI layout directory, or a tar archive of one
       container ps | images
       container stop|logs|rm NAME
       container rmi DIGEST
options of run: --name NAME, --digest sha256:…, --user USER[:GROUP], --allow-root, --env KEY=VALUE,
  --network none|host, --no-limits (where there are no control groups of version 2), --seccomp FILE";

/// What to do.
#[derive(Debug)]
pub enum Request {
    /// Start one.
    Run(Box<Run>),
    /// Supervise one; started by `run -d`.
    Monitor(String),
    /// List containers.
    Ps,
    /// List unpacked images.
    Images,
    /// End one.
    Stop(String),
    /// What it printed.
    Logs(String),
    /// Forget one that has ended.
    Rm(String),
    /// Remove an unpacked image.
    Rmi(Digest),
    /// Print the usage.
    Help,
}

/// `run`, as written.
#[derive(Debug)]
pub struct Run {
    /// Leave it running.
    pub detach: bool,
    /// Layout or archive.
    pub image: PathBuf,
    /// The image's digest, if only that one is meant.
    pub digest: Option<Digest>,
    /// The list of system calls, if not the system's.
    pub seccomp: Option<PathBuf>,
    /// What goes into the configuration.
    pub asked: Asked,
}

/// Reads the words behind the program's name.
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
        Some(other) => return problem(format!("there is no command `{other}`\n{USAGE}")),
    };
    match words.next() {
        None => Ok(request),
        Some(word) => problem(format!("`{word}` is one word too many\n{USAGE}")),
    }
}

fn run(mut words: impl Iterator<Item = String>) -> Outcome<Request> {
    let asked = Asked { limits: true, ..Asked::default() };
    let mut run = Run { detach: false, image: PathBuf::new(), digest: None, seccomp: None, asked };
    while let Some(word) = words.next() {
        let mut value = || words.next().map_or_else(|| problem(format!("{word} wants a value behind it\n{USAGE}")), Ok);
        match word.as_str() {
            "-d" => run.detach = true,
            "--allow-root" => run.asked.allow_root = true,
            "--no-limits" => run.asked.limits = false,
            "--name" => run.asked.name = name(Some(value()?))?,
            "--digest" => run.digest = Some(digest(Some(value()?))?),
            "--user" => run.asked.user = Some(value()?),
            "--env" => run.asked.env.push(value()?),
            "--seccomp" => run.seccomp = Some(value()?.into()),
            "--network" => match value()?.as_str() {
                "none" => run.asked.host_network = false,
                "host" => run.asked.host_network = true,
                other => return problem(format!("--network is `none` or `host`, not `{other}`")),
            },
            "--privileged" => return problem("there are no privileged containers here, on purpose"),
            option if option.starts_with('-') => return problem(format!("there is no option `{option}`\n{USAGE}")),
            image => {
                run.image = image.into();
                run.asked.command = words.by_ref().collect();
            }
        }
    }
    if run.image.as_os_str().is_empty() {
        return problem(format!("which image?\n{USAGE}"));
    }
    if run.asked.name.is_empty() {
        let stem = run.image.file_stem().unwrap_or_default().to_string_lossy().to_ascii_lowercase();
        let plain: String =
            stem.chars().filter(|letter| letter.is_ascii_alphanumeric() || *letter == '-').take(40).collect();
        run.asked.name = name(Some(plain)).or_else(|_| problem("say --name NAME: the image's file name gives none"))?;
    }
    Ok(Request::Run(Box::new(run)))
}

/// Names are directories and control groups: small letters, digits and dashes, beginning with a letter or digit.
fn name(word: Option<String>) -> Outcome<String> {
    let Some(word) = word else { return problem(format!("which container?\n{USAGE}")) };
    let plain = |letter: char| letter.is_ascii_lowercase() || letter.is_ascii_digit() || letter == '-';
    if word.is_empty() || word.len() > 40 || word.starts_with('-') || !word.chars().all(plain) {
        return problem(format!("`{word:.60}` is no name: small letters, digits and dashes, at most 40"));
    }
    Ok(word)
}

/// As `container images` prints it.
fn digest(word: Option<String>) -> Outcome<Digest> {
    word.map_or_else(|| problem(format!("which image?\n{USAGE}")), |word| Digest::parse(&word))
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
        assert_eq!((run.detach, run.asked.name.as_str(), run.asked.user.as_deref()), (true, "hello", Some("7:8")));
        assert_eq!(run.asked.command, ["serve", "--name", "x"]);
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
