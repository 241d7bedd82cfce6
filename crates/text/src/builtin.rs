//! The built-in world by name: `builtin:TASK[@LANG][:SPLIT]` stands wherever a data file can, `builtin:story[@LANG][:SPLIT]` and
//! `builtin:corpus@LANG` wherever plain texts can.
//!
//! Such a name is served as the file that `adaptune tasks --export` writes, so that both are read in the same way and
//! give the same rows.

use crate::error::{Result, TextError};
use crate::world::{Example, Language, Split, Task, World};
use adaptune_adapters::did_you_mean;
use std::fmt::{self, Write as _};
use std::path::Path;

const PREFIX: &str = "builtin:";
const CORPUS: &str = "corpus";
const STORY: &str = "story";

/// A data set of the micro-world.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Builtin {
    /// Labelled examples.
    Examples(Task, Language, Split),
    /// Stories, from which a decoder learns.
    Stories(Language, Split),
    /// Unlabelled passages.
    Corpus(Language),
}

/// What follows `builtin:`, if that is how the path begins.
pub fn name_in(path: &Path) -> Option<&str> {
    path.to_str()?.strip_prefix(PREFIX)
}

impl Builtin {
    /// Reads `TASK@LANG[:SPLIT]`. Without a split it is the default one, if the caller has one; stories without a language are in A.
    ///
    /// # Errors
    ///
    /// There is no such task, language or split; or no split is named, and none goes without saying.
    pub fn parse(name: &str, default: Option<Split>) -> Result<Self> {
        let (named, split) = match name.split_once(':') {
            Some((named, split)) => (named, Some(split)),
            None => (name, None),
        };
        let (task, language) = match named.split_once('@') {
            Some((task, language)) => (task, language),
            None if named == STORY => (STORY, Language::A.name()),
            None => return Err(refused(name, format!("expected a language behind the task, as in {Usage}"))),
        };
        if task == CORPUS {
            return match split {
                None => Ok(Self::Corpus(language_called(name, language)?)),
                Some(_) => {
                    Err(refused(name, format!("the corpus has no splits; leave it at {PREFIX}{CORPUS}@A or @B")))
                }
            };
        }
        let task = if task == STORY { None } else { Some(task_called(name, task)?) };
        let language = language_called(name, language)?;
        let split = match split {
            Some(split) => split_called(name, split)?,
            None => default
                .ok_or_else(|| refused(name, format!("which split? Add one: {PREFIX}{name}:train, :dev or :test")))?,
        };
        Ok(task.map_or(Self::Stories(language, split), |task| Self::Examples(task, language, split)))
    }

    /// True if the name stands for texts from which a decoder learns.
    #[must_use]
    pub fn is_story(path: &Path) -> bool {
        name_in(path)
            .and_then(|name| Self::parse(name, Some(Split::Train)).ok())
            .is_some_and(|found| matches!(found, Self::Stories(..)))
    }

    /// Every data set there is, task by task, then stories, and the corpora last.
    pub fn all() -> Vec<Self> {
        let examples = |task| {
            let of = move |language| Split::ALL.map(|split| Self::Examples(task, language, split));
            Language::ALL.into_iter().flat_map(of)
        };
        let stories =
            Language::ALL.into_iter().flat_map(|language| Split::ALL.map(|split| Self::Stories(language, split)));
        Task::ALL.into_iter().flat_map(examples).chain(stories).chain(Language::ALL.map(Self::Corpus)).collect()
    }

    /// The name of its file; the ending tells how it is written.
    pub fn file_name(self) -> String {
        match self {
            Self::Examples(task, language, split) => {
                let ending = if task == Task::Tagging { "conll" } else { "tsv" };
                format!("{}.{}.{}.{ending}", task.name(), language.name(), split.name())
            }
            Self::Stories(language, split) => format!("{STORY}.{}.{}.jsonl", language.name(), split.name()),
            Self::Corpus(language) => format!("{CORPUS}.{}.txt", language.name()),
        }
    }

    /// What stands in its file.
    pub fn content(self) -> String {
        let world = World::default();
        match self {
            Self::Examples(task, language, split) => written(&world.examples(task, language, split)),
            Self::Stories(language, split) => {
                let line = |text: &String| format!("{}\n", serde_json::json!({ "text": text }));
                world.stories(language, split).iter().map(line).collect()
            }
            Self::Corpus(language) => lines(&world.corpus(language, World::PASSAGES)),
        }
    }
}

impl fmt::Display for Builtin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Examples(task, language, split) => {
                write!(f, "{PREFIX}{}@{}:{}", task.name(), language.name().to_uppercase(), split.name())
            }
            Self::Stories(language, split) => {
                write!(f, "{PREFIX}{STORY}@{}:{}", language.name().to_uppercase(), split.name())
            }
            Self::Corpus(language) => write!(f, "{PREFIX}{CORPUS}@{}", language.name().to_uppercase()),
        }
    }
}

