//! Texts that a decoder writes.

mod options;
mod sampling;

pub use options::GenerateOptions;

use crate::chat::{ChatTemplate, Message};
use crate::error::{Result, TextError};
use crate::table::Text;
use crate::tokenizer::Tokenizer;
use adaptune_adapters::Setup;
use adaptune_tensor::{Seed, in_pool};
use adaptune_transformer::{Base, Batch, BatchError, Encoder, Pass, Past, Selection, Thawed};
use ndarray::Array2;
use sampling::next_token;
use std::sync::Arc;

/// A decoder, perhaps with adapters, that goes on with texts.
///
/// ```no_run
/// use adaptune_text::{GenerateOptions, TextModel};
/// let model = TextModel::open("models/stories260k")?;
/// let options = GenerateOptions { max_new_tokens: 40, ..GenerateOptions::default() };
/// let [story] = &model.generator()?.generate(&["Once upon a time"], &options)?[..] else { unreachable!() };
/// println!("{}", story.text);
/// # Ok::<(), adaptune_text::TextError>(())
/// ```
#[derive(Debug)]
pub struct Generator {
    base: Arc<Encoder<f32>>,
    setup: Setup<f32>,
    thawed: Option<Thawed<f32>>,
    tokenizer: Tokenizer,
    /// Tokens that end a text.
    ends: Vec<u32>,
    /// Texts that end a text, besides those that are asked for.
    stop: Vec<String>,
    /// How prompts become text, if they are questions.
    asked: Option<Asked>,
}

/// How a question becomes text.
#[derive(Debug)]
struct Asked {
    template: ChatTemplate,
    system: Option<Message>,
}

/// What was written behind a prompt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Generated {
    /// The ids of the new tokens, without the one that ended the text.
    pub tokens: Vec<u32>,
    /// The new tokens as text, up to a stop string.
    pub text: String,
}

/// What blocks have kept of a text.
#[derive(Debug)]
pub(crate) struct Kept {
    tokens: Vec<u32>,
    past: Past<f32>,
}

impl Kept {
    /// The same of as many tokens as another text begins with too, but not of all of it: its last one is still to be computed.
    fn beginning(&self, tokens: &[u32]) -> Past<f32> {
        let alike = self.tokens.iter().zip(tokens).take_while(|(a, b)| a == b).count();
        self.past.beginnings(&[alike.min(tokens.len().saturating_sub(1))])
    }
}

/// A prompt that is being gone on with.
struct Writing {
    /// The number of the prompt.
    prompt: usize,
    /// All tokens, those of the prompt first.
    tokens: Vec<u32>,
    /// How many of them are the prompt's.
    given: usize,
}

impl Generator {
    /// Puts a decoder and its tokenizer together; `ends` are the tokens that end a text, as
    /// [`BaseModel::end_tokens`](crate::BaseModel::end_tokens) returns them.
    ///
    /// # Errors
    /// In the base tokens see those behind them, or it has no output layer.
    pub fn new(base: Arc<Encoder<f32>>, tokenizer: Tokenizer, ends: Vec<u32>) -> Result<Self> {
        crate::scorer::check_decoder(&base)?;
        Ok(Self { base, setup: Setup::None, thawed: None, tokenizer, ends, stop: Vec::new(), asked: None })
    }

    /// The same with adapters in the base, and trainable copies of its tensors over it. Heads have no part in it.
    ///
    /// # Errors
    /// An adapter lets tokens see those behind them.
    pub fn with_adapters(self, setup: Setup<f32>, thawed: Option<Thawed<f32>>) -> Result<Self> {
        crate::scorer::check_causal(&setup, &self.base)?;
        Ok(Self { setup, thawed, ..self })
    }

    /// The same for prompts that are questions, with instructions before each if there are any: a template turns them into text, and answers
    /// end as it ends them.
    ///
    /// # Errors
    /// The template refuses a question with its answer.
    pub fn answering(self, template: ChatTemplate, system: Option<&str>) -> Result<Self> {
        let generator = self.for_answers(&template)?;
        let system = system.map(|text| Message::new("system", text));
        Ok(Self { asked: Some(Asked { template, system }), ..generator })
    }

    /// The same for answers as a template writes them: what it puts behind an answer ends what is written, be it a token or a text.
    ///
    /// # Errors
    /// The template refuses a question with its answer, or the tokenizer what stands behind that.
    pub(crate) fn for_answers(mut self, template: &ChatTemplate) -> Result<Self> {
        let end = template.answer_end()?;
        match self.tokenizer.whole_text(&end, false)?.ids[..] {
            _ if end.is_empty() => {}
            [token] => self.ends.push(token),
            _ => self.stop.push(end),
        }
        Ok(self)
    }

