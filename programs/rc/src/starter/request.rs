//! A request to the starter: to bytes and back, and its validation. No effects, except [`Request::validate`], which
//! resolves the path of a script.

use crate::paths::{Paths, is_service_name};
use std::path::Path;

/// The largest request.
pub const MAX_BYTES: usize = 64 * 1024;

/// Programs that change services.
const PROGRAMS: [&str; 3] = ["openrc", "rc-service", "openrc-run"];

/// Variables that are transferred: verbosity, colours, and rc's own options. None of them names a file or a program.
const VARIABLES: [&str; 14] = [
    "COLUMNS",
    "EERROR_QUIET",
    "EINFO_COLOR",
    "EINFO_QUIET",
    "EINFO_VERBOSE",
    "IN_BACKGROUND",
    "IN_DRYRUN",
    "IN_HOTPLUG",
    "NO_COLOR",
    "RC_DEBUG",
    "RC_GOINGDOWN",
    "RC_NOCOLOR",
    "RC_REBOOT",
    "TERM",
];

/// A command line of rc.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// Name of the program, and its arguments.
    pub words: Vec<String>,
    /// Name and value of each variable.
    pub variables: Vec<(String, String)>,
}

impl Request {
    /// A command with the caller's transferred variables.
    pub fn new(program: &str, args: &[String], environment: impl Iterator<Item = (String, String)>) -> Request {
        let words = std::iter::once(program.to_owned()).chain(args.iter().cloned()).collect();
        Request { words, variables: environment.filter(|(name, value)| goes_over(name, value)).collect() }
    }

    /// Encodes it: number of words, then words and `NAME=VALUE`, each followed by NUL.
    pub fn to_bytes(&self) -> Result<Vec<u8>, String> {
        let variables = self.variables.iter().map(|(name, value)| format!("{name}={value}"));
        let mut bytes = format!("{}\0", self.words.len()).into_bytes();
        for text in self.words.iter().cloned().chain(variables) {
            if text.contains('\0') {
                return Err("an argument contains a NUL".to_owned());
            }
            bytes.extend_from_slice(text.as_bytes());
            bytes.push(0);
        }
        if bytes.len() > MAX_BYTES {
            return Err(format!("the command line is too long; {MAX_BYTES} bytes go over"));
        }
        Ok(bytes)
    }

    /// Decodes it; anything else is an error.
    pub fn from_bytes(bytes: &[u8]) -> Result<Request, String> {
        let text = std::str::from_utf8(bytes).map_err(|_| "the words are not UTF-8")?;
        let mut texts = text.strip_suffix('\0').ok_or("the request is cut off")?.split('\0').map(str::to_owned);
        let count: usize = texts.next().and_then(|count| count.parse().ok()).ok_or("the number of words is missing")?;
        let words: Vec<String> = texts.by_ref().take(count).collect();
        if words.len() < count || count == 0 {
            return Err("words are missing".to_owned());
        }
        let variable = |text: String| text.split_once('=').map(|(name, value)| (name.to_owned(), value.to_owned()));
        let variables = texts.map(variable).collect::<Option<Vec<_>>>().ok_or("a variable has no value")?;
        Ok(Request { words, variables })
    }

    /// Whether this may run: a program that changes services, with transferable variables, and only with a service's
    /// script.
    pub fn validate(&self, paths: &Paths) -> Result<(), String> {
        if let Some((name, _)) = self.variables.iter().find(|(name, value)| !goes_over(name, value)) {
            return Err(format!("the variable {name} does not go over"));
        }
        match self.words.split_first() {
            Some((program, args)) if program == "openrc-run" => {
                let script = crate::service::options::script_of(args).ok_or("no script given")?;
                if is_service_script(paths, Path::new(&script)) {
                    return Ok(());
                }
                Err(format!("`{script}` is not a script in {}", paths.init_d.display()))
            }
            Some((program, _)) if PROGRAMS.contains(&program.as_str()) => Ok(()),
            _ => Err(format!("{:?} does not change services", self.words.first())),
        }
    }
}

fn goes_over(name: &str, value: &str) -> bool {
    VARIABLES.contains(&name) && value.len() <= 64 && !value.chars().any(char::is_control)
}

