//! Listening, a bounded pool of workers, and the end of the service.
//!
//! Two limits keep the memory bounded: so many connections are served at once, so many more
//! wait; the next is told that the service is busy. While connections wait, silent ones end.

use std::collections::VecDeque;
use std::io::{self, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::os::fd::OwnedFd;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use sys::{Blocked, SIGINT, SIGTERM};

use crate::conn::{self, Watch};
use crate::http::Response;

const WORKERS: usize = 32;
const WAITING: usize = 64;
const STACK: usize = 64 * 1024;
const BUSY: Response = Response::error(503, "all workers are busy; try again\n");

type Connection = (TcpStream, SocketAddr);

/// What the threads share.
#[derive(Default)]
struct State {
    ending: AtomicBool,
    waiting: Mutex<VecDeque<Connection>>,
    changed: Condvar,
}

impl State {
    fn ending(&self) -> bool {
        self.ending.load(Ordering::Acquire)
    }

    fn waiting(&self) -> MutexGuard<'_, VecDeque<Connection>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Queues a connection, or gives it back when too many wait.
    fn push(&self, connection: Connection) -> Result<(), Connection> {
        let mut waiting = self.waiting();
        if waiting.len() >= WAITING {
            return Err(connection);
        }
        waiting.push_back(connection);
        self.changed.notify_one();
        Ok(())
    }

    /// The next connection, or `None` when the service ends and nobody waits any more.
    fn pop(&self) -> Option<Connection> {
        let mut waiting = self.waiting();
        loop {
            if let Some(connection) = waiting.pop_front() {
                return Some(connection);
            }
            if self.ending() {
                return None;
            }
            waiting = self.changed.wait(waiting).unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn end(&self) {
        // Under the lock, so that no worker can miss it between looking and waiting.
        let _waiting = self.waiting();
        self.ending.store(true, Ordering::Release);
        self.changed.notify_all();
    }
}

impl Watch for State {
    fn hurry(&self) -> bool {
        self.ending() || !self.waiting().is_empty()
    }

    fn log(&self, line: &str) {
        log(line);
    }
}

/// Serves until SIGTERM or SIGINT; returns after the last open request was answered.
pub fn run(listener: TcpListener) -> io::Result<()> {
    // There is no signal handler: the signals are blocked in every thread and one thread waits for them. That also works as process 1
    // of a container, to which the kernel delivers no signal that is left at its default action, unless it is blocked.
    let blocked = Blocked::block(&[SIGINT, SIGTERM])?;
    let state = Arc::new(State::default());
    let ender = Ender { state: Arc::clone(&state), listener: listener.try_clone()? };
    log(&format!("listening on {}\n", listener.local_addr()?));
    // Never joined: it ends with the process.
    let _waiter = spawn(move || match blocked.wait() {
        Ok(SIGINT) => ender.end("SIGINT"),
        Ok(_) => ender.end("SIGTERM"),
        Err(error) => ender.end(&error.to_string()),
    })?;
    accept(&listener, &state)
}

/// Gives each connection to a worker; ends the workers after the listener was shut down.
fn accept(listener: &TcpListener, state: &Arc<State>) -> io::Result<()> {
    let worker = || {
        let state = Arc::clone(state);
        spawn(move || work(&state))
    };
    let workers = (0..WORKERS).map(|_| worker()).collect::<io::Result<Vec<_>>>()?;
    while !state.ending() {
        match listener.accept() {
            Ok(connection) => state.push(connection).unwrap_or_else(refuse),
            Err(_) if state.ending() => break,
            // No descriptor or memory left, or the client has gone: others may still come.
            Err(error) => {
                log(&format!("cannot accept a connection: {error}\n"));
                thread::sleep(Duration::from_millis(100));
            }
        }
    }
    for worker in workers {
        // A worker cannot panic its way here: a panic ends the process.
        let _ended = worker.join();
    }
    log("ended\n");
    Ok(())
}

fn work(state: &State) {
    while let Some((stream, peer)) = state.pop() {
        // What fails here is the client's connection, which ends either way.
        let _ended = conn::serve(stream, peer, state);
    }
}

fn refuse((mut stream, peer): Connection) {
    // Must not wait: this is the thread that accepts.
    let sent = stream.set_nonblocking(true).and_then(|()| conn::send(&mut stream, &BUSY, false, false));
    let untold = if sent.is_ok() { "" } else { " (untold)" };
    log(&format!("{peer} refused, all workers are busy{untold}\n"));
}

/// Ends the service from another thread.
struct Ender {
    state: Arc<State>,
    listener: TcpListener,
}

impl Ender {
    fn end(self, why: &str) {
        log(&format!("ending: {why}\n"));
        self.state.end();
        // std has no way to wake a thread out of `accept`, but the kernel has: shutting the
        // socket down. The method for it belongs to streams.
        let socket = TcpStream::from(OwnedFd::from(self.listener));
        if let Err(error) = socket.shutdown(Shutdown::Both) {
            log(&format!("cannot shut the listener down: {error}\n"));
        }
    }
}

fn spawn<F: FnOnce() + Send + 'static>(body: F) -> io::Result<thread::JoinHandle<()>> {
    thread::Builder::new().stack_size(STACK).spawn(body)
}

/// Writes a line to standard output. A service whose log nobody reads keeps serving.
fn log(line: &str) {
    let _written = io::stdout().lock().write_all(line.as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read;

    fn get(address: SocketAddr, path: &str) -> String {
        let mut stream = TcpStream::connect(address).unwrap();
        write!(stream, "GET {path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").unwrap();
        let mut text = String::new();
        stream.read_to_string(&mut text).unwrap();
        text
    }

    #[test]
    fn serves_many_and_ends_when_told() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let state = Arc::new(State::default());
        let ender = Ender { state: Arc::clone(&state), listener: listener.try_clone().unwrap() };
        let server = thread::spawn(move || accept(&listener, &state));

        let clients: Vec<_> = (0..50).map(|_| thread::spawn(move || get(address, "/healthz"))).collect();
        for client in clients {
            let text = client.join().unwrap();
            assert!(text.starts_with("HTTP/1.1 200 OK\r\n") && text.ends_with("\r\n\r\nok\n"));
        }
        // A silent connection does not hold the end up.
        let _silent = TcpStream::connect(address).unwrap();
        thread::sleep(Duration::from_millis(50));
        let start = std::time::Instant::now();
        ender.end("the test");
        server.join().unwrap().unwrap();
        assert!(start.elapsed() < Duration::from_secs(2));
        assert!(TcpStream::connect(address).is_err());
    }

    #[test]
    fn the_queue_is_bounded_and_drained_before_the_end() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let connection = || (TcpStream::connect(address).unwrap(), address);
        let state = State::default();
        assert!((0..WAITING).all(|_| state.push(connection()).is_ok()));
        assert!(state.push(connection()).is_err() && state.hurry());
        state.end();
        assert!((0..WAITING).all(|_| state.pop().is_some()));
        assert!(state.pop().is_none());
    }

    #[test]
    fn more_connections_than_places_are_told_so() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let mut client = TcpStream::connect(address).unwrap();
        refuse(listener.accept().unwrap());
        let mut text = String::new();
        client.read_to_string(&mut text).unwrap();
        assert!(text.starts_with("HTTP/1.1 503 Service Unavailable\r\n"), "{text}");
        assert!(text.contains("\r\nConnection: close\r\n"));
    }
}
