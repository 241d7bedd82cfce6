//! Documents as tokens, with which of them are learnt.

use super::documents::{Corpus, Document, Words};
use super::pack::{Marked, examples};
use crate::chat::{ChatTemplate, Message};
use crate::error::{Result, TextError};
use crate::tokenizer::{Tokenizer, WholeText};
use adaptune_adapters::Task;
use adaptune_train::Dataset;

/// How documents are written for a language model.
#[derive(Clone, Copy, Debug, Default)]
pub struct LanguageForm<'a> {
    /// Turns conversations into text.
    pub template: Option<&'a ChatTemplate>,
    /// The token that ends a text; it is put behind texts and completions, so that the model learns to stop.
    pub end: Option<u32>,
}

/// Documents as examples of tokens.
#[derive(Clone, Debug)]
pub struct Packed {
    /// The examples, each of several sequences that do not see each other and have at most as many tokens together as a sequence may have.
    pub dataset: Dataset,
    /// Tokens of all sequences.
    pub tokens: usize,
    /// Those that are learnt.
    pub learnt: usize,
    /// How many sequences there are.
    pub sequences: usize,
    /// How many documents were cut: texts into several sequences, others at their end.
    pub cut: usize,
    /// The same in sentences, to be shown to whoever gave the documents.
    pub notes: Vec<String>,
}

impl Tokenizer {
    /// Turns documents into examples for causal language modelling. Texts that are longer than a sequence may be are cut into several, of
    /// which each begins with the last token of the one before, so that every token but the first is learnt once; prompts and conversations
    /// lose their end. Sequences are then packed together, as many as have room; the layout of a batch knows where each begins, so they do
    /// not see each other, and nothing is padded.
    ///
    /// ```
    /// use adaptune_text::{BUILTIN, BaseModel, Corpus, LanguageForm};
    /// let tokenizer = BaseModel::find(BUILTIN, &mut ())?.tokenizer(Some(32))?;
    /// let packed = tokenizer.pack(&Corpus::read("builtin:corpus@A".as_ref())?, &LanguageForm::default())?;
    /// assert!(packed.dataset.lengths().iter().all(|tokens| *tokens <= 32) && packed.sequences > packed.dataset.len());
    /// # Ok::<(), adaptune_text::TextError>(())
    /// ```
    ///
    /// # Errors
    /// The tokenizer refuses a document, one has no token to learn, or leaves no room for its first answer; the template refuses a conversation, or there is
    /// none: names the line.
    pub fn pack(&self, corpus: &Corpus, form: &LanguageForm<'_>) -> Result<Packed> {
        let (mut sequences, mut cut) = (Vec::new(), 0);
        for document in &corpus.documents {
            let at = |message: String| TextError::line(&corpus.name, document.line, message);
            let marked = self.marked(document, form).map_err(|error| at(error.to_string()))?;
            cut += usize::from(marked.tokens.len() > self.max_length());
            match &document.words {
                Words::Text(_) => sequences.extend(marked.pieces(self.max_length())),
                _ => sequences.push(self.beginning(marked).map_err(at)?),
            }
        }
        let (tokens, count) = (sequences.iter().map(|sequence| sequence.tokens.len()).sum(), sequences.len());
        let learnt = sequences.iter().map(Marked::learnt).sum();
        let dataset = Dataset::new(Task::CAUSAL_LANGUAGE, 0, examples(sequences, self.max_length()));
        let dataset = dataset.map_err(|source| TextError::Data { file: corpus.name.clone(), source })?;
        let mut packed = Packed { dataset, tokens, learnt, sequences: count, cut, notes: corpus.notes.clone() };
        packed.notes.extend(self.cut_note(corpus, cut));
        Ok(packed)
    }

    fn cut_note(&self, corpus: &Corpus, cut: usize) -> Option<String> {
        let (all, most) = (corpus.documents.len(), self.max_length());
        let how = match corpus.documents.first().map(|document| &document.words) {
            Some(Words::Text(_)) => "are cut into several sequences",
            _ => "lose their ends",
        };
        (cut > 0)
            .then(|| format!("{cut} of {all} {} have more than {most} tokens and {how} (--max-length)", corpus.kind))
    }

    /// The tokens of a document, however many.
    fn marked(&self, document: &Document, form: &LanguageForm<'_>) -> Result<Marked> {
        let marked = match &document.words {
            Words::Text(text) => {
                let text = self.whole_text(text, true)?;
                Marked { counts: vec![true; text.ids.len()], tokens: text.ids }.ended(form.end)
            }
            Words::Completion { prompt, completion } => {
                let text = self.whole_text(&format!("{prompt}{completion}"), true)?;
                let first = text.first_from(prompt.len());
                Marked { counts: (0..text.ids.len()).map(|token| token >= first).collect(), tokens: text.ids }
                    .ended(form.end)
            }
            Words::Conversation(messages) => {
                let template = form.template.ok_or_else(TextError::no_chat_template)?;
                self.conversation(messages, template)?
            }
        };
        match marked.learnt() {
            0 => Err(TextError::Tokenizer(
                "no token of it is learnt; expected something that the tokenizer knows".into(),
            )),
            _ => Ok(marked),
        }
    }

    /// A token is an answer's if it begins in it.
    fn conversation(&self, messages: &[Message], template: &ChatTemplate) -> Result<Marked> {
        let rendered = template.render_answers(messages)?;
        let WholeText { ids, bytes } = self.whole_text(&rendered.text, false)?;
        let counts = bytes.iter().map(|(start, _)| rendered.answers.iter().any(|answer| answer.contains(start)));
        Ok(Marked { counts: counts.collect(), tokens: ids })
    }

    /// As many tokens as a sequence may have.
    fn beginning(&self, mut marked: Marked) -> Result<Marked, String> {
        let (all, most) = (marked.tokens.len(), self.max_length());
        marked.tokens.truncate(most);
        marked.counts.truncate(most);
        if marked.learnt() > 0 {
            return Ok(marked);
        }
        Err(format!(
            "what stands before the first answer fills all of the {most} tokens that a sequence has room for (of {all}), so nothing of the \
             answer is left; shorten it, or allow longer sequences with --max-length"
        ))
    }
}
