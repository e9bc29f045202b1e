//! Reads archives of other people, entry by entry, within the limits of `ashlar_core::formats::archive`.

use std::cell::Cell;
use std::io::{self, Read};
use std::rc::Rc;

use anyhow::{Context as _, Result, anyhow, bail};
use ashlar_core::formats::archive::{Exceeded, Limits, Tally};
use camino::{Utf8Path, Utf8PathBuf};

/// An entry of an archive that is read within limits.
pub type ArchiveEntry<'a, R> = tar::Entry<'a, Bounded<R>>;

/// How archives begin that are not read here.
const FOREIGN: [(&[u8], &str); 4] = [
    (b"PK\x03\x04", "a zip archive"),
    (b"7z\xbc\xaf", "a 7z archive"),
    (b"Rar!", "a rar archive"),
    (b"LZIP", "compressed with lzip"),
];

/// The decompressed stream of an archive, by the archive's first bytes.
fn decompressed(file: &Utf8Path) -> Result<Box<dyn Read>> {
    let mut magic = [0; 6];
    let count = fs_err::File::open(file)?.read(&mut magic)?;
    if let Some((_, kind)) = FOREIGN.iter().find(|(begin, _)| magic[..count].starts_with(begin)) {
        bail!(
            "it is {kind}, which cannot be unpacked; sources are tar archives, plain or with gzip, bzip2, xz or zstd"
        );
    }
    let input = io::BufReader::with_capacity(1 << 20, fs_err::File::open(file)?);
    Ok(match &magic[..count] {
        [0x1f, 0x8b, ..] => Box::new(flate2::bufread::MultiGzDecoder::new(input)),
        [b'B', b'Z', b'h', ..] => Box::new(bzip2::bufread::MultiBzDecoder::new(input)),
        [0xfd, b'7', b'z', b'X', b'Z', 0] => Box::new(liblzma::bufread::XzDecoder::new_multi_decoder(input)),
        [0x28, 0xb5, 0x2f, 0xfd, ..] => {
            Box::new(ruzstd::decoding::StreamingDecoder::new(input).map_err(|error| anyhow!("{file}: {error}"))?)
        }
        _ => Box::new(input),
    })
}

/// The text of a compressed file, of at most `limit` bytes.
///
/// # Errors
/// When it is damaged, longer, or not UTF-8.
pub fn text(file: &Utf8Path, limit: u64) -> Result<String> {
    let mut text = String::new();
    decompressed(file)?.take(limit + 1).read_to_string(&mut text)?;
    if text.len() as u64 > limit {
        bail!("{file}: more than {limit} bytes when unpacked");
    }
    Ok(text)
}

