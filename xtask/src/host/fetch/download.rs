//! One file from one location: streaming, hashing, resuming.

use std::error::Error as _;
use std::io::{Read, Write as _};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use ashlar_core::base::digest::{Digest, Hasher};
use camino::Utf8Path;
use reqwest::StatusCode;
use reqwest::blocking::{Client, Response};
use reqwest::header::{CONTENT_RANGE, RANGE};

use super::request::{Failure, FetchEvents, Limits, Wanted};
use crate::host::mirror::Location;

/// How often one location is asked to go on after it broke off.
const RESUMES: u32 = 3;
/// Unpinned texts are index files; none is near this size.
const TEXT_LIMIT: u64 = 16 << 20;

/// An HTTP client that trusts the system's certificates.
pub fn client(limits: Limits) -> Result<Client> {
    // Fails only when a provider is installed already, which is as good.
    drop(rustls::crypto::ring::default_provider().install_default());
    Client::builder()
        .user_agent("ashlar/0.1")
        .connect_timeout(limits.connect)
        .timeout(limits.stall)
        .build()
        .context("the HTTP client could not be set up; is the package ca-certificates installed?")
}

/// The host and port of a URL, as the key of what is reachable.
pub fn host(url: &str) -> String {
    reqwest::Url::parse(url)
        .map(|url| format!("{}:{}", url.host_str().unwrap_or(""), url.port_or_known_default().unwrap_or(0)))
        .unwrap_or_default()
}

/// A whole small text.
pub fn text(client: &Client, location: &Location) -> Result<String, String> {
    let response = client.get(&location.url).send().map_err(|error| reason(&error))?;
    if !response.status().is_success() {
        return Err(status(response.status()));
    }
    let mut text = String::new();
    response.take(TEXT_LIMIT + 1).read_to_string(&mut text).map_err(|error| format!("broke off: {error}"))?;
    if text.len() as u64 > TEXT_LIMIT {
        return Err(format!("it is longer than {TEXT_LIMIT} bytes, and no index file is"));
    }
    Ok(text)
}

/// Asks whether a location has a file, without its bytes.
pub fn head(client: &Client, location: &Location) -> Result<(), String> {
    let response = client.head(&location.url).send().map_err(|error| reason(&error))?;
    if response.status().is_success() { Ok(()) } else { Err(status(response.status())) }
}

/// A location that has more than the `limit` bytes that are wanted, or that any file may have when `known` is false.
fn too_long(limit: u64, known: bool) -> Failure {
    let why = if known {
        format!("expected {limit} bytes, and more come")
    } else {
        format!(
            "more than {limit} bytes; if the file is really so large, raise FILE_LIMIT in xtask/src/host/fetch/download.rs"
        )
    };
    Failure::WrongBytes(why)
}

/// Downloads a file whose hash is not known, of at most `limit` bytes, into `file`, and gives its hash.
pub fn unpinned(client: &Client, location: &Location, limit: u64, file: &mut std::fs::File) -> Result<Digest, Failure> {
    let mut response = client.get(&location.url).send().map_err(|error| unanswered(&error))?;
    if !response.status().is_success() {
        return Err(Failure::Location(status(response.status())));
    }
    let mut hasher = Hasher::default();
    let mut buffer = vec![0; 1 << 16];
    let mut left = limit;
    loop {
        match response.read(&mut buffer) {
            Ok(0) => return Ok(hasher.finish()),
            Ok(count) => {
                left = left.checked_sub(count as u64).ok_or_else(|| too_long(limit, false))?;
                file.write_all(&buffer[..count]).map_err(|error| Failure::Local(disk(error)))?;
                hasher.update(&buffer[..count]);
            }
            Err(error) => return Err(Failure::Location(format!("broke off: {}", innermost(&error)))),
        }
    }
}

