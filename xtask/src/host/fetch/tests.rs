//! Small servers on the loopback interface, each wrong in one way.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::Mutex;
use std::time::Duration;

use ashlar_core::base::digest::Digest;
use camino::{Utf8Path, Utf8PathBuf};

use super::*;
use crate::host::mirror::Origin;

#[derive(Default)]
struct Log(Mutex<Vec<String>>);

impl FetchEvents for Log {
    fn progress(&self, _: &str, _: u64, _: Option<u64>) {}
    fn note(&self, text: &str) {
        guard(&self.0).push(text.to_owned());
    }
    fn done(&self, label: &str, bytes: u64) {
        guard(&self.0).push(format!("done {label} {bytes}"));
    }
}

impl Log {
    fn all(&self) -> String {
        guard(&self.0).join("\n")
    }
}

/// A server that answers each connection with `answer(number of the connection, start of the range asked for)`.
fn serve(answer: impl Fn(usize, Option<usize>, &mut TcpStream) + Send + 'static) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/file", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for (number, stream) in listener.incoming().enumerate() {
            let mut stream = stream.unwrap();
            let mut range = None;
            for line in BufReader::new(stream.try_clone().unwrap()).lines() {
                let line = line.unwrap().to_ascii_lowercase();
                if let Some(value) = line.strip_prefix("range: bytes=") {
                    range = value.trim_end_matches('-').parse().ok();
                }
                if line.is_empty() {
                    break;
                }
            }
            answer(number, range, &mut stream);
        }
    });
    url
}

/// Writes a head with the `length` it claims, then `body`. The client may have gone away: that is its business.
fn reply(stream: &mut TcpStream, status: &str, extra: &str, length: usize, body: &[u8]) {
    let head = format!("HTTP/1.1 {status}\r\nContent-Length: {length}\r\nConnection: close\r\n{extra}\r\n");
    drop(stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(body)));
}

const BODY: &[u8] = b"the very bytes that were pinned";

fn good() -> String {
    serve(|_, range, stream| match range {
        None => reply(stream, "200 OK", "", BODY.len(), BODY),
        Some(from) => {
            let extra = format!("Content-Range: bytes {from}-{}/{}\r\n", BODY.len() - 1, BODY.len());
            reply(stream, "206 Partial Content", &extra, BODY.len() - from, &BODY[from..]);
        }
    })
}

fn refused() -> String {
    // Bound and let go: nothing listens there now.
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    format!("http://127.0.0.1:{port}/file")
}

struct Bench {
    _guard: tempfile::TempDir,
    store: Utf8PathBuf,
    log: Log,
}

impl Bench {
    fn new() -> Self {
        let guard = tempfile::tempdir().unwrap();
        let store = Utf8Path::from_path(guard.path()).unwrap().to_owned();
        Self { _guard: guard, store, log: Log::default() }
    }

    fn fetcher(&self, offline: bool) -> Fetcher<'_> {
        let limits = Limits { connect: Duration::from_millis(500), stall: Duration::from_millis(300), file: 1 << 20 };
        Fetcher::with_limits(&self.store, Mirrors::default(), offline, &self.log, limits).unwrap()
    }

    fn fetch(&self, urls: &[&str]) -> Result<Vec<Utf8PathBuf>> {
        self.fetcher(false).fetch(&[wanted(urls)])
    }

    fn partial(&self) -> Utf8PathBuf {
        self.store.join("distfiles/partial").join(Digest::of(BODY).to_string())
    }

    /// Fetches, expects the right bytes, and gives what was noted.
    fn gets(&self, urls: &[&str]) -> String {
        let paths = self.fetch(urls).unwrap();
        assert_eq!(fs_err::read(&paths[0]).unwrap(), BODY);
        assert!(!self.partial().exists());
        self.log.all()
    }

    fn fails(&self, urls: &[&str]) -> String {
        let error = self.fetch(urls).unwrap_err().to_string();
        assert!(error.starts_with("1 file could not be fetched\nx.tar"), "{error}");
        error
    }
}

fn wanted(urls: &[&str]) -> Wanted {
    let locations = urls.iter().map(|&url| Location { origin: Origin::Upstream, url: url.to_owned() }).collect();
    Wanted { label: "x.tar".into(), sha256: Digest::of(BODY), size: None, locations }
}

#[test]
fn fetches_once() {
    let bench = Bench::new();
    assert_eq!(bench.gets(&[&good()]), format!("done x.tar {}", BODY.len()));
    // The second time the store has it: no location is needed, not even a network.
    bench.fetcher(true).fetch(&[wanted(&[])]).unwrap();
}