/// Gives every entry of the tar archive in `file`, with its path as written there, to `each`.
///
/// # Errors
/// When the archive is malformed or exceeds a limit, and what `each` says, both with `label` and the entry's path.
pub fn read(
    file: &Utf8Path,
    label: &str,
    each: impl FnMut(&Utf8Path, &mut ArchiveEntry<'_, Box<dyn Read>>) -> Result<()>,
) -> Result<()> {
    let length = fs_err::metadata(file)?.len();
    let read = decompressed(file).and_then(|stream| entries(stream, length, Limits::FOREIGN, each));
    read.with_context(|| format!("unpacking {label}"))
}

/// Like [`read`], for the decompressed `stream` of `compressed` bytes.
pub fn entries<R: Read>(
    stream: R,
    compressed: u64,
    limits: Limits,
    mut each: impl FnMut(&Utf8Path, &mut ArchiveEntry<'_, R>) -> Result<()>,
) -> Result<()> {
    let stream = Bounded::new(stream, limits.stream(compressed));
    let header = Rc::clone(&stream.header);
    let mut archive = tar::Archive::new(stream);
    let mut tally = Tally::new(limits);
    let mut entries = archive.entries()?;
    loop {
        header.set(Some((limits.header, limits.header)));
        let Some(entry) = entries.next() else { return Ok(()) };
        header.set(None);
        let mut entry = entry.map_err(told)?;
        let path = Utf8PathBuf::from_path_buf(entry.path()?.into_owned())
            .map_err(|path| anyhow!("the path {} is not UTF-8", path.display()))?;
        tally.entry(&path)?;
        each(&path, &mut entry).with_context(|| format!("at its entry {path}"))?;
        // The library would skip the rest itself, but then as a part of the next header.
        io::copy(&mut entry, &mut io::sink()).map_err(told)?;
    }
}

/// The target of a link.
pub fn link_target<R: Read>(entry: &ArchiveEntry<'_, R>) -> Result<Utf8PathBuf> {
    let target = entry.link_name()?.context("it is a link without a target")?.into_owned();
    if target.as_os_str().is_empty() {
        bail!("it is a link without a target");
    }
    Utf8PathBuf::from_path_buf(target).map_err(|path| anyhow!("its target {} is not UTF-8", path.display()))
}

/// An error of the reader; one of ours comes back as it was.
fn told(error: io::Error) -> anyhow::Error {
    let mut cause: Option<&(dyn std::error::Error + 'static)> = error.get_ref().map(|inner| inner as _);
    while let Some(inner) = cause {
        if let Some(exceeded) = inner.downcast_ref::<Exceeded>() {
            return exceeded.clone().into();
        }
        let nested = inner.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
        cause = nested.map(|nested| nested as _).or_else(|| inner.source());
    }
    anyhow::Error::new(error).context("it is damaged or no tar archive")
}

/// A stream that fails when it is longer than it may be.
#[derive(Debug)]
pub struct Bounded<R> {
    input: R,
    left: u64,
    exceeded: Exceeded,
    /// What is left for the header that is being read; without a limit while the content of an entry is.
    header: Header,
}

/// Bytes left for a header, and the limit.
type Header = Rc<Cell<Option<(u64, u64)>>>;

impl<R> Bounded<R> {
    /// `input`, of which so many bytes may come.
    pub fn new(input: R, (left, exceeded): (u64, Exceeded)) -> Self {
        Self { input, left, exceeded, header: Header::default() }
    }
}

impl<R: Read> Read for Bounded<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.input.read(buffer)?;
        let read = count as u64;
        self.left = self.left.checked_sub(read).ok_or_else(|| io::Error::other(self.exceeded.clone()))?;
        if let Some((left, limit)) = self.header.get() {
            let left = left.checked_sub(read).ok_or_else(|| io::Error::other(Exceeded::Header { limit }))?;
            self.header.set(Some((left, limit)));
        }
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: Limits = Limits { bytes: 100_000, ratio: 100, entries: 3, depth: 4, path: 100, header: 4096 };

    fn archive(entries: &[(&str, usize)]) -> Vec<u8> {
        let mut tar = tar::Builder::new(Vec::new());
        for (name, size) in entries {
            let mut header = tar::Header::new_gnu();
            header.set_size(*size as u64);
            header.set_mode(0o644);
            tar.append_data(&mut header, name, io::repeat(0).take(*size as u64)).unwrap();
        }
        tar.into_inner().unwrap()
    }

    /// Reads with [`LIMITS`]; the entries seen, and the error.
    fn read(bytes: &[u8], limits: Limits) -> (usize, String) {
        let mut seen = 0;
        let result = entries(bytes, bytes.len() as u64, limits, |_, entry| {
            seen += 1;
            Ok(io::copy(entry, &mut io::sink()).map(drop)?)
        });
        (seen, result.map_or_else(|error| format!("{error:#}"), |()| String::new()))
    }

    #[test]
    fn what_is_within_the_limits_is_read() {
        assert_eq!(read(&archive(&[("a", 10), ("a/b/c/d", 20_000), ("e", 0)]), LIMITS), (3, String::new()));
    }

    #[test]
    fn a_bomb_ends_at_the_limit_that_it_exceeds() {
        for (entries, seen, limit) in [
            (vec![("a", 50_000), ("b", 60_000)], 2, "more than 100000 bytes"),
            (vec![("a", 0), ("b", 0), ("c", 0), ("d", 0)], 3, "more than 3 entries"),
            (vec![("a/b/c/d/e", 0)], 0, "more than 4 components"),
            (vec![(&"n".repeat(101), 0)], 0, "more than 100 bytes"),
            // Its name does not fit into what is kept in memory.
            (vec![("a", 9), (&"n".repeat(5000), 0)], 1, "names and extensions have more than 4096 bytes"),
        ] {
            let told = read(&archive(&entries), LIMITS);
            assert!(told.0 == seen && told.1.contains(limit) && told.1.contains("raise the limit"), "{told:?}");
        }
    }

    /// Content that nobody asked for counts as well: it is decompressed all the same.
    #[test]
    fn what_is_passed_over_counts() {
        let bytes = archive(&[("a", 101_000)]);
        let error = entries(&bytes[..], 10, LIMITS, |_, _| Ok(())).unwrap_err();
        assert!(format!("{error:#}").contains("more than 100000 bytes"), "{error:#}");
    }

    #[test]
    fn another_kind_of_archive_is_called_by_its_name() {
        let guard = tempfile::tempdir().unwrap();
        let file = Utf8Path::from_path(guard.path()).unwrap().join("v1");
        for (begin, kind) in
            [("PK\x03\x04", "a zip archive"), ("Rar!", "a rar archive"), ("LZIP\x01", "compressed with lzip")]
        {
            fs_err::write(&file, begin.repeat(300)).unwrap();
            let told = format!("{:#}", super::read(&file, "v1", |_, _| Ok(())).unwrap_err());
            assert_eq!(
                told,
                format!(
                    "unpacking v1: it is {kind}, which cannot be unpacked; \
                     sources are tar archives, plain or with gzip, bzip2, xz or zstd"
                )
            );
        }
    }

    #[test]
    fn a_file_of_zeros_is_not_unpacked_to_its_end() {
        let guard = tempfile::tempdir().unwrap();
        let file = Utf8Path::from_path(guard.path()).unwrap().join("bomb.tar.gz");
        let mut tar = tar::Builder::new(flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best()));
        let size = 128 << 20;
        let mut header = tar::Header::new_gnu();
        header.set_size(size);
        tar.append_data(&mut header, "p/zeros", io::repeat(0).take(size)).unwrap();
        fs_err::write(&file, tar.into_inner().unwrap().finish().unwrap()).unwrap();
        let mut count = 0;
        let error = super::read(&file, "bomb.tar.gz", |_, entry| {
            let mut buffer = vec![0; 1 << 16];
            loop {
                match entry.read(&mut buffer)? {
                    0 => return Ok(()),
                    more => count += more as u64,
                }
            }
        });
        let told = format!("{:#}", error.unwrap_err());
        assert!(told.contains("unpacking bomb.tar.gz: at its entry p/zeros: its "), "{told}");
        assert!(told.contains("more than 100 times as many (limit `ratio`)"), "{told}");
        assert!(count < size && count >= Limits::RATIO_FREE - 4096, "{count}");
    }
}
