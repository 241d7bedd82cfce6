//! What is made of the tokens of a text.

use crate::base::BaseModel;
use crate::error::{Result, TextError};
use crate::run_file::EmbeddingRun;
use crate::sentence_transformers::{Description, Step, TextSettings, TokenPooling};
use crate::table::{Table, Text};
use adaptune_adapters::did_you_mean;

/// What is made of the tokens of a text: what is pooled, what is done with the vector, and what stands before texts.
///
/// [`EmbeddingForm::of`] reads what a model says of itself, if it is one of sentence-transformers.
#[derive(Clone, Debug, PartialEq)]
pub struct EmbeddingForm {
    pub(super) pooling: Vec<TokenPooling>,
    pub(super) pools_prompt: bool,
    pub(super) steps: Vec<Step>,
    pub(super) texts: TextSettings,
    pub(super) prompt: String,
    /// What was taken because nothing else was said.
    pub(super) notes: Vec<String>,
}

impl EmbeddingForm {
    /// Returns what the files of a model say; the mean over all tokens, as it is, if there are none of sentence-transformers.
    ///
    /// # Errors
    /// One of them cannot be read, or names a module that is not known.
    pub fn of(model: &BaseModel) -> Result<Self> {
        let Some(Description { pooling, pools_prompt, steps, texts }) = model.sentence_transformer()? else {
            let note = format!(
                "{} does not say how texts are embedded (it has no modules.json): the mean over all tokens is taken, not normalised; \
                 --pooling and --normalize say otherwise",
                model.name()
            );
            return Ok(Self { notes: vec![note], ..Self::new(vec![TokenPooling::Mean]) });
        };
        let form = Self { pools_prompt, steps, texts, ..Self::new(pooling) };
        form.check(model.config().hidden)?;
        match form.texts.default_prompt.clone() {
            Some(name) => {
                let form = form.with_prompt_named(&name)?;
                let note = format!(
                    "the prompt {name:?} stands before every text, as {} says: {:?}",
                    model.name(),
                    form.prompt
                );
                Ok(Self { notes: vec![note], ..form })
            }
            None => Ok(form),
        }
    }

    /// These poolings, one behind the other, and nothing else.
    #[must_use]
    pub fn new(pooling: Vec<TokenPooling>) -> Self {
        let (steps, texts, notes) = (Vec::new(), TextSettings::default(), Vec::new());
        Self { pooling, pools_prompt: true, steps, texts, prompt: String::new(), notes }
    }

    /// The same as an adapter was trained with.
    #[must_use]
    pub fn with_run(self, run: &EmbeddingRun) -> Self {
        let EmbeddingRun { pooling, normalize, prompt, lower_case, .. } = run;
        let form = self.only(*pooling);
        let texts = TextSettings { lower_case: *lower_case, ..form.texts };
        Self { texts, prompt: prompt.clone(), ..form }.with_normalization(*normalize)
    }

    /// The same with this pooling, of all tokens, and nothing behind it.
    #[must_use]
    pub fn only(self, pooling: TokenPooling) -> Self {
        Self { pooling: vec![pooling], pools_prompt: true, steps: Vec::new(), notes: Vec::new(), ..self }
    }

    /// What a run writes down that trains vectors of this form by a loss.
    ///
    /// # Errors
    /// Training does not compute the form: it has a dense layer, several poolings or one that no head reads, or leaves the prompt out.
    pub fn run(&self, loss: String, beginnings: Vec<usize>) -> Result<EmbeddingRun> {
        let refused = |what: &str| {
            Err(TextError::Model(format!(
                "the model makes its vectors by {what}, through which nothing is trained; choose --pooling cls, mean, max or lasttoken"
            )))
        };
        match self.pooling[..] {
            _ if self.has_dense() => refused("a dense layer behind the pooling"),
            _ if !self.pools_prompt => refused("a pooling that leaves the prompt out"),
            [pooling] if pooling.of_head().is_some() => Ok(EmbeddingRun {
                pooling,
                normalize: true,
                prompt: self.prompt.clone(),
                lower_case: self.texts.lower_case,
                loss,
                beginnings,
            }),
            [pooling] => refused(&format!("the pooling {pooling}")),
            _ => refused("several poolings"),
        }
    }

    /// The texts of a table as the tokenizer gets them: in small letters if need be, the prompt before each.
    #[must_use]
    pub fn read_by(&self, mut table: Table) -> Table {
        for row in &mut table.rows {
            if let Text::Compared(texts) = &mut row.text {
                texts.iter_mut().for_each(|text| *text = self.text(text));
            }
        }
        table
    }

