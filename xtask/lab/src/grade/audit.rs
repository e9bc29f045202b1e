//! `ashlar-audit`, our own: the promises of the layers, each looked at on the running system.

use super::Grade;

/// Prints what is not kept, and a last line with the count of each layer. Its exit status repeats that.
pub const RUN: &str = "ashlar-audit --failed || test $? = 1";

/// The grade.
///
/// # Errors
/// When there is no summary.
pub fn grade(version: &str, printed: &str) -> Result<Grade, String> {
    let last = printed.lines().next_back().unwrap_or_default();
    let odd = || format!("the last line of ashlar-audit is not its summary: `{last}`");
    let (head, layers) = last.split_once(" failed; ").ok_or_else(odd)?;
    let (all, passed) = head.split_once(" checks, ").ok_or_else(odd)?;
    let (passed, failed) = passed.split_once(" passed, ").ok_or_else(odd)?;
    let number = |text: &str| text.trim().parse::<u32>().map_err(|_| odd());
    let (all, passed, failed) = (number(all)?, number(passed)?, number(failed)?);
    let mut findings: Vec<String> =
        printed.lines().filter(|line| line.starts_with("FAIL ")).map(str::to_owned).collect();
    if findings.is_empty() && (failed > 0 || passed != all || all == 0) {
        findings.push(last.to_owned());
    }
    Ok(Grade::new("ashlar-audit", version, format!("{passed} of {all}; {layers}"), "all".to_owned(), findings))
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_summary_counts() {
        let good = "533 checks, 533 passed, 0 failed; layer 1: 359 of 359; layer 4: 60 of 60";
        let grade = |text: &str| super::grade("0.1.0", text).unwrap();
        assert_eq!(grade(good).score, "533 of 533; layer 1: 359 of 359; layer 4: 60 of 60");
        assert!(grade(good).findings.is_empty());
        let bad = "FAIL 1 x: expected 1, found 2 (why)\n2 checks, 1 passed, 1 failed; layer 1: 1 of 2";
        assert_eq!(grade(bad).findings, ["FAIL 1 x: expected 1, found 2 (why)"]);
        assert_eq!(grade("0 checks, 0 passed, 0 failed; layer 1: 0 of 0").findings.len(), 1);
        for text in ["", "not found", "x checks, 1 passed, 1 failed; layer 1: 1 of 2"] {
            assert!(super::grade("0.1.0", text).is_err(), "{text}");
        }
    }
}
