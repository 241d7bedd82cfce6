//! Tests of reading data files, good ones and bad ones.

use super::*;
use std::path::PathBuf;
use tempfile::TempDir;

/// A folder with one file.
struct File {
    _folder: TempDir,
    path: PathBuf,
}

fn file(name: &str, content: impl AsRef<[u8]>) -> File {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(name);
    std::fs::write(&path, content).unwrap();
    File { _folder: folder, path }
}

fn table(name: &str, content: impl AsRef<[u8]>) -> Table {
    read(&file(name, content).path, &Columns::default()).unwrap()
}

/// The message, which must name the file, without the folder.
fn failure(name: &str, content: impl AsRef<[u8]>, columns: &Columns) -> String {
    let file = file(name, content);
    let message = format!("{:#}", read(&file.path, columns).unwrap_err());
    assert!(message.contains(&file.path.display().to_string()), "{message}");
    message.replace(&file.path.display().to_string(), name)
}

fn plain_failure(name: &str, content: impl AsRef<[u8]>) -> String {
    failure(name, content, &Columns::default())
}

fn single(text: &str, label: Option<&str>, line: usize) -> Row {
    Row { text: Text::Single(text.into()), label: label.map(Into::into), tags: vec![], line }
}

fn words(words: &[&str], tags: &[&str], line: usize) -> Row {
    let owned = |texts: &[&str]| texts.iter().map(|&text| text.to_owned()).collect();
    Row { text: Text::Words(owned(words)), label: None, tags: owned(tags), line }
}

fn named(text: Option<&str>, text_b: Option<&str>, label: Option<&str>) -> Columns {
    let [text, text_b, label] = [text, text_b, label].map(|name| name.map(str::to_owned));
    Columns { text, text_b, label }
}

#[test]
fn tabs_part_columns_and_quotes_are_ordinary() {
    let table = table("a.tsv", "id\ttext\tlabel\n7\tsay \"hi\tgood\n8\t \"a,b\" \t bad \n");
    assert_eq!(table.rows, [single("say \"hi", Some("good"), 2), single(" \"a,b\" ", Some("bad"), 3)]);
    assert_eq!((table.kind, table.header.join("|")), (TableKind::Single, "id|text|label".into()));
}

#[test]
fn a_mark_windows_ends_and_blank_ends_do_no_harm() {
    let expected = [single("one", Some("x"), 2), single("two", Some("y"), 3)];
    for end in ["", "\n", "\r\n", "\r\n\r\n\n"] {
        assert_eq!(table("a.tsv", format!("\u{feff}text\tlabel\r\none\tx\r\ntwo\ty{end}")).rows, expected);
        assert_eq!(table("a.csv", format!("\u{feff}text, label\r\none,x\r\ntwo,y{end}")).rows, expected);
    }
}

#[test]
fn commas_are_quoted_as_in_rfc_4180() {
    let table = table("a.CSV", "text_a,text_b,label\n\"a, \"\"b\"\"\nc\",d,1\ne,\"\"\"f\",2\n");
    let rows = [("a, \"b\"\nc", "d", "1", 2), ("e", "\"f", "2", 4)];
    let rows = rows.map(|(a, b, label, line)| Row {
        text: Text::Pair(a.into(), b.into()),
        label: Some(label.into()),
        tags: vec![],
        line,
    });
    assert_eq!(table.rows, rows);
    assert_eq!(table.kind, TableKind::Pair);
}

#[test]
fn lines_of_a_csv_are_counted_with_either_line_end() {
    for end in ["\n", "\r\n"] {
        let table = table("a.csv", ["text,label", "\"two", "lines\",a", "x,b", "", "y,c", ""].join(end));
        assert_eq!(table.rows.iter().map(|row| row.line).collect::<Vec<_>>(), [2, 4, 6], "a blank line is passed over");
    }
}

#[test]
fn json_lines_hold_texts_numbers_and_truth_values() {
    let content = "{\"label\": 1.5, \"text\": \"a\"}\n{\"text\": \"b\", \"label\": null, \"more\": [1]}\n\
                   {\"text\": \"\\u00e9\", \"label\": true}\n";
    assert_eq!(
        table("a.jsonl", content).rows,
        [single("a", Some("1.5"), 1), single("b", None, 2), single("é", Some("true"), 3)]
    );
    let tagged = table("a.jsonl", "{\"words\": [\"New York\", \"wins\"], \"tags\": [\"B\", \"O\"]}\n");
    assert_eq!((tagged.rows, tagged.kind), (vec![words(&["New York", "wins"], &["B", "O"], 1)], TableKind::Words));
    let bare = table("a.json", "{\"words\": [\"x\"]}");
    assert_eq!(bare.rows, [words(&["x"], &[], 1)]);
}