    /// The tokenizer.
    #[must_use]
    pub fn tokenizer(&self) -> &Tokenizer {
        &self.tokenizer
    }

    /// Returns what the decoder writes behind each prompt, in order. What it writes depends on the prompt, its number and the options, not
    /// on the other prompts.
    ///
    /// # Errors
    /// An option is out of its range, the tokenizer refuses a prompt, a prompt fills the model's positions, or a logit is not finite.
    pub fn generate(&self, prompts: &[impl AsRef<str>], options: &GenerateOptions) -> Result<Vec<Generated>> {
        self.generate_with(0, prompts, options, |_, _| {})
    }

    /// The same of some of many prompts, of which the first has the number `first`; `progress` is called with the place of a prompt among
    /// these and what is written behind it so far, whenever that grows.
    ///
    /// # Errors
    /// As [`Generator::generate`].
    pub fn generate_with(
        &self,
        first: usize,
        prompts: &[impl AsRef<str>],
        options: &GenerateOptions,
        mut progress: impl FnMut(usize, &str),
    ) -> Result<Vec<Generated>> {
        options.check()?;
        let encode = |(prompt, text): (usize, &_)| self.begin(prompt, AsRef::<str>::as_ref(text));
        let writing = prompts.iter().enumerate().map(encode).collect::<Result<Vec<Writing>>>()?;
        let mut states = States::new(self, writing.len());
        self.write(writing, &mut states, first, options, &mut progress)
    }

    /// Writes on behind tokens that are there already, of which `states` knows those that it has kept.
    fn write(
        &self,
        mut writing: Vec<Writing>,
        states: &mut States<'_>,
        first: usize,
        options: &GenerateOptions,
        progress: &mut impl FnMut(usize, &str),
    ) -> Result<Vec<Generated>> {
        let mut finished: Vec<Option<Generated>> = vec![None; writing.len()];
        for step in 0..options.max_new_tokens {
            if writing.is_empty() {
                break;
            }
            let hidden = in_pool(|| states.last(&writing))?;
            let base = Base::new(&self.base, self.thawed.as_ref());
            let logits = base.next_logits(hidden.view()).expect("that it has an output layer was checked");
            let mut goes_on = Vec::new();
            for (i, one) in writing.iter_mut().enumerate() {
                let seed = Seed::new(options.seed).named("generate").at((first + one.prompt) as u64).at(step as u64);
                let token = next_token(logits.row(i), &one.tokens, options, seed).ok_or_else(|| {
                    TextError::line(
                        "prompts",
                        one.prompt + 1,
                        "a logit is not finite: a number of the model is too large, or none",
                    )
                })?;
                if self.add(one, token, options, progress)? {
                    goes_on.push(i);
                }
            }
            self.put_away(&mut writing, &goes_on, options, &mut finished)?;
            // What the last one leaves is there for whoever goes on.
            if !goes_on.is_empty() {
                states.keep(&goes_on);
            }
        }
        self.put_away(&mut writing, &[], options, &mut finished)?;
        Ok(finished.into_iter().map(|one| one.expect("every prompt was put away")).collect())
    }

    /// The most tokens of a text, what is written among them.
    pub(crate) fn room(&self) -> usize {
        self.base.config().max_tokens().min(self.tokenizer.max_length())
    }

    /// Goes on with one text that is there as tokens, the answer number `number` of a conversation. What blocks have kept of a text that begins
    /// alike is used, and what they keep of this one is put in its place.
    pub(crate) fn go_on(
        &self,
        tokens: Vec<u32>,
        kept: &mut Option<Kept>,
        number: usize,
        options: &GenerateOptions,
        progress: &mut impl FnMut(&str),
    ) -> Result<Generated> {
        options.check()?;
        let mut states = States::new(self, 1);
        if let (Some(past), Some(before)) = (&mut states.past, kept.take()) {
            *past = before.beginning(&tokens);
        }
        let writing = vec![Writing { prompt: 0, given: tokens.len(), tokens: tokens.clone() }];
        let written = self.write(writing, &mut states, number, options, &mut |_, text: &str| progress(text))?;
        let written = written.into_iter().next().expect("one text, one that is written");
        *kept = states.past.map(|past| {
            let mut tokens = [&tokens[..], &written.tokens].concat();
            tokens.truncate(past.lengths()[0]);
            Kept { tokens, past }
        });
        Ok(written)
    }

