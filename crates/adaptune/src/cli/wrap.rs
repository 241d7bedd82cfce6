//! Lines that fit the terminal, or 80 columns where there is none.
//!
//! Everything that the program says goes through [`wrapped`], but for JSON, records and files. A line of a message that is
//! indented is a command to copy, as in Markdown: it stays whole.

use std::io::{stderr, stdout};
use terminal_size::{Width, terminal_size_of};
use unicode_width::{UnicodeWidthChar as _, UnicodeWidthStr as _};

/// Columns where nobody says how many there are, as in a log file.
const USUAL: usize = 80;
/// What a line that goes on with another is indented by.
const INDENT: &str = "  ";

/// Where something is written to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stream {
    Out,
    Error,
}

/// The columns that there are: those of the terminal, or what `COLUMNS` says, or 80.
pub(crate) fn columns(stream: Stream) -> usize {
    let terminal = match stream {
        Stream::Out => terminal_size_of(stdout()),
        Stream::Error => terminal_size_of(stderr()),
    };
    let said = || std::env::var("COLUMNS").ok().and_then(|columns| columns.parse().ok());
    let found = terminal.map(|(Width(columns), _)| usize::from(columns)).or_else(said);
    found.filter(|columns| *columns > 0).unwrap_or(USUAL)
}

/// The text in lines of at most so many columns, broken between words. A word that is longer stands alone.
pub(crate) fn wrapped(text: &str, columns: usize) -> String {
    text.split('\n').map(|line| wrapped_line(line, columns)).collect::<Vec<_>>().join("\n")
}

fn wrapped_line(line: &str, columns: usize) -> String {
    if line.starts_with(INDENT) || width(line) <= columns {
        return line.to_owned();
    }
    filled(line.split(' ').map(|word| (" ", word)), columns, INDENT).join("\n")
}

/// The text in lines of at most so many columns, for a cell of a table: words that are longer are broken too.
pub(crate) fn in_cell(text: &str, columns: usize) -> Vec<String> {
    if width(text) <= columns {
        return vec![text.to_owned()];
    }
    let own = &text[..text.len() - text.trim_start_matches(' ').len()];
    let narrower = columns.saturating_sub(own.len()).max(1);
    let parts = text.split(' ').flat_map(|word| {
        parts(word, narrower).into_iter().enumerate().map(|(i, part)| (if i == 0 { " " } else { "" }, part))
    });
    filled(parts, columns, own)
}

/// The widest part of a text that [`in_cell`] need not break anywhere.
pub(crate) fn widest_part(text: &str) -> usize {
    text.split(' ').flat_map(|word| word.split_inclusive(ENDS)).map(width).max().unwrap_or(0)
}

/// Behind these a long word is broken first.
const ENDS: [char; 7] = ['_', ',', '/', '-', '=', '|', '['];

/// A word in parts that each fit.
fn parts(word: &str, columns: usize) -> Vec<&str> {
    if width(word) <= columns {
        return vec![word];
    }
    word.split_inclusive(ENDS).flat_map(|part| chunks(part, columns)).collect()
}

/// A text in parts of so many letters.
fn chunks(text: &str, columns: usize) -> Vec<&str> {
    let (mut rest, mut found) = (text, Vec::new());
    while width(rest) > columns {
        let mut taken = 0;
        let fits = |letter: &(usize, char)| {
            taken += letter.1.width().unwrap_or(0);
            taken <= columns
        };
        let end = rest.char_indices().take_while(fits).last().map_or(0, |(at, letter)| at + letter.len_utf8());
        let first = rest.chars().next().map_or(0, char::len_utf8);
        let (chunk, more) = rest.split_at(end.max(first));
        found.push(chunk);
        rest = more;
    }
    found.push(rest);
    found
}

/// Puts parts, each with what stands between it and the one before, into lines; all but the first are indented.
fn filled<'a>(parts: impl Iterator<Item = (&'a str, &'a str)>, columns: usize, indent: &str) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for (between, part) in parts {
        match lines.last_mut() {
            Some(line) if width(line) + width(between) + width(part) <= columns => {
                line.push_str(between);
                line.push_str(part);
            }
            // At the end of a line nothing stands between words.
            Some(_) if part.is_empty() => {}
            Some(line) if line.trim().is_empty() => *line = format!("{line}{between}{part}"),
            Some(_) => lines.push(format!("{indent}{part}")),
            None => lines.push(part.to_owned()),
        }
    }
    lines
}

/// Columns that `text` takes on a terminal: two for a wide East Asian letter or an emoji, none for a combining mark.
pub(crate) fn width(text: &str) -> usize {
    text.width()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_broken_between_words_and_go_on_indented() {
        assert_eq!(wrapped("note: one two three four", 13), "note: one two\n  three four");
        assert_eq!(wrapped("one two\nthree four five", 11), "one two\nthree four\n  five");
        assert_eq!(wrapped("a list  of words", 11), "a list  of\n  words");
        assert_eq!(wrapped("short", 80), "short");
        assert_eq!(wrapped("", 80), "");
        assert_eq!(wrapped("日本語 日本語", 8), "日本語\n  日本語");
    }

    #[test]
    fn long_words_and_commands_stay_whole() {
        assert_eq!(wrapped("see /a/long/path/to/a.file for more", 10), "see\n  /a/long/path/to/a.file\n  for more");
        let command = "convert it:\n    iconv -f WINDOWS-1252 -t UTF-8 'some data.csv'";
        assert_eq!(wrapped(command, 20), command);
    }

    #[test]
    fn cells_break_long_words_too() {
        assert_eq!(in_cell("seq_bn[reduction_factor=8]", 12), ["seq_bn[", "reduction_", "factor=8]"]);
        assert_eq!(in_cell("abcdefgh ij", 3), ["abc", "def", "gh", "ij"]);
        assert_eq!(in_cell("  base of all", 7), ["  base", "  of", "  all"]);
        assert_eq!(in_cell("日本語日本語", 5), ["日本", "語日", "本語"]);
        assert_eq!((widest_part("dev matthews_correlation"), widest_part("")), (11, 0));
    }

    /// Whatever is in a text, no part is lost and cells are never wider than they may be.
    #[test]
    fn nothing_is_lost() {
        let texts =
            ["", " ", "a  b", "one, two; three: \u{301}four", "日本語 and [more,of=it|here]/there", "----------"];
        for text in texts {
            for columns in 1..20 {
                let squeezed = |text: &str| text.chars().filter(|c| !c.is_whitespace()).collect::<String>();
                let cell = in_cell(text, columns.max(2));
                assert_eq!(squeezed(&cell.concat()), squeezed(text));
                assert!(cell.iter().all(|line| width(line) <= columns.max(2)), "{cell:?}");
                assert_eq!(squeezed(&wrapped(text, columns)), squeezed(text));
            }
        }
    }
}
