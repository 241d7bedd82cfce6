//! Tests against small tokenizers written here, and against ids that Python's `tokenizers` gave.

use super::*;
use crate::table::{Row, TableKind};
use adaptune_test_support::assets;
use serde_json::{Value, json};
use tempfile::TempDir;

fn folder(tokenizer: &Value) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("tokenizer.json"), tokenizer.to_string()).unwrap();
    folder
}

fn tokenizer(tokenizer: &Value, max_length: usize) -> Tokenizer {
    Tokenizer::from_dir(folder(tokenizer).path(), max_length).unwrap()
}

/// A vocabulary that gives each token its place.
fn vocabulary(tokens: &[&str]) -> Value {
    tokens
        .iter()
        .enumerate()
        .map(|(id, &token)| (token.to_owned(), json!(id)))
        .collect::<serde_json::Map<_, _>>()
        .into()
}

/// Word pieces as BERT has them. The file asks for padding and cutting, which must not happen behind our back.
fn bert() -> Value {
    let tokens = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "a", "b", "c", "d", "##s", "e", "f"];
    json!({
        "version": "1.0",
        "truncation": {"max_length": 3, "strategy": "LongestFirst", "stride": 0, "direction": "Right"},
        "padding": {
            "strategy": {"Fixed": 9}, "direction": "Right", "pad_to_multiple_of": null,
            "pad_id": 0, "pad_type_id": 0, "pad_token": "[PAD]"
        },
        "added_tokens": [],
        "normalizer": {
            "type": "BertNormalizer", "clean_text": true, "handle_chinese_chars": true,
            "strip_accents": null, "lowercase": true
        },
        "pre_tokenizer": {"type": "BertPreTokenizer"},
        "post_processor": {"type": "BertProcessing", "sep": ["[SEP]", 3], "cls": ["[CLS]", 2]},
        "decoder": null,
        "model": {
            "type": "WordPiece", "unk_token": "[UNK]", "continuing_subword_prefix": "##",
            "max_input_chars_per_word": 100, "vocab": vocabulary(&tokens)
        }
    })
}

