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

fn options(columns: &Columns) -> TableOptions {
    TableOptions { columns: columns.clone(), ..TableOptions::default() }
}

fn read(path: &Path, columns: &Columns) -> Result<Table> {
    Table::read_with(path, &options(columns))
}

fn read_lines(path: &Path, columns: &Columns) -> Result<Table> {
    Table::read_texts(path, &options(columns))
}

fn table(name: &str, content: impl AsRef<[u8]>) -> Table {
    Table::read(file(name, content).path).unwrap()
}

/// The rows without their fields.
fn rows(table: &Table) -> Vec<Row> {
    table.rows.iter().map(|row| Row { fields: vec![], ..row.clone() }).collect()
}

fn table_of_texts(name: &str, content: &str) -> Table {
    Table::read_texts(file(name, content).path, &TableOptions::default()).unwrap()
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
    Row {
        text: Text::Single(text.into()),
        label: label.map(Into::into),
        labels: None,
        answers: None,
        tags: vec![],
        line,
        fields: vec![],
    }
}

fn words(words: &[&str], tags: &[&str], line: usize) -> Row {
    let owned = |texts: &[&str]| texts.iter().map(|&text| text.to_owned()).collect();
    Row {
        text: Text::Words(owned(words)),
        label: None,
        labels: None,
        answers: None,
        tags: owned(tags),
        line,
        fields: vec![],
    }
}

fn named(text: Option<&str>, text_b: Option<&str>, label: Option<&str>) -> Columns {
    let [text, text_b, label] = [text, text_b, label].map(|name| name.map(str::to_owned));
    Columns { text, text_b, label, ..Columns::default() }
}

#[test]
fn tabs_part_columns_and_quotes_are_ordinary() {
    let table = table("a.tsv", "id\ttext\tlabel\n7\tsay \"hi\tgood\n8\t \"a,b\" \t bad \n");
    assert_eq!(rows(&table), [single("say \"hi", Some("good"), 2), single(" \"a,b\" ", Some("bad"), 3)]);
    assert_eq!((table.kind, table.header.join("|")), (TableKind::Single, "id|text|label".into()));
}

#[test]
fn a_mark_windows_ends_and_blank_ends_do_no_harm() {
    let expected = [single("one", Some("x"), 2), single("two", Some("y"), 3)];
    for end in ["", "\n", "\r\n", "\r\n\r\n\n"] {
        assert_eq!(rows(&table("a.tsv", format!("\u{feff}text\tlabel\r\none\tx\r\ntwo\ty{end}"))), expected);
        assert_eq!(rows(&table("a.csv", format!("\u{feff}text, label\r\none,x\r\ntwo,y{end}"))), expected);
    }
}

#[test]
fn commas_are_quoted_as_in_rfc_4180() {
    let table = table("a.CSV", "text_a,text_b,label\n\"a, \"\"b\"\"\nc\",d,1\ne,\"\"\"f\",2\n");
    let rows = [("a, \"b\"\nc", "d", "1", 2), ("e", "\"f", "2", 4)];
    let rows = rows.map(|(a, b, label, line)| Row {
        text: Text::Pair(a.into(), b.into()),
        label: Some(label.into()),
        labels: None,
        answers: None,
        tags: vec![],
        line,
        fields: vec![],
    });
    assert_eq!(self::rows(&table), rows);
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
        rows(&table("a.jsonl", content)),
        [single("a", Some("1.5"), 1), single("b", None, 2), single("é", Some("true"), 3)]
    );
    let tagged = table("a.jsonl", "{\"words\": [\"New York\", \"wins\"], \"tags\": [\"B\", \"O\"]}\n");
    assert_eq!((rows(&tagged), tagged.kind), (vec![words(&["New York", "wins"], &["B", "O"], 1)], TableKind::Words));
    let bare = table("a.json", "{\"words\": [\"x\"]}");
    assert_eq!(rows(&bare), [words(&["x"], &[], 1)]);
}

