//! Runs a virtual machine and holds a conversation with it over its serial console, in real time.
//!
//! `ashlar_lab::console` decides what to type and what to expect; here are the process, the pipes, the clock and the log. `ssh.rs` acts
//! beside the console, in a thread of its own, so that this goes on reading the console.

use std::io::{Read as _, Write as _};
use std::process::{Child, ChildStdin, ExitStatus, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use ashlar_core::base::command::Command;
use ashlar_lab::console::task::Task;
use ashlar_lab::console::text::Cleaner;
use ashlar_lab::console::{Action, Answer, Console, Input, Script};
use camino::Utf8Path;

use super::exec;
use super::interrupt;
use super::process::Process;
use super::ssh::SshClient;

/// How often limits are looked at while the machine is silent.
const TICK: Duration = Duration::from_millis(100);
/// How long a machine is listened to after a failure: the lines that follow a panic say where it was.
const AFTERMATH: Duration = Duration::from_secs(2);
/// How long a process may take to end after it closed its output.
const GRACE: Duration = Duration::from_secs(10);

/// What happens while a machine runs.
enum Event {
    /// It printed something.
    Bytes(Vec<u8>),
    /// Its output is closed.
    Closed,
    /// The task begun last is done.
    Done(Result<Vec<Answer>, String>),
}

/// Starts `command`, whose standard input and output are a serial console, and follows `script` to its outcome.
///
/// `log` gets everything printed there, as plain text, while it comes; `messages` gets the process's own standard error.
/// Tasks of the script go over `client`; without one they fail. The process has ended when this returns, whatever happened. The
/// script's failures are in the result's outcome.
///
/// # Errors
/// When the process cannot be started, ends with another status than 0 although the script came to its end, or a file
/// cannot be written.
pub fn converse(
    command: &Command,
    script: Script,
    client: Option<&Arc<SshClient>>,
    log: &Utf8Path,
    messages: &Utf8Path,
) -> Result<Console> {
    let mut log = Log::create(log)?;
    fs_err::write(messages, "")?;
    let started = Instant::now();
    let mut machine = Process(exec::background(command, Stdio::piped(), Stdio::piped(), messages)?);
    let mut keyboard = machine.0.stdin.take().context("the machine has no standard input")?;
    let (sender, events) = mpsc::channel();
    listen(&mut machine.0, sender.clone())?;
    let mut tasks = TaskRunner { client, started, sender, task: None };
    let mut console = Console::new(script);
    // The first step may want something done before the machine says a word.
    let mut actions = console.feed(Input::Tick, started.elapsed());
    loop {
        perform(&mut keyboard, &mut tasks, actions)?;
        interrupt::check()?;
        if console.outcome().is_some() {
            break;
        }
        actions = match events.recv_timeout(TICK) {
            Ok(Event::Bytes(bytes)) => {
                log.append(&bytes)?;
                console.feed(Input::Bytes(&bytes), started.elapsed())
            }
            Ok(Event::Done(result)) => console.feed(Input::Done(result), started.elapsed()),
            Err(RecvTimeoutError::Timeout) => console.feed(Input::Tick, started.elapsed()),
            Ok(Event::Closed) | Err(RecvTimeoutError::Disconnected) => {
                tasks.finish();
                let status = machine.wait(GRACE)?;
                // A command that switched the machine off may have ended with it.
                drain(&events, &mut console, started);
                let actions = console.feed(Input::Ended, started.elapsed());
                if !status.is_some_and(|status| status.success()) {
                    return Err(ended_badly(command, status, messages)?);
                }
                actions
            }
        };
    }
    let until = Instant::now() + AFTERMATH;
    while console.outcome().is_some_and(Result::is_err)
        && let Ok(Event::Bytes(bytes)) = events.recv_timeout(until.saturating_duration_since(Instant::now()))
    {
        log.append(&bytes)?;
    }
    Ok(console)
}

/// Hands the results that are there already to the console.
fn drain(events: &Receiver<Event>, console: &mut Console, started: Instant) {
    while let Ok(event) = events.try_recv() {
        if let Event::Done(result) = event {
            // Nobody can type on a machine that has ended, so what is to be done next does not matter.
            drop(console.feed(Input::Done(result), started.elapsed()));
        }
    }
}

/// What the machine prints, in chunks, as events; the last one says that its output is closed.
fn listen(machine: &mut Child, sender: Sender<Event>) -> Result<()> {
    let mut stdout = machine.stdout.take().context("the machine has no standard output")?;
    std::thread::Builder::new().name("console".to_owned()).spawn(move || {
        let mut buffer = [0; 4096];
        // The thread ends with the process's output, or when nobody listens any more.
        while let Ok(count @ 1..) = stdout.read(&mut buffer) {
            if sender.send(Event::Bytes(buffer[..count].to_vec())).is_err() {
                return;
            }
        }
        // Nobody listens any more: fine as well.
        drop(sender.send(Event::Closed));
    })?;
    Ok(())
}

fn perform(keyboard: &mut ChildStdin, tasks: &mut TaskRunner<'_>, actions: Vec<Action>) -> Result<()> {
    for action in actions {
        match action {
            Action::Type(line) => type_line(keyboard, &line)?,
            Action::Begin { task, within } => tasks.begin(task, within)?,
        }
    }
    Ok(())
}

fn type_line(keyboard: &mut ChildStdin, line: &str) -> Result<()> {
    // The Enter key is a carriage return.
    match keyboard.write_all(format!("{line}\r").as_bytes()).and_then(|()| keyboard.flush()) {
        // A machine that has just ended closes its end: that shows when its output closes.
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(()),
        result => result.context("typing on the machine's console"),
    }
}

/// Runs the tasks of a script in a thread of their own, at most one at a time.
struct TaskRunner<'a> {
    client: Option<&'a Arc<SshClient>>,
    /// When the machine was started.
    started: Instant,
    sender: Sender<Event>,
    task: Option<(JoinHandle<()>, Arc<AtomicBool>)>,
}

