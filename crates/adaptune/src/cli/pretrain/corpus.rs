//! The text that a language model is trained on.

use super::super::report::{note, thousands};
use super::tokeniser::Special;
use adaptune_text::{Table, TableOptions, Text, utf8_text};
use adaptune_train::{Dataset, Masking};
use anyhow::{Context, Result, bail};
use std::path::{Path, PathBuf};
use tokenizers::Tokenizer;

/// Of so many lines one is kept aside to measure perplexity, if no file is named for it.
const ONE_IN: usize = 50;

/// Texts for training and for measuring.
pub(super) struct Corpus {
    pub(super) train: Vec<String>,
    pub(super) dev: Vec<String>,
}

impl Corpus {
    /// Reads the files; empty lines separate and do not count.
    pub(super) fn read(files: &[PathBuf], dev: Option<&Path>) -> Result<Self> {
        let texts = files.iter().map(|file| lines(file)).collect::<Result<Vec<_>>>()?.concat();
        if let Some(dev) = dev {
            return Ok(Self { train: texts, dev: lines(dev)? });
        }
        let aside = |i: usize| i % ONE_IN == ONE_IN - 1;
        let (dev, train): (Vec<_>, Vec<_>) = texts.into_iter().enumerate().partition(|(i, _)| aside(*i));
        let texts = |numbered: Vec<(usize, String)>| numbered.into_iter().map(|(_, text)| text).collect();
        Ok(Self { train: texts(train), dev: texts(dev) })
    }
}

fn lines(file: &Path) -> Result<Vec<String>> {
    if file.to_string_lossy().starts_with("builtin:") {
        let table = Table::read_texts(file, &TableOptions::default())?;
        return Ok(table
            .rows
            .into_iter()
            .filter_map(|row| if let Text::Single(text) = row.text { Some(text) } else { None })
            .collect());
    }
    let shown = file.display();
    let bytes = std::fs::read(file).with_context(|| format!("cannot read {shown}"))?;
    let text = utf8_text(&shown.to_string(), bytes)?;
    let lines: Vec<String> = text.lines().map(str::trim).filter(|line| !line.is_empty()).map(str::to_owned).collect();
    if lines.is_empty() {
        bail!("{shown} is empty: expected texts, one a line");
    }
    Ok(lines)
}

/// Turns texts into tokens; those of more than `max_length` are cut into several.
pub(super) fn dataset(
    texts: &[String],
    tokeniser: &Tokenizer,
    special: &Special,
    max_length: usize,
    hide: f64,
    summarise: bool,
) -> Result<Dataset> {
    let id = |token: &str| tokeniser.token_to_id(token).expect("the tokeniser was trained with it");
    let masking = Masking {
        rate: hide,
        mask: special.mask.map(id).context("nothing is hidden from a decoder")?,
        vocabulary: tokeniser.get_vocab_size(true) as u32,
        special: special.all.iter().map(|token| id(token)).collect(),
        summarise,
    };
    let (first, last, room) = (id(special.first), id(special.last), max_length - 2);
    let (mut pieces, mut skipped) = (Vec::new(), 0_usize);
    for text in texts {
        let encoding = tokeniser.encode(text.as_str(), false).map_err(|e| anyhow::anyhow!("cannot tokenise: {e}"))?;
        for part in encoding.get_ids().chunks(room) {
            let known = part.iter().any(|id| !masking.special.contains(id));
            skipped += usize::from(!known);
            if known {
                pieces.push([&[first], part, &[last]].concat());
            }
        }
    }
    if skipped > 0 {
        note(format_args!("note: {} texts have no known token and were left out", thousands(skipped as u64)));
    }
    Dataset::language(pieces, masking).context("the corpus")
}