#[test]
fn goes_on_to_the_next_location_and_lists_all() {
    let missing = serve(|_, _, stream| reply(stream, "404 Not Found", "", 0, b""));
    let wrong = serve(|_, _, stream| reply(stream, "200 OK", "", 4, b"evil"));
    let bench = Bench::new();
    let error = bench.fails(&[&refused(), &missing, &wrong]);
    assert!(error.contains("no connection: Connection refused"), "{error}");
    assert!(error.contains("HTTP 404 Not Found"), "{error}");
    let (expected, found) = (Digest::of(BODY), Digest::of("evil"));
    assert!(error.contains(&format!("wrong bytes: expected sha256 {expected}, found {found} (4 bytes)")), "{error}");
    assert!(error.contains("help: check the network") && error.contains("ASHLAR_DEBIAN_MIRROR"), "{error}");
    let notes = bench.gets(&[&refused(), &missing, &wrong, &good()]);
    assert!(notes.contains("trying the next location"), "{notes}");
}

#[test]
fn resumes_a_truncated_body_at_the_same_location() {
    let url = serve(|number, range, stream| match (number, range) {
        (0, None) => reply(stream, "200 OK", "", BODY.len(), &BODY[..10]),
        (_, Some(10)) => {
            let extra = format!("Content-Range: bytes 10-{}/{}\r\n", BODY.len() - 1, BODY.len());
            reply(stream, "206 Partial Content", &extra, BODY.len() - 10, &BODY[10..]);
        }
        other => panic!("unexpected request {other:?}"),
    });
    let notes = Bench::new().gets(&[&url]);
    assert!(notes.contains("broke off after 10 of 31 bytes") && notes.contains("going on at byte 10"), "{notes}");
}

#[test]
fn keeps_what_came_for_the_next_run() {
    let truncated = serve(|_, range, stream| match range {
        None => reply(stream, "200 OK", "", BODY.len(), &BODY[..10]),
        Some(_) => reply(stream, "503 Service Unavailable", "", 0, b""),
    });
    let bench = Bench::new();
    assert!(bench.fails(&[&truncated]).contains("HTTP 503"));
    assert_eq!(fs_err::read(bench.partial()).unwrap(), &BODY[..10]);
    let only_the_rest = serve(|_, range, stream| {
        let from = range.expect("the download must go on, not begin again");
        let extra = format!("Content-Range: bytes {from}-{}/{}\r\n", BODY.len() - 1, BODY.len());
        reply(stream, "206 Partial Content", &extra, BODY.len() - from, &BODY[from..]);
    });
    bench.gets(&[&only_the_rest]);
}

#[test]
fn a_server_that_ignores_ranges_starts_again() {
    let bench = Bench::new();
    bench.fetcher(false);
    fs_err::write(bench.partial(), &BODY[..10]).unwrap();
    let url = serve(|_, range, stream| {
        assert_eq!(range, Some(10));
        reply(stream, "200 OK", "", BODY.len(), BODY);
    });
    bench.gets(&[&url]);
}

#[test]
fn a_range_that_cannot_be_had_starts_again() {
    let bench = Bench::new();
    bench.fetcher(false);
    fs_err::write(bench.partial(), [7; 500]).unwrap();
    let url = serve(|_, range, stream| match range {
        Some(500) => reply(stream, "416 Range Not Satisfiable", "", 0, b""),
        _ => reply(stream, "200 OK", "", BODY.len(), BODY),
    });
    bench.gets(&[&url]);
}

#[test]
fn a_bad_beginning_is_dropped_and_fetched_whole() {
    let bench = Bench::new();
    bench.fetcher(false);
    fs_err::write(bench.partial(), b"garbage").unwrap();
    bench.gets(&[&good()]);
}

#[test]
fn a_beginning_longer_than_the_file_is_dropped() {
    let bench = Bench::new();
    let fetcher = bench.fetcher(false);
    fs_err::write(bench.partial(), [7; 500]).unwrap();
    let file = Wanted { size: Some(BODY.len() as u64), ..wanted(&[&good()]) };
    fetcher.fetch(&[file]).unwrap();
}

#[test]
fn a_known_size_shows_a_wrong_file_before_it_is_read() {
    let bench = Bench::new();
    let file = Wanted { size: Some(5), ..wanted(&[&good()]) };
    let error = bench.fetcher(false).fetch(&[file]).unwrap_err().to_string();
    assert!(error.contains("wrong bytes: expected 5 bytes, it has 31"), "{error}");
}

#[test]
fn a_stalled_server_is_left() {
    let slow = serve(|_, _, stream| {
        reply(stream, "200 OK", "", BODY.len(), &BODY[..5]);
        std::thread::sleep(Duration::from_secs(3));
    });
    let started = std::time::Instant::now();
    let notes = Bench::new().gets(&[&slow, &good()]);
    assert!(notes.contains("broke off after 5 of 31 bytes"), "{notes}");
    assert!(started.elapsed() < Duration::from_secs(3));
}