#[test]
fn conll_sentences_end_at_blank_lines() {
    let content = "-DOCSTART- O\n\nNew York\tB-LOC\nwins\tO\n\n\n  \n#   O\n\u{a0}\tO\n";
    let sentences = table("a.conll", content);
    assert_eq!(
        rows(&sentences),
        [words(&["New York", "wins"], &["B-LOC", "O"], 3), words(&["#", "\u{a0}"], &["O", "O"], 8)]
    );
    assert_eq!(sentences.kind, TableKind::Words);
    assert_eq!(rows(&table("b.iob", "one\ntwo\n\nthree")), [words(&["one", "two"], &[], 1), words(&["three"], &[], 4)]);
}

#[test]
fn columns_can_be_named() {
    let content = "s1\ts2\tscore\ttext\na\tb\t1\tc\n";
    let file = file("a.tsv", content);
    let row = |columns: &Columns| rows(&read(&file.path, columns).unwrap()).remove(0);
    assert_eq!(row(&Columns::default()), single("c", None, 2));
    assert_eq!(row(&named(Some("s2"), None, Some("score"))), single("b", Some("1"), 2));
    assert_eq!(row(&named(Some("s1"), Some("s2"), None)).text, Text::Pair("a".into(), "b".into()));
    assert_eq!(row(&named(None, Some("s2"), None)).text, Text::Pair("c".into(), "b".into()));
}

#[test]
fn a_missing_column_is_named_with_the_nearest() {
    let message = plain_failure("a.tsv", "txet\tlabel\na\tb\n");
    assert!(
        message.starts_with("a.tsv: expected a column `text`, found `txet`, `label`; did you mean --text-column txet?")
    );
    let message = failure("a.csv", "text,labels\na,b\n", &named(None, None, Some("lable")));
    assert!(message.contains("expected a column `lable`, found `text`, `labels`"), "{message}");
    let message = failure("a.jsonl", "{\"a\":\"b\"}", &named(Some("b"), None, None));
    assert!(message.contains("expected columns `b` and `label`, found `a`."), "{message}");
    let long = plain_failure("a.tsv", format!("{}\t1\n{}\t0\n", "wörter ".repeat(30), "x"));
    assert!(long.contains("...`") && long.len() < 400, "{long}");
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
            "line 4: expected 2 columns (text, label), found 3 columns between commas; quote",
        ),
        ("a.csv", "text,label\na,b\n\"c,d\ne,f\n", "line 3: found a quote that is never closed"),
        ("a.csv", "text,label\n5\" pipe,b\nc,d\n", "line 2: found a quote that is never closed"),
        ("a.tsv", "text\tlabel\na\tb\n\nc\td\n", "line 3: the line is blank"),
        ("a.tsv", "text\tlabel\n \tx\n", "line 2: the text in the column `text` is blank here"),
        ("a.csv", "text_a,text_b\na,\n", "line 2: the text in the column `text_a` or `text_b` is blank here"),
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
fn a_table_without_a_line_of_names_gets_them() {
    let named = |names: &[&str]| TableOptions {
        header: names.iter().map(|name| (*name).to_owned()).collect(),
        ..TableOptions::default()
    };
    let bare = file("a.tsv", "The soup was cold and so was the waiter.\t0\nWe stayed.\t1\n");
    let table = Table::read_with(&bare.path, &named(&["text", "label"])).unwrap();
    assert_eq!(
        table.rows.iter().map(|row| (row.line, row.label.as_deref())).collect::<Vec<_>>(),
        [(1, Some("0")), (2, Some("1"))]
    );
    assert_eq!(table.header, ["text", "label"]);
    let failure = |path: &Path, names: &[&str]| Table::read_with(path, &named(names)).unwrap_err().to_string();
    assert!(failure(&bare.path, &[]).contains("--header text,label"), "{}", failure(&bare.path, &[]));
    assert!(failure(&bare.path, &["text"]).contains("line 1: expected 1 column (text), found 2"));
    let headed = file("b.csv", "text,label\na,b\n");
    assert!(failure(&headed.path, &["text", "label"]).contains("leave --header away"));
    assert!(failure(&file("c.jsonl", "{\"text\": \"a\"}").path, &["text"]).contains("only tables"));
}

