//! Tests of the closing table and of how numbers are written.

use super::*;

fn sample() -> Report {
    let mut report = Report::with_header(&["Method", "Parameters", "Accuracy", "Note"]);
    report.row(vec!["seq_bn".into(), Cell::number(thousands(112_320)), Cell::number(percent(0.8814)), "best".into()]);
    report.row(vec!["full fine-tuning".into(), Cell::number(thousands(22_713_216)), Cell::number(percent(0.905))]);
    report
}

#[test]
fn columns_are_aligned() {
    let expected = [
        "Method            Parameters  Accuracy  Note",
        "────────────────  ──────────  ────────  ────",
        "seq_bn               112,320    88.1 %  best",
        "full fine-tuning  22,713,216    90.5 %",
        "",
    ];
    assert_eq!(sample().render(false, 80), expected.join("\n"));
}

#[test]
fn only_the_heading_is_bold() {
    let coloured = sample().render(true, 80);
    let mut lines = coloured.lines();
    let heading = lines.next().expect("a heading");
    assert!(heading.starts_with("\u{1b}[1mMethod") && heading.ends_with("Note\u{1b}[0m"), "{heading:?}");
    assert!(lines.all(|line| !line.contains('\u{1b}')));
}

#[test]
fn a_list_has_no_heading_and_headings_follow_their_numbers() {
    let mut list = Report::new();
    list.row(vec!["time".into(), Cell::number("1 m 23 s")]).row(vec!["adapter size".into(), Cell::number("812 KB")]);
    assert_eq!(list.render(true, 80), "time          1 m 23 s\nadapter size    812 KB\n");
    let mut wide = Report::with_header(&["n"]);
    wide.row(vec![Cell::number("1,000")]);
    assert_eq!(wide.render(false, 80), "    n\n─────\n1,000\n");
    assert_eq!(Report::new().render(true, 80), "");
}

#[test]
fn wide_letters_take_two_columns() {
    let mut report = Report::new();
    report.row(vec!["日本".into(), "x".into()]).row(vec!["abcd".into(), "y".into()]);
    report.row(vec!["e\u{301}té".into(), "z".into()]);
    assert_eq!(report.render(false, 80), "日本  x\nabcd  y\ne\u{301}té   z\n");
}

/// Words give way first, and the widest column first; numbers stay whole.
#[test]
fn a_table_that_is_too_wide_is_broken_within_its_cells() {
    let mut table = sample();
    table.row(vec!["lora[r=8,alpha=16,attn_matrices=q-v]".into(), Cell::number("7"), Cell::number("1.0 %")]);
    for columns in [46, 60, 79] {
        let shown = table.render(false, columns);
        assert!(shown.lines().all(|line| width(line) <= columns), "{columns}:\n{shown}");
        assert!(shown.contains("22,713,216") && shown.contains("lora["), "{shown}");
    }
    let mut list = Report::new();
    list.row(vec!["trained with".into(), "--model a --method lora --max-length 128".into()]);
    let expected = "trained with  --model a --method lora\n              --max-length 128\n";
    assert_eq!(list.render(false, 38), expected);
    let mut headings = Report::with_header(&["a", "dev matthews_correlation"]);
    headings.row(vec!["x".into(), Cell::number("0.4512")]);
    assert_eq!(
        headings.render(false, 14),
        "a          dev\n     matthews_\n   correlation\n─  ───────────\nx       0.4512\n"
    );
}

/// A name of somebody's adapter must not be obeyed by the terminal.
#[test]
fn control_characters_are_shown_and_not_sent() {
    assert_eq!(visible("plain\ttext\né"), "plain\ttext\né");
    assert_eq!(visible("a\u{1b}[31mb\u{7}\r"), "a\\u{1b}[31mb\\u{7}\\r");
    assert_eq!(one_line("a\tb\nc\u{9b}"), "a\\tb\\nc\\u{9b}");
    let mut report = Report::new();
    report.row(vec!["\u{1b}]0;title\u{7}".into(), "two\nlines".into()]);
    assert_eq!(report.render(false, 80), "\\u{1b}]0;title\\u{7}  two\\nlines\n");
}

#[test]
fn thousands_are_separated() {
    let cases = [(0, "0"), (999, "999"), (1000, "1,000"), (12_345, "12,345"), (1_234_567, "1,234,567")];
    for (number, written) in cases {
        assert_eq!(thousands(number), written);
    }
    assert_eq!(thousands(u64::MAX), "18,446,744,073,709,551,615");
}

#[test]
fn fractions_become_per_cent() {
    let cases = [(0.8814, "88.1 %"), (1.0, "100.0 %"), (0.0, "0.0 %"), (0.00496, "0.50 %"), (0.00042, "0.042 %")];
    for (fraction, written) in cases {
        assert_eq!(percent(fraction), written);
    }
    assert_eq!(percent(-0.25), "-25.0 %");
    assert_eq!(percent(f64::NAN), "NaN %");
}

#[test]
fn durations_choose_their_unit() {
    let cases = [
        (0.0, "0 ms"),
        (0.85, "850 ms"),
        (0.9999, "1.0 s"),
        (12.34, "12.3 s"),
        (59.97, "1 m 00 s"),
        (83.2, "1 m 23 s"),
        (3599.7, "1 h 00 m"),
        (7_500.0, "2 h 05 m"),
        (360_000.0, "100 h 00 m"),
    ];
    for (seconds, written) in cases {
        assert_eq!(duration(Duration::from_secs_f64(seconds)), written, "{seconds}");
    }
}

#[test]
fn sizes_choose_their_unit() {
    let cases = [
        (0, "0 B"),
        (999, "999 B"),
        (1000, "1.00 KB"),
        (9_996, "10.0 KB"),
        (12_345, "12.3 KB"),
        (812_000, "812 KB"),
        (999_600, "1.00 MB"),
        (90_868_376, "90.9 MB"),
        (13_400_000_000, "13.4 GB"),
        (u64::MAX, "18.4 EB"),
    ];
    for (count, written) in cases {
        assert_eq!(bytes(count), written, "{count}");
    }
}

#[test]
fn what_messages_begin_with_is_painted_and_nothing_else() {
    let shown = painted("error: no such note: file\n\n  tip: a similar one\nUsage: adaptune\nnote: x");
    let expected = [
        "\u{1b}[1;31merror:\u{1b}[0m no such note: file",
        "",
        "  \u{1b}[32mtip:\u{1b}[0m a similar one",
        "\u{1b}[1mUsage:\u{1b}[0m adaptune",
        "\u{1b}[33mnote:\u{1b}[0m x",
    ];
    assert_eq!(shown, expected.join("\n"));
    assert_eq!(painted("an error: is no beginning"), "an error: is no beginning");
}