#[test]
fn a_host_without_connection_is_asked_once() {
    let bench = Bench::new();
    let url = refused();
    let other = Wanted { sha256: Digest::of("other"), label: "y.tar".into(), ..wanted(&[&url, &url]) };
    let error = bench.fetcher(false).fetch(&[other]).unwrap_err().to_string();
    assert!(error.contains("Connection refused (os error 111) (not asked again)"), "{error}");
}

#[test]
fn offline_names_what_is_missing() {
    let bench = Bench::new();
    let both = [wanted(&[&good()]), Wanted { sha256: Digest::of("2"), label: "y.tar".into(), ..wanted(&[]) }];
    let error = bench.fetcher(true).fetch(&both).unwrap_err().to_string();
    assert!(error.starts_with("2 files could not be fetched\nx.tar (sha256"), "{error}");
    assert!(error.contains("`--offline` forbids downloads") && error.contains("cargo xtask fetch --all"), "{error}");
    assert!(bench.fetcher(true).unpinned_text(&[]).unwrap_err().to_string().contains("--offline"));
}

#[test]
fn a_damaged_file_in_the_store_is_fetched_again() {
    let bench = Bench::new();
    let path = bench.fetcher(false).path(&Digest::of(BODY));
    let mut flipped = BODY.to_vec();
    flipped[3] ^= 1;
    fs_err::write(&path, flipped).unwrap();
    let notes = bench.gets(&[&good()]);
    assert!(notes.contains("was damaged") && notes.contains(&Digest::of(BODY).to_string()), "{notes}");
}

#[test]
fn trouble_with_our_own_disk_ends_the_work() {
    let full = format!("{:#}", download::disk(std::io::ErrorKind::StorageFull.into()));
    assert!(full.contains("disk that holds the store is full") && full.contains("ASHLAR_STORE"), "{full}");
    let bench = Bench::new();
    bench.fetcher(false);
    fs_err::create_dir(bench.partial()).unwrap();
    let error = format!("{:#}", bench.fetch(&[&good()]).unwrap_err());
    assert!(error.starts_with("fetching x.tar: ") && error.contains("partial"), "{error}");
}

#[test]
fn unpinned_texts_come_from_the_first_that_answers() {
    let bench = Bench::new();
    let at = |url: String| Location { origin: Origin::Pool, url };
    let fetcher = bench.fetcher(false);
    let (text, location) = fetcher.unpinned_text(&[at(refused()), at(good())]).unwrap();
    assert_eq!(text.as_bytes(), BODY);
    assert!(location.url.ends_with("/file"));
    let error = fetcher.unpinned_text(&[at(refused())]).unwrap_err().to_string();
    assert!(error.contains("no location answered\n  Debian mirror http://127.0.0.1"), "{error}");
}

#[test]
fn pins_what_a_location_has() {
    let bench = Bench::new();
    let at = |url: String| Location { origin: Origin::Upstream, url };
    let fetcher = bench.fetcher(false);
    let (digest, location) = fetcher.pin("x.tar", &[at(refused()), at(good())]).unwrap();
    assert_eq!((digest, location.url.starts_with("http://127.0.0.1")), (Digest::of(BODY), true));
    assert_eq!(fs_err::read(fetcher.path(&digest)).unwrap(), BODY);
    let error = fetcher.pin("x.tar", &[at(refused())]).unwrap_err().to_string();
    assert!(error.contains("x.tar could not be fetched\n  upstream http"), "{error}");
}

/// A location that never comes to an end, with or without a length: it is left at the limit, and nothing of it is kept.
#[test]
fn an_endless_answer_is_left_at_the_limit() {
    let endless = |head: &'static str| {
        serve(move |_, _, stream| {
            let sent = stream.write_all(head.as_bytes());
            drop(sent.and_then(|()| (0..2000).try_for_each(|_| stream.write_all(&[b'x'; 4096]))));
        })
    };
    let plain = endless("HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n");
    let long = endless("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 8192000\r\n\r\n");
    let bench = Bench::new();
    for url in [&plain, &long] {
        let error = bench.fetch(&[url]).unwrap_err().to_string();
        assert!(
            error.contains("wrong bytes: more than 1048576 bytes") && error.contains("raise FILE_LIMIT"),
            "{error}"
        );
        assert_eq!(bench.partial().metadata().map_or(0, |meta| meta.len()), 0);
        let location = Location { origin: Origin::Upstream, url: url.clone() };
        let error = bench.fetcher(false).pin("x", &[location]).unwrap_err().to_string();
        assert!(error.contains("more than 1048576 bytes"), "{error}");
    }
    let exact = Wanted { size: Some(BODY.len() as u64), ..wanted(&[&plain]) };
    let error = bench.fetcher(false).fetch(&[exact]).unwrap_err().to_string();
    assert!(error.contains("wrong bytes: expected 31 bytes, and more come"), "{error}");
    // The next location is asked, and nothing of the first one's is taken for a beginning.
    assert_eq!(Bench::new().gets(&[&plain, &good()]).matches("more than 1048576 bytes").count(), 1);
}