/// Whether a path leads to a file in /etc/init.d itself, however it is written.
fn is_service_script(paths: &Paths, path: &Path) -> bool {
    let (Ok(found), Ok(home)) = (path.canonicalize(), paths.init_d.canonicalize()) else { return false };
    let name = found.file_name().and_then(|name| name.to_str());
    path.is_absolute() && found.parent() == Some(&home) && name.is_some_and(is_service_name) && found.is_file()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing;

    fn words(text: &str) -> Vec<String> {
        text.split(' ').map(str::to_owned).collect()
    }

    #[test]
    fn there_and_back() {
        let environment = [("TERM", "xterm"), ("RC_TEST_ROOT", "/home/ada"), ("LD_PRELOAD", "x"), ("RC_DEBUG", "a\nb")];
        let environment = environment.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let request = Request::new("rc-service", &words("sshd restart"), environment.into_iter());
        assert_eq!(request.variables, [("TERM".to_owned(), "xterm".to_owned())]);
        assert_eq!(Request::from_bytes(&request.to_bytes().unwrap()), Ok(request));
        assert!(Request::new("openrc", &["a\0b".to_owned()], std::iter::empty()).to_bytes().is_err());
        assert!(Request::new("openrc", &["a".repeat(MAX_BYTES)], std::iter::empty()).to_bytes().is_err());
    }

    /// Requests of a hostile caller, and which of them run without a login UID.
    #[test]
    fn only_services_are_started() {
        let root = testkit::TempDir::new("rc-starter");
        let paths = Paths::below(&root, true);
        std::fs::create_dir_all(&paths.init_d).unwrap();
        std::fs::create_dir_all(root.join("home")).unwrap();
        for file in ["etc/init.d/sshd", "etc/passwd", "home/x"] {
            std::fs::write(root.join(file), "#!/sbin/openrc-run\n").unwrap();
        }
        std::os::unix::fs::symlink(root.join("home/x"), paths.init_d.join("link")).unwrap();
        let at = |path: &str| root.join(path).to_str().unwrap().to_owned();
        let is_valid = |words: &[&str]| {
            let words = words.iter().map(|word| (*word).to_owned()).collect();
            Request { words, variables: Vec::new() }.validate(&paths).is_ok()
        };
        assert!(is_valid(&["openrc", "default"]) && is_valid(&["rc-service", "sshd", "restart"]));
        assert!(is_valid(&["openrc-run", "--nodeps", &at("etc/init.d/sshd"), "start"]));
        for script in ["home/x", "etc/init.d/../../home/x", "etc/passwd", "etc/init.d", "etc/init.d/link", "none"] {
            assert!(!is_valid(&["openrc-run", &at(script), "start"]), "{script}");
        }
        // An option's value is not the script, though it comes first.
        assert!(!is_valid(&["openrc-run", "-l", &at("etc/init.d/sshd"), &at("home/x"), "start"]));
        for program in ["sh", "start-stop-daemon", "supervise-daemon", "/usr/bin/openrc", "rc", ""] {
            assert!(!is_valid(&[program, "x"]), "{program}");
        }
        assert!(!is_valid(&["openrc-run"]) && !is_valid(&[]));
        let variables = vec![("RC_TEST_ROOT".to_owned(), "/home".to_owned())];
        assert!(Request { words: words("openrc default"), variables }.validate(&paths).is_err());
    }

    #[test]
    fn no_bytes_make_the_reader_panic() {
        let paths = Paths::below(Path::new("/none"), true);
        testing::for_texts(|text| {
            let text = text.replace("\\", "\0");
            for bytes in [text.clone(), format!("{text}\0"), format!("2\0{text}\0")] {
                if let Ok(request) = Request::from_bytes(bytes.as_bytes()) {
                    assert!(!request.words.is_empty());
                    // A decoded request encodes to the same bytes, or is too long or contains a NUL.
                    if let Ok(again) = request.to_bytes() {
                        assert_eq!(Request::from_bytes(&again), Ok(request.clone()));
                    }
                    drop(request.validate(&paths));
                }
            }
        });
    }
}
