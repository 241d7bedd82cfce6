//! Finding a base model, with a bar while it is downloaded.

use super::report::note;
use adaptune_text::BaseModel;
use adaptune_text::hub::DownloadObserver;
use anyhow::Result;
use indicatif::{ProgressBar, ProgressStyle};

/// Finds the base model of this name, and downloads it if need be.
pub(crate) fn find_base(name: &str) -> Result<BaseModel> {
    let base = BaseModel::find(name, &mut Bar(ProgressBar::hidden()))?;
    if let Some(text) = base.tokenizer_note() {
        note(format_args!("note: {text}"));
    }
    Ok(base)
}

struct Bar(ProgressBar);

impl DownloadObserver for Bar {
    fn begin(&mut self, file: &str, bytes: u64) {
        let style = ProgressStyle::with_template("{msg} {wide_bar} {bytes}/{total_bytes} {bytes_per_sec} {eta}");
        let bar = ProgressBar::new(bytes).with_message(file.to_owned());
        self.0 = if let Ok(style) = style { bar.with_style(style) } else { bar };
    }

    fn advance(&mut self, bytes: u64) {
        self.0.inc(bytes);
    }

    fn end(&mut self) {
        self.0.finish_and_clear();
    }
}
