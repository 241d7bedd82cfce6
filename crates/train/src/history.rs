//! The file of what has happened in a run: a record a line, as JSON, written as it happens.
//!
//! The file only grows, so a checkpoint need not repeat it: it says how many bytes are its past, and what their fingerprint is.
//! What a killed run has written beyond its last checkpoint is cut off when it goes on, and happens again.

use crate::error::TrainError;
use crate::record::Record;
use adaptune_tensor::Seed;
use adaptune_transformer::weights::{is_there, open_file};
use serde::{Deserialize, Serialize};
use std::fs::{File, OpenOptions};
use std::io::{self, BufWriter, Read, Seek, SeekFrom, Write};
use std::path::PathBuf;

/// The beginning of a file of records.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Past {
    bytes: u64,
    fingerprint: u64,
}

impl Past {
    /// The past with one line more.
    fn and(self, line: &[u8]) -> Self {
        let seed = line.iter().fold(Seed::new(self.fingerprint), |seed, byte| seed.at(u64::from(*byte)));
        Self { bytes: self.bytes + line.len() as u64, fingerprint: seed.bits(0) }
    }
}

/// The file, which is opened when the run begins.
pub(crate) struct HistoryFile {
    path: PathBuf,
    file: Option<BufWriter<File>>,
    past: Past,
}

impl HistoryFile {
    pub(crate) fn new(path: PathBuf) -> Self {
        Self { path, file: None, past: Past::default() }
    }

    /// The records of a past; changes nothing.
    pub(crate) fn read(&self, past: Past) -> Result<Vec<Record>, TrainError> {
        let mut bytes = Vec::new();
        let beginning = open_file(&self.path).and_then(|file| file.take(past.bytes).read_to_end(&mut bytes));
        beginning.map_err(|source| self.failed("read", source))?;
        let lines = || bytes.split_inclusive(|byte| *byte == b'\n');
        if lines().fold(Past::default(), Past::and) != past {
            return Err(self.damaged(format!("its first {} bytes are not the past of the checkpoint", past.bytes)));
        }
        let parsed: Result<_, _> = lines().map(serde_json::from_slice).collect();
        parsed.map_err(|error| self.damaged(error.to_string()))
    }

    /// Opens the file with this past, or anew if there is none. What is behind it is cut off.
    pub(crate) fn begin(&mut self, past: Past) -> Result<(), TrainError> {
        let open = || -> io::Result<File> {
            if is_there(&self.path) {
                open_file(&self.path)?; // a pipe would be waited for
            }
            let mut file = OpenOptions::new().write(true).create(true).truncate(false).open(&self.path)?;
            file.set_len(past.bytes)?;
            file.seek(SeekFrom::End(0))?;
            Ok(file)
        };
        let file = open().map_err(|source| self.failed("write", source))?;
        (self.file, self.past) = (Some(BufWriter::new(file)), past);
        Ok(())
    }

    /// Appends a record. Steps stay in memory until the next evaluation or checkpoint.
    pub(crate) fn append(&mut self, record: &Record) -> Result<(), TrainError> {
        let mut line = serde_json::to_vec(record).expect("texts and numbers");
        line.push(b'\n');
        let past = self.past.and(&line);
        let evaluation = matches!(record, Record::Evaluation(_));
        self.write(|file| {
            file.write_all(&line)?;
            if evaluation { file.flush() } else { Ok(()) }
        })?;
        self.past = past;
        Ok(())
    }

    /// Brings everything to the disk, and gives the past that a checkpoint may refer to from now on.
    pub(crate) fn sync(&mut self) -> Result<Past, TrainError> {
        self.write(|file| {
            file.flush()?;
            file.get_ref().sync_data()
        })?;
        Ok(self.past)
    }

    /// Brings everything to the operating system.
    pub(crate) fn flush(&mut self) -> Result<(), TrainError> {
        self.write(BufWriter::flush)
    }

    fn write(&mut self, write: impl FnOnce(&mut BufWriter<File>) -> io::Result<()>) -> Result<(), TrainError> {
        let written = self.file.as_mut().map_or(Ok(()), write);
        written.map_err(|source| self.failed("write", source))
    }

    fn failed(&self, doing: &'static str, source: io::Error) -> TrainError {
        TrainError::History { doing, path: self.path.clone(), source }
    }

    fn damaged(&self, message: String) -> TrainError {
        TrainError::Damaged { path: self.path.clone(), message }
    }
}
