//! From texts to token ids, with the tokenizer that the model was trained with.
//!
//! The file `tokenizer.json` in the model's folder says all: normalisation, splitting, vocabulary,
//! special tokens. Where there is none, it is made of what older models have in its place (`older/`). Texts that are too long lose tokens at their end, never special tokens; of a pair
//! the longer text loses first.

mod beginning;
mod contained;
mod encoded;
mod older;
mod settings;
mod whole;
mod windows;

pub(crate) use encoded::WholeText;
pub use encoded::{Encoded, EncodedTable};
pub(crate) use older::made;
pub use windows::{OVERLAP, Window};

use crate::error::{Result, TextError};
use crate::table::{Row, Table, Text};
use adaptune_transformer::weights::{TOKENIZER_LIMIT, is_there, read_file, resolve};
use beginning::{beginning, may_be_cut};
use older::Made;
use settings::Settings;
use std::path::Path;
use tokenizers::{EncodeInput, Encoding, PreTokenizerWrapper};

/// How many bytes of a text are looked at for each token that is kept, at first.
const BYTES: usize = 16;

/// A tokenizer and the most tokens that a sequence may have.
#[derive(Clone, Debug)]
pub struct Tokenizer {
    tokenizer: tokenizers::Tokenizer,
    /// For words that are split already, where they need other settings.
    for_words: Option<tokenizers::Tokenizer>,
    /// Of long texts the beginning alone is looked at.
    cuts: bool,
    max_length: usize,
    /// Tokens that neighbouring windows of a context share.
    overlap: usize,
    /// Of what it was read from.
    sha256: String,
    /// What stands for its file in messages.
    name: String,
    /// What was taken for granted where there was no `tokenizer.json`.
    note: Option<String>,
}

impl Tokenizer {
    /// Loads `tokenizer.json` from a model's folder, or what older models have in its place: `vocab.txt`, `vocab.json` with
    /// `merges.txt`, or the `spm.model` of DeBERTa; then [`note`](Self::note) says so. `max_length` counts special tokens too.
    ///
    /// # Errors
    ///
    /// The file is missing or broken, or `max_length` leaves no room beside the special tokens.
    pub fn from_dir(dir: &Path, max_length: usize) -> Result<Self> {
        let (path, settings) = (resolve(dir, "tokenizer.json")?, Settings::of(dir)?);
        if !is_there(&path) {
            let Made { name, json, note } = made(dir)?.ok_or_else(|| missing(dir))?;
            let made = Self::with_settings(&name, json.as_bytes(), &settings, max_length)?;
            return Ok(Self { note: Some(note), ..made });
        }
        let bytes = read_file(&path, TOKENIZER_LIMIT).map_err(TextError::io("read", &path))?;
        Self::with_settings(&path.display().to_string(), &bytes, &settings, max_length)
    }

    /// Reads the content of a `tokenizer.json` that is in memory; `name` stands for it in messages.
    ///
    /// # Errors
    /// It is no tokenizer, or `max_length` leaves no room beside the special tokens.
    pub fn named(name: &str, bytes: &[u8], max_length: usize) -> Result<Self> {
        Self::with_settings(name, bytes, &Settings::default(), max_length)
    }

    fn with_settings(name: &str, bytes: &[u8], settings: &Settings, max_length: usize) -> Result<Self> {
        let (tokenizer, changed) = contained::read(name, bytes, settings)?;
        let sha256 = sha256(changed.as_ref().map_or(bytes, String::as_bytes));
        let (for_words, cuts) = (with_prefix_space(&tokenizer), may_be_cut(&tokenizer));
        let name = name.to_owned();
        let tokenizer = Self { tokenizer, for_words, cuts, max_length, overlap: OVERLAP, sha256, name, note: None };
        tokenizer.encode(&Text::Single("a".to_owned()))?;
        Ok(tokenizer)
    }

    /// The same for texts of at most so many tokens, special ones included.
    ///
    /// # Errors
    /// That leaves no room beside the special tokens.
    pub fn with_max_length(mut self, max_length: usize) -> Result<Self> {
        self.max_length = max_length;
        self.encode(&Text::Single("a".to_owned()))?;
        Ok(self)
    }

