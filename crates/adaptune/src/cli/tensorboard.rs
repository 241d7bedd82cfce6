//! Losses and scores as TensorBoard reads them: `train --tensorboard DIR`.
//!
//! A file of events is a sequence of records: the length of the data (8 bytes, the lowest first), a check sum of these, the data, a
//! check sum of the data. The data are a protocol buffer, of which four fields are needed:
//!
//! ```text
//! Event   { 1: wall_time, double   2: step, int64   3: file_version, string   5: Summary }
//! Summary { 1: Value, repeated }    Value { 1: tag, string   2: simple_value, float }
//! ```

use adaptune_train::{EvaluationRecord, Observer, StepRecord};
use anyhow::{Context, Result};
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

/// A file of events that grows with the run. A run that goes on writes another one beside the first, as TensorBoard expects.
pub(crate) struct Events {
    file: File,
    /// Why something could not be written: the run is as good without it.
    failed: Option<io::Error>,
}

impl Events {
    /// Begins a file in a folder, which is made if it is not there.
    ///
    /// # Errors
    /// It cannot be made.
    pub(crate) fn begin(folder: &Path) -> Result<Self> {
        fs::create_dir_all(folder).with_context(|| format!("--tensorboard: cannot make {}", folder.display()))?;
        let named = |n: u64| folder.join(format!("events.out.tfevents.{n}.adaptune"));
        let first = now() as u64;
        let path = (first..).map(named).find(|path| !path.exists()).unwrap_or_else(|| named(first));
        let file = File::create_new(&path).with_context(|| format!("--tensorboard: cannot make {}", path.display()))?;
        let mut events = Self { file, failed: None };
        events.write(&event(0, field(3, b"brain.Event:2")));
        Ok(events)
    }

    fn write(&mut self, data: &[u8]) {
        let written = self.file.write_all(&record(data));
        self.failed = self.failed.take().or(written.err());
    }

    /// Why something could not be written, if so it is.
    pub(crate) fn failure(&self) -> Option<&io::Error> {
        self.failed.as_ref()
    }
}

impl Observer for Events {
    fn step(&mut self, record: &StepRecord) {
        let StepRecord { step, loss, learning_rate, gradient_norm, .. } = *record;
        let values =
            [("train/loss", loss), ("train/learning_rate", learning_rate), ("train/gradient_norm", gradient_norm)];
        self.write(&event(step, summary(values)));
    }

    fn evaluation(&mut self, record: &EvaluationRecord) {
        let scores = record.scores().map(|(name, value)| (format!("dev/{name}"), value));
        let values: Vec<(String, f64)> = std::iter::once(("dev/loss".to_owned(), record.loss)).chain(scores).collect();
        self.write(&event(record.step, summary(values.iter().map(|(name, value)| (name.as_str(), *value)))));
    }
}

fn now() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0.0, |time| time.as_secs_f64())
}

/// An event at a step, with one more field.
fn event(step: usize, content: Vec<u8>) -> Vec<u8> {
    let mut event = vec![1 << 3 | 1];
    event.extend(now().to_le_bytes());
    event.push(2 << 3);
    event.extend(varint(step as u64));
    event.extend(content);
    event
}

/// The summary of some values, as a field of an event.
fn summary<'a>(values: impl IntoIterator<Item = (&'a str, f64)>) -> Vec<u8> {
    let value = |(tag, number): (&str, f64)| {
        let mut value = field(1, tag.as_bytes());
        value.push(2 << 3 | 5);
        value.extend((number as f32).to_le_bytes());
        field(1, &value)
    };
    field(5, &values.into_iter().flat_map(value).collect::<Vec<u8>>())
}

/// Bytes with their number and length.
fn field(number: u8, bytes: &[u8]) -> Vec<u8> {
    let mut field = vec![number << 3 | 2];
    field.extend(varint(bytes.len() as u64));
    field.extend(bytes);
    field
}

/// Seven bits a byte, the lowest first; all bytes but the last have the highest bit.
fn varint(mut number: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    while number >= 0x80 {
        bytes.push(number as u8 | 0x80);
        number >>= 7;
    }
    bytes.push(number as u8);
    bytes
}

fn record(data: &[u8]) -> Vec<u8> {
    let length = (data.len() as u64).to_le_bytes();
    [&length[..], &checksum(&length), data, &checksum(data)].concat()
}

/// TensorFlow's: CRC-32C, turned by 15 bits, with a constant added.
fn checksum(data: &[u8]) -> [u8; 4] {
    crc32c::crc32c(data).rotate_right(15).wrapping_add(0xa282_ead8).to_le_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_check_sums_are_those_of_the_formats() {
        assert_eq!((varint(0), varint(127), varint(300)), (vec![0], vec![127], vec![0xac, 2]));
        // CRC-32C of "123456789" is e3069283: the check value of its definition.
        assert_eq!(crc32c::crc32c(b"123456789"), 0xe306_9283);
        let masked = 0xe306_9283_u32.rotate_right(15).wrapping_add(0xa282_ead8);
        assert_eq!(checksum(b"123456789"), masked.to_le_bytes());
        assert_eq!(field(3, b"ab"), [0x1a, 2, b'a', b'b']);
    }

    #[test]
    fn a_run_becomes_records_that_can_be_walked() {
        let folder = tempfile::tempdir().unwrap();
        let mut events = Events::begin(folder.path()).unwrap();
        let step = StepRecord { step: 1, epoch: 1, loss: 0.5, learning_rate: 1e-3, gradient_norm: 2.0, tokens: 9 };
        events.step(&step);
        let metrics = vec![("accuracy".to_owned(), 0.75)];
        events.evaluation(&EvaluationRecord { step: 300, epoch: 1, loss: 0.25, metrics, best: true });
        assert!(events.failure().is_none());
        let path = folder.path().read_dir().unwrap().next().unwrap().unwrap().path();
        let (bytes, mut at, mut found) = (fs::read(path).unwrap(), 0, Vec::new());
        while at < bytes.len() {
            let length = u64::from_le_bytes(bytes[at..at + 8].try_into().unwrap()) as usize;
            assert_eq!(bytes[at + 8..at + 12], checksum(&bytes[at..at + 8]));
            let data = &bytes[at + 12..at + 12 + length];
            assert_eq!(bytes[at + 12 + length..at + 16 + length], checksum(data));
            found.push(data.to_vec());
            at += 16 + length;
        }
        assert_eq!(found.len(), 3);
        let holds = |data: &[u8], part: &[u8]| data.windows(part.len()).any(|window| window == part);
        assert!(holds(&found[0], b"brain.Event:2") && holds(&found[1], b"train/loss"));
        let value = [&field(1, b"dev/accuracy")[..], &[0x15], &0.75_f32.to_le_bytes()].concat();
        assert!(holds(&found[2], &field(1, &value)) && found[2][9..12] == [0x10, 0xac, 2], "step 300");
        assert!(Events::begin(folder.path()).is_ok(), "another one beside it");
        assert_eq!(folder.path().read_dir().unwrap().count(), 2);
    }
}
