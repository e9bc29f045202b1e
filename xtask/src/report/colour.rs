//! Colours of what goes to standard error: none unless that is a terminal, and none when `NO_COLOR` is set.

use console::Style;

/// The text with the words that begin its lines in their colours.
pub(super) fn painted(text: &str) -> String {
    text.split_inclusive('\n').map(line).collect()
}

fn line(line: &str) -> String {
    let styles = [
        ("error", Style::new().red().bold()),
        ("warning", Style::new().yellow().bold()),
        ("help", Style::new().cyan().bold()),
    ];
    let Some((word, style)) = styles.into_iter().find(|(word, _)| line.starts_with(word)) else {
        return line.to_owned();
    };
    // `error: …`, or `error[code]: …`.
    let code = line[word.len()..].starts_with('[').then(|| line.find(']')).flatten();
    let (head, rest) = line.split_at(code.map_or(word.len(), |end| end + 1));
    if rest.starts_with(':') { format!("{}{rest}", style.for_stderr().apply_to(head)) } else { line.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_words_that_begin_a_message_are_painted() {
        console::set_colors_enabled_stderr(true);
        let painted = painted("error[a::b]: x: y\n  --> error: z\nhelp: do\nerrors are: told\n");
        console::set_colors_enabled_stderr(false);
        assert_eq!(
            painted,
            "\u{1b}[31m\u{1b}[1merror[a::b]\u{1b}[0m: x: y\n  --> error: z\n\u{1b}[36m\u{1b}[1mhelp\u{1b}[0m: do\nerrors are: told\n"
        );
        assert_eq!(super::painted("error: x"), "error: x");
    }
}
