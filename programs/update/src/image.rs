//! The image of an update.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use slots::pe;
use slots::system::System;

use crate::failure::Failure;

/// Bytes that are read at most: no slot has room for more.
const LARGEST: u64 = 512 << 20;

/// An image, and which system it is.
#[derive(Debug)]
pub struct Image {
    /// The EFI program.
    pub bytes: Vec<u8>,
    /// The system in it.
    pub system: System,
}

/// Reads an image, or a medium that has one, from a file or from standard input.
pub fn read(file: &str) -> Result<Image, Failure> {
    let path = Path::new(file);
    let from: &mut dyn Read =
        if file == "-" { &mut io::stdin() } else { &mut File::open(path).map_err(disks::about(path))? };
    let mut bytes = Vec::new();
    from.take(LARGEST).read_to_end(&mut bytes).map_err(disks::about(path))?;
    if !bytes.starts_with(b"MZ") {
        let inside = pe::in_medium(&bytes).next().map(<[u8]>::to_vec);
        bytes = inside.unwrap_or(bytes);
    }
    Ok(Image { system: System::of(&bytes)?, bytes })
}
