//! Conversations over a real socket with [`super::serve`].

use super::*;
use std::net::TcpListener;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

#[derive(Default)]
struct Seen {
    hurry: AtomicBool,
    log: Mutex<String>,
}

impl Watch for Seen {
    fn hurry(&self) -> bool {
        self.hurry.load(Ordering::Relaxed)
    }

    fn log(&self, line: &str) {
        self.log.lock().unwrap().push_str(line);
    }
}

/// Sends the parts with a pause after each, and returns everything that comes back, and the log.
fn talk(parts: &[&[u8]], pause: Duration, hurry: bool) -> (String, String) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let mut client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let (server, peer) = listener.accept().unwrap();
    let seen = Seen { hurry: AtomicBool::new(hurry), ..Seen::default() };
    let mut text = Vec::new();
    thread::scope(|scope| {
        scope.spawn(|| serve(server, peer, &seen));
        for part in parts {
            if client.write_all(part).is_err() {
                break; // the server had enough
            }
            thread::sleep(pause);
        }
        client.shutdown(Shutdown::Write).ok();
        client.read_to_end(&mut text).unwrap();
    });
    let log = seen.log.into_inner().unwrap();
    (String::from_utf8(text).unwrap(), log)
}

fn at_once(parts: &[&[u8]]) -> (String, String) {
    talk(parts, Duration::ZERO, false)
}

fn statuses(text: &str) -> Vec<&str> {
    text.split("HTTP/1.1 ").skip(1).map(|rest| &rest[..3]).collect()
}

#[test]
fn pipelined_requests_are_answered_in_order() {
    let (text, log) = at_once(&[
        b"GET / HTTP/1.1\r\nHost: a\r\n\r\nHEAD /version HTTP/1.1\r\nHost: a\r\n\r\n",
        b"GET /none HTTP/1.1\r\nHost: a\r\n\r\nPUT / HTTP/1.1\r\nHost: a\r\n\r\n",
    ]);
    assert_eq!(statuses(&text), ["200", "200", "404", "405"]);
    assert_eq!(log.lines().count(), 4);
    assert!(log.contains("\"GET /none HTTP/1.1\" 404 "), "{log}");
}

#[test]
fn a_head_may_come_in_pieces() {
    let head = b"GET /healthz HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
    let parts: Vec<&[u8]> = head.chunks(7).collect();
    let (text, _) = talk(&parts, Duration::from_millis(5), false);
    assert_eq!(statuses(&text), ["200"]);
    assert!(text.ends_with("\r\n\r\nok\n"), "{text}");
}

#[test]
fn nothing_follows_a_request_with_content() {
    let smuggled = b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n";
    let (text, _) = at_once(&[smuggled]);
    assert_eq!(statuses(&text), ["405"]);
    assert!(text.contains("Connection: close"), "{text}");
}

#[test]
fn a_malformed_request_ends_the_connection() {
    let (text, log) = at_once(&[b"nonsense\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n"]);
    assert_eq!(statuses(&text), ["400"]);
    assert!(log.contains("\"\" 400 "), "{log}");
}

#[test]
fn a_refused_client_still_gets_its_answer() {
    // Much more than the limit, sent in one go: the answer must not be lost to a reset.
    let mut head = b"GET / HTTP/1.1\r\nHost: a\r\nX: ".to_vec();
    head.resize(48 * 1024, b'a');
    assert_eq!(statuses(&at_once(&[&head]).0), ["431"]);
    let line = vec![b'a'; 40 * 1024];
    assert_eq!(statuses(&at_once(&[&line]).0), ["414"]);
}

#[test]
fn a_slow_client_is_cut_off() {
    let start = Instant::now();
    let parts: Vec<&[u8]> = vec![b"G"; 60];
    let (text, _) = talk(&parts, Duration::from_millis(100), false);
    assert_eq!(statuses(&text), ["408"]);
    assert!(start.elapsed() < HEAD_TIME + Duration::from_secs(3));
}

#[test]
fn a_silent_client_leaves_without_an_answer() {
    assert_eq!(at_once(&[b""]).0, "");
}

#[test]
fn connections_end_when_others_wait() {
    let two = b"GET / HTTP/1.1\r\nHost: a\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n";
    let (text, _) = talk(&[two], Duration::ZERO, true);
    assert_eq!(statuses(&text), ["200"]);
    assert!(text.contains("Connection: close"), "{text}");
}

#[test]
fn a_connection_has_a_last_request() {
    let one: &[u8] = b"GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n";
    let (text, _) = at_once(&vec![one; MAX_REQUESTS + 1]);
    assert_eq!(statuses(&text).len(), MAX_REQUESTS);
    assert_eq!(text.matches("Connection: close").count(), 1);
}

#[test]
fn log_lines_hold_no_control_characters() {
    let peer = "192.0.2.1:5".parse().unwrap();
    let line = log_line(peer, "GET /\u{1b}[2J\"", &Response::ok("x"));
    assert_eq!(line, "192.0.2.1:5 \"GET /\\x1b[2J\\\"\" 200 1\n");
}