impl TaskRunner<'_> {
    fn begin(&mut self, task: Task, within: Duration) -> Result<()> {
        self.finish();
        let sender = self.sender.clone();
        let Some(client) = self.client.map(Arc::clone) else {
            // The receiver lives as long as this value.
            drop(sender.send(Event::Done(Err("this machine has no network port to this host".to_owned()))));
            return Ok(());
        };
        let (started, until) = (self.started, Instant::now() + within);
        let cancelled = Arc::new(AtomicBool::new(false));
        let flag = Arc::clone(&cancelled);
        let thread = std::thread::Builder::new().name("task".to_owned()).spawn(move || {
            let result = client.perform(&task, started, until, &flag);
            // Too late for anybody to listen: the console has said so.
            drop(sender.send(Event::Done(result)));
        })?;
        self.task = Some((thread, cancelled));
        Ok(())
    }

    /// Ends the task under way, if there is one, and waits until it has ended.
    fn finish(&mut self) {
        if let Some((thread, cancelled)) = self.task.take() {
            cancelled.store(true, Ordering::Relaxed);
            if thread.join().is_err() {
                eprintln!("warning: the thread of a task panicked");
            }
        }
    }
}

impl Drop for TaskRunner<'_> {
    fn drop(&mut self) {
        self.finish();
    }
}

/// A machine that runs while we do something else, with its console in a log.
pub struct Running {
    process: Process,
    console: Option<JoinHandle<Result<()>>>,
    /// When it was started.
    pub started: Instant,
}

/// Starts `command`, whose standard output is a serial console; see [`converse`] for `log` and `messages`.
pub fn start(command: &Command, log: &Utf8Path, messages: &Utf8Path) -> Result<Running> {
    let mut log = Log::create(log)?;
    fs_err::write(messages, "")?;
    let started = Instant::now();
    let mut process = Process(exec::background(command, Stdio::null(), Stdio::piped(), messages)?);
    let (sender, events) = mpsc::channel();
    listen(&mut process.0, sender)?;
    let console = std::thread::spawn(move || {
        while let Ok(Event::Bytes(bytes)) = events.recv() {
            log.append(&bytes)?;
        }
        Ok(())
    });
    Ok(Running { process, console: Some(console), started })
}

