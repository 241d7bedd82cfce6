//! `adaptune pretrain`.

mod corpus;
mod decoder;
mod material;
mod tokeniser;

use super::args::{ArchitectureArg, PretrainArgs};
use super::folder::{PRETRAINED, RunFolder, State};
use super::interrupted;
use super::memory;
use super::misused::{misuse, unreadable};
use super::plot::draw;
use super::report::{self, Cell, Report, bytes, duration, note, percent, print_line, thousands, time_of};
use super::train::{evaluations, follow};
use adaptune_adapters::{AdapterModel, Head, HeadConfig, Task, format};
use adaptune_tensor::Seed;
use adaptune_text::RunFile;
use adaptune_train::{EvaluationRecord, OptimiserConfig, TrainOptions, Trained, Trainer, json};
use adaptune_transformer::weights::replace_file;
use adaptune_transformer::{Config, Encoder, Family, Thaw, Thawed};
use anyhow::{Result, bail};
use corpus::Corpus;
use material::Material;
use serde_json::{Value, json};
use std::io::Write;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Trains, saves, and prints the closing table.
pub(crate) fn run(args: &PretrainArgs) -> Result<()> {
    let begun = Instant::now();
    check(args)?;
    let folder = RunFolder::new(&args.out, PRETRAINED);
    folder.check(args.resume, args.overwrite)?;
    let material = material(args)?;
    let trainer = Trainer::new(model(args, &material)?, &material.train, Some(&material.dev), options(args)?)?;
    if folder.prepare(args.resume, args.overwrite)? == State::Complete {
        note(format_args!("note: {}: the run is complete, there is nothing to resume", args.out.display()));
        return Ok(());
    }
    interrupted::tell_how_to_go_on("to go on from the last checkpoint, add --resume to the same command".to_owned())?;
    let mut trainer =
        trainer.with_history(folder.metrics()).with_checkpoint(folder.checkpoint(), args.checkpoint_every);
    if args.resume && !trainer.resume()? {
        note(format_args!("note: {} holds no checkpoint yet; starting from the beginning", args.out.display()));
    }
    let trained = follow(trainer, args.json)?;
    save(args, &material, &trained, &folder)?;
    let closing = Closing { args, trained: &trained, tokens: material.tokens(), elapsed: begun.elapsed() };
    if args.json { closing.print_json() } else { closing.print() }
}

/// What cannot be trained, before anything is read.
fn check(args: &PretrainArgs) -> Result<()> {
    let PretrainArgs { hidden, layers, heads, positions, max_length, .. } = *args;
    let sizes = [("hidden", hidden), ("layers", layers), ("heads", heads), ("feed-forward", args.feed_forward_width())];
    if let Some((name, _)) = sizes.into_iter().find(|(_, size)| *size == 0) {
        misuse!("--{name} is 0, but must be at least 1");
    }
    if !hidden.is_multiple_of(heads) {
        misuse!("--heads is {heads}, but must divide the hidden size {hidden}");
    }
    let length = max_length.unwrap_or(positions);
    if length > positions {
        misuse!(
            "--max-length is {length}, but the model is to have positions for {positions} tokens: raise --positions"
        );
    }
    if length < 3 {
        misuse!("a length of {length} tokens leaves no room for text between the two that mark its ends");
    }
    for (name, share) in [("hide", args.hidden_share()), ("dropout", args.dropout_rate())] {
        if !(0.0..1.0).contains(&share) {
            misuse!("--{name} is {share}, but must be from 0 up to, but not, 1");
        }
    }
    let of_encoders =
        [("--hide", args.hide.is_some()), ("--dropout", args.dropout.is_some()), ("--summarise", args.summarise)];
    match of_encoders.into_iter().find(|(_, given)| *given && args.arch == ArchitectureArg::Llama) {
        Some((option, _)) => misuse!("{option} is for encoders; --arch llama learns what comes next: leave it away"),
        None => Ok(()),
    }
}

/// The tokeniser, and the corpus in its tokens.
fn material(args: &PretrainArgs) -> Result<Material> {
    match args.arch {
        ArchitectureArg::Llama => decoder::material(args),
        ArchitectureArg::Bert | ArchitectureArg::Roberta => of_encoder(args),
    }
}

fn of_encoder(args: &PretrainArgs) -> Result<Material> {
    let corpus = Corpus::read(&args.corpus, args.dev.as_deref())?;
    let (texts, batch) = (corpus.train.len(), args.batch_size);
    if texts < batch || corpus.dev.is_empty() {
        bail!(
            "the corpus has {texts} texts for training, fewer than one batch of {batch}: give it more, or --batch-size less"
        );
    }
    let tokeniser = tokeniser::train(args.arch, &corpus.train, args.vocabulary, args.min_frequency)?;
    if !args.json {
        let entries = tokeniser.get_vocab_size(true) as u64;
        note(format_args!("{} texts, a vocabulary of {}", thousands(texts as u64), thousands(entries)));
    }
    let (special, length) = (tokeniser::special(args.arch), args.max_length.unwrap_or(args.positions));
    let dataset = |texts: &[String], summarise| {
        corpus::dataset(texts, &tokeniser, special, length, args.hidden_share(), summarise)
    };
    // Perplexity is that of hidden tokens alone, so that it can be compared.
    let (train, dev) = (dataset(&corpus.train, args.summarise)?, dataset(&corpus.dev, false)?);
    Ok(Material { tokeniser, train, dev })
}

