//! The verdict of `gpgv` on a signature, read from its status lines (`--status-fd`), which are a stable interface.

/// The fingerprints of the primary keys, out of `allowed`, that made a valid signature.
///
/// # Errors
/// When any signature is bad, expired or revoked, or none is by an allowed key. The sentence says which.
pub fn valid_signers(status: &str, allowed: &[String]) -> Result<Vec<String>, String> {
    let mut signers = Vec::new();
    let mut others = Vec::new();
    for line in status.lines() {
        let Some(rest) = line.strip_prefix("[GNUPG:] ") else { continue };
        let words: Vec<&str> = rest.split_whitespace().collect();
        match words.as_slice() {
            [bad @ ("BADSIG" | "EXPSIG" | "EXPKEYSIG" | "REVKEYSIG"), key, ..] => {
                return Err(format!("the signature of key {key} is not good ({bad})"));
            }
            // The first word is the signing (sub)key, the last one its primary key.
            ["VALIDSIG", key, .., primary] => {
                if let Some(known) = allowed.iter().find(|known| known == primary || known == key) {
                    signers.push(known.clone());
                } else {
                    others.push((*primary).to_owned());
                }
            }
            _ => {}
        }
    }
    match (signers.is_empty(), others.is_empty()) {
        (false, _) => Ok(signers),
        (true, false) => Err(format!("it is signed by {}, none of which `signed-by` lists", others.join(", "))),
        (true, true) => Err("it carries no signature that could be checked".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "[GNUPG:] NEWSIG\ngpgv: noise\n[GNUPG:] GOODSIG 6ED0 Debian\n\
        [GNUPG:] VALIDSIG SUBKEY 2026-07-11 1783765031 0 4 0 1 8 01 PRIMARY\n";

    #[test]
    fn takes_allowed_keys_only() {
        let allowed = |key: &str| valid_signers(GOOD, &[key.to_owned()]);
        assert_eq!(allowed("PRIMARY"), Ok(vec!["PRIMARY".to_owned()]));
        assert_eq!(allowed("SUBKEY"), Ok(vec!["SUBKEY".to_owned()]));
        assert!(allowed("OTHER").unwrap_err().contains("signed by PRIMARY, none of which"));
    }

    #[test]
    fn one_bad_signature_is_enough_to_refuse() {
        let allowed = ["PRIMARY".to_owned()];
        for word in ["BADSIG", "EXPSIG", "EXPKEYSIG", "REVKEYSIG"] {
            let status = format!("{GOOD}[GNUPG:] {word} ABCD someone\n");
            assert_eq!(
                valid_signers(&status, &allowed),
                Err(format!("the signature of key ABCD is not good ({word})"))
            );
        }
        assert!(valid_signers("", &allowed).unwrap_err().contains("no signature"));
        assert!(valid_signers("VALIDSIG a b PRIMARY", &allowed).is_err());
    }
}