/// Examples as a table between tabs, or as words with tags. No text of the world has a tab or a line end in it.
fn written(examples: &[Example]) -> String {
    let header = match examples.first() {
        Some(Example::Text { .. }) => "text\tlabel\n",
        Some(Example::Review { .. }) => "text\tlabel\topinion\n",
        Some(Example::Pair { .. }) => "text_a\ttext_b\tlabel\n",
        Some(Example::Tagged { .. }) | None => "",
    };
    let rows = examples.iter().map(|example| match example {
        Example::Text { text, label } => format!("{text}\t{label}\n"),
        Example::Pair { premise, hypothesis, label } => format!("{premise}\t{hypothesis}\t{label}\n"),
        Example::Review { text, label, opinion } => format!("{text}\t{label}\t{opinion}\n"),
        Example::Tagged { words, tags } => tagged(words, tags),
    });
    std::iter::once(header.to_owned()).chain(rows).collect()
}

/// A word and its tag a line, and an empty line behind the sentence.
fn tagged(words: &[String], tags: &[&str]) -> String {
    words.iter().zip(tags).map(|(word, tag)| format!("{word}\t{tag}\n")).chain(["\n".to_owned()]).collect()
}

fn lines(texts: &[String]) -> String {
    texts.iter().fold(String::new(), |mut all, text| {
        let _ = writeln!(all, "{text}");
        all
    })
}

fn task_called(name: &str, task: &str) -> Result<Task> {
    let found = Task::ALL.into_iter().find(|known| known.name() == task);
    let names = Task::ALL.map(Task::name).into_iter().chain([STORY, CORPUS]);
    found.map_or_else(|| unknown(name, "task", task, &names.collect::<Vec<_>>()), Ok)
}

fn language_called(name: &str, language: &str) -> Result<Language> {
    let found = Language::ALL.into_iter().find(|known| known.name().eq_ignore_ascii_case(language));
    found.map_or_else(|| unknown(name, "language", language, &["A", "B"]), Ok)
}

fn split_called(name: &str, split: &str) -> Result<Split> {
    let found = Split::ALL.into_iter().find(|known| known.name() == split);
    found.map_or_else(|| unknown(name, "split", split, &Split::ALL.map(Split::name)), Ok)
}

fn unknown<T>(name: &str, what: &str, found: &str, known: &[&str]) -> Result<T> {
    let hint = did_you_mean(found, known.iter().copied());
    let hint = if hint.is_empty() { "." } else { &hint };
    let known = known.join(", ");
    Err(refused(name, format!("there is no {what} `{found}`{hint} There are {known}; a name looks like {Usage}")))
}

fn refused(name: &str, message: String) -> TextError {
    TextError::Builtin(format!("{PREFIX}{name}: {message}"))
}

/// How names look.
struct Usage;

impl fmt::Display for Usage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{PREFIX}sentiment@A or {PREFIX}sentiment@A:dev; `adaptune tasks` lists all")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failure(name: &str) -> String {
        Builtin::parse(name, Some(Split::Test)).unwrap_err().to_string()
    }

    #[test]
    fn every_name_that_is_shown_can_be_read() {
        for builtin in Builtin::all() {
            let name = builtin.to_string();
            assert_eq!(Builtin::parse(name_in(name.as_ref()).unwrap(), None).unwrap(), builtin);
        }
        assert_eq!(Builtin::all().len(), (5 + 1) * 2 * 3 + 2);
    }

    #[test]
    fn the_language_may_be_small_and_the_split_left_out() {
        let expected = Builtin::Examples(Task::Topic, Language::B, Split::Dev);
        assert_eq!(Builtin::parse("topic@b", Some(Split::Dev)).unwrap(), expected);
        assert_eq!(Builtin::parse("topic@B:dev", Some(Split::Train)).unwrap(), expected);
        let message = Builtin::parse("topic@B", None).unwrap_err().to_string();
        assert!(message.contains("builtin:topic@B:train"), "{message}");
        assert_eq!(name_in("topic@B".as_ref()), None);
    }

    #[test]
    fn stories_are_told_in_plain_english_unless_it_is_said() {
        let story = |language, split| Builtin::Stories(language, split);
        assert_eq!(Builtin::parse("story:dev", None).unwrap(), story(Language::A, Split::Dev));
        assert_eq!(Builtin::parse("story@b", Some(Split::Test)).unwrap(), story(Language::B, Split::Test));
        assert!(Builtin::is_story("builtin:story@B:dev".as_ref()) && Builtin::is_story("builtin:story".as_ref()));
        assert!(!Builtin::is_story("builtin:topic@A".as_ref()) && !Builtin::is_story("story".as_ref()));
    }

    #[test]
    fn wrong_names_are_met_with_right_ones() {
        for (name, words) in [
            ("sentimant@A", ["no task `sentimant`", "did you mean `sentiment`?"]),
            ("films@A", ["no task `films`.", "sentiment, topic, entailment, tagging, subtopic, story, corpus"]),
            ("topic@C", ["no language `C`.", "There are A, B"]),
            ("topic@", ["no language ``.", "There are A, B"]),
            ("topic@A:trian", ["no split `trian`; did you mean `train`?", "There are train, dev, test"]),
            ("topic", ["expected a language", "builtin:sentiment@A"]),
            ("corpus@A:train", ["the corpus has no splits", "builtin:corpus@A"]),
        ] {
            let message = failure(name);
            assert!(message.starts_with(&format!("builtin:{name}: ")), "{message}");
            words.iter().for_each(|word| assert!(message.contains(word), "{word:?} is missing in {message}"));
        }
    }
}