    /// The most tokens of a sequence, special tokens included.
    #[must_use]
    pub fn max_length(&self) -> usize {
        self.max_length
    }

    /// What stands for its file in messages.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What was taken for granted where the folder has no `tokenizer.json`; `None` where it has.
    #[must_use]
    pub fn note(&self) -> Option<&str> {
        self.note.as_deref()
    }

    /// The SHA-256, in hexadecimal, of its file, or of what `tokenizer_config.json` makes of it.
    #[must_use]
    pub fn sha256(&self) -> &str {
        &self.sha256
    }

    /// Makes sure that a model with `rows` rows of token embeddings has one for every token that can come out.
    ///
    /// # Errors
    ///
    /// The largest token id is beyond them: tokenizer and model do not belong together.
    pub fn check_vocabulary(&self, rows: usize) -> Result<()> {
        let size = self.vocabulary_size();
        if size > rows {
            return Err(TextError::Tokenizer(format!(
                "tokenizer.json has token ids up to {}, but the model's vocabulary ends at {}: they do not belong \
                 together; take config.json, model.safetensors and tokenizer.json from one model",
                size - 1,
                rows.saturating_sub(1)
            )));
        }
        Ok(())
    }

    /// The id of a token, if it is in the vocabulary.
    #[must_use]
    pub fn id(&self, token: &str) -> Option<u32> {
        self.tokenizer.token_to_id(token)
    }

    /// The text of some tokens, without special ones.
    ///
    /// # Errors
    /// The tokenizer has no such token, or cannot put them together.
    pub fn decode(&self, ids: &[u32]) -> Result<String> {
        self.tokenizer.decode(ids, true).map_err(|error| TextError::Tokenizer(error.to_string()))
    }

    /// The token of an id, if it is in the vocabulary.
    #[must_use]
    pub fn token(&self, id: u32) -> Option<String> {
        self.tokenizer.id_to_token(id)
    }

    /// One more than the largest token id that can come out.
    fn vocabulary_size(&self) -> usize {
        self.tokenizer.get_vocab(true).into_values().max().map_or(0, |id| id as usize + 1)
    }

    /// Turns one text into tokens. Of a text that is much longer than a sequence may be only the beginning is looked at, if its tokens
    /// cannot depend on the rest: that is so for words that are split already, and otherwise for BERT's and GPT-2's ways of splitting
    /// at spaces; a text of other tokenizers, or without spaces, is turned into tokens whole.
    ///
    /// # Errors
    ///
    /// The tokenizer refuses the text, or the special tokens alone fill the sequence.
    pub fn encode(&self, text: &Text) -> Result<Encoded> {
        let encoding = contained::guarded(|| self.tokens(text))
            .map_err(|error| TextError::Tokenizer(format!("{} refuses the text: {error}", self.name)))?;
        let kept = self.kept(&encoding)?;
        let word_starts = match text {
            Text::Words(words) => Some(word_starts(&encoding, &kept, words.len())),
            _ => None,
        };
        let pick = |values: &[u32]| kept.iter().map(|&i| values[i]).collect();
        Ok(Encoded {
            token_ids: pick(encoding.get_ids()),
            token_types: pick(encoding.get_type_ids()),
            truncated: kept.len() < encoding.len(),
            word_starts,
        })
    }

    /// Turns every row of a table into tokens, and counts what was lost so that it can be said once.
    ///
    /// # Errors
    ///
    /// As [`encode`](Self::encode), or a text yields no token; the message names the line.
    pub fn encode_all(&self, table: &Table) -> Result<EncodedTable> {
        let encode = |row: &Row, text: &Text| {
            let at = |message: String| TextError::line(&table.name, row.line, message);
            let encoded = self.encode(text).map_err(|error| at(error.to_string()))?;
            if encoded.token_ids.is_empty() {
                return Err(at("the text yields no token; expected something that the tokenizer knows".into()));
            }
            Ok(encoded)
        };
        let mut rows = Vec::with_capacity(table.rows.len());
        for row in &table.rows {
            for text in row.text.sequences().iter() {
                rows.push(encode(row, text)?);
            }
        }
        let truncated = rows.iter().filter(|row| row.truncated).count();
        let words_without_token = rows.iter().map(|row| row.words_without_token().len()).sum();
        Ok(EncodedTable { rows, truncated, words_without_token })
    }

