//! What is trained where a decoder is to go on with texts: which files, and how they become tokens.

use super::super::args::{ClassWeightsArg, DevArg, TrainArgs};
use super::super::misused::misuse;
use super::super::report::{note, notes, thousands};
use super::choices::Choices;
use super::data::Data;
use super::start::Start;
use adaptune_adapters::{HeadError, Tuning};
use adaptune_text::{
    Aside, BaseModel, ChatTemplate, Corpus, CorpusKind, DataFile, Draw, Labels, LanguageForm, LanguageRun,
    TableOptions, TaskChoice, Tokenizer, Words,
};
use adaptune_train::Dataset;
use anyhow::{Context, Result, bail};
use std::path::Path;

/// The most tokens of a sequence where nothing else is said: models take far more than training has memory for.
const USUAL_LENGTH: usize = 512;

/// How documents become tokens.
pub(super) struct Language {
    /// Turns conversations into text, if there are any.
    template: Option<ChatTemplate>,
    /// Ends texts and completions.
    end: Option<u32>,
}

impl Language {
    /// As the task, the data and the model say; none where something else is trained.
    pub(super) fn of(args: &TrainArgs, choices: &Choices, model: &BaseModel) -> Result<Option<Self>> {
        let before = choices.start.as_ref().and_then(Start::run).and_then(|run| run.language.as_ref());
        let by_itself = || before.is_some() || choices.train.first().is_some_and(|file| Corpus::is_meant_by(file));
        let meant = match args.task.kind() {
            TaskChoice::CausalLanguage => true,
            TaskChoice::Auto => by_itself(),
            _ => false,
        };
        if !meant {
            match args.chat_template {
                Some(_) => {
                    misuse!(
                        "--chat-template is for conversations, from which a decoder learns (--task causal-language)"
                    )
                }
                None => return Ok(None),
            }
        }
        if !model.config().is_causal() {
            return Err(HeadError::NextOfEncoder).with_context(|| format!("--model {}", choices.model));
        }
        check(args, choices)?;
        let template = match (&args.chat_template, before.and_then(|run| run.chat_template.as_deref())) {
            (Some(name), _) => Some(model.chat_template_called(name).context("--chat-template")?),
            (None, Some(text)) => Some(model.with_own_tokens(ChatTemplate::new("the template of --from", text)?)?),
            (None, None) => None,
        };
        Ok(Some(Self { template, end: model.end_tokens()?.first().copied() }))
    }

    /// The most tokens of a sequence where nothing else is said.
    pub(super) fn max_length(model: &BaseModel) -> usize {
        model.config().max_tokens().min(USUAL_LENGTH)
    }

    /// Reads all files.
    pub(super) fn read(
        &mut self,
        choices: &Choices,
        args: &TrainArgs,
        tokenizer: &Tokenizer,
        model: &BaseModel,
    ) -> Result<Data> {
        let options = args.table.options();
        let (whole, mut files) = read_all(choices, &options)?;
        if whole.kind != CorpusKind::Conversations {
            self.template = None;
        } else if self.template.is_none() {
            self.template = model.chat_template()?;
        }
        let (train, dev, test) = parts(choices, &options, whole, &mut files)?;
        let sample = beginning(&train);
        let pack = |part: &str, corpus: &Corpus| self.pack(part, corpus, tokenizer, args.json);
        let train = pack("train", &train)?;
        let dev = dev.map(|dev| pack("dev", &dev)).transpose()?;
        let test = test.map(|test| pack("test", &test)).transpose()?;
        Ok(Data { train, dev, test, labels: Labels::NextTokens, folds: Vec::new(), sample, input: None, files })
    }

    /// Documents as examples; says how many tokens there are, and what was lost.
    fn pack(&self, part: &str, corpus: &Corpus, tokenizer: &Tokenizer, quiet: bool) -> Result<Dataset> {
        let form = LanguageForm { template: self.template.as_ref(), end: self.end };
        let packed = tokenizer.pack(corpus, &form)?;
        notes(&corpus.name, &packed.notes);
        if !quiet {
            let [tokens, learnt, sequences] =
                [packed.tokens, packed.learnt, packed.sequences].map(|count| thousands(count as u64));
            note(format_args!(
                "{part}: {} {}, {tokens} tokens in {sequences} sequences, of which {learnt} are learnt, packed into {} examples of at most \
                 {} tokens",
                thousands(corpus.documents.len() as u64),
                corpus.kind,
                thousands(packed.dataset.len() as u64),
                tokenizer.max_length()
            ));
        }
        Ok(packed.dataset)
    }

