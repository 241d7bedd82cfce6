//! Options that say how a data file is read, and which of its columns are meant.

use adaptune_text::{Columns, Format, OVERLAP, TableOptions};
use clap::Args;

/// How a table is read.
#[derive(Debug, Args)]
pub(crate) struct TableArgs {
    /// Column of the text, or of the first of two [default: text, or text_a]
    #[arg(long, value_name = "NAME", help_heading = "Data")]
    text_column: Option<String>,
    /// Column of the second text of a pair [default: text_b]
    #[arg(long, value_name = "NAME", help_heading = "Data")]
    text_b_column: Option<String>,
    /// Column of the labels [default: label]
    #[arg(long, value_name = "NAME", help_heading = "Data")]
    label_column: Option<String>,
    /// What stands between the labels of an example, where it may have several [default: with --task multi-label the first of
    /// | ; , that labels have]
    #[arg(long, value_name = "CHAR", help_heading = "Data")]
    label_separator: Option<char>,
    /// Tokens that neighbouring windows of a long context share, where questions are answered
    #[arg(long, value_name = "TOKENS", default_value_t = OVERLAP, help_heading = "Data")]
    doc_stride: usize,
    /// How the files are written: tsv, csv, jsonl, conll, conllu or txt [default: as their endings say]
    #[arg(long, value_name = "FORMAT", help_heading = "Data")]
    format: Option<Format>,
    /// What stands between columns [default: what a first line `sep=` says, a tab in .tsv, a comma in .csv, or what the
    /// header shows]
    #[arg(long, value_name = "CHAR", help_heading = "Data")]
    delimiter: Option<char>,
    /// Fields of a .tsv file may stand in quotes, as spreadsheets and pandas write them
    #[arg(long, help_heading = "Data")]
    quotes: bool,
}

impl TableArgs {
    pub(crate) fn options(&self) -> TableOptions {
        let Self { text_column, text_b_column, label_column, label_separator, format, delimiter, quotes, .. } = self;
        let columns = Columns {
            text: text_column.clone(),
            text_b: text_b_column.clone(),
            label: label_column.clone(),
            label_separator: *label_separator,
        };
        TableOptions { columns, format: *format, delimiter: *delimiter, quotes: *quotes, ..TableOptions::default() }
    }

    /// How many tokens windows of a context share.
    pub(crate) fn overlap(&self) -> usize {
        self.doc_stride
    }

    /// The same as they are written, to be handed on.
    pub(crate) fn written(&self) -> Vec<String> {
        let format = self.format.map(|format| format.name().to_owned());
        let all = [
            ("--text-column", self.text_column.clone()),
            ("--text-b-column", self.text_b_column.clone()),
            ("--label-column", self.label_column.clone()),
            ("--label-separator", self.label_separator.map(String::from)),
            ("--doc-stride", (self.doc_stride != OVERLAP).then(|| self.doc_stride.to_string())),
            ("--format", format),
            ("--delimiter", self.delimiter.map(String::from)),
        ];
        let given = all.into_iter().filter_map(|(name, value)| Some([name.to_owned(), value?]));
        given.flatten().chain(self.quotes.then(|| "--quotes".to_owned())).collect()
    }
}