    /// All tokens, with special ones, or more than are kept of them.
    fn tokens(&self, text: &Text) -> tokenizers::Result<Encoding> {
        match text {
            Text::Single(text) => self.of_texts(&[text]),
            Text::Pair(a, b) => self.of_texts(&[a, b]),
            Text::Words(words) => self.of_words(words),
            Text::Choices(_) | Text::Compared(_) => {
                Err("the texts are sequences of their own; encode each of Text::sequences".into())
            }
        }
    }

    fn of_texts(&self, texts: &[&str]) -> tokenizers::Result<Encoding> {
        let begun = if self.cuts { self.of_beginnings(texts)? } else { None };
        begun.map_or_else(|| self.whole(texts), Ok)
    }

    /// The tokens of the beginnings of long texts, more than are kept of them. `None` if the texts are needed whole.
    fn of_beginnings(&self, texts: &[&str]) -> tokenizers::Result<Option<Encoding>> {
        let mut bytes = self.max_length.saturating_mul(BYTES);
        loop {
            let begun: Vec<&str> = texts.iter().map(|text| beginning(text, bytes)).collect();
            if begun == texts {
                return Ok(None);
            }
            let encoding = self.whole(&begun)?;
            let is_enough = |i: usize| begun[i].len() == texts[i].len() || count(&encoding, i) > self.max_length;
            if (0..texts.len()).all(is_enough) {
                return Ok(Some(encoding).filter(|encoding| !self.depends_on_the_longer(encoding)));
            }
            bytes = bytes.saturating_mul(4);
        }
    }

    /// True if it matters which of two long texts has more tokens: one of an odd number is left when both have as many as the other.
    fn depends_on_the_longer(&self, encoding: &Encoding) -> bool {
        let special = encoding.get_sequence_ids().iter().filter(|of| of.is_none()).count();
        let room = self.max_length.saturating_sub(special);
        room % 2 == 1 && (0..2).all(|text| count(encoding, text) >= room)
    }

    /// (`encode_fast` would lose token types and words.)
    fn whole(&self, texts: &[&str]) -> tokenizers::Result<Encoding> {
        match *texts {
            [a, b] => self.tokenizer.encode((a, b), true),
            _ => self.tokenizer.encode(texts.concat(), true),
        }
    }

    /// Each word is turned into tokens by itself.
    fn of_words(&self, words: &[String]) -> tokenizers::Result<Encoding> {
        let tokenizer = self.for_words.as_ref().unwrap_or(&self.tokenizer);
        let encode = |words: &[String]| tokenizer.encode(EncodeInput::Single(words.into()), true);
        let mut first = self.max_length.max(1);
        while first < words.len() {
            let encoding = encode(&words[..first])?;
            if count(&encoding, 0) > self.max_length {
                return Ok(encoding);
            }
            first = first.saturating_mul(4);
        }
        encode(words)
    }

    /// Positions of the tokens that stay: every special one, and of each text its beginning.
    fn kept(&self, encoding: &Encoding) -> Result<Vec<usize>> {
        let texts = encoding.get_sequence_ids();
        let special = texts.iter().filter(|of| of.is_none()).count();
        if special + encoding.n_sequences() > self.max_length {
            return Err(TextError::Tokenizer(format!(
                "a length of {} tokens leaves no room for text: this tokenizer adds {special} special tokens; \
                 allow longer sequences",
                self.max_length
            )));
        }
        let mut left =
            <[usize; 2]>::from(longest_first(count(encoding, 0), count(encoding, 1), self.max_length - special));
        let mut keep = |of: &Option<usize>| match of {
            Some(text) if left[*text] == 0 => false,
            Some(text) => {
                left[*text] -= 1;
                true
            }
            None => true,
        };
        Ok((0..texts.len()).filter(|&i| keep(&texts[i])).collect())
    }
}