impl Running {
    /// Its status, if it ends within `limit`.
    pub fn wait(&mut self, limit: Duration) -> Result<Option<ExitStatus>> {
        self.process.wait(limit)
    }

    /// Ends it, and gives what went wrong with its log.
    pub fn end(mut self) -> Result<()> {
        let console = self.console.take();
        drop(self);
        match console.map(JoinHandle::join) {
            Some(Ok(result)) => result,
            Some(Err(_)) => anyhow::bail!("the thread that keeps the console log panicked"),
            None => Ok(()),
        }
    }
}

/// What came of the work on a machine that has been ended since: why the work failed counts before why the ending did.
pub fn after<T>(work: Result<T>, ended: Result<()>) -> Result<T> {
    match (work, ended) {
        (Ok(done), ended) => ended.map(|()| done),
        (Err(error), Ok(())) => Err(error),
        (Err(error), Err(second)) => {
            eprintln!("warning: after the error that follows, ending the machine failed as well: {second:#}");
            Err(error)
        }
    }
}

fn ended_badly(command: &Command, status: Option<ExitStatus>, messages: &Utf8Path) -> Result<anyhow::Error> {
    let status = status.map_or("closed its output and went on".to_owned(), |status| status.to_string());
    let tail = exec::tail_of(messages)?;
    let lines: String = tail.lines().map(|line| format!("\n  | {line}")).collect();
    let shown = exec::script(command, messages).map_or_else(|| command.to_string(), |script| format!("sh {script}"));
    Ok(anyhow::anyhow!("the machine did not end well: {status}{lines}\n  command  {shown}"))
}

/// The log of a console, as plain text: readable in any editor, and harmless when printed.
struct Log {
    file: fs_err::File,
    cleaner: Cleaner,
}

impl Log {
    fn create(path: &Utf8Path) -> Result<Self> {
        if let Some(parent) = path.parent() {
            fs_err::create_dir_all(parent)?;
        }
        Ok(Self { file: fs_err::File::create(path)?, cleaner: Cleaner::default() })
    }

