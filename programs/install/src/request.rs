//! The command line.

use base::options;
use lexopt::Parser;

/// One line about it.
pub const USAGE: &str = "usage: ashlar-install [--disk NAME] [--overwrite] [--image FILE] [--passphrase-file FILE] [--erase NAME] [--key-memory MIB] [--print-plan] | --list | --help";

/// All of it.
pub const HELP: &str = "
  --disk NAME             the disk, as --list names it; otherwise it is asked for
  --overwrite             take a disk that has something on it
  --image FILE            install this image, not that of the medium that was started
  --passphrase-file FILE  the first line of FILE, or of standard input for `-`, opens the state; otherwise it is asked for
  --erase NAME            do not ask for the disk's name and for the recovery key: what is on NAME may be lost
  --key-memory MIB        memory that opening the state takes; otherwise a quarter of the machine's, at most 256
  --print-plan            say what would be done, and do nothing
  --list                  the disks of this machine

Exit status: 0 done, 1 an effect failed, 2 the command line is wrong, 4 refused, with every reason.
";

/// What is asked for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Request {
    /// The disk's name.
    pub disk: Option<String>,
    /// A disk with something on it is fine.
    pub overwrite: bool,
    /// An image in a file.
    pub image: Option<String>,
    /// Where the passphrase comes from.
    pub passphrase_file: Option<String>,
    /// The disk's name, given instead of typed.
    pub erase: Option<String>,
    /// Kibibytes that opening the state takes.
    pub key_memory: Option<u64>,
    /// Only print the plan.
    pub print_plan: bool,
    /// Only list the disks.
    pub list: bool,
    /// Only print the help.
    pub help: bool,
}

/// Reads it.
pub fn parse(parser: Parser) -> Result<Request, String> {
    words(parser).map_err(|error| options::wrong(&error, USAGE))
}

fn words(mut parser: Parser) -> Result<Request, lexopt::Error> {
    use lexopt::prelude::*;
    let mut request = Request::default();
    while let Some(word) = parser.next()? {
        match word {
            Long("disk") => request.disk = Some(name(parser.value()?.string()?)),
            Long("erase") => request.erase = Some(name(parser.value()?.string()?)),
            Long("image") => request.image = Some(parser.value()?.string()?),
            Long("passphrase-file") => request.passphrase_file = Some(parser.value()?.string()?),
            Long("key-memory") => {
                let mib: u64 = parser.value()?.parse().map_err(|_| "--key-memory needs a number of mebibytes")?;
                request.key_memory = Some(mib * 1024);
            }
            Long("overwrite") => request.overwrite = true,
            Long("print-plan") => request.print_plan = true,
            Long("list") => request.list = true,
            Long("help") | Short('h') => request.help = true,
            other => return Err(other.unexpected()),
        }
    }
    if request.erase.is_some() && request.erase != request.disk {
        return Err("--erase must name the same disk as --disk".into());
    }
    Ok(request)
}

/// `/dev/vda` is `vda`.
fn name(text: String) -> String {
    text.strip_prefix("/dev/").map(str::to_owned).unwrap_or(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(line: &str) -> Result<Request, String> {
        parse(Parser::from_args(line.split_whitespace()))
    }

    #[test]
    fn a_disk_is_named_with_and_without_its_directory() {
        let request = read("--disk /dev/vda --erase vda --key-memory 8").unwrap();
        assert_eq!((request.disk.as_deref(), request.erase.as_deref()), (Some("vda"), Some("vda")));
        assert_eq!(request.key_memory, Some(8192));
    }

    #[test]
    fn what_is_wrong_is_said() {
        for (line, what) in [
            ("--disk vda --erase vdb", "--erase must name the same disk as --disk"),
            ("--erase vda", "--erase must name the same disk as --disk"),
            ("--key-memory x", "--key-memory needs a number of mebibytes"),
            ("vda", "unexpected argument `vda`"),
        ] {
            let said = read(line).unwrap_err();
            assert!(said.starts_with(what), "{line}: {said}");
        }
    }
}
