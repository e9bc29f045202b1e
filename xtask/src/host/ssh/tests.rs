//! The banner against servers of our own; the client where the host has one.

use super::*;
use std::io::Write as _;
use std::net::TcpStream;

const LONG: Duration = Duration::from_secs(20);

fn client(port: u16, dir: &tempfile::TempDir) -> SshClient {
    let scratch = Utf8PathBuf::from_path_buf(dir.path().to_owned()).unwrap();
    let file = |name: &str| scratch.join(name);
    // A packet was sent, and none that shows an address.
    fs_err::write(file("guest.pcap"), [0; 60]).unwrap();
    let access = Access { port, key: file("k"), strange_key: file("s"), known_hosts: file("h"), control: file("c") };
    SshClient::through(access, &scratch, RetryPolicy::SPARING)
}

/// A server that treats each connection as `serve` says, for as long as the test lives.
fn server(serve: impl Fn(usize, TcpStream) + Send + 'static) -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for (number, stream) in listener.incoming().flatten().enumerate() {
            serve(number, stream);
        }
    });
    port
}

fn perform(client: &SshClient, task: &Task, limit: Duration) -> Result<Vec<Answer>, String> {
    client.perform(task, Instant::now(), Instant::now() + limit, &AtomicBool::new(false))
}

#[test]
fn waits_for_the_banner_and_not_for_a_connection() {
    let dir = tempfile::tempdir().unwrap();
    // As QEMU does while the guest starts: accepted and closed, accepted and left alone; then a server.
    let kept = std::sync::Mutex::new(Vec::new());
    let port = server(move |number, mut stream| match number {
        0 | 1 => drop(stream),
        2 => kept.lock().unwrap().push(stream),
        _ => {
            stream.write_all(b"SSH-2.0-").unwrap();
            std::thread::sleep(Duration::from_millis(60));
            stream.write_all(b"Test_1\r\n").unwrap();
        }
    });
    let client = client(port, &dir);
    fs_err::write(&client.access.known_hosts, "of the last start").unwrap();
    let answers = perform(&client, &Task::Banner, LONG).unwrap();
    assert_eq!(answers[0].text, "SSH-2.0-Test_1");
    assert!(!client.access.known_hosts.exists());
}

#[test]
fn a_key_that_the_machine_was_given_is_known_before_the_first_connection_and_after_the_next_start() {
    let dir = tempfile::tempdir().unwrap();
    let port = server(move |_, mut stream| stream.write_all(b"SSH-2.0-Test_1\r\n").unwrap());
    let client = client(port, &dir);
    let key = client.host_key().unwrap().clone();
    assert!(key.private.starts_with("-----BEGIN OPENSSH PRIVATE KEY-----\n"));
    let known = format!("[127.0.0.1]:{port} {}\n", key.public.rsplit_once(" ashlar").unwrap().0);
    assert_eq!(fs_err::read_to_string(&client.access.known_hosts).unwrap(), known);
    assert_eq!(client.host_key().unwrap(), &key);
    perform(&client, &Task::Banner, LONG).unwrap();
    assert_eq!(fs_err::read_to_string(&client.access.known_hosts).unwrap(), known);
}

#[test]
fn silence_is_heard() {
    let dir = tempfile::tempdir().unwrap();
    let lasting = Duration::from_millis(300);
    let silence = Task::Silence { lasting };
    let nobody = client(free_port().unwrap(), &dir);
    assert_eq!(perform(&nobody, &silence, LONG).unwrap()[0].text, "silence");
    let port = server(|_, mut stream| stream.write_all(b"SSH-2.0-x\n").unwrap());
    assert_eq!(perform(&client(port, &dir), &silence, LONG).unwrap()[0].text, "SSH-2.0-x");
}

#[test]
fn a_banner_that_never_comes_is_late_and_a_cancelled_wait_ends() {
    let dir = tempfile::tempdir().unwrap();
    let nobody = client(free_port().unwrap(), &dir);
    assert_eq!(perform(&nobody, &Task::Banner, Duration::from_millis(200)), Err("nothing greeted".to_owned()));
    let started = Instant::now();
    let cancelled = AtomicBool::new(true);
    assert!(nobody.perform(&Task::Banner, started, started + LONG, &cancelled).is_err());
    assert!(started.elapsed() < LONG / 2);
}

#[test]
fn commands_against_nobody_end_in_time() {
    if crate::host::tools::find(ssh::SSH).is_none() {
        testkit::skip!("there is no SSH client here");
    }
    let dir = tempfile::tempdir().unwrap();
    let nobody = client(free_port().unwrap(), &dir);
    let task = Task::Commands { user: "admin".to_owned(), commands: vec!["true".to_owned()] };
    let error = perform(&nobody, &task, Duration::from_secs(2)).unwrap_err();
    assert!(error.contains("no connection in time") && error.contains("Connection refused"), "{error}");
}

#[test]
fn keys_are_made_for_each_machine() {
    if crate::host::tools::find(ssh::KEYGEN).is_none() {
        testkit::skip!("there is no ssh-keygen here");
    }
    let dir = tempfile::tempdir().unwrap();
    let scratch = Utf8PathBuf::from_path_buf(dir.path().to_owned()).unwrap();
    let client = SshClient::make(Some(2222), &scratch).unwrap();
    assert!(client.public_key().unwrap().starts_with("ssh-ed25519 AAAA"));
    assert_eq!(client.port(), 2222);
    assert!(client.for_person("dev", &[]).to_string().contains("-p 2222 dev@127.0.0.1"));
}