#[test]
fn broken_json_is_named_by_line() {
    let cases = [
        ("{\"text\": \"a\"}\n{\"text\": \n", "line 2: expected one JSON object a line"),
        (
            "[[\"a\"]]",
            "line 1: object 1 of the list: expected a JSON object such as {\"text\": \"...\", \"label\": \"...\"}, found an array",
        ),
        ("{\n\"text\": 4}", "line 1: expected `text` to be a text in quotes, found 4"),
        ("3\n", "found another value"),
        ("{\"text\": \"a\"}\n\n{\"text\": \"b\"}", "line 2: the line is blank"),
        ("{\"text\": \"a\"}\n{\"txt\": \"b\"}", "line 2: expected the key `text` as on the first line, found txt"),
        ("{\"text\": 3}", "line 1: expected `text` to be a text in quotes, found 3"),
        ("{\"text\": \"a\", \"label\": {}}", "expected `label` to be a text, a number or a list of them, found {}"),
        ("{\"words\": [\"a\", 2], \"tags\": [\"O\", \"O\"]}", "expected `words` to be an array of texts, found 2"),
        ("{\"words\": \"a\"}", "expected `words` to be an array of texts, found \"a\""),
        ("{\"words\": [\"a\"], \"tags\": []}", "found 1 words and 0 tags"),
        ("{\"words\": []}", "line 1: the text in the column `words` is blank here"),
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
            assert!(plain_failure(name, content).contains("nothing is in it"), "{name} {content:?}");
        }
        let message = plain_failure(name, b"text\tlabel\na\tb\ncaf\xE9\tc\n");
        assert!(message.contains("line 3: expected UTF-8, found the byte 0xE9"), "{message}");
        assert!(plain_failure(name, b"\xFF\xFEt\0").contains("found UTF-16"));
        assert!(plain_failure(name, b"t\0e\0x\0t\0\n\0").contains("found what is likely UTF-16LE"));
    }
    let cut = plain_failure("a.tsv", b"text\n\xF0\x9F");
    assert!(cut.contains("line 2: expected UTF-8, found the byte 0xF0"), "{cut}");
}

#[test]
fn the_ending_decides_and_unknown_ones_are_refused() {
    assert!(plain_failure("a.docx", "x").contains("the ending `.docx` does not say how the file is written"));
    assert!(plain_failure("data", "x").contains("a name without an ending"));
    assert!(plain_failure("a.txt", "x").contains("texts without labels"));
    let message = Table::read("no/such.tsv").unwrap_err().to_string();
    assert!(message.starts_with("cannot read no/such.tsv: "), "{message}");
}

#[test]
fn texts_to_judge_come_one_a_line_or_from_a_table() {
    let plain = file("a.txt", "\u{feff}first\tone\r\n  second\n\n");
    let table = read_lines(&plain.path, &Columns::default()).unwrap();
    assert_eq!(rows(&table), [single("first\tone", None, 1), single("  second", None, 2)]);
    let tsv = file("a.tsv", "text_b\ttext_a\nx\ty\n");
    assert_eq!(read_lines(&tsv.path, &Columns::default()).unwrap().rows[0].text, Text::Pair("y".into(), "x".into()));
    let gap = table_of_texts("b.txt", "one\n \nthree\n");
    assert_eq!(rows(&gap), [single("one", None, 1), single(" ", None, 2), single("three", None, 3)]);
    assert!(gap.rows[1].text.is_blank() && !gap.rows[0].text.is_blank());
    assert!(read_lines(&plain.path, &named(None, None, Some("x"))).is_err(), "a .txt file has no columns");
}