fn model(args: &PretrainArgs, material: &Material) -> Result<AdapterModel<f32>> {
    let vocabulary = material.tokeniser.get_vocab_size(true);
    let (config, task) = match args.arch {
        // RoBERTa counts positions from its padding id, 1, on.
        ArchitectureArg::Bert => (encoder(args, Family::BERT, vocabulary, 0, 2), Task::MASKED_LANGUAGE),
        ArchitectureArg::Roberta => (encoder(args, Family::ROBERTA, vocabulary, 2, 1), Task::MASKED_LANGUAGE),
        ArchitectureArg::Llama => (decoder::config(args, vocabulary)?, Task::CAUSAL_LANGUAGE),
    };
    let seed = Seed::new(args.seed);
    let base = Arc::new(Encoder::initial(config, seed.named("base")));
    let head = Head::new("language", &HeadConfig::new(task, Vec::new()), &base, seed.named("head"))?;
    let everything = Thawed::new(&base, Thaw::ALL, false);
    Ok(AdapterModel::new(base, None, head).with_thawed(Some(everything)))
}

fn encoder(
    args: &PretrainArgs,
    family: Family,
    vocabulary: usize,
    position_offset: usize,
    token_types: usize,
) -> Config {
    let sizes = Config::bert(args.hidden, args.layers, args.heads, args.feed_forward_width());
    Config {
        family,
        vocabulary,
        positions: args.positions + position_offset,
        position_offset,
        token_types,
        ..sizes.with_dropout(args.dropout_rate(), args.dropout_rate())
    }
}

fn options(args: &PretrainArgs) -> Result<TrainOptions> {
    Ok(TrainOptions {
        epochs: args.epochs,
        batch_size: args.batch_size,
        accumulate: args.accumulate,
        learning_rate: args.lr,
        warmup: args.warmup.parse().map_err(unreadable("--warmup"))?,
        optimiser: OptimiserConfig::adamw(args.weight_decay),
        seed: args.seed,
        ..TrainOptions::default()
    })
}

fn save(args: &PretrainArgs, material: &Material, trained: &Trained<f32>, folder: &RunFolder) -> Result<()> {
    let text = material.tokeniser.to_string(false).map_err(|e| anyhow::anyhow!("cannot write the tokeniser: {e}"))?;
    write(folder, "tokenizer.json", &text)?;
    write(folder, "tokenizer_config.json", &format!("{:#}\n", tokenizer_config(args)))?;
    if args.arch == ArchitectureArg::Llama {
        write(folder, "generation_config.json", &format!("{:#}\n", decoder::generation_config(args)))?;
    }
    format::save_language_model(&trained.model, folder.work(), args.precision.format())?;
    draw(&trained.history, &folder.loss_curve());
    let run = RunFile {
        model: args.out.display().to_string(),
        method: "pretrain".into(),
        max_length: args.max_length.unwrap_or(args.positions),
        options: options(args)?.describe().into(),
        ..RunFile::default()
    };
    folder.complete(&run)
}

fn write(folder: &RunFolder, name: &str, text: &str) -> Result<()> {
    Ok(replace_file(&folder.work().join(name), |file| file.write_all(text.as_bytes()))?)
}

/// What Python wants to know beside `tokenizer.json`.
fn tokenizer_config(args: &PretrainArgs) -> Value {
    let length = args.positions;
    match args.arch {
        ArchitectureArg::Bert => json!({
            "tokenizer_class": "BertTokenizerFast",
            "model_max_length": length,
            "mask_token": "[MASK]",
            "pad_token": "[PAD]",
        }),
        ArchitectureArg::Roberta => json!({
            "tokenizer_class": "RobertaTokenizerFast",
            "model_max_length": length,
            "mask_token": "<mask>",
            "pad_token": "<pad>",
        }),
        ArchitectureArg::Llama => json!({
            "tokenizer_class": "PreTrainedTokenizerFast",
            "model_max_length": length,
            "bos_token": "<s>",
            "eos_token": "</s>",
            "unk_token": "<unk>",
        }),
    }
}

/// What is said at the end.
struct Closing<'a> {
    args: &'a PretrainArgs,
    trained: &'a Trained<f32>,
    tokens: usize,
    elapsed: Duration,
}

impl Closing<'_> {
    /// The scores before training and of the best epoch.
    fn scores(&self) -> impl Iterator<Item = (&str, &EvaluationRecord)> {
        let all = || evaluations(&self.trained.history);
        let (before, after) = (all().find(|e| e.epoch == 0), all().filter(|e| e.best).last());
        let named = [("before", before), ("after", after)];
        named.into_iter().filter_map(|(when, e)| Some((when, e?)))
    }

    fn print(&self) -> Result<()> {
        let mut report = Report::new();
        let mut row = |name: &str, value: String| _ = report.row(vec![name.into(), Cell::number(value)]);
        row("parameters", thousands(self.trained.model.counts().total() as u64));
        row("tokens of an epoch", thousands(self.tokens as u64));
        for (when, scores) in self.scores() {
            for (name, value) in scores.scores() {
                let value = if name == "perplexity" { format!("{value:.2}") } else { percent(value) };
                row(&format!("dev {name} {when}"), value);
            }
        }
        row(time_of(self.args.resume), duration(self.elapsed));
        if let Some(peak) = memory::peak_bytes() {
            row("peak memory", bytes(peak));
        }
        report.print()?;
        Ok(print_line(format_args!("saved in {}", self.args.out.display()))?)
    }

    fn print_json(&self) -> Result<()> {
        let mut closing = json!({
            "out": self.args.out,
            "parameters": self.trained.model.counts().total(),
            "tokens": self.tokens,
            "seconds": self.elapsed.as_secs_f64(),
            "peak_bytes": memory::peak_bytes(),
        });
        for (when, scores) in self.scores() {
            closing[when] = json::scores(scores.scores());
        }
        Ok(report::print_json(&closing)?)
    }
}
