//! The firmware and the media of a machine with Secure Boot, with keys that live no longer than it.

use anyhow::{Context as _, Result};
use ashlar_core::base::name::Epoch;
use ashlar_core::formats::efi_variable::store::Variable;
use ashlar_core::formats::efi_variable::{GLOBAL, KeyVariable, SIGNED, SYSTEM, Time, load_option, signature_list};
use ashlar_core::formats::uki::{self, authenticode};
use ashlar_lab::qemu::Flash;
use ashlar_lab::scenario::{RefusedMedium, SecureBoot};
use camino::{Utf8Path, Utf8PathBuf};

use crate::app::App;
use crate::compose::Variant;
use crate::host::signing_keys::SigningKeys;
use crate::task::{iso, machine};

/// What a machine with Secure Boot starts with.
pub struct Prepared {
    /// The firmware, with the keys enrolled.
    pub flash: Flash,
    /// The ISO that it may start.
    pub iso: Utf8PathBuf,
    /// Media that it must not start, and tries before.
    pub refused: Vec<Utf8PathBuf>,
}

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
        iso::signed(app, variant, &keys, &file)?;
        Ok((keys, file))
    };
    let (keys, signed) = sign("owner")?;
    let refused = |medium: &RefusedMedium| match medium {
        RefusedMedium::Unsigned => Ok(unsigned.to_owned()),
        RefusedMedium::ForeignKey => Ok(sign("foreign")?.1),
        RefusedMedium::ChangedBit => changed(&signed, &scratch.join("changed.iso")),
    };
    Ok(Prepared {
        flash: machine::enforcing_flash(&variables(&keys, wanted.options)?, scratch)?,
        refused: wanted.refused.iter().map(refused).collect::<Result<_>>()?,
        iso: signed,
    })
}

/// The firmware's variables with the keys, and perhaps an entry for the medium with `options`.
fn variables(keys: &SigningKeys, options: Option<&str>) -> Result<Vec<Variable>> {
    let enrolled = |variable: KeyVariable| -> Result<Variable> {
        Ok(Variable {
            name: variable.name().to_owned(),
            vendor: variable.vendor(),
            attributes: SIGNED,
            time: Time::at(Epoch::RELEASE),
            content: signature_list(&keys.certificate(variable)?),
        })
    };
    let mut variables = KeyVariable::ALL.map(enrolled).into_iter().collect::<Result<Vec<_>>>()?;
    if let Some(options) = options {
        let plain = |name: &str, content| Variable {
            name: name.to_owned(),
            vendor: GLOBAL,
            attributes: SYSTEM,
            time: Time::default(),
            content,
        };
        // The scenario waits for this number.
        let number: u16 = 0x00a5;
        variables.push(plain(&format!("Boot{number:04X}"), load_option("Ashlar", "\\EFI\\BOOT\\BOOTX64.EFI", options)));
        variables.push(plain("BootOrder", number.to_le_bytes().to_vec()));
    }
    Ok(variables)
}

/// The signed medium with one bit of its initramfs changed.
fn changed(signed: &Utf8Path, file: &Utf8Path) -> Result<Utf8PathBuf> {
    let mut bytes = fs_err::read(signed)?;
    let image = authenticode::in_medium(&bytes).context("the signed medium has no signed program")?;
    let begin = image.as_ptr() as usize - bytes.as_ptr() as usize;
    let pe = uki::parse(image)?;
    let initrd =
        pe.sections.iter().find(|section| section.name == ".initrd").context("the program has no initramfs")?;
    bytes[begin + (initrd.file_offset + initrd.size / 2) as usize] ^= 1;
    fs_err::write(file, bytes)?;
    Ok(file.to_owned())
}