/// Downloads `url` into the file `partial`, which may hold the beginning already, and checks the whole file's hash.
/// Gives the length in bytes. What was received stays in `partial` when the location breaks off. Of a file whose length is not
/// known, at most `limit` bytes are taken.
pub fn to_partial(
    client: &Client,
    url: &str,
    partial: &Utf8Path,
    wanted: &Wanted,
    limit: u64,
    events: &dyn FetchEvents,
) -> Result<u64, Failure> {
    let mut file = Partial::open(partial)?;
    let mut breaks = 0;
    loop {
        let begun = file.length;
        if begun > wanted.size.unwrap_or(limit) {
            file.restart()?;
        }
        let complete = wanted.size == Some(file.length) && file.length > 0;
        if !complete {
            match receive(client, url, &mut file, wanted, limit, events) {
                Ok(()) => {}
                Err(Received::Broken(why)) if file.length > begun && breaks < RESUMES => {
                    breaks += 1;
                    events.note(&format!("{}: {why}; going on at byte {}", wanted.label, file.length));
                    continue;
                }
                Err(Received::Broken(why)) => return Err(Failure::Location(why)),
                Err(Received::Failed(failure)) => return Err(failure),
            }
        }
        let found = file.hasher.clone().finish();
        if found == wanted.sha256 {
            return Ok(file.length);
        }
        // The beginning may have come from elsewhere: only a file that is wholly this location's proves it wrong.
        let resumed = file.resumed;
        let length = file.length;
        file.restart()?;
        if !resumed {
            let expected = wanted.sha256;
            return Err(Failure::WrongBytes(format!("expected sha256 {expected}, found {found} ({length} bytes)")));
        }
    }
}

/// Why receiving ended early.
enum Received {
    /// The connection ended or stalled; what came is kept.
    Broken(String),
    /// It makes no sense to go on here.
    Failed(Failure),
}

impl From<Failure> for Received {
    fn from(failure: Failure) -> Self {
        Self::Failed(failure)
    }
}

fn receive(
    client: &Client,
    url: &str,
    file: &mut Partial,
    wanted: &Wanted,
    limit: u64,
    events: &dyn FetchEvents,
) -> Result<(), Received> {
    let mut response = request(client, url, file)?;
    if let (Some(size), Some(rest)) = (wanted.size, response.content_length())
        && file.length + rest != size
    {
        let has = file.length + rest;
        return Err(Failure::WrongBytes(format!("expected {size} bytes, it has {has}")).into());
    }
    let total = wanted.size.or(response.content_length().map(|rest| rest.saturating_add(file.length)));
    let most = wanted.size.unwrap_or(limit);
    if total.is_some_and(|total| total > most) {
        return Err(too_long(most, false).into());
    }
    let mut buffer = vec![0; 1 << 16];
    let mut shown = Instant::now();
    loop {
        match response.read(&mut buffer) {
            Ok(0) => break,
            Ok(count) if file.length + count as u64 > most => {
                file.restart()?;
                return Err(too_long(most, wanted.size.is_some()).into());
            }
            Ok(count) => file.append(&buffer[..count])?,
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => continue,
            Err(error) => {
                let of = total.map_or_else(String::new, |total| format!(" of {total}"));
                return Err(Received::Broken(format!(
                    "broke off after {}{of} bytes: {}",
                    file.length,
                    innermost(&error)
                )));
            }
        }
        if shown.elapsed() > Duration::from_millis(100) {
            shown = Instant::now();
            events.progress(&wanted.label, file.length, total);
        }
    }
    match total {
        Some(total) if file.length < total => {
            Err(Received::Broken(format!("broke off after {} of {total} bytes", file.length)))
        }
        _ => Ok(()),
    }
}

