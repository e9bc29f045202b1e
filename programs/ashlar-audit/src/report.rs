//! Results as lines: for people, or one JSON object each.

use crate::evaluate::Outcome;
use checks::Check;

/// A line for a person: short if the check passed; with the reason why it matters if it failed.
pub fn line(check: &Check, outcome: &Outcome) -> String {
    let Outcome { pass, expected, found } = outcome;
    let head = format!("{} {} {}", if *pass { "pass" } else { "FAIL" }, check.layer, check.id);
    let body = format!("expected {expected}, found {found}");
    format!("{head}: {body} ({})", if *pass { &check.summary } else { &check.reason })
}

/// A JSON object on one line.
pub fn json(check: &Check, outcome: &Outcome) -> String {
    let text = base::json::quoted;
    format!(
        "{{\"layer\":{},\"id\":{},\"pass\":{},\"summary\":{},\"expected\":{},\"found\":{},\"reason\":{}}}",
        check.layer,
        text(&check.id),
        outcome.pass,
        text(&check.summary),
        text(&outcome.expected),
        text(&outcome.found),
        text(&check.reason)
    )
}

/// The summary: how many checks of each layer passed.
pub fn summary(outcomes: &[(u8, bool)]) -> String {
    let passed = outcomes.iter().filter(|(_, pass)| *pass).count();
    let mut text = format!("{} checks, {passed} passed, {} failed", outcomes.len(), outcomes.len() - passed);
    for layer in 1..=6 {
        let of_layer: Vec<bool> = outcomes.iter().filter(|(of, _)| *of == layer).map(|(_, pass)| *pass).collect();
        let passed = of_layer.iter().filter(|pass| **pass).count();
        text += &format!("; layer {layer}: {passed} of {}", of_layer.len());
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use checks::Probe;

    fn sample() -> Check {
        let probe = Probe::Absent { path: "/dev/mem".into() };
        Check {
            layer: 1,
            id: "no-mem".into(),
            summary: "No /dev/mem".into(),
            reason: "It is \"all\" memory.".into(),
            probe,
        }
    }

    #[test]
    fn lines() {
        let kept = Outcome::new(true, "nothing there", "nothing");
        assert_eq!(line(&sample(), &kept), "pass 1 no-mem: expected nothing there, found nothing (No /dev/mem)");
        let broken = Outcome::new(false, "nothing there", "tab\there");
        assert_eq!(
            json(&sample(), &broken),
            "{\"layer\":1,\"id\":\"no-mem\",\"pass\":false,\"summary\":\"No /dev/mem\",\"expected\":\"nothing there\",\
             \"found\":\"tab\\u0009here\",\"reason\":\"It is \\\"all\\\" memory.\"}"
        );
        assert_eq!(
            summary(&[(1, true), (1, false), (6, true)]),
            "3 checks, 2 passed, 1 failed; layer 1: 1 of 2; layer 2: 0 of 0; layer 3: 0 of 0; layer 4: 0 of 0; layer 5: 0 of 0; \
             layer 6: 1 of 1"
        );
    }
}
