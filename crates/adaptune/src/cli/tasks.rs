//! `adaptune tasks`: what the built-in micro-world has to be learnt.

use super::args::TasksArgs;
use super::report::{Cell, Report, print_json, print_line, thousands};
use super::unfinished::{UNFINISHED, is_empty};
use adaptune_text::builtin::Builtin;
use adaptune_text::world::{Example, Language, Split, Task, World};
use anyhow::{Context, Result, bail};
use serde_json::{Map, Value, json};
use std::fs;
use std::path::Path;

/// Lists the tasks, or writes them as files.
pub(crate) fn run(args: &TasksArgs) -> Result<()> {
    match &args.export {
        Some(folder) => export(folder, args.overwrite),
        None if args.json => Ok(print_json(&Value::Array(Task::ALL.map(described).into()))?),
        None => list(),
    }
}

fn list() -> Result<()> {
    let mut table = Report::with_header(&["Task", "Train", "Dev", "Test", "Score", "About"]);
    for task in Task::ALL {
        let sizes = Split::ALL.map(|split| Cell::number(thousands(task.size(split) as u64)));
        let [train, dev, test] = sizes;
        table.row(vec![task.name().into(), train, dev, test, task.metric().into(), task.about().into()]);
    }
    table.print()?;
    for task in Task::ALL {
        print_line(format_args!("\n{}: {}", task.name(), task.labels().join(", ")))?;
        let mut samples = Report::new();
        for language in Language::ALL {
            let (text, label) = shown(&sample(task, language));
            samples.row(vec![format!("  {}", language.name().to_uppercase()).into(), text.into()]);
            if language == Language::B {
                samples.row(vec!["  =".into(), label.into()]);
            }
        }
        samples.print()?;
    }
    let story = &World::default().stories(Language::A, Split::Train)[0];
    print_line(format_args!("\nstory, for decoders, {} to learn from:", World::story_count(Split::Train)))?;
    let mut sample = Report::new();
    sample.row(vec!["  A".into(), story.as_str().into()]);
    sample.print()?;
    let usage = "Give builtin:sentiment@A, builtin:sentiment@B:dev and so on wherever a data file is wanted, builtin:story\n\
                 where a decoder is tuned, and builtin:corpus@A where plain texts are; --export DIR writes them all as files.";
    Ok(print_line(format_args!("\n{usage}"))?)
}

/// An example to show; the same one in both languages.
fn sample(task: Task, language: Language) -> Example {
    World::default().examples(task, language, Split::Train).swap_remove(0)
}

/// Text and label of an example in a line each.
fn shown(example: &Example) -> (String, String) {
    match example {
        Example::Text { text, label } => (text.clone(), (*label).to_owned()),
        Example::Pair { premise, hypothesis, label } => (format!("{premise} / {hypothesis}"), (*label).to_owned()),
        Example::Review { text, label, opinion } => (text.clone(), format!("{label}, {opinion}")),
        Example::Tagged { words, tags } => (words.join(" "), tags.join(" ")),
    }
}

fn described(task: Task) -> Value {
    let sizes = Split::ALL.map(|split| (split.name().to_owned(), json!(task.size(split))));
    let samples = Language::ALL.map(|language| (language.name().to_owned(), sample_json(&sample(task, language))));
    json!({
        "name": task.name(),
        "about": task.about(),
        "labels": task.labels(),
        "score": task.metric(),
        "examples": Map::from_iter(sizes),
        "sample": Map::from_iter(samples),
    })
}

fn sample_json(example: &Example) -> Value {
    match example {
        Example::Text { text, label } => json!({ "text": text, "label": label }),
        Example::Review { text, label, opinion } => json!({ "text": text, "label": label, "opinion": opinion }),
        Example::Pair { premise, hypothesis, label } => {
            json!({ "text_a": premise, "text_b": hypothesis, "label": label })
        }
        Example::Tagged { words, tags } => json!({ "words": words, "tags": tags }),
    }
}

/// Writes all files into a folder within the folder and then moves them out of it, so that none is ever half there.
fn export(folder: &Path, overwrite: bool) -> Result<()> {
    check(folder, overwrite)?;
    let shown = folder.display();
    let made = !folder.exists();
    fs::create_dir_all(folder).with_context(|| format!("cannot make the folder {shown}"))?;
    let files = write_all(folder).with_context(|| format!("cannot write into {shown}"));
    if files.is_err() && made {
        // Only if it is empty, which it is unless someone else has written into it.
        let _ = fs::remove_dir(folder);
    }
    Ok(print_line(format_args!("{} files in {shown}; README.md says what they are", files?))?)
}