    fn append(&mut self, bytes: &[u8]) -> Result<()> {
        Ok(self.file.write_all(&self.cleaner.clean(bytes))?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ashlar_lab::console::Step;
    use camino::Utf8PathBuf;

    /// A machine made of a shell script, and where its files go.
    fn run(machine: &str, steps: Vec<Step>, limit: Duration) -> (Result<Console>, String, Duration) {
        let guard = tempfile::tempdir().unwrap();
        let dir = Utf8PathBuf::from_path_buf(guard.path().to_owned()).unwrap();
        let (log, messages) = (dir.join("logs/x.log"), dir.join("x.err"));
        let command = Command::new("sh").args(["-c", machine]);
        let script = Script { steps, limit, alarms: vec!["panic".to_owned()] };
        let started = Instant::now();
        let result = converse(&command, script, None, &log, &messages);
        let printed = fs_err::read_to_string(&log).unwrap();
        (result, printed, started.elapsed())
    }

    fn steps() -> Vec<Step> {
        let within = Duration::from_secs(20);
        vec![
            Step::Expect { pattern: "login:".to_owned(), within },
            Step::Send { line: "root".to_owned() },
            Step::Ask { command: "echo $((6*7))".to_owned(), within },
            Step::Send { line: "kill -USR1 $$; exit".to_owned() },
            Step::End { within },
        ]
    }

    /// Like a terminal's, its shell takes carriage returns for line ends and echoes what is typed.
    const MACHINE: &str = r##"
        printf '\033[2J\033[1mhost\033[0m log'; sleep 0.1; printf 'in: '
        trap 'exit 0' USR1
        exec 3<&0
        stdbuf -o0 tr '\r' '\n' <&3 | {
            read -r user; echo "welcome $user"
            while read -r line; do echo "# $line"; eval "$line"; done
        } &
        wait"##;

    #[test]
    fn holds_a_conversation() {
        let (console, log, _) = run(MACHINE, steps(), Duration::from_secs(60));
        let console = console.unwrap();
        assert_eq!(console.outcome(), Some(&Ok(())), "{log}");
        assert_eq!(console.answers()[0].text, "42");
        assert!(log.starts_with("host login: welcome root\n# echo @''@b0@@"), "{log}");
    }

    #[test]
    fn a_silent_machine_is_ended_in_time() {
        // Its standard error is not ours, so a surviving process would not be noticed by that; its id is.
        let (console, log, took) = run("echo pid $$; exec sleep 100", steps(), Duration::from_millis(500));
        let text = console.unwrap().outcome().unwrap().clone().unwrap_err().to_string();
        assert!(text.contains("for `login:`; its last line was `pid "), "{text}");
        assert!(took < Duration::from_secs(20), "{took:?}");
        let pid = log.trim().strip_prefix("pid ").unwrap();
        assert!(!Utf8PathBuf::from(format!("/proc/{pid}")).exists(), "process {pid} is still there");
    }

    #[test]
    fn the_lines_after_a_panic_are_kept() {
        let machine = "echo panic: no root; sleep 0.3; echo called from here; exec sleep 100";
        let (console, log, _) = run(machine, steps(), Duration::from_secs(60));
        let text = console.unwrap().outcome().unwrap().clone().unwrap_err().to_string();
        assert_eq!(text, "the machine printed `panic: no root`");
        assert_eq!(log, "panic: no root\ncalled from here\n");
    }

    #[test]
    fn a_machine_that_cannot_work_shows_its_words() {
        let (error, ..) = run("echo no such firmware >&2; exit 1", steps(), Duration::from_secs(60));
        let error = error.unwrap_err().to_string();
        assert!(error.contains("| no such firmware") && error.contains("exit status: 1"), "{error}");
        let missing = Command::new("no-such-machine");
        let dir = tempfile::tempdir().unwrap();
        let file = |name| Utf8PathBuf::from_path_buf(dir.path().join(name)).unwrap();
        let error = converse(&missing, Script::default(), None, &file("a"), &file("b")).unwrap_err().to_string();
        assert!(error.contains("`no-such-machine` was not found"), "{error}");
    }

    #[test]
    fn a_task_without_a_way_fails_at_once() {
        let within = Duration::from_secs(20);
        let (console, ..) = run("exec sleep 100", vec![Step::Outside { task: Task::Banner, within }], within);
        let text = console.unwrap().outcome().unwrap().clone().unwrap_err().to_string();
        assert_eq!(
            text,
            "the SSH banner: this machine has no network port to this host; on the console, it printed nothing"
        );
    }

    #[test]
    fn a_machine_in_the_background_has_a_log() {
        let dir = tempfile::tempdir().unwrap();
        let file = |name| Utf8PathBuf::from_path_buf(dir.path().join(name)).unwrap();
        let mut machine = start(&Command::new("echo").arg("up"), &file("log"), &file("err")).unwrap();
        assert!(machine.wait(Duration::from_secs(20)).unwrap().unwrap().success());
        machine.end().unwrap();
        assert_eq!(fs_err::read_to_string(file("log")).unwrap(), "up\n");
        let sleeper = start(&Command::new("sleep").arg("100"), &file("log"), &file("err")).unwrap();
        let took = Instant::now();
        sleeper.end().unwrap();
        assert!(took.elapsed() < Duration::from_secs(20));
    }

    #[test]
    fn the_works_own_error_comes_first() {
        let failed = || anyhow::anyhow!("the ending");
        assert_eq!(after(Ok(7), Ok(())).unwrap(), 7);
        assert_eq!(after(Ok(7), Err(failed())).unwrap_err().to_string(), "the ending");
        for ended in [Ok(()), Err(failed())] {
            let work: Result<()> = Err(anyhow::anyhow!("the work"));
            assert_eq!(after(work, ended).unwrap_err().to_string(), "the work");
        }
    }

    #[test]
    fn an_early_end_is_an_outcome() {
        let (console, ..) = run("echo bye", steps(), Duration::from_secs(60));
        let text = console.unwrap().outcome().unwrap().clone().unwrap_err().to_string();
        assert_eq!(text, "the machine ended while waiting for `login:`; its last line was `bye`");
    }
}
