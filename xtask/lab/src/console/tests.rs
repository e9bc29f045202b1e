//! Canned conversations: what is typed when, and how they end.

use super::*;

fn seconds(count: u64) -> Duration {
    Duration::from_secs(count)
}

fn expect(pattern: &str) -> Step {
    Step::Expect { pattern: pattern.to_owned(), within: seconds(100) }
}

fn ask(command: &str) -> Step {
    Step::Ask { command: command.to_owned(), within: seconds(30) }
}

fn send(line: &str) -> Step {
    Step::Send { line: line.to_owned() }
}

fn console(steps: &[Step]) -> Console {
    let alarms = vec!["Kernel panic".to_owned()];
    Console::new(Script { steps: steps.to_vec(), limit: seconds(180), alarms })
}

/// The lines among what is to be done.
fn typed(actions: Vec<Action>) -> Vec<String> {
    let line = |action| match action {
        Action::Type(line) => line,
        Action::Begin { task, .. } => format!("<{task}>"),
    };
    actions.into_iter().map(line).collect()
}

fn failure(console: &Console) -> String {
    console.outcome().unwrap().clone().unwrap_err().to_string()
}

fn print(console: &mut Console, text: &str) -> Vec<String> {
    typed(console.feed(Input::Bytes(text.as_bytes()), seconds(1)))
}

const END: Step = Step::End { within: Duration::from_secs(60) };

#[test]
fn a_whole_conversation() {
    let mut console = console(&[expect("ashlar login:"), send("root"), ask("uname -r"), send("poweroff"), END]);
    assert!(console.feed(Input::Bytes(b"\x1b[2J[    0.1] boot\r\n\r\nashlar log"), seconds(5)).is_empty());
    let actions = console.feed(Input::Bytes(b"in: "), seconds(20));
    assert_eq!(typed(actions), ["root", "echo @''@b0@@; uname -r; echo @''@e0=$?@@"]);
    // The terminal echoes what is typed, broken at its width; only the shell's output counts.
    let echo = "root\r\n# echo @''@b0@@; uname -r; ec\r\nho @''@e0=$?@@\r\n";
    assert!(console.feed(Input::Bytes(echo.as_bytes()), seconds(21)).is_empty());
    let output = "@@b0@@\r\n[   21.123456] noise\r\n6.12.95\r\n@@e0=0@@\r\n# ";
    assert_eq!(typed(console.feed(Input::Bytes(output.as_bytes()), seconds(22))), ["poweroff"]);
    assert_eq!(console.answers(), [Answer { text: "6.12.95".to_owned(), status: 0 }]);
    assert_eq!(console.outcome(), None);
    console.feed(Input::Bytes(b"The system is going down NOW!\r\n"), seconds(23));
    console.feed(Input::Ended, seconds(25));
    assert_eq!(console.outcome(), Some(&Ok(())));
    assert_eq!(console.passed(), [20, 20, 22, 22, 25].map(seconds));
    // Whatever comes later changes nothing.
    console.feed(Input::Bytes(b"Kernel panic\n"), seconds(900));
    console.feed(Input::Ended, seconds(901));
    assert_eq!(console.outcome(), Some(&Ok(())));
}

#[test]
fn answers_keep_lines_and_status() {
    let mut console = console(&[ask("a"), ask("b")]);
    // A command that prints no final line feed, and one that prints something like a marker.
    print(&mut console, "@@b0@@\none\n two@@e0=3@@\n@@b1@@\n@@e0=0@@ @@\n@@e1=x@@ @@e1=0@@");
    let answer = |text: &str, status| Answer { text: text.to_owned(), status };
    assert_eq!(console.answers(), [answer("one\n two", 3), answer("@@e0=0@@ @@\n@@e1=x@@", 0)]);
    assert_eq!(console.outcome(), Some(&Ok(())));
}

