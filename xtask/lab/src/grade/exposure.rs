//! `exposure`, our own: what each running service could do, from 0.0 (best) to 10.0.

use serde::Deserialize;

use super::Grade;

/// Prints JSON; its exit status says whether a service is above the limit, which is read from the text.
pub const RUN: &str = "exposure --json || test $? = 1";
/// A service may not be above this, unless its profile says why.
const LIMIT: f64 = 3.0;

#[derive(Debug, Deserialize)]
struct Report {
    max: f64,
    services: Vec<Service>,
}

#[derive(Debug, Deserialize)]
struct Service {
    service: String,
    exposure: f64,
    verdict: String,
}

/// The grade.
///
/// # Errors
/// When the report is not that of `exposure`.
pub fn grade(version: &str, report: &str) -> Result<Grade, String> {
    let Report { max, mut services } =
        serde_json::from_str(report).map_err(|error| format!("exposure's report: {error}"))?;
    if max > LIMIT || services.is_empty() {
        return Err(format!("exposure's report: {} services, held to {max}", services.len()));
    }
    services.sort_by(|one, other| one.exposure.total_cmp(&other.exposure));
    let shown = |service: &Service| match service.verdict.as_str() {
        "accepted" => format!("{} {:.1} (accepted)", service.service, service.exposure),
        _ => format!("{} {:.1}", service.service, service.exposure),
    };
    let score: Vec<String> = services.iter().map(shown).collect();
    let fine = |service: &&Service| match service.verdict.as_str() {
        "within" => service.exposure <= LIMIT,
        verdict => verdict == "accepted",
    };
    let above = services.iter().filter(|service| !fine(service));
    let findings = above.map(|service| format!("{} is at {:.1}", service.service, service.exposure)).collect();
    Ok(Grade::new(
        "exposure, 0 best, 10 worst",
        version,
        score.join(", "),
        format!("{LIMIT:.1} or accepted by name"),
        findings,
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_service_is_within_accepted_or_a_finding() {
        let report = r#"{"max":3.0,"services":[
            {"service":"sshd","exposure":2.9,"verdict":"within","processes":[{"pid":1,"name":"sshd","exposure":2.9,"lacking":["x"]}]},
            {"service":"become","exposure":6.8,"verdict":"accepted","processes":[]},
            {"service":"bad","exposure":3.1,"verdict":"above","processes":[]},
            {"service":"liar","exposure":3.2,"verdict":"within","processes":[]}]}"#;
        let grade = grade("0.1.0", report).unwrap();
        assert_eq!(grade.score, "sshd 2.9, bad 3.1, liar 3.2, become 6.8 (accepted)");
        assert_eq!(grade.findings, ["bad is at 3.1", "liar is at 3.2"]);
        // A higher limit would hide what is above ours.
        for report in [r#"{"max":9.0,"services":[]}"#, r#"{"max":3.0,"services":[]}"#, "", "{}"] {
            assert!(super::grade("0.1.0", report).is_err(), "{report}");
        }
    }
}