impl Tokenizer {
    /// The same for contexts whose windows share so many tokens, but at most half a window.
    #[must_use]
    pub fn with_overlap(self, overlap: usize) -> Self {
        Self { overlap, ..self }
    }

    /// How many tokens windows share at most.
    #[must_use]
    pub fn overlap(&self) -> usize {
        self.overlap
    }

    /// Turns a question and its context into as few sequences as hold all of the context, the question in each.
    ///
    /// # Errors
    /// The tokenizer refuses a text, the context yields no token, or the question leaves no room for it.
    pub fn windows(&self, question: &str, context: &str) -> Result<Vec<Window>> {
        let encode = || self.tokenizer.encode((question, context), true);
        let encoding = contained::guarded(encode)
            .map_err(|error| TextError::Tokenizer(format!("{} refuses the text: {error}", self.name)))?;
        let of_context = windows::of_context(&encoding);
        if of_context.is_empty() {
            return Err(TextError::Tokenizer(
                "the context yields no token; expected something that the tokenizer knows".into(),
            ));
        }
        let others = encoding.len() - of_context.len();
        let room = self.max_length.saturating_sub(others);
        if room == 0 {
            return Err(TextError::Tokenizer(format!(
                "the question and the special tokens take {others} tokens, which leaves no room for the context in sequences of {}; \
                 shorten it, or allow longer sequences",
                self.max_length
            )));
        }
        let parts = windows::parts(of_context.clone(), room, self.overlap);
        Ok(parts.into_iter().map(|part| windows::window(&encoding, &of_context, &part)).collect())
    }
}

/// The tokens of one of the texts.
fn count(encoding: &Encoding, text: usize) -> usize {
    encoding.get_sequence_ids().iter().filter(|&&of| of == Some(text)).count()
}

/// How many tokens two texts of `a` and `b` tokens keep of `room`. The longer one gives way until both
/// are equally long; then they share, and an odd token goes to the one that was longer (to the second
/// of two equals).
fn longest_first(a: usize, b: usize, room: usize) -> (usize, usize) {
    let shorter = a.min(b).min(room / 2);
    match a + b <= room {
        true => (a, b),
        false if a > b => (room - shorter, shorter),
        false => (shorter, room - shorter),
    }
}

/// For each word the place, among the kept tokens, of its first token.
fn word_starts(encoding: &Encoding, kept: &[usize], words: usize) -> Vec<Option<usize>> {
    let mut starts = vec![None; words];
    for (place, &token) in kept.iter().enumerate() {
        if let Some(word) = encoding.get_word_ids()[token] {
            starts[word as usize].get_or_insert(place);
        }
    }
    starts
}

/// A byte-level tokenizer (GPT-2, RoBERTa) tells `word` from ` word`. Words that come already split
/// have lost the space before them, so each gets one back; otherwise every word would look like the
/// inside of another.
fn with_prefix_space(tokenizer: &tokenizers::Tokenizer) -> Option<tokenizers::Tokenizer> {
    match tokenizer.get_pre_tokenizer() {
        Some(PreTokenizerWrapper::ByteLevel(split)) if !split.add_prefix_space => {
            let mut for_words = tokenizer.clone();
            for_words.with_pre_tokenizer(Some(split.add_prefix_space(true)));
            Some(for_words)
        }
        _ => None,
    }
}

/// Returns the SHA-256 of some bytes, in hexadecimal.
pub(crate) fn sha256(bytes: &[u8]) -> String {
    use sha2::{Digest, Sha256};
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

fn missing(dir: &Path) -> TextError {
    let has = |name: &&str| dir.join(name).is_file();
    let known = ["vocab.json", "tokenizer.model", "spiece.model", "sentencepiece.bpe.model"].into_iter().find(has);
    let found = known.map_or("no file of a tokenizer".to_owned(), |name| format!("only the older form, {name}"));
    let (dir, command) = (dir.display(), older::command(dir));
    TextError::Tokenizer(format!("{dir}: expected tokenizer.json, found {found}; {command}"))
}

#[cfg(test)]
mod tests;