#[test]
fn a_command_that_got_lost_is_typed_again() {
    let mut console = console(&[ask("a"), ask("b")]);
    assert_eq!(typed(console.feed(Input::Tick, seconds(0))), ["echo @''@b0@@; a; echo @''@e0=$?@@"]);
    assert!(console.feed(Input::Tick, seconds(9)).is_empty());
    assert_eq!(console.feed(Input::Tick, seconds(10)).len(), 1);
    assert!(console.feed(Input::Tick, seconds(11)).is_empty());
    // Both copies run; the second one's output is not taken for the next answer.
    let actions = console.feed(Input::Bytes(b"@@b0@@\n1\n@@e0=0@@\n@@b0@@\n2\n@@e0=0@@\n"), seconds(12));
    assert_eq!(typed(actions), ["echo @''@b1@@; b; echo @''@e1=$?@@"]);
    console.feed(Input::Bytes(b"@@b1@@\n3"), seconds(13));
    assert!(console.feed(Input::Tick, seconds(40)).is_empty(), "it runs, so it is not typed again");
    console.feed(Input::Bytes(b"\n@@e1=0@@"), seconds(41));
    assert_eq!(console.answers().iter().map(|answer| answer.text.as_str()).collect::<Vec<_>>(), ["1", "3"]);
}

#[test]
fn limits_name_what_was_waited_for() {
    let mut one = console(&[expect("login:")]);
    one.feed(Input::Bytes(b"Booting...\r\n\r\n"), seconds(3));
    one.feed(Input::Tick, seconds(99));
    assert_eq!(one.outcome(), None);
    one.feed(Input::Tick, seconds(100));
    assert_eq!(failure(&one), "waited 100 s for `login:`; its last line was `Booting...`");
    // A step's limit counts from its start, the whole one from the beginning.
    let mut two = console(&[expect("x"), ask("sleep 99")]);
    two.feed(Input::Bytes(b"x\n"), seconds(90));
    two.feed(Input::Bytes(b"@@b0@@ still"), seconds(119));
    assert_eq!(two.outcome(), None);
    two.feed(Input::Tick, seconds(120));
    assert_eq!(failure(&two), "waited 30 s for the output of `sleep 99`; its last line was `@@b0@@ still`");
    let late = Step::End { within: seconds(500) };
    let mut three = console(&[late]);
    three.feed(Input::Tick, seconds(180));
    assert_eq!(failure(&three), "waited 180 s for the machine to power off; it printed nothing");
}

#[test]
fn an_early_end_and_an_alarm_are_failures() {
    let mut one = console(&[expect("login:")]);
    print(&mut one, "Loading\nNo bootable device.");
    one.feed(Input::Ended, seconds(9));
    assert_eq!(failure(&one), "the machine ended while waiting for `login:`; its last line was `No bootable device.`");
    let mut two = console(&[expect("login:")]);
    assert!(print(&mut two, "[ 1.000000] Kernel panic - not syncing: VFS\nlogin:").is_empty());
    assert_eq!(failure(&two), "the machine printed `[ 1.000000] Kernel panic - not syncing: VFS`");
    // The last line counts even when its line feed never came.
    let mut three = console(&[END]);
    print(&mut three, "Kernel panic");
    three.feed(Input::Ended, seconds(2));
    assert_eq!(failure(&three), "the machine printed `Kernel panic`");
    let mut four = console(&[END, expect("x")]);
    four.feed(Input::Ended, seconds(2));
    assert_eq!(failure(&four), "the machine ended while waiting for `x`; it printed nothing");
}

#[test]
fn a_flood_ends_it() {
    let mut console = console(&[expect("login:")]);
    let line = [b'x'; 4096];
    for _ in 0..=FLOOD / line.len() {
        console.feed(Input::Bytes(&line), seconds(1));
    }
    assert_eq!(failure(&console), "the machine printed more than 1024 KiB while waiting for `login:`");
}

#[test]
fn a_script_without_waiting_is_over_at_once() {
    assert_eq!(console(&[]).outcome(), Some(&Ok(())));
    let mut two = console(&[send("a"), send("b")]);
    assert_eq!(typed(two.feed(Input::Tick, seconds(0))), ["a", "b"]);
    assert_eq!(two.outcome(), Some(&Ok(())));
}

fn outside(task: Task) -> Step {
    Step::Outside { task, within: seconds(50) }
}

