//! When and how a command is interrupted.

use std::{fmt, time::Duration};

/// How a command is interrupted.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum How {
    /// By this signal, to the command and what it has started, after this time.
    Signal(&'static str, Duration),
    /// By a limit on the size of files, in blocks.
    FullDisk(u64),
}

/// A moment, in a folder that holds an older result or in a new one.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Moment {
    pub(super) how: How,
    pub(super) replaces: bool,
}

impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.how {
            How::Signal(name, after) => write!(f, "{name} after {} ms", after.as_millis())?,
            How::FullDisk(blocks) => write!(f, "files of at most {blocks} blocks")?,
        }
        f.write_str(if self.replaces { ", over an older result" } else { "" })
    }
}

/// What became of a command.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Ended {
    /// It had come to its end.
    Whole,
    /// It had not.
    Interrupted,
}

/// How many moments, and how many of them came before the end.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Tally {
    moments: usize,
    interrupted: usize,
}

impl Tally {
    pub(super) fn count(&mut self, ended: &Ended) {
        self.moments += 1;
        self.interrupted += usize::from(*ended == Ended::Interrupted);
    }

    pub(super) fn add(&mut self, other: &Self) {
        self.moments += other.moments;
        self.interrupted += other.interrupted;
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} moments, {} before the end", self.moments, self.interrupted)
    }
}

/// Random moments, the same each time for a name.
pub(super) struct Draw(u64);

impl Draw {
    pub(super) fn new(name: &str) -> Self {
        Self(
            name.bytes().fold(0xCBF2_9CE4_8422_2325, |sum, byte| (sum ^ u64::from(byte)).wrapping_mul(0x100_0000_01B3)),
        )
    }

    /// KILL, TERM, INT and full disks in turn; every second four over an older result.
    pub(super) fn moment(&mut self, number: usize, time: Duration, largest_file: u64) -> Moment {
        let how = match ["KILL", "TERM", "INT", ""][number % 4] {
            "" => How::FullDisk((self.unit() * 1.1 * largest_file as f64 / 512.0) as u64),
            name => How::Signal(name, time.mul_f64(self.share_of_time(number))),
        };
        Moment { how, replaces: number / 4 % 2 == 1 }
    }

    /// Files are written at the end, so every second moment is in the last third.
    fn share_of_time(&mut self, number: usize) -> f64 {
        let unit = self.unit() * 1.05;
        if number.is_multiple_of(2) { unit } else { 0.7 + unit / 3.0 }
    }

    /// A number from 0 up to 1 (SplitMix64).
    fn unit(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut bits = self.0;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((bits ^ (bits >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_the_same_each_time_and_of_every_kind() {
        let time = Duration::from_millis(400);
        let draw = |name: &str| {
            let mut draw = Draw::new(name);
            (0..16).map(|number| draw.moment(number, time, 51_200)).collect::<Vec<_>>()
        };
        let moments = draw("train");
        assert_eq!(moments, draw("train"));
        assert_ne!(moments, draw("merge"));
        assert_eq!(moments.iter().filter(|moment| moment.replaces).count(), 8);
        let in_range = |moment: &Moment| match moment.how {
            How::Signal(_, after) => after <= time.mul_f64(1.06),
            How::FullDisk(blocks) => blocks <= 110,
        };
        assert!(moments.iter().all(in_range), "{moments:?}");
        let kinds = ["KILL", "TERM", "INT"];
        let has =
            |name: &str| moments.iter().any(|moment| matches!(moment.how, How::Signal(found, _) if found == name));
        assert!(kinds.into_iter().all(has) && moments.iter().any(|moment| matches!(moment.how, How::FullDisk(_))));
    }
}
