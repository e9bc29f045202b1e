//! `hello`: a small HTTP service that runs alone in a `FROM scratch` image.
//!
//! It needs no file, no capability and no particular
//! user, and stops in an orderly way on SIGTERM, also as process 1 of a container.
//!
//! * [`http`]: bytes to a request, a response to bytes; pure.
//! * [`route`]: which response belongs to which request; pure.
//! * [`date`]: the `Date` field; pure.
//! * [`conn`]: one connection: reading with limits and a deadline, keep-alive.
//! * [`server`]: listening, a bounded pool of workers, the end.

mod conn;
mod date;
mod http;
mod route;
mod server;

use std::env;
use std::io::Write;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener};
use std::process::ExitCode;

const PORT: u16 = 8080;

const USAGE: &str = "\
usage: hello [ADDRESS:PORT]

Serves HTTP on ADDRESS:PORT, on $ASHLAR_LISTEN when no argument is given,
or on port 8080 of every interface. SIGTERM and SIGINT stop it.

  -h, --help       print this text
  -V, --version    print the version

paths: /  /healthz  /version
";

/// What the command line and the environment ask for.
#[derive(Debug, PartialEq, Eq)]
enum Ask {
    Help,
    Version,
    /// Listen here, or on the default addresses.
    Serve(Option<SocketAddr>),
    /// A usage error, with the text that explains it.
    Wrong(String),
}

fn main() -> ExitCode {
    let listen = env::var("ASHLAR_LISTEN").ok().filter(|text| !text.is_empty());
    match ask(env::args().skip(1), listen) {
        Ask::Help => say(USAGE),
        Ask::Version => say(route::VERSION),
        Ask::Serve(address) => serve(address),
        Ask::Wrong(text) => fail(&text, 2),
    }
}

/// Decides what to do. An argument has precedence over the environment.
fn ask(mut args: impl Iterator<Item = String>, listen: Option<String>) -> Ask {
    let (first, rest) = (args.next(), args.next());
    if let Some(extra) = rest {
        return Ask::Wrong(format!("unexpected argument `{extra}`; see `hello --help`"));
    }
    match first.as_deref() {
        Some("-h" | "--help") => Ask::Help,
        Some("-V" | "--version") => Ask::Version,
        Some(option) if option.starts_with('-') => Ask::Wrong(format!("unknown option `{option}`; see `hello --help`")),
        Some(text) => address(text, "the argument"),
        None => listen.map_or(Ask::Serve(None), |text| address(&text, "ASHLAR_LISTEN")),
    }
}

/// Parses a numeric address; names are not resolved, so no resolver is linked in.
fn address(text: &str, origin: &str) -> Ask {
    match text.parse() {
        Ok(address) => Ask::Serve(Some(address)),
        Err(_) => Ask::Wrong(format!(
            "{origin} is `{text}`, which is not an address with a port; \
             write it like `127.0.0.1:8080` or `[::]:8080`"
        )),
    }
}

fn serve(address: Option<SocketAddr>) -> ExitCode {
    let listener = match bind(address) {
        Ok(listener) => listener,
        Err(text) => return fail(&text, 1),
    };
    match server::run(listener) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => fail(&format!("cannot serve: {error}"), 1),
    }
}

/// Binds the address asked for; by default all of IPv6 and IPv4, or IPv4 alone where the
/// kernel has no IPv6.
fn bind(address: Option<SocketAddr>) -> Result<TcpListener, String> {
    let defaults = [SocketAddr::from((Ipv6Addr::UNSPECIFIED, PORT)), SocketAddr::from((Ipv4Addr::UNSPECIFIED, PORT))];
    let candidates = address.as_ref().map_or(&defaults[..], std::slice::from_ref);
    let mut tried = Vec::new();
    for candidate in candidates {
        match TcpListener::bind(candidate) {
            Ok(listener) => return Ok(listener),
            Err(error) => tried.push(format!("{candidate}: {error}")),
        }
    }
    Err(format!(
        "cannot listen on {}; choose another address with `hello ADDRESS:PORT` or ASHLAR_LISTEN",
        tried.join(", ")
    ))
}

fn say(text: &str) -> ExitCode {
    match std::io::stdout().write_all(text.as_bytes()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}

fn fail(text: &str, code: u8) -> ExitCode {
    // Without standard error there is no one to tell.
    let _told = writeln!(std::io::stderr(), "hello: {text}");
    ExitCode::from(code)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(args: &[&str], listen: Option<&str>) -> Ask {
        ask(args.iter().map(|arg| (*arg).to_owned()), listen.map(str::to_owned))
    }

    #[test]
    fn argument_wins_over_environment_wins_over_default() {
        let one: SocketAddr = "127.0.0.1:1".parse().unwrap();
        let two: SocketAddr = "[::1]:2".parse().unwrap();
        assert_eq!(asked(&["127.0.0.1:1"], Some("[::1]:2")), Ask::Serve(Some(one)));
        assert_eq!(asked(&[], Some("[::1]:2")), Ask::Serve(Some(two)));
        assert_eq!(asked(&[], None), Ask::Serve(None));
    }

    #[test]
    fn options() {
        assert_eq!(asked(&["--help"], None), Ask::Help);
        assert_eq!(asked(&["-V"], None), Ask::Version);
    }

    #[test]
    fn usage_errors_say_where_the_value_came_from() {
        for (args, listen, part) in [
            (&["localhost:80"][..], None, "the argument is `localhost:80`"),
            (&[], Some("8080"), "ASHLAR_LISTEN is `8080`"),
            (&["127.0.0.1:1", "x"], None, "unexpected argument `x`"),
            (&["-p"], None, "unknown option `-p`"),
        ] {
            match asked(args, listen) {
                Ask::Wrong(text) => assert!(text.contains(part), "{text}"),
                other => panic!("{other:?}"),
            }
        }
    }

    #[test]
    fn a_taken_port_is_named() {
        let taken = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = taken.local_addr().unwrap();
        let text = bind(Some(address)).unwrap_err();
        assert!(text.contains(&address.to_string()) && text.contains("ASHLAR_LISTEN"), "{text}");
    }
}