#[test]
fn every_column_is_kept_in_the_fields() {
    let csv = table("a.csv", "id,text,label\n7,one,x\n8,two,\n");
    assert_eq!(
        (csv.header.join(" "), &csv.rows[1].fields),
        ("id text label".into(), &vec!["8".into(), "two".into(), "".into()])
    );
    let json = table("a.jsonl", "{\"text\": \"a\", \"id\": 3}\n{\"text\": \"b\", \"id\": 4, \"more\": [1]}\n");
    assert_eq!(json.header.join(" "), "id more text");
    assert_eq!(json.rows[0].fields, [serde_json::json!(3), serde_json::Value::Null, serde_json::json!("a")]);
    assert_eq!(json.rows[1].fields[1], serde_json::json!([1]));
}

#[test]
fn columns_without_a_name_are_called_by_their_place_or_passed_over_if_they_are_blank() {
    let table = table("a.csv", ",text,label,,column_4,\n0,warm,good,,a, \n1,cold,bad,x,b,\n");
    assert_eq!(rows(&table), [single("warm", Some("good"), 2), single("cold", Some("bad"), 3)]);
    assert_eq!(table.header.join(" "), "column_1 text label column_4_ column_4");
    assert_eq!(table.rows[1].fields, ["1", "cold", "bad", "x", "b"].map(serde_json::Value::from));
    let notes = ["column 1 has no name, and is called `column_1`", "column 4 has no name, and is called `column_4_`"];
    assert_eq!(table.notes[..2], notes);
    assert_eq!(table.columns.unnamed, ["column_1", "column_4_"]);
    assert!(table.notes[2].starts_with("1 column without a name passed over"), "{}", table.notes[2]);
}

#[test]
fn blank_rows_at_the_end_are_passed_over() {
    let table = table("a.csv", "id;text;label\r\n1;warm;good\r\n2;cold;bad\r\n;;\r\n;;\r\n\r\n");
    assert_eq!(table.rows.len(), 2);
    assert!(table.notes.iter().any(|note| note == "2 blank rows at the end passed over"), "{:?}", table.notes);
    let between = self::table("a.csv", "id,text,label\n1,warm,good\n,,\n2,cold,bad\n");
    assert_eq!(
        (between.rows.len(), &between.notes[..]),
        (2, &["1 of 3 examples has a blank text (line 3 first); it is left out".to_owned()][..])
    );
    assert!(plain_failure("a.csv", "id,text,label\n,,\n").contains("found a header and no rows"));
}

#[test]
fn another_delimiter_is_found_in_the_header_or_named() {
    for (name, content) in
        [("a.csv", "text;label\n\"a; b\";x\nc, d;y\n"), ("a.csv", "text\tlabel\na; b\tx\n\"c, d\"\ty\n")]
    {
        let table = table(name, content);
        assert_eq!(rows(&table), [single("a; b", Some("x"), 2), single("c, d", Some("y"), 3)]);
        assert!(table.notes[0].contains("as the header shows"), "{}", table.notes[0]);
    }
    assert!(table("a.tsv", "text,label\na,x\n").notes[0].contains("commas"));
    assert!(table("a.csv", "text|label\na, b|x\n").notes[0].contains("vertical bars"));
    let piped = file("a.csv", "text|label\na,b|x\n");
    let named = TableOptions { delimiter: Some('|'), ..TableOptions::default() };
    assert_eq!(rows(&Table::read_with(&piped.path, &named).unwrap()), [single("a,b", Some("x"), 2)]);
    let wide = TableOptions { delimiter: Some('→'), ..TableOptions::default() };
    assert!(Table::read_with(&piped.path, &wide).unwrap_err().to_string().contains("delimiter of one byte"));
}

