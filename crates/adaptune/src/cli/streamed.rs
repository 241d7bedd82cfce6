//! What a decoder writes, shown as it comes.

use std::io::{self, StdoutLock, Write};

/// A text that grows on standard output.
pub(crate) struct Streamed {
    out: StdoutLock<'static>,
    /// Bytes that stand there.
    shown: usize,
    failed: Option<io::Error>,
}

impl Streamed {
    /// Nothing yet.
    pub(crate) fn begin() -> Self {
        Self { out: io::stdout().lock(), shown: 0, failed: None }
    }

    /// Shows what is new. The end of a text may change with the next token, as where a letter takes several of them.
    pub(crate) fn grow(&mut self, text: &str) {
        let stable = text.trim_end_matches(char::REPLACEMENT_CHARACTER).len();
        if stable > self.shown && text.is_char_boundary(self.shown) {
            let written = write!(self.out, "{}", &text[self.shown..stable]).and_then(|()| self.out.flush());
            self.failed = self.failed.take().or(written.err());
            self.shown = stable;
        }
    }

    /// Shows the rest, and ends the line.
    pub(crate) fn end(mut self, text: &str) -> io::Result<()> {
        match self.failed.take() {
            Some(error) => Err(error),
            None => writeln!(self.out, "{}", text.get(self.shown..).unwrap_or_default()),
        }
    }
}
