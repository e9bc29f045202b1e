use std::time::Duration;

use super::*;

/// Processor time of this thread, in hundredths of a second: other load does not count.
fn processor_time() -> Duration {
    let stat = std::fs::read_to_string("/proc/thread-self/stat").unwrap();
    // The process name, which may hold any character, is in parentheses; proc(5) numbers the fields after it from 3.
    let fields: Vec<&str> = stat.rsplit_once(')').unwrap().1.split_whitespace().collect();
    let ticks = |number: usize| fields[number - 3].parse::<u64>().unwrap();
    Duration::from_millis((ticks(14) + ticks(15)) * 10)
}

/// The findings about a text that is not a ruleset, and the time they took.
fn refused(text: &str) -> (String, Duration) {
    let begin = processor_time();
    let source = Source { file: "f", text };
    let message = source.show(&parse(source).unwrap_err());
    (message, processor_time() - begin)
}

#[test]
fn a_hundred_times_as_many_mistakes_are_said_in_the_same_words() {
    let lines = |count: usize| (1..=count).map(|number| format!("x{number}\n")).collect::<String>();
    let (few, _) = refused(&lines(20));
    assert_eq!(few.matches("outside a table").count(), 20);
    assert!(!few.contains("more"), "{few}");
    let (many, took) = refused(&lines(20_000));
    assert_eq!(many, format!("{few}\nf: 19980 more findings like these"));
    assert!(took < Duration::from_millis(500), "{took:?}");
    assert!(refused(&lines(21)).0.ends_with("f: one more finding like these"));
}

/// With quadratic cost, each of these took minutes or all memory.
#[test]
fn what_is_long_is_refused_as_fast() {
    let names = |word: &str| (0..40_000).map(|number| format!("define {word}{number} = 1\n")).collect::<String>();
    let many = [
        ("words in one line", "x ".repeat(1 << 20)),
        ("statements in one line", "x1;".repeat(1 << 19)),
        ("signs that mean nothing", "?".repeat(1 << 20)),
        ("what could become an address", "1:".repeat(1 << 19)),
        ("what could become another", "1.".repeat(1 << 19)),
        ("a word", "x".repeat(1 << 20)),
        ("a quotation without an end", format!("\"{}", "x".repeat(1 << 20))),
        ("one long line behind many", format!("{}{}", "x\n".repeat(10_000), "y ".repeat(1 << 19))),
        ("names that are not defined", format!("{}{}", names("a"), "define b = $c\n".repeat(20_000))),
    ];
    for (what, text) in many {
        let (message, took) = refused(&text);
        assert!(message.len() < 64 << 10, "{what}: {} bytes", message.len());
        // Without optimisation some take five seconds; quadratic cost took a hundred times that.
        assert!(took < Duration::from_secs(30), "{what}: {took:?}");
    }
}