#[test]
fn conll_sentences_end_at_blank_lines() {
    let content = "-DOCSTART- O\n\nNew York\tB-LOC\nwins\tO\n\n\n  \n#   O\n\u{a0}\tO\n";
    let table = table("a.conll", content);
    assert_eq!(table.rows, [words(&["New York", "wins"], &["B-LOC", "O"], 3), words(&["#", "\u{a0}"], &["O", "O"], 8)]);
    assert_eq!(table.kind, TableKind::Words);
    assert_eq!(
        super::read(&file("b.iob", "one\ntwo\n\nthree").path, &Columns::default()).unwrap().rows,
        [words(&["one", "two"], &[], 1), words(&["three"], &[], 4)]
    );
}

#[test]
fn columns_can_be_named() {
    let content = "s1\ts2\tscore\ttext\na\tb\t1\tc\n";
    let file = file("a.tsv", content);
    let row = |columns: &Columns| read(&file.path, columns).unwrap().rows.remove(0);
    assert_eq!(row(&Columns::default()), single("c", None, 2));
    assert_eq!(row(&named(Some("s2"), None, Some("score"))), single("b", Some("1"), 2));
    assert_eq!(row(&named(Some("s1"), Some("s2"), None)).text, Text::Pair("a".into(), "b".into()));
    assert_eq!(row(&named(None, Some("s2"), None)).text, Text::Pair("c".into(), "b".into()));
}

#[test]
fn a_missing_column_is_named_with_the_nearest() {
    let message = plain_failure("a.tsv", "txet\tlabel\na\tb\n");
    assert!(message.starts_with("a.tsv: expected a column `text`, found `txet`, `label`; did you mean `txet`?"));
    let message = failure("a.csv", "text,labels\na,b\n", &named(None, None, Some("lable")));
    assert!(message.contains("expected a column `lable`, found `text`, `labels`"), "{message}");
    let message = failure("a.jsonl", "{\"a\":\"b\"}", &named(Some("b"), None, None));
    assert!(message.contains("expected a column `b`, found `a`."), "{message}");
    let long = plain_failure("a.tsv", format!("{}\t1\n{}\t0\n", "wörter ".repeat(30), "x"));
    assert!(long.contains("...`") && long.len() < 300, "{long}");
}

#[test]
fn doubtful_choices_of_columns_are_errors() {
    assert!(plain_failure("a.tsv", "text\ttext_a\ttext_b\na\tb\tc\n").contains("choose with --text-column"));
    assert!(plain_failure("a.tsv", "text_a\tlabel\na\tb\n").contains("only one of `text_a` and `text_b`"));
    let twice = failure("a.tsv", "text\tb\na\tb\n", &named(Some("b"), Some("b"), None));
    assert!(twice.contains("`b` is given as both texts"), "{twice}");
    let conll = failure("a.conll", "a\tO\n", &named(Some("b"), None, None));
    assert!(conll.contains("no named columns"), "{conll}");
}

#[test]
fn broken_records_are_named_by_line() {
    let cases: [(&str, &str, &str); 12] = [
        ("a.tsv", "text\tlabel\na\tb\nc\n", "line 3: expected 2 columns (text, label), found 1 column between tabs"),
        (
            "a.tsv",
            "text\tlabel\na\tb\tc\n",
            "line 2: expected 2 columns (text, label), found 3 columns between tabs; replace",
        ),
        (
            "a.csv",
            "text,label\n\"a\nb\",c\nd,e,f\n",
            "line 4: expected 2 columns (text, label), found 3 columns between commas",
        ),
        ("a.csv", "text,label\na,b\n\"c,d\ne,f\n", "line 3: found a quote that is never closed"),
        ("a.csv", "text,label\n5\" pipe,b\nc,d\n", "line 2: found a quote that is never closed"),
        ("a.tsv", "text\tlabel\na\tb\n\nc\td\n", "line 3: the line is blank"),
        ("a.tsv", "text\tlabel\na\tb\n \tx\n", "line 3: the column `text` is blank"),
        ("a.csv", "text_a,text_b\na,\n", "line 2: the column `text_b` is blank"),
        ("a.tsv", "text\tlabel\ttext\na\tb\tc\n", "line 1: the header names the column `text` twice"),
        ("a.tsv", "text\tlabel\n", "line 1: found a header and no rows"),
        ("a.csv", "text,label", "line 1: found a header and no rows"),
        ("a.tsv", "text\n\tb\n", "line 2: expected 1 column (text), found 2 columns"),
    ];
    for (name, content, expected) in cases {
        let message = plain_failure(name, content);
        assert!(message.contains(expected), "{message}\n  lacks {expected}");
    }
}