    fn begin(&self, prompt: usize, text: &str) -> Result<Writing> {
        let at = |message: String| TextError::line("prompts", prompt + 1, message);
        let (tokens, truncated) = self.given(text).map_err(|error| at(error.to_string()))?;
        let limit = self.base.config().max_tokens();
        if truncated || tokens.len() >= limit {
            return Err(at(format!(
                "the prompt fills the model's {limit} positions, so nothing can follow; shorten it"
            )));
        }
        if tokens.is_empty() {
            return Err(at("the prompt yields no token; expected something that the tokenizer knows".into()));
        }
        Ok(Writing { prompt, given: tokens.len(), tokens })
    }

    /// The tokens of a prompt, and whether some were cut off.
    fn given(&self, text: &str) -> Result<(Vec<u32>, bool)> {
        let Some(Asked { template, system }) = &self.asked else {
            let encoded = self.tokenizer.encode(&Text::Single(text.to_owned()))?;
            let mut tokens = encoded.token_ids;
            // Some tokenizers end every text; this one goes on.
            while tokens.len() > 1 && tokens.last().is_some_and(|last| self.ends.contains(last)) {
                tokens.pop();
            }
            return Ok((tokens, encoded.truncated));
        };
        let turns: Vec<Message> = system.iter().cloned().chain([Message::new("user", text)]).collect();
        let tokens = self.tokenizer.whole_text(&template.render(&turns, true)?, false)?.ids;
        let truncated = tokens.len() > self.tokenizer.max_length();
        Ok((tokens, truncated))
    }

    /// Adds a token, and says whether the text goes on.
    fn add(
        &self,
        one: &mut Writing,
        token: u32,
        options: &GenerateOptions,
        progress: &mut impl FnMut(usize, &str),
    ) -> Result<bool> {
        if self.ends.contains(&token) {
            return Ok(false);
        }
        one.tokens.push(token);
        let text = self.text(one)?;
        let (text, stopped) = options.cut(&text, &self.stop);
        progress(one.prompt, text);
        Ok(!stopped && one.tokens.len() < self.base.config().max_tokens())
    }

    fn text(&self, one: &Writing) -> Result<String> {
        self.tokenizer.decode(&one.tokens[one.given..])
    }

    /// Takes out those that do not go on.
    fn put_away(
        &self,
        writing: &mut Vec<Writing>,
        goes_on: &[usize],
        options: &GenerateOptions,
        finished: &mut [Option<Generated>],
    ) -> Result<()> {
        for (i, one) in std::mem::take(writing).into_iter().enumerate() {
            if goes_on.contains(&i) {
                writing.push(one);
                continue;
            }
            let text = self.text(&one)?;
            let text = options.cut(&text, &self.stop).0.to_owned();
            finished[one.prompt] = Some(Generated { tokens: one.tokens[one.given..].to_vec(), text });
        }
        Ok(())
    }
}

/// The last hidden states of texts that grow: with what earlier tokens left, where modules allow that, or computed anew.
struct States<'a> {
    of: &'a Generator,
    past: Option<Past<f32>>,
}

impl<'a> States<'a> {
    fn new(of: &'a Generator, sequences: usize) -> Self {
        let may = Base::new(&of.base, of.thawed.as_ref()).may_extend(&of.setup);
        Self { of, past: may.then(|| Past::new(&of.base, sequences)) }
    }

    /// The state of the last token of each text, `[S, D]`.
    fn last(&mut self, writing: &[Writing]) -> Result<Array2<f32>> {
        let failed = |error: BatchError| TextError::Train(error.into());
        let base = Base::new(&self.of.base, self.of.thawed.as_ref());
        let new = |(one, done): (&'_ Writing, usize)| one.tokens[done..].to_vec();
        match &mut self.past {
            Some(past) => {
                let ids: Vec<Vec<u32>> = writing.iter().zip(past.lengths().to_vec()).map(new).collect();
                let batch = Batch::from_ids(&ids.iter().map(Vec::as_slice).collect::<Vec<_>>());
                base.extend(&batch, past, &self.of.setup, &Selection::Last).map_err(failed)
            }
            None => {
                let batch = Batch::from_ids(&writing.iter().map(|one| &one.tokens[..]).collect::<Vec<_>>());
                let read = base.read(&batch, &self.of.setup, Pass::evaluate(), &Selection::Last);
                Ok(read.map_err(failed)?.hidden)
            }
        }
    }

    fn keep(&mut self, sequences: &[usize]) {
        if let Some(past) = self.past.as_mut().filter(|past| past.lengths().len() > sequences.len()) {
            *past = past.select(sequences);
        }
    }
}

#[cfg(test)]
mod tests;
