//! Data files of every form, and what their labels mean. The first two bytes say how the rest is to be read.
#![no_main]

use adaptune_fuzz::Folder;
use adaptune_text::{ChoiceLabels, Columns, Format, Labels, Table, TableOptions, TaskChoice};
use libfuzzer_sys::fuzz_target;

const FORMATS: [Format; 6] = [Format::Tsv, Format::Csv, Format::JsonLines, Format::Conll, Format::ConllU, Format::Txt];
const DELIMITERS: [Option<char>; 4] = [None, Some(';'), Some('|'), Some('\u{e9}')];
const TASKS: [TaskChoice; 7] = [
    TaskChoice::Auto,
    TaskChoice::Classification,
    TaskChoice::MultiLabel,
    TaskChoice::MultipleChoice,
    TaskChoice::QuestionAnswering,
    TaskChoice::Regression,
    TaskChoice::Tagging,
];

fuzz_target!(|data: &[u8]| {
    let [how, more, content @ ..] = data else { return };
    let pick = |at: u8| more >> at & 3;
    let named = |name: &str, at: u8| (pick(at) == 1).then(|| name.to_owned());
    let columns = Columns {
        text: named("text", 0),
        text_b: named("text_b", 2),
        label: named("label", 4),
        label_separator: (pick(4) == 2).then_some(';'),
        choices: if pick(0) == 2 { vec!["text".into(), "label".into()] } else { Vec::new() },
        negatives: if pick(0) == 3 { vec!["text_b".into()] } else { Vec::new() },
        choice_labels: (pick(4) == 3).then_some(ChoiceLabels::Letter),
        ..Columns::default()
    };
    let format = FORMATS[usize::from(*how) % FORMATS.len()];
    let delimiter = DELIMITERS[usize::from(pick(6))].filter(|_| matches!(format, Format::Tsv | Format::Csv));
    let options = TableOptions {
        columns,
        format: Some(format),
        delimiter,
        quotes: how & 128 != 0 && format == Format::Tsv,
        compared: pick(2) == 3,
        header: if how & 64 != 0 { vec!["text".into(), "label".into()] } else { Vec::new() },
        ..TableOptions::default()
    };
    let path = Folder::of(&["data"], &[content]).path().join("data");
    let _ = Table::read_texts(&path, &options);
    let Ok(table) = Table::read_with(&path, &options) else { return };
    let several = table.clone().with_label_sets(options.columns.label_separator).and_then(Table::labelled);
    let numbered = table.clone().with_numbered_choices(options.columns.choice_labels).and_then(Table::labelled);
    let decimal = table.clone().with_decimal_commas(Table::decimal_commas([&table])).and_then(Table::labelled);
    for table in [table.labelled(), several, numbered, decimal].into_iter().flatten() {
        for task in TASKS {
            let Ok((labels, _)) = Labels::decide(&table, task) else { continue };
            // Answers are targets of windows, which a tokenizer makes.
            if labels != Labels::Answers {
                labels.targets(&table).expect("labels that were found are known");
            }
        }
    }
});
