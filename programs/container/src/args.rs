//! Parses the command line into a request.

use std::path::PathBuf;

use base::options;
use lexopt::{Arg, Parser, ValueExt as _};

use crate::digest::Digest;
use crate::problem::{Outcome, Problem, problem};
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

impl From<lexopt::Error> for Problem {
    fn from(error: lexopt::Error) -> Self {
        Self(options::wrong(&error, USAGE))
    }
}

/// Parses the command line.
pub fn read(mut parser: Parser) -> Outcome<Request> {
    use lexopt::prelude::*;
    let command = match parser.next()? {
        Some(Value(command)) => command.string()?,
        Some(Long("help") | Short('h')) | None => "help".to_owned(),
        Some(other) => return Err(other.unexpected().into()),
    };
    let mut container = || operand(&mut parser, "container").map_err(Problem::from).and_then(name);
    let request = match command.as_str() {
        "run" => return run(parser),
        "ps" => Request::Ps,
        "images" => Request::Images,
        "monitor" => Request::Monitor(container()?),
        "stop" => Request::Stop(container()?),
        "logs" => Request::Logs(container()?),
        "rm" => Request::Rm(container()?),
        "rmi" => Request::Rmi(Digest::parse(&operand(&mut parser, "image")?)?),
        "help" => Request::Help,
        other => return Err(lexopt::Error::from(format!("unknown command `{other}`")).into()),
    };
    parser.next()?.map_or(Ok(request), |more| Err(more.unexpected().into()))
}

/// The word after a command; `what` it names.
fn operand(parser: &mut Parser, what: &str) -> Result<String, lexopt::Error> {
    match parser.next()? {
        Some(Arg::Value(word)) => word.string(),
        Some(option) => Err(option.unexpected()),
        None => Err(format!("no {what} given").into()),
    }
}

fn run(mut parser: Parser) -> Outcome<Request> {
    use lexopt::prelude::*;
    let options = RunOptions { limits: true, ..RunOptions::default() };
    let mut run = Run { detach: false, image: PathBuf::new(), digest: None, seccomp: None, options };
    while let Some(arg) = parser.next()? {
        match arg {
            Short('d') => run.detach = true,
            Long("allow-root") => run.options.allow_root = true,
            Long("no-limits") => run.options.limits = false,
            Long("name") => run.options.name = name(parser.value()?.string()?)?,
            Long("digest") => run.digest = Some(Digest::parse(&parser.value()?.string()?)?),
            Long("user") => run.options.user = Some(parser.value()?.string()?),
            Long("env") => run.options.env.push(parser.value()?.string()?),
            Long("seccomp") => run.seccomp = Some(parser.value()?.into()),
            Long("network") => match parser.value()?.string()?.as_str() {
                "none" => run.options.host_network = false,
                "host" => run.options.host_network = true,
                other => return problem(format!("--network is `none` or `host`, not `{other}`")),
            },
            Long("privileged") => return problem("--privileged is not supported, on purpose"),
            Value(image) => {
                run.image = image.into();
                run.options.command = parser.raw_args()?.map(ValueExt::string).collect::<Result<_, _>>()?;
            }
            other => return Err(other.unexpected().into()),
        }
    }
    if run.image.as_os_str().is_empty() {
        return Err(lexopt::Error::from("no image given").into());
    }
    if run.options.name.is_empty() {
        let stem = run.image.file_stem().unwrap_or_default().to_string_lossy().to_ascii_lowercase();
        let plain: String =
            stem.chars().filter(|letter| letter.is_ascii_alphanumeric() || *letter == '-').take(40).collect();
        run.options.name =
            name(plain).or_else(|_| problem("add --name NAME: the image's file name cannot be used as one"))?;
    }
    Ok(Request::Run(Box::new(run)))
}

/// Names become directories and control groups: lower-case letters, digits and hyphens, beginning with a letter or
/// digit.
fn name(word: String) -> Outcome<String> {
    let plain = |letter: char| letter.is_ascii_lowercase() || letter.is_ascii_digit() || letter == '-';
    if word.is_empty() || word.len() > 40 || word.starts_with('-') || !word.chars().all(plain) {
        return problem(format!("invalid name `{word:.60}`: use at most 40 lower-case letters, digits and hyphens"));
    }
    Ok(word)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_line(line: &str) -> Outcome<Request> {
        read(Parser::from_args(line.split_whitespace()))
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