    /// What shows the result in `out` at work: a conversation, or what it writes behind the beginning of a text.
    pub(super) fn command(&self, out: &Path, sample: Option<&str>) -> String {
        let out = out.display();
        match (&self.template, sample) {
            (Some(_), _) => format!("adaptune chat --adapter {out}"),
            (None, sample) => format!("adaptune generate --adapter {out} --prompt '{}'", sample.unwrap_or("...")),
        }
    }

    /// What later commands have to know.
    pub(super) fn run(&self) -> LanguageRun {
        LanguageRun { chat_template: self.template.as_ref().map(|template| template.source().to_owned()) }
    }
}

/// How the first text begins, or the first prompt, as far as it can be put between quotation marks.
fn beginning(corpus: &Corpus) -> Option<String> {
    let text = corpus.documents.iter().find_map(|document| match &document.words {
        Words::Text(text) => Some(text.split_whitespace().take(4).collect::<Vec<_>>().join(" ")),
        Words::Completion { prompt, .. } => Some(prompt.trim().to_owned()),
        Words::Conversation(_) => None,
    })?;
    let fits = !text.is_empty() && text.chars().count() <= 60 && !text.contains(['\'', '\n']);
    fits.then_some(text)
}

/// Options that say nothing of a language model.
fn check(args: &TrainArgs, choices: &Choices) -> Result<()> {
    let unheard = [
        ("--head-layers", args.head_layers.is_some()),
        ("--pooling", args.pooling.is_some()),
        ("--class-weights", matches!(args.class_weights, ClassWeightsArg::Balanced)),
        ("--folds", args.folds.is_some()),
        ("--loss", args.loss.is_some()),
        ("--matryoshka", !args.matryoshka.is_empty()),
    ];
    if let Some((option, _)) = unheard.iter().find(|(_, given)| *given) {
        misuse!(
            "{option} is not for --task causal-language, which learns from texts by the base's own output layer; leave it away"
        );
    }
    let nothing = choices.tuning == Tuning::default() && choices.composed.is_none() && choices.start.is_none();
    if nothing {
        misuse!(
            "--method {}: a language model has no head of its own, so nothing would train; name an adapter, such as lora, or --thaw",
            choices.method
        );
    }
    Ok(())
}

/// The training data, as one.
fn read_all(choices: &Choices, options: &TableOptions) -> Result<(Corpus, Vec<DataFile>)> {
    let (mut whole, mut files): (Option<Corpus>, _) = (None, Vec::new());
    for path in &choices.train {
        let corpus = Corpus::read_with(path, options)?;
        files.push(DataFile::of("train", path, corpus.documents.len())?);
        whole = Some(match whole {
            Some(whole) => whole.join(corpus)?,
            None => corpus,
        });
    }
    Ok((whole.context("there are no training data")?, files))
}

/// What is trained on, and what is measured on: read, or kept aside.
fn parts(
    choices: &Choices,
    options: &TableOptions,
    whole: Corpus,
    files: &mut Vec<DataFile>,
) -> Result<(Corpus, Option<Corpus>, Option<Corpus>)> {
    let mut read = |part: &str, path: &Path| -> Result<Corpus> {
        let corpus = Corpus::read_with(path, options)?;
        if corpus.kind != whole.kind {
            bail!("{}: found {}, but the training data are {}", corpus.name, corpus.kind, whole.kind);
        }
        files.push(DataFile::of(part, path, corpus.documents.len())?);
        Ok(corpus)
    };
    let test = choices.test.as_deref().map(|path| read("test", path)).transpose()?;
    match &choices.dev {
        None => Ok((whole, None, test)),
        Some(DevArg::File(path)) => {
            let dev = read("dev", path)?;
            Ok((whole, Some(dev), test))
        }
        Some(DevArg::Share(share)) => {
            let aside = Aside { draw: Draw::Examples, ..Aside::new(*share, choices.options.seed) };
            let (train, dev) = whole.split(aside.share, aside.seed)?;
            files.push(DataFile::kept_aside(aside, dev.documents.len()));
            Ok((train, Some(dev), test))
        }
    }
}
