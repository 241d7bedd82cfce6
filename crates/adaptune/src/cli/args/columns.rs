//! Options that say which columns of a data file are meant.

use crate::cli::table::Columns;
use clap::Args;

/// The columns of a table.
#[derive(Debug, Args)]
pub(crate) struct ColumnArgs {
    /// Column of the text, or of the first of two [default: text, or text_a]
    #[arg(long, value_name = "NAME")]
    text_column: Option<String>,
    /// Column of the second text of a pair [default: text_b]
    #[arg(long, value_name = "NAME")]
    text_b_column: Option<String>,
    /// Column of the labels [default: label]
    #[arg(long, value_name = "NAME")]
    label_column: Option<String>,
}

impl ColumnArgs {
    pub(crate) fn columns(&self) -> Columns {
        let Self { text_column, text_b_column, label_column } = self;
        Columns { text: text_column.clone(), text_b: text_b_column.clone(), label: label_column.clone() }
    }

    /// The same as they are written, to be handed on.
    pub(crate) fn options(&self) -> Vec<String> {
        let all = [
            ("--text-column", &self.text_column),
            ("--text-b-column", &self.text_b_column),
            ("--label-column", &self.label_column),
        ];
        let given = all.into_iter().filter_map(|(name, column)| Some([name.to_owned(), column.clone()?]));
        given.flatten().collect()
    }
}
