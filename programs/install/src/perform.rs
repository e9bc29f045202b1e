//! Carries the plan out.

use std::fs::{File, OpenOptions};
use std::io::{self, Seek as _, Write as _};
use std::os::fd::{AsFd as _, AsRawFd as _};
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use disks::block::Places;
use disks::installed::Installed;
use disks::slot_files::SlotFiles;
use disks::variables::Variables;
use slots::carry_out::carry_out;
use slots::entry::{self, GLOBAL};
use slots::recovery;
use slots::system::Slot;
use slots::update;

use crate::plan::{Plan, Step};

const CRYPTSETUP: &str = "/usr/bin/cryptsetup";
const MKE2FS: &str = "/usr/bin/mke2fs";
/// The state's name below `/dev/mapper` while it is made.
const OPENED: &str = "new-state";
/// Bytes that are overwritten at once.
const BLOCK: usize = 1 << 20;
/// How long the kernel may take to make the nodes of new partitions.
const PATIENCE: Duration = Duration::from_secs(10);
/// Where journal and floor would be; an installation writes neither.
const NO_MEMORY: &str = "/run/ashlar/install";

/// What opens the state.
pub struct Keys {
    /// What is typed at each start.
    pub passphrase: Vec<u8>,
    /// What opens it when that is lost.
    pub recovery: recovery::Key,
    /// Kibibytes that the passphrase costs.
    pub memory: u64,
}

/// Does every step, and says each as it begins.
pub fn perform(plan: &Plan, image: &[u8], keys: &Keys, say: &mut dyn FnMut(&str)) -> io::Result<()> {
    let machine = Target { plan, image, keys, places: Places::default(), variables: Variables::default() };
    machine.variables.make_writable()?;
    let begin = Instant::now();
    for step in &plan.steps {
        say(&format!("{:>4} s  {step}\n", begin.elapsed().as_secs()));
        machine.step(step).map_err(|error| io::Error::new(error.kind(), format!("failed to {step}: {error}")))?;
    }
    Ok(())
}

struct Target<'a> {
    plan: &'a Plan,
    image: &'a [u8],
    keys: &'a Keys,
    places: Places,
    variables: Variables,
}

