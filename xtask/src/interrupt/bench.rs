//! A folder with what the commands read, and one interruption from its beginning to the check of what is left.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Child, Command as Process, Output, Stdio},
    thread::sleep,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail, ensure};

use super::commands::{ADAPTERS, BASE, Command, GoesOn};
use super::folder::{Files, copy, difference, files, is_being_replaced, is_empty, remove, same, within};
use super::moments::{Ended, How, Moment};

/// A folder in which commands run.
pub(super) struct Bench {
    folder: PathBuf,
    program: PathBuf,
}

/// What a command leaves that nobody interrupts.
pub(super) struct Whole {
    pub(super) time: Duration,
    /// In bytes.
    pub(super) largest_file: u64,
    new: Held,
    old: Held,
}

/// A result: its files, and what a command says that reads them.
struct Held {
    files: Files,
    read: Vec<u8>,
}

impl Bench {
    /// Makes the folder anew, with data, a base and two adapters.
    pub(super) fn new(folder: &Path, built: &Path) -> Result<Self> {
        remove(folder)?;
        fs::create_dir_all(folder)?;
        // Whoever builds it anew meanwhile does not disturb.
        let program = folder.join("program");
        fs::copy(built, &program)?;
        for (name, text) in [
            ("corpus.txt", texts(120).join("\n")),
            ("texts.txt", texts(3).join("\n")),
            ("data.tsv", table(72)),
            ("dev.tsv", table(16)),
        ] {
            fs::write(folder.join(name), text)?;
        }
        let bench = Self { folder: folder.to_owned(), program };
        for line in [BASE].into_iter().chain(ADAPTERS) {
            bench.ok(line)?;
        }
        Ok(bench)
    }

    /// Runs both forms of a command to their ends. The old result stays in the folder `old`.
    pub(super) fn whole(&self, command: &Command) -> Result<Whole> {
        let old = self.result(command.old, command)?;
        remove(&self.path("old"))?;
        fs::rename(self.path("out"), self.path("old"))?;
        let begun = Instant::now();
        let new = self.result(command.new, command)?;
        ensure!(!same(&old.files, &new.files), "both forms give the same result");
        let largest_file = new.files.values().map(Vec::len).max().unwrap_or(0) as u64;
        Ok(Whole { time: begun.elapsed(), largest_file, new, old })
    }

    fn result(&self, line: &str, command: &Command) -> Result<Held> {
        remove(&self.path("out"))?;
        self.ok(&format!("{line} --out out"))?;
        Ok(Held { files: files(&self.path("out"))?, read: self.read(command)? })
    }

    /// Runs the command, interrupts it, and checks what is left.
    pub(super) fn interrupt(&self, command: &Command, whole: &Whole, moment: &Moment) -> Result<Ended> {
        let out = self.path("out");
        remove(&out)?;
        if moment.replaces {
            copy(&self.path("old"), &out)?;
        }
        let overwrite = if moment.replaces { " --overwrite" } else { "" };
        let line = format!("{} --out out{overwrite}", command.new);
        let ended = match moment.how {
            How::Signal(name, after) => self.signalled(&line, name, after)?,
            How::FullDisk(blocks) => self.on_a_full_disk(&line, blocks)?,
        };
        self.check_left(command, whole, moment, ended).context("right after it")?;
        if ended == Ended::Interrupted {
            self.go_on(command, moment).context("going on")?;
            let left = files(&out)?;
            if let Some(path) = difference(&left, &whole.new.files) {
                bail!("going on gave another {}", path.display());
            }
        }
        Ok(ended)
    }

    /// The folder holds the old result or the new one. A new folder may hold a run that commands which read results refuse.
    fn check_left(&self, command: &Command, whole: &Whole, moment: &Moment, ended: Ended) -> Result<()> {
        let (out, left) = (self.path("out"), files(&self.path("out"))?);
        let (new, old) = (&whole.new, &whole.old);
        if ended == Ended::Whole {
            return difference(&left, &new.files)
                .map_or(Ok(()), |path| bail!("it ended, with another {}", path.display()));
        }
        if !moment.replaces {
            let may_be_read = left.keys().any(|path| path.ends_with("run.json"));
            let is_new = is_being_replaced(&out) || same(&left, &new.files) || command.name == "compare";
            ensure!(is_new || !may_be_read || command.goes_on == GoesOn::Resumed, "a part of the result is there");
            return Ok(());
        }
        if !is_being_replaced(&out) {
            check_parts(&left, &new.files, &old.files)?;
        }
        let read = self.read(command).context("it cannot be read")?;
        ensure!(read == new.read || read == old.read, "what is read is neither the old nor the new result");
        Ok(())
    }

    fn go_on(&self, command: &Command, moment: &Moment) -> Result<()> {
        let resumes = match command.goes_on {
            GoesOn::Resumed => true,
            GoesOn::ResumedIfNew => !moment.replaces,
            GoesOn::Anew => false,
        };
        let kept =
            ["command.json", ".adaptune-next/command.json"].iter().any(|file| self.path("out").join(file).exists());
        let under_way = !moment.replaces || !is_empty(&self.path("out/.adaptune-next"));
        match (resumes && under_way, kept) {
            (true, true) => self.ok("train --resume --json --out out"),
            (true, false) => self.ok(&format!("{} --out out --resume", command.new)),
            (false, _) => self.ok(&format!("{} --out out --overwrite", command.new)),
        }
        .map(|_| ())
    }

