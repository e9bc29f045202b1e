//! Order of Debian version numbers (`epoch:upstream-revision`), as Debian policy 5.6.12 defines it.

use std::cmp::Ordering;

/// Compares two versions.
pub fn compare(a: &str, b: &str) -> Ordering {
    let (a, b) = (split(a), split(b));
    a.0.cmp(&b.0).then_with(|| part(a.1, b.1)).then_with(|| part(a.2, b.2))
}

/// Whether `version operator bound` holds; operators are `<<`, `<=`, `=`, `>=`, `>>`. An unknown operator never holds.
pub fn satisfies(version: &str, operator: &str, bound: &str) -> bool {
    let order = compare(version, bound);
    match operator {
        "<<" => order.is_lt(),
        "<=" => order.is_le(),
        "=" => order.is_eq(),
        ">=" => order.is_ge(),
        ">>" => order.is_gt(),
        _ => false,
    }
}

/// Epoch, upstream version, revision.
fn split(version: &str) -> (u64, &str, &str) {
    let (epoch, rest) = version.split_once(':').unwrap_or(("0", version));
    let (upstream, revision) = rest.rsplit_once('-').unwrap_or((rest, ""));
    (epoch.parse().unwrap_or(0), upstream, revision)
}

/// Compares alternating runs of non-digits and digits.
fn part(mut a: &str, mut b: &str) -> Ordering {
    while !a.is_empty() || !b.is_empty() {
        let (text_a, rest_a) = take(a, |c| !c.is_ascii_digit());
        let (text_b, rest_b) = take(b, |c| !c.is_ascii_digit());
        let (number_a, after_a) = take(rest_a, |c| c.is_ascii_digit());
        let (number_b, after_b) = take(rest_b, |c| c.is_ascii_digit());
        let order = letters(text_a, text_b).then_with(|| numbers(number_a, number_b));
        if order.is_ne() {
            return order;
        }
        (a, b) = (after_a, after_b);
    }
    Ordering::Equal
}

fn take(text: &str, wanted: impl Fn(char) -> bool) -> (&str, &str) {
    text.split_at(text.find(|c| !wanted(c)).unwrap_or(text.len()))
}

/// `~` sorts before the end, letters before everything else.
fn letters(a: &str, b: &str) -> Ordering {
    let weight = |c: Option<char>| match c {
        Some('~') => -1,
        None => 0,
        Some(c) if c.is_ascii_alphabetic() => c as i64,
        Some(c) => c as i64 + 0x0011_0000,
    };
    let (mut a, mut b) = (a.chars(), b.chars());
    loop {
        let (left, right) = (a.next(), b.next());
        let order = weight(left).cmp(&weight(right));
        if order.is_ne() || (left.is_none() && right.is_none()) {
            return order;
        }
    }
}

/// Numbers of any length: without leading zeros, the longer one is the larger one.
fn numbers(a: &str, b: &str) -> Ordering {
    let (a, b) = (a.trim_start_matches('0'), b.trim_start_matches('0'));
    a.len().cmp(&b.len()).then_with(|| a.cmp(b))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn order_of_policy() {
        for (a, b, expected) in [
            ("1.0", "1.0", Ordering::Equal),
            ("1.0", "1.00", Ordering::Equal),
            ("1.0~rc1", "1.0", Ordering::Less),
            ("1.0~~", "1.0~", Ordering::Less),
            ("1.9", "1.10", Ordering::Less),
            ("1:0.1", "2.0", Ordering::Greater),
            ("1.0a", "1.0+", Ordering::Less),
            ("1.0", "1.0a", Ordering::Less),
            ("2.36-9", "2.36-9+deb12u14", Ordering::Less),
            ("1.85.0+dfsg3-1~deb12u3", "1.85.0+dfsg3-1", Ordering::Less),
            ("99999999999999999999", "100000000000000000000", Ordering::Less),
            ("1.2-3-4", "1.2-3-5", Ordering::Less),
        ] {
            assert_eq!(compare(a, b), expected, "{a} {b}");
            assert_eq!(compare(b, a), expected.reverse(), "{b} {a}");
        }
    }

    #[test]
    fn operators() {
        assert!(
            satisfies("2", ">=", "2")
                && satisfies("2", "<=", "2")
                && satisfies("2", "=", "2.0-0") == (compare("2", "2.0-0").is_eq())
        );
        assert!(satisfies("1", "<<", "2") && satisfies("3", ">>", "2"));
        assert!(!satisfies("3", "~", "2"));
    }

    proptest::proptest! {
        #[test]
        fn comparison_is_antisymmetric(a in "[0-9a-c~+.:-]{0,12}", b in "[0-9a-c~+.:-]{0,12}") {
            assert_eq!(compare(&a, &b), compare(&b, &a).reverse());
            assert!(compare(&a, &a).is_eq());
        }
    }
}