impl Target<'_> {
    fn step(&self, step: &Step) -> io::Result<()> {
        match step {
            Step::Wipe(ranges) => self.wipe(ranges),
            Step::Table(writes) => {
                self.places.write(&self.plan.device, writes)?;
                self.reread()
            }
            Step::FormatState => self.format(),
            Step::WriteSlot(slot) => self.write(*slot),
            Step::RemoveEntry(number) => self.variables.write(&entry::variable(*number), GLOBAL, None),
            Step::SetEntry(slot, number) => self.update(&[update::Step::SetEntry(*slot, *number)]),
            Step::SetOrder(numbers) => self.update(&[update::Step::SetOrder(numbers.clone())]),
        }
    }

    fn disk(&self) -> io::Result<File> {
        let node = self.places.node(&self.plan.device);
        OpenOptions::new().read(true).write(true).open(&node).map_err(disks::about(&node))
    }

    fn wipe(&self, ranges: &[(u64, u64)]) -> io::Result<()> {
        let disk = self.disk()?;
        let zeros = vec![0; BLOCK];
        for (from, length) in ranges {
            for at in (*from..from + length).step_by(BLOCK) {
                disk.write_all_at(&zeros, at)?;
            }
        }
        disk.sync_all()
    }

    /// Has the kernel see the new partitions, and waits for their nodes.
    fn reread(&self) -> io::Result<()> {
        sys::block::reread_table(&self.disk()?)?;
        let end = Instant::now() + PATIENCE;
        let there =
            || (1..=3).all(|number| self.places.partition(&self.plan.device, number).is_some_and(|node| node.exists()));
        while !there() {
            if Instant::now() >= end {
                return Err(io::Error::new(io::ErrorKind::TimedOut, "the kernel does not show the new partitions"));
            }
            thread::sleep(Duration::from_millis(50));
        }
        Ok(())
    }

    fn installed(&self) -> Installed {
        Installed { device: self.plan.device.clone(), table: self.plan.table.clone(), slot: Slot::A }
    }

    fn update(&self, steps: &[update::Step]) -> io::Result<()> {
        let variables = self.variables.clone();
        let mut machine = SlotFiles::open(&self.installed(), &self.places, variables, Path::new(NO_MEMORY))?;
        carry_out(&mut machine, steps, self.image).map_err(|error| io::Error::other(error.to_string()))
    }

    fn write(&self, slot: Slot) -> io::Result<()> {
        self.update(&[
            update::Step::Erase(slot.other()),
            update::Step::Erase(slot),
            update::Step::WriteBody(slot),
            update::Step::VerifyBody(slot),
            update::Step::WriteHead(slot),
            update::Step::VerifySlot(slot),
        ])
    }

    /// The recovery key is random enough without a costly derivation; the passphrase is not.
    fn format(&self) -> io::Result<()> {
        let state = self.installed().state(&self.places)?;
        let recovery = self.keys.recovery.secret().into_bytes();
        let memory = self.keys.memory.to_string();
        let luks = |arguments: &[&str], last: &[&Path]| {
            let mut command = Command::new(CRYPTSETUP);
            command.args(["--batch-mode", "--key-file", "-"]).args(arguments).args(last);
            command
        };
        let cheap = ["--pbkdf", "pbkdf2", "--pbkdf-force-iterations", "1000"];
        let cipher = ["--cipher", "aes-xts-plain64", "--key-size", "512", "--sector-size", "4096"];
        let costly = ["--pbkdf", "argon2id", "--pbkdf-force-iterations", "4", "--pbkdf-parallel", "1"];
        run(&mut luks(&[&["luksFormat", "--type", "luks2"], &cheap[..], &cipher].concat(), &[&state]), &recovery)?;
        let (passphrase, path) = in_memory(&self.keys.passphrase)?;
        let add = [&["luksAddKey", "--pbkdf-memory", &memory], &costly[..]].concat();
        run(&mut luks(&add, &[&state, &path]), &recovery)?;
        drop(passphrase);
        run(&mut luks(&["open", "--type", "luks2"], &[&state, Path::new(OPENED)]), &recovery)?;
        let mut make = Command::new(MKE2FS);
        make.args(["-q", "-t", "ext4", "-b", "4096", "-m", "5", "-O", "quota,project", "-L", "ashlar-state"]);
        make.args(["-E", "quotatype=prjquota,nodiscard"]).arg(Path::new("/dev/mapper").join(OPENED));
        let made = run(&mut make, &[]);
        // Closed in any case, so that another try finds the disk unused.
        let closed = run(Command::new(CRYPTSETUP).args(["close", OPENED]), &[]);
        made.and(closed)
    }
}

/// Bytes in a file that no file system has, and the path by which a started program opens it.
fn in_memory(bytes: &[u8]) -> io::Result<(File, PathBuf)> {
    let mut file = sys::memory_file("key")?;
    file.write_all(bytes)?;
    file.rewind()?;
    sys::keep_on_exec(file.as_fd())?;
    let path = PathBuf::from(format!("/proc/self/fd/{}", file.as_raw_fd()));
    Ok((file, path))
}

/// Runs a program with this on its standard input.
fn run(command: &mut Command, input: &[u8]) -> io::Result<()> {
    let program = command.get_program().to_owned();
    let about = disks::about(Path::new(&program));
    let child = command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn();
    let mut child = child.map_err(&about)?;
    if let Some(mut to) = child.stdin.take() {
        // A program that ends without reading says why in its status.
        let _written = to.write_all(input);
    }
    let answer = child.wait_with_output().map_err(&about)?;
    if answer.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&answer.stderr);
    Err(io::Error::other(format!("{command:?} ended with {}: {}", answer.status, said.trim())))
}
