//! A signed ISO beside the ISO of this tree: they may differ by the signature alone.

use anyhow::{Context as _, Result};
use ashlar_core::formats::uki::authenticode;
use ashlar_core::model::seed::SeedName;
use camino::{Utf8Path, Utf8PathBuf};
use serde_json::json;

use crate::app::App;
use crate::compose::Variant;
use crate::exit::Exit;
use crate::host::rsa;
use crate::task::iso;

/// Verifies that `file` is the ISO of profile `name` with a signature: takes the signature out of it, makes the medium anew with
/// that, and compares.
pub fn verify(app: &App, name: &str, file: &Utf8Path) -> Result<Exit> {
    let given = fs_err::read(file)?;
    let image = authenticode::in_medium(&given)
        .ok_or_else(|| Exit::Differs.error(format!("{file} has no signed EFI program that lies in one piece")))?;
    let signed = authenticode::signature(image).map_err(|error| Exit::Differs.error(format!("{file}: {error}")))?;
    if !rsa::verify(&signed.certificate, &signed.attributes, &signed.signature) {
        return Err(Exit::Differs.error(format!("{file}: the signature is not by the key of the certificate in it")));
    }
    let (_, signature) = authenticode::detach(image)?;
    let dir = tempfile::tempdir()?;
    let ours = Utf8PathBuf::try_from(dir.path().join("signed.iso")).context("the temporary directory is not UTF-8")?;
    let sign = |image: &[u8]| Ok(authenticode::attach(image, signature)?);
    let digest = iso::write_signed(app, &Variant::plain(name), &sign, &ours, &SeedName::default())?;
    let certificate = &signed.certificate;
    let ours = fs_err::read(&ours)?;
    let same = ours == given;
    let result = json!({
        "event": "verdict", "name": format!("iso/{name}"), "reproduced": same, "unsigned": digest,
        "certificate": certificate.fingerprint(),
    });
    app.reporter.show(&result, || {
        if same {
            format!("iso/{name}: reproduced; {file} is {digest}, signed by the key of certificate {certificate}")
        } else {
            let first = ours.iter().zip(&given).position(|(ours, theirs)| ours != theirs);
            let first = first.unwrap_or_else(|| ours.len().min(given.len()));
            format!(
                "iso/{name}: DIFFERS; with the same signature this tree's ISO has another byte at {first} (of {})",
                ours.len()
            )
        }
    });
    Ok(if same { Exit::Good } else { Exit::Differs })
}
