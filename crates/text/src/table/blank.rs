//! Examples with nothing to read, among those that are learnt or measured.

use super::content::{Table, Text};
use crate::error::{Result, TextError};

impl Table {
    /// The table without the examples whose text is blank, or one of whose two texts is, with a note of how many there were; texts
    /// to choose among say themselves what is missing.
    ///
    /// # Errors
    /// So many are blank that another column is likely meant.
    pub(super) fn without_blank_texts(mut self) -> Result<Self> {
        let is_blank = |text: &Text| !matches!(text, Text::Choices(_)) && text.is_blank();
        let Some(first) = self.rows.iter().find(|row| is_blank(&row.text)).map(|row| row.line) else { return Ok(self) };
        let all = self.rows.len();
        let blank = self.rows.iter().filter(|row| is_blank(&row.text)).count();
        if 2 * blank > all {
            return Err(TextError::line(&self.name, first, refusal(&self, blank)));
        }
        self.rows.retain(|row| !is_blank(&row.text));
        let (have, are) = if blank == 1 { ("has", "it is") } else { ("have", "they are") };
        self.notes.push(format!("{blank} of {all} examples {have} a blank text (line {first} first); {are} left out"));
        Ok(self)
    }
}

fn refusal(table: &Table, blank: usize) -> String {
    let columns = [&table.columns.text, &table.columns.text_b];
    let columns: Vec<String> = columns.into_iter().flatten().map(|name| format!("`{name}`")).collect();
    let place = match &columns[..] {
        [] => String::new(),
        columns => format!(" in the column {}", columns.join(" or ")),
    };
    let all = table.rows.len();
    format!(
        "the text{place} is blank here, and so it is in {blank} of {all} examples; is this the column of the texts? --text-column names \
         another"
    )
}