/// Names of columns may hold a delimiter, in quotes or where it parts nothing that is wanted.
#[test]
fn the_delimiter_is_the_one_between_wanted_columns() {
    for (header, delimiter) in [
        ("\"a, b, c\";text;label", ';'),
        ("text;label, main", ';'),
        ("text;label;a,b,c,d", ';'),
        ("text,label;text,label2;c;d", ','),
        ("\"text; raw\",text,label", ','),
        ("text", ','),
        ("text,label\tid\tmore", ','),
    ] {
        let row = vec!["x"; header_fields(header, delimiter)].join(&delimiter.to_string());
        let found = table("a.csv", format!("{header}\n{row}\n"));
        assert_eq!(found.dialect.unwrap(), Dialect { delimiter, ..Dialect::COMMAS }, "{header}");
    }
    let named = TableOptions { columns: named(Some("body;2"), None, None), ..TableOptions::default() };
    let found = Table::read_with(file("a.csv", "id;no,body;2\n1,x\n").path, &named).unwrap();
    assert_eq!((found.dialect.unwrap().delimiter, rows(&found)), (',', vec![single("x", None, 2)]));
}

/// How many columns there are, quoted ones counted as one.
fn header_fields(header: &str, delimiter: char) -> usize {
    1 + header.split('"').step_by(2).flat_map(str::chars).filter(|c| *c == delimiter).count()
}

#[test]
fn a_line_that_tells_excel_the_delimiter_is_no_row() {
    for (name, first, delimiter) in
        [("a.csv", "sep=;", ';'), ("a.csv", "\"SEP=|\"", '|'), ("a.tsv", "sep=,", ','), ("a.csv", "sep=\t", '\t')]
    {
        for (mark, end) in [("", "\n"), ("\u{feff}", "\r\n")] {
            let lines = [first, "text;label", "a.b;x", "c.d;y"].map(|line| line.replace(';', &delimiter.to_string()));
            let found = table(name, format!("{mark}{}{end}", lines.join(end)));
            assert_eq!(rows(&found), [single("a.b", Some("x"), 3), single("c.d", Some("y"), 4)], "{first}");
            assert!(found.notes[0].contains("as the first line says, which is no row"), "{}", found.notes[0]);
            let dialect = found.dialect.unwrap();
            assert_eq!((dialect.delimiter, dialect.separator_line), (delimiter, true));
            assert_eq!(dialect.byte_order_mark, !mark.is_empty());
        }
    }
    let broken = plain_failure("a.csv", "sep=;\ntext;label\n\"a;b\n");
    assert!(broken.contains("line 3: found a quote that is never closed"), "{broken}");
    assert!(plain_failure("a.csv", "sep=;\n\n").contains("nothing under it"));
    assert!(plain_failure("a.csv", "sep=;\ntext;label\n").contains("line 2: found a header and no rows"));
    let both = TableOptions { delimiter: Some(','), ..TableOptions::default() };
    let found = Table::read_with(file("a.csv", "sep=;\ntext,label\na;b,x\n").path, &both).unwrap();
    assert!(found.notes[0].contains("--delimiter says commas, which are taken"), "{}", found.notes[0]);
    assert_eq!(rows(&found), [single("a;b", Some("x"), 3)]);
    assert_eq!(looks_like("sep=;", &[]), Some("csv"));
}

#[test]
fn tables_that_are_put_together_keep_the_form_that_all_have() {
    let [commas, semicolons] = [',', ';'].map(|c| table("a.csv", "text;label\na;x\n".replace(';', &c.to_string())));
    let dialect = commas.dialect;
    assert_eq!(commas.clone().join(commas.clone()).unwrap().dialect, dialect);
    assert_eq!(commas.join(semicolons).unwrap().dialect, None);
    assert_eq!(table("a.jsonl", "{\"text\": \"a\"}").dialect, None);
}

