//! What is pretrained as a decoder: texts packed into examples of which every token is learnt from those before it.

use super::super::args::PretrainArgs;
use super::super::report::{note, thousands};
use super::material::Material;
use super::tokeniser;
use adaptune_text::{Corpus, CorpusKind, LanguageForm, TableOptions, Tokenizer, Words};
use adaptune_transformer::Config;
use anyhow::{Context, Result, bail};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};

/// Which share of the texts is kept aside to measure perplexity, if no file is named for it.
const ASIDE: f64 = 0.02;

/// The tokeniser, and the corpus in its tokens.
pub(super) fn material(args: &PretrainArgs) -> Result<Material> {
    let whole = read(&args.corpus)?;
    let (train, dev) = match &args.dev {
        Some(dev) => (whole, read(std::slice::from_ref(dev))?),
        None => whole.split(ASIDE, args.seed)?,
    };
    let tokeniser = tokeniser::train(args.arch, &texts(&train), args.vocabulary, args.min_frequency)?;
    let written = tokeniser.to_string(false).map_err(|e| anyhow::anyhow!("cannot write the tokeniser: {e}"))?;
    let length = args.max_length.unwrap_or(args.positions);
    let tokenizer = Tokenizer::named("the new tokenizer", written.as_bytes(), length)?;
    let form = LanguageForm { end: tokenizer.id(tokeniser::special(args.arch).last), ..LanguageForm::default() };
    let pack = |corpus: &Corpus| Ok::<_, anyhow::Error>(tokenizer.pack(corpus, &form)?.dataset);
    let (train, dev) = (pack(&train)?, pack(&dev)?);
    if train.len() < args.batch_size {
        bail!(
            "the corpus has {} sequences of {length} tokens for training, fewer than one batch of {}: give it more, or --batch-size less",
            train.len(),
            args.batch_size
        );
    }
    if !args.json {
        let [sequences, entries] = [train.len(), tokeniser.get_vocab_size(true)].map(|count| thousands(count as u64));
        note(format_args!("{sequences} sequences of at most {length} tokens, a vocabulary of {entries}"));
    }
    Ok(Material { tokeniser, train, dev })
}

/// The files, as one.
fn read(files: &[PathBuf]) -> Result<Corpus> {
    let mut corpora = files.iter().map(|file| Corpus::read_with(file, &TableOptions::default()));
    let first = corpora.next().context("--corpus is missing")??;
    let whole = corpora.try_fold(first, |whole, next| whole.join(next?))?;
    match whole.kind {
        CorpusKind::Texts => Ok(whole),
        other => bail!("{}: found {other}; a model is pretrained on texts, and tuned on these by train", whole.name),
    }
}

fn texts(corpus: &Corpus) -> Vec<String> {
    let text = |words: &Words| if let Words::Text(text) = words { Some(text.clone()) } else { None };
    corpus.documents.iter().filter_map(|document| text(&document.words)).collect()
}

/// A Llama whose output layer is its table of words.
pub(super) fn config(args: &PretrainArgs, vocabulary: usize) -> Result<Config> {
    let fields = json!({
        "model_type": "llama",
        "vocab_size": vocabulary,
        "hidden_size": args.hidden,
        "num_hidden_layers": args.layers,
        "num_attention_heads": args.heads,
        "intermediate_size": args.feed_forward_width(),
        "max_position_embeddings": args.positions,
        "rms_norm_eps": 1e-5,
        "tie_word_embeddings": true,
    });
    Ok(Config::from_json(&fields.to_string(), Path::new("config.json"))?)
}

/// Which tokens begin and end a text, for whoever generates.
pub(super) fn generation_config(args: &PretrainArgs) -> Value {
    let all = tokeniser::special(args.arch).all;
    let id = |token: &str| all.iter().position(|known| *known == token);
    let special = tokeniser::special(args.arch);
    json!({ "bos_token_id": id(special.first), "eos_token_id": id(special.last) })
}
