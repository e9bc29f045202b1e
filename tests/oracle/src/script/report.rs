//! What no entry explains, as text for people.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use crate::differences::Sorted;
use crate::script::Case;
use crate::script::capture::Capture;

/// Cases that are printed in full; the rest is counted.
const SHOWN: usize = 20;
/// Further differences of the same case.
const FURTHER: usize = 8;

/// Of each case the first unexplained difference with the script, the steps up to it, and what both sides printed; what follows
/// may be its consequence.
pub fn unexplained(sorted: &Sorted<'_>, cases: &[Case], real: &Capture, ours: &Capture) -> String {
    let mut text = String::new();
    let numbers: BTreeSet<u32> = sorted.unexplained.iter().map(|difference| difference.case).collect();
    for number in numbers.iter().take(SHOWN) {
        let mut all = sorted.unexplained.iter().filter(|difference| difference.case == *number);
        let (Some(first), Some(case)) = (all.next(), cases.iter().find(|case| case.number == *number)) else {
            continue;
        };
        // Writing to a String cannot fail.
        let _ = write!(text, "UNEXPLAINED {first}\n{case}");
        for step in case.steps.iter().take(first.step + 1) {
            let _ = writeln!(text, "  $ {step}");
        }
        for (side, capture) in [("real", real), ("ours", ours)] {
            let outcome = capture.get(number).and_then(|outcomes| outcomes.get(first.step));
            for line in outcome.iter().flat_map(|outcome| &outcome.output).take(12) {
                let _ = writeln!(text, "  {side}: {line}");
            }
        }
        for other in all.take(FURTHER) {
            let _ = writeln!(text, "  also {other}");
        }
        text.push('\n');
    }
    if numbers.len() > SHOWN {
        let _ = writeln!(text, "and {} more scripts with unexplained differences", numbers.len() - SHOWN);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compare::{Difference, What};
    use crate::differences;

    #[test]
    fn shows_script_steps_and_what_follows() {
        let mut case = Case { theme: "users", arguments_in: "command_args", ..Case::default() };
        case.set("command", "/usr/sbin/stand-in");
        case.service("start");
        case.service("stop");
        let difference = |step, subject: &str| Difference {
            case: 0,
            theme: "users",
            step,
            command: case.steps[step].clone(),
            what: What::Process,
            subject: subject.into(),
            about: Vec::new(),
            real: "33".into(),
            ours: "0".into(),
        };
        let all = [difference(0, "stand-in: Uid"), difference(1, "number of stand-in")];
        let sorted = differences::sort(&all, &[]);
        let text = unexplained(&sorted, std::slice::from_ref(&case), &Capture::new(), &Capture::new());
        let expected = "\
UNEXPLAINED case 0 (users), command 0 `rc-service web start`: Process of stand-in: Uid: real 33, ours 0
script 0 (users)
  | #!/sbin/openrc-run
  | command=/usr/sbin/stand-in
  $ rc-service web start
  also case 0 (users), command 1 `rc-service web stop`: Process of number of stand-in: real 33, ours 0
";
        assert_eq!(text.trim_end(), expected.trim_end());
    }
}