#[test]
fn broken_json_is_named_by_line() {
    let cases = [
        ("{\"text\": \"a\"}\n{\"text\": \n", "line 2: expected one JSON object a line"),
        (
            "[{\"text\": \"a\"}]",
            "line 1: expected one JSON object a line, such as {\"text\": \"...\", \"label\": \"...\"}, found an array",
        ),
        ("{\n\"text\": \"a\"}", "found a value over several lines"),
        ("3\n", "found another value"),
        ("{\"text\": \"a\"}\n\n{\"text\": \"b\"}", "line 2: the line is blank"),
        ("{\"text\": \"a\"}\n{\"txt\": \"b\"}", "line 2: expected the key `text` as on the first line, found txt"),
        ("{\"text\": 3}", "line 1: expected `text` to be a text in quotes, found 3"),
        ("{\"text\": \"a\", \"label\": {}}", "expected `label` to be a text or a number, found {}"),
        ("{\"words\": [\"a\", 2], \"tags\": [\"O\", \"O\"]}", "expected `words` to be an array of texts, found 2"),
        ("{\"words\": \"a\"}", "expected `words` to be an array of texts, found \"a\""),
        ("{\"words\": [\"a\"], \"tags\": []}", "found 1 words and 0 tags"),
        ("{\"words\": []}", "`words` is empty"),
    ];
    for (content, expected) in cases {
        let message = plain_failure("a.jsonl", content);
        assert!(message.contains(expected), "{message}\n  lacks {expected}");
    }
}

#[test]
fn broken_sentences_are_named_by_line() {
    let cases = [
        ("a O\nb\n", "line 1: the sentence that starts here has 2 words and 1 tags"),
        ("a O\n\nb\nc\n", "line 3: the sentence that starts here has 2 words and 0 tags"),
        ("a\tb\tc\n", "line 1: expected a word and its tag, found 3 columns"),
        ("EU NNP B-NP B-ORG\n", "found 4 columns; keep two of them (for CoNLL-2003: cut -d' ' -f1,4)"),
        ("a\tO\n\tO\n", "line 2: the word is blank"),
        ("a\tO\nb\t\n", "line 2: the tag is blank"),
        ("-DOCSTART- O\n\n", "found no sentence"),
    ];
    for (content, expected) in cases {
        let message = plain_failure("a.bio", content);
        assert!(message.contains(expected), "{message}\n  lacks {expected}");
    }
}

#[test]
fn what_is_no_text_file_is_refused() {
    for name in ["a.tsv", "a.csv", "a.jsonl", "a.conll"] {
        for content in ["", "\n\r\n", "\u{feff}", " \n"] {
            assert!(plain_failure(name, content).contains("is empty"), "{name} {content:?}");
        }
        let message = plain_failure(name, b"text\tlabel\na\tb\ncaf\xE9\tc\n");
        assert!(message.contains("line 3: expected UTF-8, found the byte 0xE9"), "{message}");
        assert!(plain_failure(name, b"\xFF\xFEt\0").contains("found UTF-16"));
    }
    let cut = plain_failure("a.tsv", b"text\n\xF0\x9F");
    assert!(cut.contains("line 2: expected UTF-8, found the byte 0xF0"), "{cut}");
}

#[test]
fn the_ending_decides_and_unknown_ones_are_refused() {
    assert!(plain_failure("a.xlsx", "x").contains("the ending `.xlsx` does not say how the file is written"));
    assert!(plain_failure("data", "x").contains("a name without an ending"));
    assert!(plain_failure("a.txt", "x").contains("texts without labels"));
    let message = format!("{:#}", read(Path::new("no/such.tsv"), &Columns::default()).unwrap_err());
    assert!(message.starts_with("cannot read no/such.tsv: "), "{message}");
}

#[test]
fn texts_to_judge_come_one_a_line_or_from_a_table() {
    let plain = file("a.txt", "\u{feff}first\tone\r\n  second\n\n");
    let table = read_lines(&plain.path, &Columns::default()).unwrap();
    assert_eq!(table.rows, [single("first\tone", None, 1), single("  second", None, 2)]);
    let tsv = file("a.tsv", "text_b\ttext_a\nx\ty\n");
    assert_eq!(read_lines(&tsv.path, &Columns::default()).unwrap().rows[0].text, Text::Pair("y".into(), "x".into()));
    let gap = file("b.txt", "one\n \nthree\n");
    let message = format!("{:#}", read_lines(&gap.path, &Columns::default()).unwrap_err());
    assert!(message.contains("line 2: the line is blank"), "{message}");
    assert!(read_lines(&plain.path, &named(None, None, Some("x"))).is_err(), "a .txt file has no columns");
}