/// Bytes as GPT-2 has them: `Ġ` is a space, no special tokens, and words differ by the space before them.
fn gpt2() -> Value {
    json!({
        "version": "1.0", "truncation": null, "padding": null, "added_tokens": [], "normalizer": null,
        "pre_tokenizer": {"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true, "use_regex": true},
        "post_processor": null, "decoder": null,
        "model": {
            "type": "BPE", "dropout": null, "unk_token": null, "continuing_subword_prefix": null,
            "end_of_word_suffix": null, "fuse_unk": false, "byte_fallback": false,
            "vocab": vocabulary(&["a", "b", "Ġ", "Ġa", "Ġab"]), "merges": ["Ġ a", "Ġa b"]
        }
    })
}

fn single(text: &str) -> Text {
    Text::Single(text.into())
}

fn pair(a: &str, b: &str) -> Text {
    Text::Pair(a.into(), b.into())
}

fn words(words: &[&str]) -> Text {
    Text::Words(words.iter().map(|&word| word.to_owned()).collect())
}

fn table(texts: Vec<Text>) -> Table {
    let row =
        |(i, text)| Row { text, label: None, labels: None, answers: None, tags: vec![], line: i + 1, fields: vec![] };
    let rows = texts.into_iter().enumerate().map(row).collect();
    Table {
        rows,
        kind: TableKind::Single,
        name: "dev.tsv".into(),
        header: vec![],
        columns: Default::default(),
        dialect: None,
        notes: vec![],
    }
}

#[test]
fn texts_get_special_tokens_and_keep_their_own_length() {
    let encoded = tokenizer(&bert(), 20).encode(&single("A bs, zz")).unwrap();
    assert_eq!(encoded.token_ids, [2, 4, 5, 8, 1, 1, 3]);
    assert_eq!(encoded.token_types, [0; 7]);
    assert_eq!((encoded.truncated, encoded.word_starts), (false, None));
}

#[test]
fn pairs_have_two_types() {
    let encoded = tokenizer(&bert(), 20).encode(&pair("a b", "c")).unwrap();
    assert_eq!(encoded.token_ids, [2, 4, 5, 3, 6, 3]);
    assert_eq!(encoded.token_types, [0, 0, 0, 0, 1, 1]);
}

#[test]
fn long_texts_lose_their_end_but_no_special_token() {
    let exact = tokenizer(&bert(), 6).encode(&single("a b c d")).unwrap();
    assert_eq!((exact.token_ids, exact.truncated), (vec![2, 4, 5, 6, 7, 3], false));
    let cut = tokenizer(&bert(), 5).encode(&single("a b c d")).unwrap();
    assert_eq!((cut.token_ids, cut.truncated), (vec![2, 4, 5, 6, 3], true));
}

#[test]
fn the_longer_text_of_a_pair_is_cut_first() {
    let ids = |max_length, a, b| tokenizer(&bert(), max_length).encode(&pair(a, b)).unwrap().token_ids;
    assert_eq!(ids(7, "a", "b c d e"), [2, 4, 3, 5, 6, 7, 3]);
    assert_eq!(ids(7, "b c d e", "a"), [2, 5, 6, 7, 3, 4, 3]);
    assert_eq!(
        ids(8, "a b c d", "b c d e"),
        [2, 4, 5, 3, 5, 6, 7, 3],
        "the odd token goes to the second of two equals"
    );
    let cut = tokenizer(&bert(), 6).encode(&pair("a b c d", "e")).unwrap();
    assert_eq!((cut.token_types, cut.truncated), (vec![0, 0, 0, 0, 1, 1], true));
}

#[test]
fn room_is_shared_by_the_rule() {
    for (a, b, room, expected) in [
        (3, 4, 9, (3, 4)),
        (0, 9, 4, (0, 4)),
        (2, 9, 6, (2, 4)),
        (9, 2, 6, (4, 2)),
        (9, 8, 7, (4, 3)),
        (5, 5, 7, (3, 4)),
    ] {
        assert_eq!(longest_first(a, b, room), expected, "{a} {b} {room}");
    }
}

#[test]
fn the_first_token_of_a_word_is_known() {
    let encoded = tokenizer(&bert(), 20).encode(&words(&["as", "\u{ad}", "b,c", "d"])).unwrap();
    assert_eq!(encoded.token_ids, [2, 4, 8, 5, 1, 6, 7, 3]);
    assert_eq!(encoded.word_starts, Some(vec![Some(1), None, Some(3), Some(6)]));
    assert_eq!(encoded.words_without_token(), [1]);
}

#[test]
fn words_beyond_the_cut_have_no_token() {
    let encoded = tokenizer(&bert(), 5).encode(&words(&["as", "bs", "c", "d"])).unwrap();
    assert_eq!(encoded.token_ids, [2, 4, 8, 5, 3]);
    assert_eq!(encoded.word_starts, Some(vec![Some(1), Some(3), None, None]));
    assert_eq!((encoded.truncated, encoded.words_without_token()), (true, vec![2, 3]));
}

#[test]
fn byte_level_words_get_their_space_back() {
    let tokenizer = tokenizer(&gpt2(), 4);
    assert_eq!(tokenizer.encode(&single("ab ab")).unwrap().token_ids, [0, 1, 4]);
    let encoded = tokenizer.encode(&words(&["ab", "a", "ab", "aa", "b"])).unwrap();
    assert_eq!((encoded.token_ids, encoded.truncated), (vec![4, 3, 4, 3], true));
    assert_eq!(encoded.word_starts, Some(vec![Some(0), Some(1), Some(2), Some(3), None]));
}

#[test]
fn without_special_tokens_all_room_is_for_text() {
    let tokenizer = tokenizer(&gpt2(), 3);
    assert_eq!(tokenizer.encode(&single("aaaaa")).unwrap().token_ids, [0, 0, 0]);
    assert_eq!(tokenizer.encode(&pair("aaaaa", "bbb")).unwrap().token_ids, [0, 0, 1]);
    assert_eq!(tokenizer.encode(&pair("a", "bbbbb")).unwrap().token_ids, [0, 1, 1]);
}

#[test]
fn a_table_is_encoded_whole_and_its_losses_counted() {
    let tokenizer = tokenizer(&bert(), 4);
    let texts = vec![single("a b c"), single("a"), words(&["a", "b", "c"]), words(&["\u{ad}", "d"])];
    let encoded = tokenizer.encode_all(&table(texts)).unwrap();
    assert_eq!(encoded.rows.iter().map(|row| row.token_ids.len()).collect::<Vec<_>>(), [4, 3, 4, 3]);
    assert_eq!((encoded.truncated, encoded.words_without_token), (2, 2));
}

#[test]
fn a_text_without_tokens_is_named() {
    let message = tokenizer(&gpt2(), 4).encode_all(&table(vec![single("a"), single("xyz")])).unwrap_err().to_string();
    assert!(message.starts_with("dev.tsv, line 2: the text yields no token"), "{message}");
}

#[test]
fn a_length_without_room_is_refused() {
    let folder = folder(&bert());
    for max_length in [0, 1, 2] {
        let message = Tokenizer::from_dir(folder.path(), max_length).unwrap_err().to_string();
        assert!(message.contains("leaves no room for text: this tokenizer adds 2 special tokens"), "{message}");
    }
    let smallest = Tokenizer::from_dir(folder.path(), 3).unwrap();
    assert_eq!(smallest.encode(&single("a b")).unwrap().token_ids, [2, 4, 3]);
    let message = format!("{:#}", smallest.encode_all(&table(vec![pair("a", "b")])).unwrap_err());
    assert!(message.starts_with("dev.tsv, line 1: a length of 3 tokens leaves no room"), "{message}");
}

#[test]
fn the_size_of_the_vocabulary_counts_gaps() {
    let mut sparse = bert();
    sparse["model"]["vocab"]["##s"] = json!(41);
    assert_eq!(tokenizer(&sparse, 9).vocabulary_size(), 42);
    assert_eq!(tokenizer(&gpt2(), 9).vocabulary_size(), 5);
}

#[test]
fn a_tokenizer_that_knows_more_than_the_model_is_refused() {
    let known = tokenizer(&bert(), 9);
    assert!(known.check_vocabulary(11).is_ok() && known.check_vocabulary(30).is_ok());
    let message = known.check_vocabulary(10).unwrap_err().to_string();
    assert!(message.contains("token ids up to 10, but the model's vocabulary ends at 9"), "{message}");
}

#[test]
fn a_missing_or_broken_file_is_named() {
    let empty = tempfile::tempdir().unwrap();
    let message = Tokenizer::from_dir(empty.path(), 9).unwrap_err().to_string();
    assert!(message.contains("expected tokenizer.json, found no file of a tokenizer"), "{message}");
    assert!(message.contains("AutoTokenizer.from_pretrained") && message.contains(".save_pretrained("), "{message}");
    std::fs::write(empty.path().join("spiece.model"), "a\n").unwrap();
    let message = Tokenizer::from_dir(empty.path(), 9).unwrap_err().to_string();
    assert!(message.contains("found only the older form, spiece.model"), "{message}");
    for broken in ["", "{}", "{\"model\": 3}", "not json"] {
        std::fs::write(empty.path().join("tokenizer.json"), broken).unwrap();
        let message = format!("{:#}", Tokenizer::from_dir(empty.path(), 9).unwrap_err());
        assert!(message.contains("tokenizer.json is not a tokenizer that can be read: "), "{message}");
    }
}

/// Ids as Python's `tokenizers` 0.22 gives them for the same file.
#[test]
fn sentences_of_sst2_are_tokenised_as_in_python() {
    let Some(assets) = assets() else { return };
    let dir = assets.join("models/all-minilm-l6-v2");
    let dev = Table::read(assets.join("data/sst2/dev.tsv")).unwrap();
    let ids = Tokenizer::from_dir(&dir, 128).unwrap().encode_all(&dev).unwrap();
    assert_eq!(ids.rows[0].token_ids, [101, 2028, 2146, 5164, 1997, 18856, 17322, 2015, 102]);
    assert_eq!(
        ids.rows[1].token_ids,
        [
            101, 2065, 2017, 1005, 2310, 2412, 21474, 1996, 9366, 1997, 2725, 2054, 1996, 2516, 1997, 2023, 2143,
            12748, 1010, 2054, 3348, 2007, 12358, 2941, 3065, 2089, 2404, 2017, 2125, 1996, 2801, 5091, 102
        ]
    );
    assert_eq!((ids.rows.len(), ids.truncated), (dev.rows.len(), 0));
    let short = Tokenizer::from_dir(&dir, 12).unwrap();
    assert_eq!(
        short.encode(&dev.rows[1].text).unwrap().token_ids,
        [101, 2065, 2017, 1005, 2310, 2412, 21474, 1996, 9366, 1997, 2725, 102]
    );
    assert_eq!(short.vocabulary_size(), 30_522);
}

#[test]
fn pairs_and_words_are_tokenised_as_in_python() {
    let Some(assets) = assets() else { return };
    let dir = assets.join("models/all-minilm-l6-v2");
    let hats = ["A man with a hard hat is dancing.", "A man wearing a hard hat is dancing."];
    let ids = |max_length, a, b| Tokenizer::from_dir(&dir, max_length).unwrap().encode(&pair(a, b)).unwrap();
    let cut = ids(16, hats[0], hats[1]);
    assert_eq!(
        cut.token_ids,
        [101, 1037, 2158, 2007, 1037, 2524, 6045, 102, 1037, 2158, 4147, 1037, 2524, 6045, 2003, 102]
    );
    assert_eq!(cut.token_types, [0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1]);
    let longer_first = ids(11, hats[1], "short one");
    assert_eq!(longer_first.token_ids, [101, 1037, 2158, 4147, 1037, 2524, 6045, 102, 2460, 2028, 102]);
    let split = words(&["Umbrellas", "\u{200b}", "don't", "x"]);
    let encoded = Tokenizer::from_dir(&dir, 128).unwrap().encode(&split).unwrap();
    assert_eq!(encoded.token_ids, [101, 12_977, 2015, 2123, 1005, 1056, 1060, 102]);
    assert_eq!(encoded.word_starts, Some(vec![Some(1), None, Some(3), Some(6)]));
}

/// Texts of so many words, some of them strange.
fn long(seed: usize, words: usize) -> String {
    const WORDS: [&str; 14] = [
        "a",
        "b",
        "as",
        "ab",
        "e\u{301}",
        "\u{4f60}",
        "a  b",
        "a,b",
        "\u{0}",
        " ",
        "\n",
        "a\u{a0}b",
        "abababab",
        "\u{1F600}",
    ];
    (0..words).map(|i| WORDS[(i * i + seed * (i + 3)) % WORDS.len()]).collect::<Vec<_>>().join(" ")
}

/// What is looked at of long texts does not show.
#[test]
fn long_texts_give_the_tokens_that_they_give_as_a_whole() {
    for definition in [bert(), gpt2()] {
        for max_length in [5, 6, 8] {
            let cutting = tokenizer(&definition, max_length);
            let whole = Tokenizer { cuts: false, ..cutting.clone() };
            assert!(cutting.cuts);
            for seed in 0..40 {
                let (a, b) = (long(seed, 60 + seed), long(seed + 7, seed * 3));
                let texts =
                    [Text::Single(a.clone()), Text::Pair(a.clone(), b.clone()), Text::Pair(b, long(seed + 1, 200))];
                for text in texts {
                    assert_eq!(cutting.encode(&text).unwrap(), whole.encode(&text).unwrap(), "{max_length}, {text:?}");
                }
            }
        }
    }
}

#[test]
fn of_many_words_the_first_are_looked_at() {
    let tokenizer = tokenizer(&bert(), 5);
    let words: Vec<String> = (0..500).map(|i| if i % 3 == 0 { "\u{0}" } else { "as" }.to_owned()).collect();
    let encoded = tokenizer.encode(&Text::Words(words.clone())).unwrap();
    assert_eq!((encoded.token_ids.len(), encoded.truncated), (5, true));
    let starts = encoded.word_starts.unwrap();
    assert_eq!((starts.len(), &starts[..4]), (500, &[None, Some(1), Some(3), None][..]));
    assert!(tokenizer.of_words(&words).unwrap().len() < 60, "not all of them");
}

/// Ten million bytes for six tokens.
#[test]
fn a_very_long_text_takes_no_longer_than_its_beginning() {
    let tokenizer = tokenizer(&bert(), 6);
    let text = "as b ".repeat(2_000_000);
    assert!(tokenizer.of_texts(&[&text]).unwrap().len() < 200);
    let encoded = tokenizer.encode(&single(&text)).unwrap();
    assert_eq!((encoded.token_ids, encoded.truncated), (vec![2, 4, 8, 5, 4, 3], true));
}

#[test]
fn other_tokenizers_get_every_text_whole() {
    let mut fixed = bert();
    fixed["pre_tokenizer"] = json!({"type": "FixedLength", "length": 3});
    let mut replacing = bert();
    replacing["normalizer"] = json!({"type": "Replace", "pattern": {"String": "a b"}, "content": "c"});
    let mut across = bert();
    across["added_tokens"] = json!([{"id": 9, "content": "a b", "single_word": false, "lstrip": false, "rstrip": false,
        "normalized": false, "special": false}]);
    for definition in [fixed, replacing, across] {
        assert!(!tokenizer(&definition, 8).cuts, "{definition}");
    }
}
