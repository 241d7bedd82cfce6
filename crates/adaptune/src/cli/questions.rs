//! Questions about a context, which tables can ask but not answer.

use adaptune_text::{Format, TableOptions};
use anyhow::{Result, bail};
use std::path::Path;

/// Questions are learnt and measured with the place of their answers, for which tables have no column.
///
/// # Errors
/// The file is no JSON.
pub(crate) fn check_questions(path: &Path, options: &TableOptions) -> Result<()> {
    let format = options.format.map_or_else(|| Format::of(path), Ok);
    if !matches!(format, Ok(Format::JsonLines) | Err(_)) {
        bail!(
            "{}: questions are learnt and measured from JSON, as SQuAD has them, where each answer has its place in the context; from \
             a table they can only be answered (predict). One object a line does:\n    {{\"question\": \"Who wrote?\", \"context\": \
             \"Ada wrote.\", \"answers\": {{\"text\": [\"Ada\"], \"answer_start\": [0]}}}}",
            path.display()
        );
    }
    Ok(())
}