    /// What a command says that reads the result. That of a training has times in it, and must only succeed.
    fn read(&self, command: &Command) -> Result<Vec<u8>> {
        let said = self.ok(command.reads)?;
        Ok(if command.reads.starts_with("predict") { said } else { Vec::new() })
    }

    /// Runs a command to its end, which must be a good one; returns its output.
    fn ok(&self, line: &str) -> Result<Vec<u8>> {
        let output = self.process(line).output().context("the program cannot be started")?;
        ensure!(
            output.status.success(),
            "`adaptune {line}` failed: {}",
            String::from_utf8_lossy(&output.stderr).trim()
        );
        Ok(output.stdout)
    }

    fn process(&self, line: &str) -> Process {
        let mut process = Process::new(&self.program);
        process.current_dir(&self.folder).args(line.split_whitespace()).stdin(Stdio::null());
        process
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    fn signalled(&self, line: &str, signal: &str, after: Duration) -> Result<Ended> {
        let mut process = self.process(line);
        in_its_own_group(&mut process);
        let child = process.stdout(Stdio::null()).stderr(Stdio::null()).spawn()?;
        let status = wait_or_signal(child, signal, after)?;
        Ok(if status { Ended::Whole } else { Ended::Interrupted })
    }

    /// Where files may not grow further, a write fails, provided that the signal that comes with it is not heard.
    fn on_a_full_disk(&self, line: &str, blocks: u64) -> Result<Ended> {
        let script = format!("trap '' XFSZ; ulimit -f {blocks}; exec \"$0\" \"$@\"");
        let mut process = Process::new("sh");
        process.current_dir(&self.folder).args(["-c", &script]).arg(&self.program).args(line.split_whitespace());
        let Output { status, stderr, .. } = process.stdin(Stdio::null()).output()?;
        let said = String::from_utf8_lossy(&stderr);
        ensure!(status.success() || status.code() == Some(1) && said.contains("error: "), "{status}: {}", said.trim());
        ensure!(!said.contains("panicked"), "{}", said.trim());
        Ok(if status.success() { Ended::Whole } else { Ended::Interrupted })
    }
}

/// Each folder of the result is wholly the new one or the old one; those of several runs are replaced one after another.
fn check_parts(left: &Files, new: &Files, old: &Files) -> Result<()> {
    if same(left, new) || same(left, old) {
        return Ok(());
    }
    let tops = || new.keys().chain(old.keys()).chain(left.keys());
    let alone = tops().find(|path| path.components().count() == 1 || path.starts_with("head"));
    if let Some(path) = alone {
        bail!("{} and others are neither the old nor the new ones", path.display());
    }
    for path in tops() {
        let folder = Path::new(path.components().next().expect("a path has a first part").as_os_str());
        let [left, new, old] = [left, new, old].map(|files| within(files, folder));
        ensure!(same(&left, &new) || same(&left, &old), "{} is neither old nor new", folder.display());
    }
    Ok(())
}

#[cfg(unix)]
fn in_its_own_group(process: &mut Process) {
    std::os::unix::process::CommandExt::process_group(process, 0);
}

#[cfg(not(unix))]
fn in_its_own_group(_: &mut Process) {}

/// Sends the signal to the process and those that it has started, unless it has ended by then. True if it had come to a good end.
fn wait_or_signal(mut child: Child, signal: &str, after: Duration) -> Result<bool> {
    let begun = Instant::now();
    while begun.elapsed() < after {
        if let Some(status) = child.try_wait()? {
            ensure!(status.success(), "it failed by itself: {status}");
            return Ok(true);
        }
        sleep(Duration::from_millis(1));
    }
    let group = format!("-{}", child.id());
    Process::new("kill").args(["-s", signal, "--", &group]).stderr(Stdio::null()).status()?;
    let good = child.wait()?.success();
    // What it had started holds its locks until it is gone too.
    while Process::new("kill").args(["-s", "0", "--", &group]).stderr(Stdio::null()).status()?.success() {
        sleep(Duration::from_millis(1));
    }
    Ok(good)
}

/// Sentences of a few words.
fn texts(count: usize) -> Vec<String> {
    const WORDS: [&str; 16] = [
        "the", "film", "plot", "is", "was", "fine", "warm", "dull", "cold", "funny", "and", "it", "we", "saw", "one",
        "thin",
    ];
    let word = |text: usize, place: usize| WORDS[(text * 7 + place * place * 5 + text * place) % WORDS.len()];
    (0..count).map(|text| (0..4 + text % 5).map(|place| word(text, place)).collect::<Vec<_>>().join(" ")).collect()
}

fn table(count: usize) -> String {
    let line = |(number, text): (usize, String)| format!("{text}\t{}\n", ["good", "bad"][number % 2]);
    format!("text\tlabel\n{}", texts(count).into_iter().enumerate().map(line).collect::<String>())
}
