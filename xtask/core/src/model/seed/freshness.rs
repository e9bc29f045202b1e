//! Decides whether a signed index may replace the committed one. An old index has a good signature for ever: a hostile mirror could
//! serve one from before a security update.

use super::index::ReleaseFile;
use super::lock::Release;

/// Judges `new`, whose signature is good, beside the release of the committed lock. `now` is in seconds since 1970.
///
/// # Errors
/// Why it is refused, and what to do: it is older than the committed one of the same suite, its `Valid-Until` has passed, or it does
/// not say when it was made.
pub fn verify(new: &ReleaseFile, committed: Option<&Release>, now: u64) -> Result<(), String> {
    let date =
        seconds(&new.date).ok_or_else(|| format!("its date {:?} is not a date; use another mirror", new.date))?;
    if let Some(until) = &new.valid_until {
        let end =
            seconds(until).ok_or_else(|| format!("its `Valid-Until` {until:?} is not a date; use another mirror"))?;
        if now > end {
            return Err(format!(
                "it was valid until {until} only: the mirror is stale, or an attacker replays an old index. \
                 Use another mirror; when this host's clock is wrong, set it"
            ));
        }
    }
    // Another suite has a history of its own.
    let Some(committed) = committed.filter(|committed| committed.suite == new.codename) else { return Ok(()) };
    let known = seconds(&committed.date).ok_or_else(|| {
        format!("the date {:?} in seed.lock is not a date; restore the committed file", committed.date)
    })?;
    if date < known {
        return Err(format!(
            "it is of {}, and seed.lock was made from one of {}: the mirror is stale, or an attacker replays an old index. \
             Use another mirror; to go back on purpose, remove seed.lock first",
            new.date, committed.date
        ));
    }
    Ok(())
}

/// A date of a release file, such as `Sat, 11 Jul 2026 10:16:37 UTC`, in seconds since 1970.
fn seconds(text: &str) -> Option<u64> {
    const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let words: Vec<&str> = text.split_whitespace().collect();
    let [_, day, month, year, clock, "UTC" | "GMT" | "+0000" | "Z"] = words[..] else { return None };
    let month = MONTHS.iter().position(|name| *name == month)? as u64 + 1;
    let [hour, minute, second] = clock.split(':').map(number).collect::<Option<Vec<_>>>()?[..] else { return None };
    let (day, year) = (number(day)?, number(year)?);
    let plausible = (1970..=9999).contains(&year) && (1..=31).contains(&day);
    if !plausible || hour > 23 || minute > 59 || second > 60 {
        return None;
    }
    // Days of the civil calendar; a year begins with March here, so that the leap day is its last.
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let days = 365 * year + year / 4 - year / 100 + year / 400 + (153 * month + 2) / 5 + day - 1;
    Some((days - 719_468) * 86_400 + hour * 3600 + minute * 60 + second)
}

fn number(text: &str) -> Option<u64> {
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok())?
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::digest::Digest;

    const COMMITTED: &str = "Sat, 11 Jul 2026 10:16:37 UTC";

    fn verified(codename: &str, date: &str, until: Option<&str>) -> Result<(), String> {
        let until = until.map_or(String::new(), |until| format!("Valid-Until: {until}\n"));
        let new = ReleaseFile::parse(&format!("Codename: {codename}\nDate: {date}\n{until}")).unwrap();
        let committed = Release {
            suite: "bookworm".to_owned(),
            version: "12.15".to_owned(),
            date: COMMITTED.to_owned(),
            inrelease: Digest::of(""),
            packages: Default::default(),
        };
        verify(&new, Some(&committed), 1_783_765_000)
    }

    #[test]
    fn dates() {
        for (text, expected) in [
            ("Thu, 01 Jan 1970 00:00:00 UTC", Some(0)),
            (COMMITTED, Some(1_783_764_997)),
            ("Thu, 29 Feb 2024 23:59:59 GMT", Some(1_709_251_199)),
            ("Fri, 01 Mar 2024  0:00:00 +0000", Some(1_709_251_200)),
            ("Sat, 11 Jul 2026 10:16:37 CET", None),
            ("Sat, 11 Jul 2026 10:16 UTC", None),
            ("Sat, 11 Jly 2026 10:16:37 UTC", None),
            ("Sat, 11 Jul 1 10:16:37 UTC", None),
            ("Sat, -1 Jul 2026 10:16:37 UTC", None),
            ("today", None),
            ("", None),
        ] {
            assert_eq!(seconds(text), expected, "{text}");
        }
    }

    #[test]
    fn an_index_that_goes_on_is_taken() {
        assert_eq!(verified("bookworm", COMMITTED, None), Ok(()));
        assert_eq!(verified("bookworm", "Sat, 11 Jul 2026 10:16:38 UTC", None), Ok(()));
        assert_eq!(verified("bookworm", COMMITTED, Some("Sat, 18 Jul 2026 10:16:37 UTC")), Ok(()));
        assert_eq!(verified("trixie", "Sat, 09 Aug 2025 10:00:00 UTC", None), Ok(()));
    }

    /// Somebody between us and the mirror gives a signed index of before a security update.
    #[test]
    fn an_old_index_is_refused() {
        let told = [
            verified("bookworm", "Sat, 11 Jul 2026 10:16:36 UTC", None),
            verified("bookworm", "Sat, 12 Jul 2025 10:16:37 UTC", None),
            verified("bookworm", COMMITTED, Some("Sat, 11 Jul 2026 10:16:39 UTC")),
            verified("trixie", COMMITTED, Some("Fri, 10 Jul 2026 10:16:37 UTC")),
            verified("bookworm", "yesterday", None),
            verified("bookworm", COMMITTED, Some("soon")),
        ];
        insta::assert_snapshot!(told.map(Result::unwrap_err).join("\n"));
    }

    proptest::proptest! {
        #[test]
        fn no_text_is_too_odd(text in "[A-Za-z]{0,3},? [0-9]{0,30} (Jan|Feb|Dec) [0-9]{0,30} [0-9:]{0,30} UTC") {
            let _any = seconds(&text);
        }
    }
}