/// Asks for what is missing of `file`; starts it again when the server cannot go on where it ends.
fn request(client: &Client, url: &str, file: &mut Partial) -> Result<Response, Failure> {
    let send = |from: u64| {
        let request = client.get(url);
        let request = if from > 0 { request.header(RANGE, format!("bytes={from}-")) } else { request };
        request.send().map_err(|error| unanswered(&error))
    };
    let mut response = send(file.length)?;
    if file.length > 0 {
        let continues = response.status() == StatusCode::PARTIAL_CONTENT
            && response
                .headers()
                .get(CONTENT_RANGE)
                .and_then(|value| value.to_str().ok())
                .is_some_and(|value| value.starts_with(&format!("bytes {}-", file.length)));
        if continues {
            return Ok(response);
        }
        match response.status() {
            StatusCode::OK => file.restart()?,
            StatusCode::PARTIAL_CONTENT | StatusCode::RANGE_NOT_SATISFIABLE => {
                file.restart()?;
                response = send(0)?;
            }
            // An error says nothing about the bytes that are here already.
            other => return Err(Failure::Location(status(other))),
        }
    }
    if response.status() == StatusCode::OK { Ok(response) } else { Err(Failure::Location(status(response.status()))) }
}

fn status(status: StatusCode) -> String {
    format!("HTTP {status}")
}

/// A request that got no answer.
fn unanswered(error: &reqwest::Error) -> Failure {
    if error.is_connect() { Failure::Unreachable(reason(error)) } else { Failure::Location(reason(error)) }
}

/// What a failed request means, without the URL (the caller shows it) and with the system's own reason.
fn reason(error: &reqwest::Error) -> String {
    let cause = error.source().map(innermost).unwrap_or_default();
    match (error.is_timeout(), error.is_connect()) {
        (true, true) => "no connection within the time limit".to_owned(),
        (true, false) => "no answer within the time limit".to_owned(),
        (false, true) => format!("no connection: {cause}"),
        _ if cause.is_empty() => "the request failed".to_owned(),
        _ => format!("the request failed: {cause}"),
    }
}

fn innermost(error: &dyn std::error::Error) -> String {
    let mut error = error;
    while let Some(source) = error.source() {
        error = source;
    }
    error.to_string()
}

/// The file being written, with the hash of what it holds.
struct Partial {
    file: fs_err::File,
    hasher: Hasher,
    length: u64,
    /// Whether it began with bytes of an earlier run or location.
    resumed: bool,
}

impl Partial {
    fn open(path: &Utf8Path) -> Result<Self, Failure> {
        let open = || -> Result<Self> {
            let mut file = fs_err::OpenOptions::new().create(true).truncate(false).read(true).write(true).open(path)?;
            let (mut hasher, mut length) = (Hasher::default(), 0);
            let mut buffer = vec![0; 1 << 18];
            loop {
                match file.read(&mut buffer)? {
                    0 => break,
                    count => {
                        hasher.update(&buffer[..count]);
                        length += count as u64;
                    }
                }
            }
            Ok(Self { file, hasher, length, resumed: length > 0 })
        };
        open().map_err(Failure::Local)
    }

    fn append(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        self.file.write_all(bytes).map_err(|error| Failure::Local(disk(error)))?;
        self.hasher.update(bytes);
        self.length += bytes.len() as u64;
        Ok(())
    }

    fn restart(&mut self) -> Result<(), Failure> {
        use std::io::Seek as _;
        let mut restart = || -> std::io::Result<()> {
            self.file.set_len(0)?;
            self.file.rewind()
        };
        restart().map_err(|error| Failure::Local(disk(error)))?;
        (self.hasher, self.length, self.resumed) = (Hasher::default(), 0, false);
        Ok(())
    }
}

/// A write error with what to do about it.
pub fn disk(error: std::io::Error) -> anyhow::Error {
    let full = matches!(error.kind(), std::io::ErrorKind::StorageFull | std::io::ErrorKind::QuotaExceeded);
    let error = anyhow::Error::from(error);
    if full {
        error.context(
            "the disk that holds the store is full; what was downloaded is kept. \
             Make room (`cargo xtask gc`) or set ASHLAR_STORE to another disk, then run the same command again",
        )
    } else {
        error.context("a downloaded file could not be written")
    }
}
