//! What is trained where vectors are: what is made of the tokens of a text, and by which loss.

use super::super::args::TrainArgs;
use super::super::misused::misuse;
use super::super::report::note;
use super::start::Start;
use adaptune_adapters::{HeadConfig, Pooling, Task};
use adaptune_text::{BaseModel, EmbeddingForm, EmbeddingRun, Labels, TaskChoice};
use adaptune_train::supervision::{EmbeddingLoss, Embeddings};
use anyhow::{Result, bail};

/// What is made of the tokens of a text.
pub(super) struct Form(EmbeddingForm);

/// What vectors are trained by.
pub(super) struct Embedding {
    pub(super) run: EmbeddingRun,
    pub(super) supervision: Embeddings,
}

impl Form {
    /// As the model, the training that this one goes on from, and the options say; none where something else is trained.
    pub(super) fn of(args: &TrainArgs, model: &BaseModel, start: Option<&Start>) -> Result<Option<Self>> {
        let before = start.and_then(Start::run).and_then(|run| run.embedding.as_ref());
        if args.task.kind() != TaskChoice::Embedding && before.is_none() {
            if let Some(option) = [("--loss", args.loss.is_some()), ("--matryoshka", !args.matryoshka.is_empty())]
                .iter()
                .find(|(_, given)| *given)
            {
                misuse!("{} is for --task embedding, where vectors are trained", option.0);
            }
            return Ok(None);
        }
        if args.head_layers.is_some() {
            misuse!("--head-layers: an embedding is what is read of a text itself; there is no head");
        }
        let form = EmbeddingForm::of(model)?;
        let form = match (before, args.pooling) {
            (Some(run), _) => form.with_run(run),
            (None, Some(pooling)) => form.only(Pooling::from(pooling).try_into()?),
            (None, None) => form,
        };
        Ok(Some(Self(form)))
    }

    /// The most tokens of a text, if the model says so and can take as many.
    pub(super) fn max_length(&self, model: &BaseModel) -> Option<usize> {
        self.0.max_length().map(|length| length.min(model.config().max_tokens()))
    }

    pub(super) fn texts(&self) -> &EmbeddingForm {
        &self.0
    }

    /// The loss for data with these labels; says what was chosen.
    pub(super) fn trained_on(&self, args: &TrainArgs, labels: &Labels, size: usize) -> Result<Embedding> {
        let [related, scored, ..] = EmbeddingLoss::ALL;
        let has_scores = *labels == Labels::Nearness;
        let loss = args.loss.unwrap_or(if has_scores { scored } else { related });
        if loss.is_for_scores() != has_scores {
            bail!(
                "--loss {}: it is for {}, but the data are {}; take {}",
                loss.name(),
                if has_scores { "texts that belong together" } else { "pairs with a score" },
                if has_scores { "pairs with a score" } else { "texts that belong together, without a score" },
                if has_scores {
                    "cosent or cosine, or leave the column of scores out"
                } else {
                    "multiple_negatives or triplet, or name the column of scores with --label-column"
                },
            );
        }
        if let Some(beginning) = args.matryoshka.iter().find(|beginning| !(1..size).contains(*beginning)) {
            bail!("--matryoshka {beginning}: vectors have {size} numbers; name fewer, and at least 1");
        }
        let run = self.0.run(loss.to_string(), args.matryoshka.clone())?;
        if !args.json {
            tell(&run, size);
        }
        Ok(Embedding { run, supervision: Embeddings { loss: Some(loss), beginnings: args.matryoshka.clone() } })
    }
}

impl Embedding {
    /// The head, which reads as the pooling says and has no layers.
    pub(super) fn head_config(&self) -> HeadConfig {
        HeadConfig { pooling: self.run.pooling.of_head(), ..HeadConfig::new(Task::EMBEDDING, Vec::new()) }
    }
}

fn tell(run: &EmbeddingRun, size: usize) {
    let EmbeddingRun { pooling, prompt, loss, beginnings, .. } = run;
    let of = match &beginnings[..] {
        [] => String::new(),
        some => {
            format!(", of their first {} numbers too", some.iter().map(usize::to_string).collect::<Vec<_>>().join(", "))
        }
    };
    let before = if prompt.is_empty() { String::new() } else { format!(", {prompt:?} before every text") };
    note(format_args!(
        "vectors of {size} numbers by the pooling {pooling}{before}, trained by {loss}{of} (--pooling, --loss, --matryoshka)"
    ));
}
