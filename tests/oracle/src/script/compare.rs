//! Two captures of the same scripts side by side: how much was compared, and what differs.

use std::collections::{BTreeMap, BTreeSet};

use crate::compare::{Comparison, Difference, What};
use crate::script::capture::{Capture, Outcome, Process};
use crate::script::{Case, SERVICE};

/// Compares what two sides made of the scripts.
pub fn compare(cases: &[Case], real: &Capture, ours: &Capture) -> Comparison {
    let mut comparison = Comparison::default();
    for case in cases {
        comparison.cases += 1;
        let none = Vec::new();
        let (theirs, own) = (real.get(&case.number).unwrap_or(&none), ours.get(&case.number).unwrap_or(&none));
        for (number, step) in case.steps.iter().enumerate() {
            let mut one = One { case, number, step, comparison: &mut comparison };
            let (Some(theirs), Some(own)) = (theirs.get(number), own.get(number)) else {
                // Neither side: then nothing was compared, which is no agreement.
                let side = |there: bool| if there { "reached" } else { "not reached" };
                let ours = if own.len() > number { "reached" } else { "not reached by ours" };
                one.same(What::End, "command", side(theirs.len() > number), ours);
                break;
            };
            // Told as the difference that it is; what comes after a program that hung says nothing.
            if one.ending(theirs, own) {
                break;
            }
            one.outcome(theirs, own);
        }
    }
    comparison
}

/// Exit code of a command that did not end and was killed.
const KILLED: i32 = 137;

/// One step of one case.
struct One<'a> {
    case: &'a Case,
    number: usize,
    step: &'a str,
    comparison: &'a mut Comparison,
}

/// What stands for something that is not there.
const NONE: &str = "(none)";

impl One<'_> {
    fn same(&mut self, what: What, subject: &str, real: &str, ours: &str) {
        self.comparison.observations += 1;
        if real != ours {
            self.comparison.differences.push(Difference {
                case: self.case.number,
                theme: self.case.theme,
                step: self.number,
                command: self.step.to_owned(),
                what,
                subject: subject.to_owned(),
                about: self.case.facts(),
                real: real.to_owned(),
                ours: ours.to_owned(),
            });
        }
    }

    /// Compares how the step ended; whether real OpenRC did not come to an end.
    fn ending(&mut self, real: &Outcome, ours: &Outcome) -> bool {
        let rest = |outcome: &Outcome| if outcome.restless { "not at rest" } else { "at rest" };
        self.same(What::End, "what it set going", rest(real), rest(ours));
        self.same(What::Exit, "command", &real.exit.to_string(), &ours.exit.to_string());
        real.restless || real.exit == KILLED
    }

    fn outcome(&mut self, real: &Outcome, ours: &Outcome) {
        let states = |outcome: &Outcome| match outcome.states.iter().map(String::as_str).collect::<Vec<_>>().join(" ") {
            states if states.is_empty() => "stopped".to_owned(),
            states => states,
        };
        self.same(What::State, SERVICE, &states(real), &states(ours));
        self.processes(real, ours);
        self.map(What::File, "", &real.files, &ours.files);
    }

    /// How many there are of each name; of those that both sides have, the first with the first and so on.
    fn processes(&mut self, real: &Outcome, ours: &Outcome) {
        let named = |outcome: &Outcome| -> BTreeMap<String, Vec<Process>> {
            let mut named: BTreeMap<String, Vec<Process>> = BTreeMap::new();
            for process in &outcome.processes {
                named.entry(process.name.clone()).or_default().push(process.clone());
            }
            named
        };
        let (theirs, own) = (named(real), named(ours));
        let names: BTreeSet<&String> = theirs.keys().chain(own.keys()).collect();
        let empty = Vec::new();
        for name in names {
            let (theirs, own) = (theirs.get(name).unwrap_or(&empty), own.get(name).unwrap_or(&empty));
            self.same(What::Process, &format!("number of {name}"), &theirs.len().to_string(), &own.len().to_string());
            if theirs.len() == own.len() {
                for (real, ours) in theirs.iter().zip(own) {
                    self.map(What::Process, &format!("{name}: "), &real.attributes, &ours.attributes);
                }
            }
        }
    }

    fn map(&mut self, what: What, prefix: &str, real: &BTreeMap<String, String>, ours: &BTreeMap<String, String>) {
        let keys: BTreeSet<&String> = real.keys().chain(ours.keys()).collect();
        for key in keys {
            let value = |map: &BTreeMap<String, String>| map.get(key).map_or_else(|| NONE.to_owned(), String::clone);
            self.same(what, &format!("{prefix}{key}"), &value(real), &value(ours));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::script::capture::parse;

    const TEXT: &str = "\
@case 0
@step 0
@exit 0
Pstand-in
Aargv=[/usr/sbin/stand-in]
AUid=33 33 33 33
F/run/web.pid=file 644 0:0 (number of stand-in)
:started web
@end 0
";

    fn found(real: &str, ours: &str) -> Vec<String> {
        let mut case = Case::default();
        case.service("start");
        let capture = |text: &str| {
            let mut capture = Capture::new();
            parse(text, &mut capture).unwrap();
            capture
        };
        let comparison = compare(&[case], &capture(real), &capture(ours));
        assert_eq!(comparison.cases, 1);
        let line = |found: &Difference| format!("{:?} {}: {} | {}", found.what, found.subject, found.real, found.ours);
        comparison.differences.iter().map(line).collect()
    }

    #[test]
    fn equal_is_equal() {
        assert!(found(TEXT, TEXT).is_empty());
    }

    #[test]
    fn each_kind_is_seen() {
        let with = |from: &str, to: &str| found(TEXT, &TEXT.replace(from, to));
        assert_eq!(with("@exit 0", "@exit 1"), ["Exit command: 0 | 1"]);
        assert_eq!(with(":started web\n", ""), ["State web: started | stopped"]);
        assert_eq!(with("33 33 33", "0 0 0"), ["Process stand-in: Uid: 33 33 33 33 | 0 0 0 33"]);
        assert_eq!(with("Pstand-in", "Pother").len(), 2);
        assert_eq!(
            with("(number of stand-in)", "12"),
            ["File /run/web.pid: file 644 0:0 (number of stand-in) | file 644 0:0 12"]
        );
        assert_eq!(with("F/run/web.pid=file 644 0:0 (number of stand-in)\n", "").len(), 1);
        assert_eq!(with("@exit 0\n", "@exit 0\nWnot at rest\n"), ["End what it set going: at rest | not at rest"]);
        assert_eq!(with("@end 0\n", ""), ["End command: reached | not reached by ours"]);
        assert_eq!(found("", "").len(), 1, "nothing compared is no agreement");
    }
}
