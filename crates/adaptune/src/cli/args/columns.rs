//! Options that say how a data file is read, and which of its columns are meant.

use super::label_names::{LabelNames, label_names};
use adaptune_text::{ChoiceLabels, Columns, Format, OVERLAP, TableOptions};
use clap::Args;

/// How a table is read.
#[derive(Clone, Debug, Args)]
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
    /// Columns that are labels, any number of which may hold, with commas between: 1 or 0 stands in each [default: none]
    #[arg(long, value_name = "NAMES", value_delimiter = ',', conflicts_with = "label_column", help_heading = "Data")]
    label_columns: Vec<String>,
    /// What stands between the labels of an example, where it may have several [default: with --task multi-label the first of
    /// | ; , that labels have]
    #[arg(long, value_name = "CHAR", help_heading = "Data")]
    label_separator: Option<char>,
    /// Column of the domains, where adapters are a tree, --method 'tree(seq_bn)': paths with / between, such as news/sport
    /// [default: that of training]
    #[arg(long, value_name = "NAME", help_heading = "Data")]
    domain_column: Option<String>,
    /// Columns of the choices, where one of several texts is right, with commas between; or the one of JSON that holds them as a
    /// list [default: such as choice0,choice1 or ending0,ending1; options; choices: where there is no column text]
    #[arg(long, value_name = "NAMES", value_delimiter = ',', help_heading = "Data")]
    choice_columns: Vec<String>,
    /// Columns of texts that do not belong to the first one, with commas between, where vectors are trained [default: negative,
    /// negative_1 and so on; or negatives, a list in JSON]
    #[arg(long, value_name = "NAMES", value_delimiter = ',', help_heading = "Data")]
    negative_columns: Vec<String>,
    /// How labels name the right choice: 0 or 1 (by number, that of the first choice), letter or text [default: what all of
    /// them can be, but never 1]
    #[arg(long, value_name = "HOW", help_heading = "Data")]
    choice_labels: Option<ChoiceLabels>,
    /// What numbers as labels or tags stand for, as in data sets of Hugging Face: names with commas between, the first for 0, or a
    /// file with a name a line [default: in training labels are as they stand there; then as in training]
    #[arg(long, value_name = "NAMES|FILE", value_parser = label_names, help_heading = "Data")]
    label_names: Option<LabelNames>,
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
    /// Names of the columns, with commas between, of a table that begins with an example and names none: text,label [default: the
    /// first line names them]
    #[arg(long, value_name = "NAMES", value_delimiter = ',', help_heading = "Data")]
    header: Vec<String>,
}

impl TableArgs {
    pub(crate) fn options(&self) -> TableOptions {
        let Self { text_column, text_b_column, label_column, label_columns, label_separator, .. } = self;
        let Self { choice_columns, negative_columns, choice_labels, label_names, format, delimiter, quotes, .. } = self;
        let trimmed = |names: &[String]| names.iter().map(|name| name.trim().to_owned()).collect::<Vec<_>>();
        let columns = Columns {
            text: text_column.clone(),
            text_b: text_b_column.clone(),
            label: label_column.clone(),
            labels: trimmed(label_columns),
            label_separator: *label_separator,
            choices: trimmed(choice_columns),
            negatives: trimmed(negative_columns),
            choice_labels: *choice_labels,
            label_names: label_names.as_ref().map(|given| given.names.clone()).unwrap_or_default(),
            unnamed: Vec::new(),
        };
        let header = trimmed(&self.header);
        TableOptions {
            columns,
            format: *format,
            delimiter: *delimiter,
            quotes: *quotes,
            header,
            ..TableOptions::default()
        }
    }

    /// The column of the domains of a tree of adapters.
    pub(crate) fn domain_column(&self) -> Option<&str> {
        self.domain_column.as_deref()
    }

    /// True if it is said what numbers stand for.
    pub(crate) fn names_labels(&self) -> bool {
        self.label_names.is_some()
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
            ("--label-columns", Some(self.label_columns.join(",")).filter(|names| !names.is_empty())),
            ("--label-separator", self.label_separator.map(String::from)),
            ("--domain-column", self.domain_column.clone()),
            ("--choice-columns", Some(self.choice_columns.join(",")).filter(|names| !names.is_empty())),
            ("--negative-columns", Some(self.negative_columns.join(",")).filter(|names| !names.is_empty())),
            ("--choice-labels", self.choice_labels.map(|labels| labels.name().to_owned())),
            ("--label-names", self.label_names.as_ref().map(|given| given.written.clone())),
            ("--doc-stride", (self.doc_stride != OVERLAP).then(|| self.doc_stride.to_string())),
            ("--format", format),
            ("--delimiter", self.delimiter.map(String::from)),
            ("--header", Some(self.header.join(",")).filter(|names| !names.is_empty())),
        ];
        let given = all.into_iter().filter_map(|(name, value)| Some([name.to_owned(), value?]));
        given.flatten().chain(self.quotes.then(|| "--quotes".to_owned())).collect()
    }
}
