//! Files that the commands that start machines share: the firmware's flash and the NoCloud volume.

use anyhow::{Context as _, Result};
use ashlar_core::formats::efi_variable::store::{self, Variable};
use ashlar_core::model::hosttools::{OVMF, SECURE_BOOT_OVMF};
use ashlar_lab::cloud::Volume;
use ashlar_lab::qemu::{Firmware, Flash};
use camino::{Utf8Path, Utf8PathBuf};

use crate::host::tools;

/// The flash of a machine with firmware that enforces Secure Boot, and has these variables.
pub fn enforcing_flash(variables: &[Variable], scratch: &Utf8Path) -> Result<Flash> {
    let (code, template) = tools::ovmf(SECURE_BOOT_OVMF)?;
    let file = scratch.join("variables.fd");
    fs_err::write(
        &file,
        store::with(&fs_err::read(&template)?, variables).with_context(|| format!("writing {template} anew"))?,
    )?;
    Ok(Flash { code, variables: file, enforcing: true })
}

/// The flash of a machine with this firmware: code as installed, variables as a fresh copy in `scratch`.
pub fn flash(firmware: Firmware, scratch: &Utf8Path) -> Result<Option<Flash>> {
    if firmware == Firmware::Bios {
        return Ok(None);
    }
    let (code, template) = tools::ovmf(OVMF)?;
    let variables = scratch.join("variables.fd");
    // Read and written, not copied: the template may be read-only, the copy must not be.
    fs_err::write(&variables, fs_err::read(&template)?)?;
    Ok(Some(Flash { code, variables, enforcing: false }))
}

/// Writes the volume's files into `dir`, and gives that.
pub fn write_volume(volume: &Volume, dir: &Utf8Path) -> Result<Utf8PathBuf> {
    fs_err::create_dir_all(dir)?;
    for (name, text) in volume.files() {
        fs_err::write(dir.join(name), text)?;
    }
    Ok(dir.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bios_needs_no_flash() {
        assert_eq!(flash(Firmware::Bios, Utf8Path::new("/")).unwrap(), None);
    }

    #[test]
    fn a_volume_is_two_files() {
        let guard = tempfile::tempdir().unwrap();
        let dir = Utf8PathBuf::from_path_buf(guard.path().join("volume")).unwrap();
        let text = |text: &str| text.to_owned();
        let volume =
            Volume { host: text("h"), user: text("u"), key: text("ssh-ed25519 AAAA"), password: None, host_key: None };
        write_volume(&volume, &dir).unwrap();
        assert!(fs_err::read_to_string(dir.join("user-data")).unwrap().starts_with("#cloud-config\n"));
        assert!(fs_err::read_to_string(dir.join("meta-data")).unwrap().starts_with("instance-id: "));
    }
}