#[test]
fn quotes_between_tabs_are_kept_with_a_note_or_taken_off() {
    let content = "text\tlabel\n\"She said \"\"warm\"\" twice\"\tgood\nplain\tbad\n";
    let kept = table("a.tsv", content);
    assert_eq!(kept.rows[0].text, Text::Single("\"She said \"\"warm\"\" twice\"".into()));
    assert!(kept.notes[0].contains("--quotes") && kept.notes[0].contains("line 2"), "{}", kept.notes[0]);
    let options = TableOptions { quotes: true, ..TableOptions::default() };
    let taken = Table::read_with(file("a.tsv", content).path, &options).unwrap();
    assert_eq!(taken.rows[0].text, Text::Single("She said \"warm\" twice".into()));
    assert!(taken.notes.is_empty());
}

#[test]
fn comments_of_conll_files_are_passed_over_with_a_note() {
    let table =
        table("a.conll", "# sent_id = 1\n# text = Ada wrote\nAda\tB-person\t\nwrote\tO\t\n\n# newdoc\nTo\tO\n#\tO\n");
    assert_eq!(rows(&table), [words(&["Ada", "wrote"], &["B-person", "O"], 3), words(&["To", "#"], &["O", "O"], 7)]);
    assert!(table.notes[0].starts_with("3 comment lines"), "{}", table.notes[0]);
    let spaces = self::table("b.conll", "#hash O\nAda B-person\n\n# newpar\nyes O\n");
    assert_eq!(spaces.rows[0].text, Text::Words(vec!["#hash".into(), "Ada".into()]), "a word, for others have its tag");
    assert_eq!(spaces.rows.len(), 2);
}

#[test]
fn the_universal_dependencies_are_read() {
    let content = "# text = du pain\n1-2\tdu\t_\t_\t_\t_\t_\t_\t_\t_\n1\tde\tde\tADP\tP\t_\t3\tcase\t_\t_\n\
                   2\tle\tle\tDET\tD\t_\t3\tdet\t_\t_\n3\tpain\tpain\tNOUN\tN\t_\t0\troot\t_\t_\n";
    let universal = table("a.conllu", content);
    assert_eq!(rows(&universal), [words(&["de", "le", "pain"], &["ADP", "DET", "NOUN"], 3)]);
    let relation = read(&file("a.conllu", content).path, &named(None, None, Some("deprel"))).unwrap();
    assert_eq!(relation.rows[0].tags, ["case", "det", "root"]);
    assert!(failure("a.conllu", content, &named(None, None, Some("tag"))).contains("found `tag`"));
    assert!(plain_failure("a.conll", content).contains("--format conllu"));
}

#[test]
fn names_of_hugging_face_are_known() {
    let table = table("a.jsonl", "{\"tokens\": [\"Ada\"], \"ner_tags\": [\"B-person\"]}\n");
    assert_eq!(rows(&table), [words(&["Ada"], &["B-person"], 1)]);
    let named = named(Some("w"), None, Some("pos"));
    let columns = read(&file("a.jsonl", "{\"w\": [\"Ada\"], \"pos\": [\"N\"]}\n").path, &named).unwrap();
    assert_eq!(rows(&columns), [words(&["Ada"], &["N"], 1)]);
    let numbers = self::table("a.jsonl", "{\"words\": [\"Ada\"], \"tags\": [1]}\n");
    assert_eq!(rows(&numbers), [words(&["Ada"], &["1"], 1)]);
}

#[test]
fn what_other_programs_wrote_is_refused_with_the_command_that_helps() {
    assert!(plain_failure("a.csv.gz", b"\x1f\x8b\x08").contains("gunzip"));
    assert!(plain_failure("a.csv", b"\x1f\x8b\x08").contains("gunzip"), "whatever it is called");
    assert!(plain_failure("a.parquet", b"PAR1").contains("read_parquet"));
    assert!(plain_failure("a.csv", b"PK\x03\x04").contains("save the sheet as CSV"));
    assert!(plain_failure("a.xlsx", b"PK\x03\x04").contains("save its sheet as CSV"));
    let folder = tempfile::tempdir().unwrap();
    let message = Table::read(folder.path()).unwrap_err().to_string();
    assert!(message.contains("this is a folder"), "{message}");
    std::fs::write(folder.path().join("dataset_dict.json"), "{}").unwrap();
    let message = Table::read(folder.path()).unwrap_err().to_string();
    assert!(message.contains("load_from_disk"), "{message}");
}