#[test]
fn a_task_beside_the_console() {
    let user = || "admin".to_owned();
    let leave = Task::Leave { user: user(), command: "become poweroff".to_owned() };
    let mut console = console(&[outside(Task::Banner), expect("login:"), outside(leave), expect("Power down"), END]);
    assert_eq!(typed(console.feed(Input::Tick, seconds(0))), ["<the SSH banner>"]);
    // The prompt came before the banner, and counts.
    assert!(print(&mut console, "ashlar login: ").is_empty());
    let banner = Answer { text: "SSH-2.0-x".to_owned(), status: 0 };
    let actions = console.feed(Input::Done(Ok(vec![banner.clone()])), seconds(9));
    assert_eq!(typed(actions), ["<`become poweroff` over SSH>"]);
    assert_eq!(console.answers(), [banner]);
    console.feed(Input::Bytes(b"reboot: Power down\n"), seconds(10));
    assert_eq!(console.outcome(), None, "the task is still under way");
    console.feed(Input::Done(Ok(Vec::new())), seconds(11));
    console.feed(Input::Ended, seconds(12));
    assert_eq!(console.outcome(), Some(&Ok(())));
}

#[test]
fn a_task_may_fail_be_late_or_meet_an_alarm() {
    let begun = || {
        let mut console = console(&[outside(Task::Banner), END]);
        assert_eq!(console.feed(Input::Tick, seconds(0)).len(), 1);
        console.feed(Input::Bytes(b"Starting sshd\n"), seconds(1));
        console
    };
    let mut one = begun();
    one.feed(Input::Done(Err("nothing came".to_owned())), seconds(9));
    assert_eq!(failure(&one), "the SSH banner: nothing came; on the console, its last line was `Starting sshd`");
    let mut two = begun();
    two.feed(Input::Tick, seconds(50));
    assert_eq!(failure(&two), "waited 50 s for the SSH banner; its last line was `Starting sshd`");
    two.feed(Input::Done(Ok(Vec::new())), seconds(51));
    assert!(two.outcome().unwrap().is_err(), "too late is too late");
    let mut three = begun();
    three.feed(Input::Bytes(b"Kernel panic\n"), seconds(2));
    assert_eq!(failure(&three), "the machine printed `Kernel panic`");
}

mod properties {
    use super::*;
    use proptest::prelude::*;

    /// Bytes in which the interesting ones are frequent.
    fn bytes() -> impl Strategy<Value = Vec<u8>> {
        let piece = prop_oneof![
            any::<Vec<u8>>(),
            prop::sample::select(vec![
                "login:",
                "\x1b[",
                "\x1b]0;",
                "\n",
                "\r",
                "@@b0@@",
                "@@e0=0@@",
                "@@b1@@",
                "@@e1=7@@",
                "Kernel panic",
                "@@",
                "m",
            ])
            .prop_map(|text| text.as_bytes().to_vec()),
        ];
        prop::collection::vec(piece, 0..40).prop_map(|pieces| pieces.concat())
    }

    /// Everything that a conversation gives.
    fn hold(bytes: &[u8], cuts: &[usize]) -> (Vec<String>, Vec<Answer>, Option<Result<(), Failure>>) {
        let mut console = console(&[expect("login:"), send("root"), ask("x"), ask("y"), END]);
        let mut lines = Vec::new();
        let mut rest = bytes;
        for cut in cuts {
            let (chunk, after) = rest.split_at(cut % (rest.len() + 1));
            lines.extend(typed(console.feed(Input::Bytes(chunk), seconds(1))));
            rest = after;
        }
        lines.extend(typed(console.feed(Input::Bytes(rest), seconds(1))));
        lines.extend(typed(console.feed(Input::Ended, seconds(2))));
        (lines, console.answers().to_vec(), console.outcome().cloned())
    }

    proptest! {
        #[test]
        fn chunks_do_not_matter(bytes in bytes(), cuts in prop::collection::vec(any::<usize>(), 0..30)) {
            let whole = hold(&bytes, &[]);
            prop_assert_eq!(&hold(&bytes, &cuts), &whole);
            prop_assert!(whole.2.is_some(), "an ended machine has an outcome");
        }

        #[test]
        fn cleaned_text_is_text(bytes in bytes()) {
            let text = Cleaner::default().clean(&bytes);
            prop_assert!(text.iter().all(|byte| matches!(byte, b'\n' | b'\t') || (*byte >= 0x20 && *byte != 0x7f)));
            // Cleaning once is enough.
            prop_assert_eq!(Cleaner::default().clean(&text), text);
        }
    }
}
