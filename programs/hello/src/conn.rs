//! One connection: read a head within limits and a deadline, answer, go on or end.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::time::{Duration, Instant, SystemTime};

use crate::http::{self, MAX_HEAD, Method, Response};
use crate::{date, route};

/// The time a client has for a whole head, however slowly it sends.
const HEAD_TIME: Duration = Duration::from_secs(5);
/// How long a connection may stay silent between two requests.
const IDLE_TIME: Duration = Duration::from_secs(5);
/// The time the network has to take a response.
const WRITE_TIME: Duration = Duration::from_secs(5);
/// How often a silent connection looks whether the service is about to end.
const LOOK: Duration = Duration::from_millis(200);
/// After so many requests a connection ends, so that others get their turn.
const MAX_REQUESTS: usize = 100;
/// How long, and for how many bytes, a refused client may still talk.
const LINGER_TIME: Duration = Duration::from_secs(1);
const LINGER_BYTES: usize = 64 * 1024;

const TIMEOUT: Response = Response::error(408, "the request did not arrive in time\n");

/// What a connection asks of the server it belongs to.
pub trait Watch {
    /// Whether silent connections should end now: at shutdown, or when others wait.
    fn hurry(&self) -> bool;
    /// One request was answered.
    fn log(&self, line: &str);
}

/// How reading a head ended.
#[derive(Debug, PartialEq, Eq)]
enum Head {
    /// So many bytes of the buffer are a head.
    Complete(usize),
    /// The client said nothing (more); there is nothing to answer.
    Gone,
    /// Over a limit: the answer, after which the connection ends.
    Refused(Response),
}

/// Serves a connection to its end. Errors are those of the connection; nobody hears them.
pub fn serve(mut stream: TcpStream, peer: SocketAddr, watch: &dyn Watch) -> io::Result<()> {
    stream.set_nodelay(true)?;
    stream.set_write_timeout(Some(WRITE_TIME))?;
    let mut buffer = Vec::with_capacity(1024);
    for turn in 1..=MAX_REQUESTS {
        let head = match read_head(&mut stream, &mut buffer, watch)? {
            Head::Gone => return Ok(()),
            Head::Complete(length) => length,
            Head::Refused(response) => {
                send(&mut stream, &response, false, false)?;
                watch.log(&log_line(peer, "", &response));
                return linger(&mut stream);
            }
        };
        let keep_alive = turn < MAX_REQUESTS && !watch.hurry();
        let goes_on = answer(&mut stream, peer, &buffer[..head], keep_alive, watch)?;
        if !goes_on {
            return linger(&mut stream);
        }
        buffer.drain(..head);
    }
    Ok(())
}

/// Answers one head; says whether the connection goes on.
fn answer(
    stream: &mut TcpStream,
    peer: SocketAddr,
    head: &[u8],
    keep_alive: bool,
    watch: &dyn Watch,
) -> io::Result<bool> {
    let (response, line, head_only, keep_alive) = match http::parse(head) {
        Ok(request) => {
            (route::respond(&request), request.line, request.method == Method::Head, keep_alive && request.keep_alive)
        }
        Err(response) => (response, "", false, false),
    };
    let sent = send(stream, &response, head_only, keep_alive);
    watch.log(&log_line(peer, line, &response));
    sent.map(|()| keep_alive)
}

/// Reads until `buffer` starts with a complete head. Bytes of a next request may follow it.
fn read_head(stream: &mut TcpStream, buffer: &mut Vec<u8>, watch: &dyn Watch) -> io::Result<Head> {
    let start = Instant::now();
    let mut first_byte = if buffer.is_empty() { None } else { Some(start) };
    let mut chunk = [0; 2048];
    loop {
        match http::head_length(buffer) {
            Ok(Some(length)) => return Ok(Head::Complete(length)),
            Ok(None) => {}
            Err(response) => return Ok(Head::Refused(response)),
        }
        let end = first_byte.map_or(start + IDLE_TIME, |first| first + HEAD_TIME);
        let left = end.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Ok(if buffer.is_empty() { Head::Gone } else { Head::Refused(TIMEOUT) });
        }
        stream.set_read_timeout(Some(left.min(LOOK)))?;
        let room = chunk.len().min(MAX_HEAD - buffer.len());
        match stream.read(&mut chunk[..room]) {
            Ok(0) => return Ok(Head::Gone),
            Ok(count) => {
                first_byte.get_or_insert_with(Instant::now);
                buffer.extend_from_slice(&chunk[..count]);
            }
            Err(error) if is_timeout(&error) => {
                if buffer.is_empty() && watch.hurry() {
                    return Ok(Head::Gone);
                }
            }
            Err(error) => return Err(error),
        }
    }
}

/// Sends a response in one write.
pub fn send(stream: &mut TcpStream, response: &Response, head_only: bool, keep_alive: bool) -> io::Result<()> {
    let now = SystemTime::UNIX_EPOCH.elapsed().unwrap_or_default();
    let date = date::imf_fixdate(now.as_secs());
    stream.write_all(&response.bytes(&date, head_only, keep_alive))
}

/// Ends a connection whose client may still be sending. Closing at once would make the
/// kernel send a reset, which can take the response away from the client.
fn linger(stream: &mut TcpStream) -> io::Result<()> {
    stream.shutdown(Shutdown::Write)?;
    let end = Instant::now() + LINGER_TIME;
    let mut chunk = [0; 2048];
    let mut total = 0;
    while total < LINGER_BYTES {
        let left = end.saturating_duration_since(Instant::now());
        if left.is_zero() {
            break;
        }
        stream.set_read_timeout(Some(left))?;
        match stream.read(&mut chunk)? {
            0 => break,
            count => total += count,
        }
    }
    Ok(())
}

fn is_timeout(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut | ErrorKind::Interrupted)
}

/// `PEER "REQUEST LINE" STATUS LENGTH`, with everything unusual in the line escaped.
fn log_line(peer: SocketAddr, line: &str, response: &Response) -> String {
    let line = line.as_bytes().escape_ascii();
    format!("{peer} \"{line}\" {} {}\n", response.status, response.body.len())
}

#[cfg(test)]
#[path = "conn_tests.rs"]
mod tests;