#[test]
fn a_format_can_be_named() {
    let options = |format: &str| TableOptions { format: Some(format.parse().unwrap()), ..TableOptions::default() };
    let file = file("data", "text\tlabel\na\tx\n");
    assert_eq!(Table::read_with(&file.path, &options("tsv")).unwrap().rows.len(), 1);
    assert_eq!(Table::read_texts(&file.path, &options("txt")).unwrap().rows.len(), 2);
    assert!("tvs".parse::<Format>().unwrap_err().contains("did you mean `tsv`?"));
}

#[test]
fn a_first_line_that_looks_like_a_table_is_seen() {
    assert_eq!(looks_like("text\tlabel", &["text"]), Some("tsv"));
    assert_eq!(looks_like("id,text", &["text"]), Some("csv"));
    assert_eq!(looks_like("{\"text\": \"a\"}", &["text"]), Some("jsonl"));
    for line in ["a text, and a label", "{curly} words", "one\ttwo", "plain"] {
        assert_eq!(looks_like(line, &["text"]), None, "{line}");
    }
}

#[test]
fn columns_of_training_are_taken_where_they_are_there() {
    let preferred = named(Some("s1"), Some("s2"), Some("y"));
    let options = TableOptions { preferred, ..TableOptions::default() };
    let pairs = file("a.tsv", "s1\ts2\ty\na\tb\tx\n");
    assert_eq!(Table::read_with(&pairs.path, &options).unwrap().rows[0].text, Text::Pair("a".into(), "b".into()));
    let other = file("a.tsv", "text\tlabel\nc\tx\n");
    let message = Table::read_with(&other.path, &options).unwrap_err().to_string();
    assert!(
        message.contains("expected columns `s1`, `s2` and `y`, as in training, found `text`, `label`"),
        "{message}"
    );
    assert!(Table::read_texts(file("a.txt", "d\n").path, &options).is_ok(), "a file without columns");
    let named = TableOptions { columns: self::named(Some("s2"), None, None), ..options };
    assert_eq!(Table::read_with(&pairs.path, &named).unwrap().kind, TableKind::Single, "a choice is a choice");
}

#[test]
fn labels_are_not_needed_where_none_are_learnt() {
    let table = Table::read_texts(
        file("a.tsv", "text\tid\n\t1\nb\t2\n").path,
        &options(&named(Some("text"), None, Some("label"))),
    );
    assert!(table.unwrap_err().to_string().contains("expected a column `label`"), "a name that is given must be there");
    let table = table_of_texts("a.jsonl", "{\"text\": null}\n{\"text\": \"b\"}\n");
    assert!(table.rows[0].text.is_blank());
}

#[test]
fn names_that_are_meant_are_proposed() {
    let refused = |header: &str, preferred: Columns| {
        let options = TableOptions { preferred, ..TableOptions::default() };
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.tsv");
        std::fs::write(&path, format!("{header}\nx\ty\tz\n")).unwrap();
        Table::read_texts(&path, &options).unwrap_err().to_string()
    };
    let pair = refused("id\tsentence1\tsentence2", Columns::default());
    assert!(pair.contains("perhaps --text-column sentence1 --text-b-column sentence2"), "{pair}");
    let single = refused("id\tsentence\tlabel", Columns::default());
    assert!(single.contains("perhaps --text-column sentence)"), "{single}");
    let before = refused("id\tsentence\tlabel", Columns { text: Some("body".into()), ..Columns::default() });
    assert!(before.contains("expected a column `body`, as in training, found"), "{before}");
}
