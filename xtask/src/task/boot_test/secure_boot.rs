//! The firmware and the media of a machine with Secure Boot, with keys that live no longer than it.

use anyhow::{Context as _, Result};
use ashlar_core::base::name::Epoch;
use ashlar_core::formats::efi_variable::store::Variable;
use ashlar_core::formats::efi_variable::{GLOBAL, KeyVariable, SIGNED, SYSTEM, Time, signature_list};
use ashlar_core::formats::uki::{self, authenticode};
use ashlar_core::model::seed::SeedName;
use ashlar_lab::qemu::Flash;
use ashlar_lab::scenario::{PARTS, RefusedMedium, SecureBoot};
use camino::{Utf8Path, Utf8PathBuf};
use slots::entry;

use super::slot_disk;
use crate::app::App;
use crate::compose::Variant;
use crate::host::signing_keys::SigningKeys;
use crate::task::{iso, machine};

/// What a machine with Secure Boot starts with.
pub struct Prepared {
    /// The firmware, with the keys enrolled.
    pub flash: Flash,
    /// The ISO, or the disk, that it may start.
    pub medium: Utf8PathBuf,
    /// Media that it must not start, and tries before.
    pub refused: Vec<Utf8PathBuf>,
    /// A newer system than the medium's, signed by the same key.
    pub update: Option<Vec<u8>>,
}

/// The firmware's number of the entry with options; scenarios wait for these numbers.
const ENTRY: u16 = 0x00a5;
/// The same of the entries of the two slots.
const SLOTS: [u16; 2] = [0x00a0, 0x00a1];

/// Makes keys and media below `scratch`, of the ISO `unsigned`, which was built as `variant`.
pub fn prepare(
    app: &App,
    wanted: SecureBoot,
    variant: &Variant,
    unsigned: &Utf8Path,
    scratch: &Utf8Path,
) -> Result<Prepared> {
    let sign = |name: &str| -> Result<(SigningKeys, Utf8PathBuf)> {
        let keys = SigningKeys::create(&scratch.join(format!("{name}-keys")), name, None, Epoch::RELEASE)?;
        let file = scratch.join(format!("{name}.iso"));
        iso::write_signed(app, variant, &|image| keys.signed(image, None), &file, &SeedName::default())?;
        Ok((keys, file))
    };
    let (keys, signed) = sign("owner")?;
    let refused = |medium: &RefusedMedium| match medium {
        RefusedMedium::Unsigned => Ok(unsigned.to_owned()),
        RefusedMedium::ForeignKey => Ok(sign("foreign")?.1),
        RefusedMedium::ChangedBit(part) => changed(&signed, *part, &scratch.join(format!("changed-{part}.iso"))),
    };
    let mut variables = enrolled(&keys)?;
    let mut update = None;
    let (medium, refused) = match wanted {
        SecureBoot::Media(media) => (signed.clone(), media.iter().map(refused).collect::<Result<_>>()?),
        SecureBoot::Options(options) => {
            variables.push(plain(&entry::variable(ENTRY), entry::load_option_anywhere("Ashlar", options)));
            variables.push(plain("BootOrder", entry::order(&[ENTRY])));
            (signed.clone(), Vec::new())
        }
        SecureBoot::Slots(trial) => {
            let trial = trial.as_ref().map_or_else(|| Ok(signed.clone()), refused)?;
            let disk = slot_disk::write([&signed, &trial], &scratch.join("slots.disk"))?;
            let options = SLOTS.into_iter().zip(disk.entries);
            variables.extend(options.map(|(number, option)| plain(&entry::variable(number), option)));
            variables.push(plain("BootOrder", entry::order(&SLOTS)));
            variables.push(plain("BootNext", entry::order(&SLOTS[1..])));
            (disk.file, Vec::new())
        }
        SecureBoot::Install => {
            update = Some(newer(&keys, &signed)?);
            (signed.clone(), Vec::new())
        }
    };
    Ok(Prepared { flash: machine::enforcing_flash(&variables, scratch)?, medium, refused, update })
}

/// The firmware's variables with the keys.
fn enrolled(keys: &SigningKeys) -> Result<Vec<Variable>> {
    let enrolled = |variable: KeyVariable| -> Result<Variable> {
        Ok(Variable {
            name: variable.name().to_owned(),
            vendor: variable.vendor(),
            attributes: SIGNED,
            time: Time::at(Epoch::RELEASE),
            content: signature_list(&keys.certificate(variable)?),
        })
    };
    KeyVariable::ALL.map(enrolled).into_iter().collect()
}

/// A variable that is not signed.
fn plain(name: &str, content: Vec<u8>) -> Variable {
    Variable { name: name.to_owned(), vendor: GLOBAL, attributes: SYSTEM, time: Time::default(), content }
}

/// The program of a signed medium with another version in it, signed anew.
fn newer(keys: &SigningKeys, signed: &Utf8Path) -> Result<Vec<u8>> {
    let medium = fs_err::read(signed)?;
    let program = authenticode::in_medium(&medium).context("the signed medium has no signed program")?;
    let (mut image, _) = authenticode::detach(program)?;
    let headers = uki::parse(&image)?;
    let section = headers.sections.iter().find(|section| section.name == ".osrel").context("no section `.osrel`")?;
    let (begin, length) = (section.file_offset as usize, section.size as usize);
    let release = std::str::from_utf8(&image[begin..begin + length])?;
    let version = release.lines().find_map(|line| line.strip_prefix("VERSION_ID=\"")).context("no version")?;
    // As long as the one before, so that nothing moves.
    let next: String =
        version.trim_end_matches('"').chars().map(|letter| if letter == '.' { '.' } else { '9' }).collect();
    let release = release.replace(version.trim_end_matches('"'), &next);
    image[begin..begin + length].copy_from_slice(release.as_bytes());
    keys.signed(&image, None)
}

/// The signed medium with one bit of its program changed, in the middle of a part of [`PARTS`].
fn changed(signed: &Utf8Path, part: usize, file: &Utf8Path) -> Result<Utf8PathBuf> {
    let mut bytes = fs_err::read(signed)?;
    let image = authenticode::in_medium(&bytes).context("the signed medium has no signed program")?;
    let begin = image.as_ptr() as usize - bytes.as_ptr() as usize;
    let at = begin + authenticode::detach(image)?.0.len() * (2 * part + 1) / (2 * PARTS);
    bytes[at] ^= 1;
    fs_err::write(file, bytes)?;
    Ok(file.to_owned())
}
