//! Tables of every form.

use super::Seeds;

/// The first bytes as the target takes them, and a table.
const TABLES: [(u8, u8, &str); 22] = [
    (0, 0, "text\tlabel\nit is fine\tgood\nit is not\tbad\n"),
    (0, 0, "id\ttext_a\ttext_b\tlabel\n1\ta b\tc\t0.5\n2\td\te f\t1\n"),
    (128, 0, "text\tlabel\n\"it \"\"is\"\"\tfine\"\tgood\nplain\tbad\n"),
    (0, 0b01_00_01, "label\ttext\tother\n3\ta\tb\n4\tc\td\n"),
    (1, 0, "text,label\n\"a, b\",good\r\n\"c\nd\",bad\r\n"),
    (1, 0b0100_0000, "text;label\na;good\nb;bad\n"),
    (1, 0, "\u{feff}sep=;\r\ntext;label\r\na;3,75\r\nb;1,5\r\n"),
    (0, 0, "text\tlabel\na\t1,0\nb\t2,0\nc\t1,0\nd\t2\n"),
    (1, 0b1000_0000, "text|label\na|1\nb|2\n"),
    (1, 0b1100_0000, "text\u{e9}label\na\u{e9}x\nb\u{e9}y\n"),
    (2, 0, "{\"text\": \"a\", \"label\": \"good\"}\n{\"text\": \"b\\u00e9\", \"label\": \"bad\"}\n"),
    (
        2,
        0,
        "{\"text_a\": \"a\", \"text_b\": \"x\", \"label\": 1}\n{\"text_a\": \"b\", \"text_b\": \"y\", \"label\": 2.5}\n",
    ),
    (2, 0, "{\"words\": [\"anna\", \"is\"], \"tags\": [\"B-PER\", \"O\"]}\n"),
    (2, 0, "{\"tokens\": [\"anna\", \"is\"], \"ner_tags\": [1, 0]}\n{\"tokens\": [\"b\"], \"ner_tags\": [0]}\n"),
    (2, 0, "{\"article\": \"x\", \"question\": \"y\", \"options\": [\"a\", \"b\"], \"answer\": \"B\"}\n"),
    (0, 0, "sent1\tsent2\tending0\tending1\tending2\tlabel\nx\ty\ta\tb\tc\t2\nx\t\td\te\t\t0\n"),
    (0, 0b11_00_10, "text\tlabel\na\tB\nb\tA\n"),
    (3, 0, "anna\tB-PER\nsmith\tI-PER\n\nis\tO\n"),
    (3, 0, "-DOCSTART- -X- O O\n\nanna NNP B-NP B-PER\nis VB B-VP O\n"),
    (
        4,
        0,
        "# sent_id = 1\n1\tit\tit\tPRON\t_\t_\t2\tnsubj\t_\t_\n2-3\tisnt\t_\t_\t_\t_\t_\t_\t_\t_\n2\tis\tbe\tAUX\t_\t_\t0\troot\t_\t_\n\n",
    ),
    (5, 0, "it is fine\n\nit is not\n"),
    (0, 0, "\u{feff}text\tlabel\r\nx\t1\r\ny\t1.0\r\nz\t\r\n"),
];

pub(super) fn tables() -> Seeds {
    TABLES.iter().map(|(how, more, text)| [&[*how, *more], text.as_bytes()].concat()).collect()
}