/// Tells whether files may be written here, and changes nothing.
fn check(folder: &Path, overwrite: bool) -> Result<()> {
    let shown = folder.display();
    if folder.exists() && !folder.is_dir() {
        bail!("{shown} is a file; --export must name a folder");
    }
    if overwrite || !folder.exists() {
        return Ok(());
    }
    if !is_empty(folder)? {
        bail!("{shown} is not empty: name a new folder with --export, or add --overwrite");
    }
    Ok(())
}

fn write_all(folder: &Path) -> std::io::Result<usize> {
    let beside = tempfile::Builder::new().prefix(UNFINISHED).tempdir_in(folder)?;
    let data = Builtin::all().into_iter().map(|builtin| (builtin.file_name(), builtin.content()));
    let files: Vec<_> = data.chain([("README.md".to_owned(), readme())]).collect();
    for (name, content) in &files {
        fs::write(beside.path().join(name), content)?;
    }
    for (name, _) in &files {
        fs::rename(beside.path().join(name), folder.join(name))?;
    }
    Ok(files.len())
}

/// What the files are, for whoever finds the folder.
fn readme() -> String {
    let row = |task: Task| {
        let [train, dev, test] = Split::ALL.map(|split| task.size(split));
        format!("| {} | {} | {} | {train} / {dev} / {test} |\n", task.name(), task.about(), task.labels().join(", "))
    };
    let rows: String = Task::ALL.into_iter().map(row).collect();
    format!(
        "# The micro-world of adaptune\n\n\
         A small world made up by a grammar, in two languages: `a` is plain English, `b` has words and an order of its\n\
         own. Only names and numbers are the same. `adaptune tasks --export` wrote these files; it writes the same ones\n\
         every time.\n\n\
         | task | what it is | labels | train / dev / test |\n|---|---|---|---|\n{rows}\n\
         - `TASK.LANGUAGE.SPLIT.tsv` has a header and one example a line. Line i in `a` and line i in `b` say the same\n  \
           and have the same label.\n\
         - `tagging.LANGUAGE.SPLIT.conll` has a word and its part of speech a line, and an empty line between sentences.\n\
         - `story.LANGUAGE.SPLIT.jsonl` has a story a line, from which a decoder learns to go on with texts.\n\
         - `corpus.LANGUAGE.txt` has {} passages without labels, one a line. The two are not translations of each\n  \
           other.\n\n\
         No text is in two splits of a task. `adaptune train --train {}` reads the same examples without\n\
         any file.\n",
        World::PASSAGES,
        Builtin::Examples(Task::Sentiment, Language::A, Split::Train),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use adaptune_text::{Table, TableKind, TableOptions};

    fn read(path: &str) -> Table {
        Table::read_texts(path, &TableOptions::default()).unwrap()
    }

    #[test]
    fn files_and_names_give_the_same_rows() {
        let folder = tempfile::tempdir().unwrap();
        export(folder.path(), false).unwrap();
        for builtin in Builtin::all() {
            let file = read(folder.path().join(builtin.file_name()).to_str().unwrap());
            let name = read(&builtin.to_string());
            assert_eq!((&file.rows, file.kind, &file.header), (&name.rows, name.kind, &name.header));
            assert_eq!(name.name, builtin.to_string());
            assert_eq!(name.rows.len(), expected_rows(builtin));
            assert_eq!(name.kind, expected_kind(builtin));
            let labelled = name.rows.iter().all(|row| row.label.is_some() || !row.tags.is_empty());
            assert_eq!(labelled, matches!(builtin, Builtin::Examples(..)));
        }
    }

    fn expected_rows(builtin: Builtin) -> usize {
        match builtin {
            Builtin::Examples(task, _, split) => task.size(split),
            Builtin::Stories(_, split) => World::story_count(split),
            Builtin::Corpus(_) => World::PASSAGES,
        }
    }

    fn expected_kind(builtin: Builtin) -> TableKind {
        match builtin {
            Builtin::Examples(Task::Entailment, ..) => TableKind::Pair,
            Builtin::Examples(Task::Tagging, ..) => TableKind::Words,
            Builtin::Examples(..) | Builtin::Stories(..) | Builtin::Corpus(_) => TableKind::Single,
        }
    }

    #[test]
    fn a_folder_that_cannot_be_filled_is_not_left_behind() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("file");
        fs::write(&file, "mine").unwrap();
        assert!(export(&file, true).unwrap_err().to_string().contains("is a file"));
        assert!(export(&file.join("below"), false).is_err());
        assert_eq!(fs::read_to_string(&file).unwrap(), "mine");
    }
}