    /// The same with other poolings, one behind the other.
    #[must_use]
    pub fn with_pooling(self, pooling: Vec<TokenPooling>) -> Self {
        Self { pooling, notes: Vec::new(), ..self }
    }

    /// The same with vectors of length 1, or as long as they come.
    #[must_use]
    pub fn with_normalization(mut self, normalize: bool) -> Self {
        while !normalize && self.is_normalized() {
            self.steps.pop();
        }
        if normalize && !self.is_normalized() {
            self.steps.push(Step::Normalize);
        }
        self
    }

    /// The same with this before every text.
    #[must_use]
    pub fn with_prompt(self, prompt: &str) -> Self {
        Self { prompt: prompt.to_owned(), ..self }
    }

    /// The same with one of the [prompts](EmbeddingForm::prompts) of the model before every text.
    ///
    /// # Errors
    /// The model has none of this name.
    pub fn with_prompt_named(self, name: &str) -> Result<Self> {
        let known: Vec<&str> = self.prompts().map(|(name, _)| name).collect();
        let found = self.texts.prompts.get(name).cloned();
        let found = found.ok_or_else(|| {
            let hint = did_you_mean(name, known.iter().copied());
            TextError::Model(match &known[..] {
                [] => format!("there is no prompt {name:?}: the model names none (config_sentence_transformers.json); write it out with --prompt"),
                known => format!("there is no prompt {name:?}: the model has {}{hint}", known.join(", ")),
            })
        })?;
        Ok(Self { prompt: found, ..self })
    }

    /// The prompts that the model names, each with its text.
    pub fn prompts(&self) -> impl Iterator<Item = (&str, &str)> {
        self.texts.prompts.iter().map(|(name, prompt)| (name.as_str(), prompt.as_str()))
    }

    /// What stands before every text.
    #[must_use]
    pub fn prompt(&self) -> &str {
        &self.prompt
    }

    /// The poolings.
    #[must_use]
    pub fn pooling(&self) -> &[TokenPooling] {
        &self.pooling
    }

    /// True if vectors have length 1.
    #[must_use]
    pub fn is_normalized(&self) -> bool {
        self.steps.last() == Some(&Step::Normalize)
    }

    /// True if a dense layer stands behind the pooling.
    #[must_use]
    pub fn has_dense(&self) -> bool {
        self.steps.iter().any(|step| matches!(step, Step::Dense(_)))
    }

    /// The most tokens of a text, if the model says so.
    #[must_use]
    pub fn max_length(&self) -> Option<usize> {
        self.texts.max_length
    }

    /// What was taken because nothing else was said: sentences to be shown to whoever wants embeddings.
    #[must_use]
    pub fn notes(&self) -> &[String] {
        &self.notes
    }

    /// How many numbers a vector has, for a model with hidden states of size `hidden`.
    #[must_use]
    pub fn size(&self, hidden: usize) -> usize {
        let dense = |step: &Step| if let Step::Dense(dense) = step { Some(dense.sizes().1) } else { None };
        self.steps.iter().rev().find_map(dense).unwrap_or(self.pooling.len() * hidden)
    }

    /// At which place among the poolings the first token is read.
    pub(super) fn place_of_first(&self) -> Option<usize> {
        self.pooling.iter().position(|pooling| *pooling == TokenPooling::First)
    }

    /// Checks that every step takes what the one before gives.
    pub(super) fn check(&self, hidden: usize) -> Result<()> {
        if self.pooling.is_empty() {
            return Err(TextError::Model("no pooling is chosen: name one, such as mean".into()));
        }
        if !self.pools_prompt && self.pooling.contains(&TokenPooling::First) {
            return Err(TextError::Model(
                "the first token is to be read and the prompt is not to be pooled (include_prompt), which contradict each other".into(),
            ));
        }
        let mut size = self.pooling.len() * hidden;
        for step in &self.steps {
            let Step::Dense(dense) = step else { continue };
            let (takes, gives) = dense.sizes();
            if takes != size {
                return Err(TextError::Model(format!(
                    "the dense layer behind the pooling takes {takes} numbers, but what stands before it gives {size}: take the poolings \
                     that the model was trained with"
                )));
            }
            size = gives;
        }
        Ok(())
    }

    /// A text as the tokenizer gets it.
    pub(super) fn text(&self, text: &str) -> String {
        let whole = format!("{}{text}", self.prompt);
        let whole = whole.trim();
        if self.texts.lower_case { whole.to_lowercase() } else { whole.to_owned() }
    }
}
