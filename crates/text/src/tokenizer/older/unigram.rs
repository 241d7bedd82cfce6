//! The most probable pieces (Kudo, 2018) out of SentencePiece's `spm.model`.

use super::files::Files;
use super::protobuf::{Field, fields};
use super::special::SpecialTokens;
use crate::error::Result;
use serde_json::{Value, json};

const FILE: &str = "spm.model";

/// What a file of SentencePiece says.
#[derive(Debug, Default, PartialEq)]
struct Model {
    pieces: Vec<Piece>,
    /// 1 is the algorithm that is known.
    algorithm: u64,
    unknown: u64,
    /// Its normalisation, as SentencePiece has compiled it.
    charsmap: Vec<u8>,
}

#[derive(Debug, Default, PartialEq)]
struct Piece {
    text: String,
    score: f32,
    kind: u64,
}

/// Pieces that are no part of texts, and those that somebody has added.
const CONTROL: u64 = 3;
const ADDED: u64 = 4;
const UNIGRAM: u64 = 1;

pub(super) fn made(files: &Files<'_>, special: &SpecialTokens) -> Result<Value> {
    let model = Model::read(&files.bytes(FILE)?).map_err(|why| files.refused(FILE, &why))?;
    if model.algorithm != UNIGRAM {
        return Err(files.refused(FILE, "it was trained with another algorithm than Unigram"));
    }
    if model.unknown as usize >= model.pieces.len() {
        return Err(
            files.refused(FILE, &format!("its unknown piece is number {} of {}", model.unknown, model.pieces.len()))
        );
    }
    let id = |token: &str| model.pieces.iter().position(|piece| piece.text == token).map(|id| id as u64);
    let mut added = special.added(files, id, model.pieces.len() as u64);
    for (id, piece) in model.pieces.iter().enumerate().filter(|(_, piece)| [CONTROL, ADDED].contains(&piece.kind)) {
        if !added.iter().any(|entry| entry["content"] == piece.text) {
            added.push(json!({
                "id": id, "content": piece.text, "single_word": false, "lstrip": false, "rstrip": false, "normalized": false,
                "special": piece.kind == CONTROL,
            }));
        }
    }
    added.sort_by_key(|entry| entry["id"].as_u64());
    let pieces: Vec<Value> = model.pieces.iter().map(|piece| json!([piece.text, piece.score])).collect();
    let space = json!({"type": "Metaspace", "replacement": "▁", "prepend_scheme": "always", "split": true});
    let punctuation = files.flag("split_by_punct").then(|| json!({"type": "Punctuation", "behavior": "Isolated"}));
    let splits: Vec<&Value> = punctuation.iter().chain([&space]).collect();
    Ok(json!({
        "version": "1.0", "truncation": null, "padding": null,
        "post_processor": special.template(files, FILE, &added, 1)?,
        "added_tokens": added,
        "normalizer": {"type": "Sequence", "normalizers": normalizers(files, &model.charsmap)},
        "pre_tokenizer": {"type": "Sequence", "pretokenizers": splits},
        "decoder": space,
        "model": {"type": "Unigram", "unk_id": model.unknown, "vocab": pieces, "byte_fallback": false},
    }))
}

fn normalizers(files: &Files<'_>, charsmap: &[u8]) -> Vec<Value> {
    let mut all = Vec::new();
    all.extend(files.flag("do_lower_case").then(|| json!({"type": "Lowercase"})));
    all.push(json!({"type": "Strip", "strip_left": true, "strip_right": true}));
    if !charsmap.is_empty() {
        all.push(json!({"type": "Precompiled", "precompiled_charsmap": base64(charsmap)}));
    }
    all.push(json!({"type": "Replace", "pattern": {"Regex": " {2,}"}, "content": " "}));
    all
}

impl Model {
    fn read(bytes: &[u8]) -> Result<Self, String> {
        let damaged = |at: usize| format!("it is no file of SentencePiece: it is damaged at byte {at}");
        let mut model = Self { algorithm: UNIGRAM, ..Self::default() };
        for (number, field) in fields(bytes).map_err(damaged)? {
            let Field::Bytes(bytes) = field else { continue };
            match number {
                1 => model.pieces.push(Piece::read(bytes)?),
                2 => model.read_trainer(bytes)?,
                3 => model.read_normalizer(bytes)?,
                _ => {}
            }
        }
        if model.pieces.is_empty() {
            return Err("it is no file of SentencePiece: it has no pieces".into());
        }
        Ok(model)
    }

    fn read_trainer(&mut self, bytes: &[u8]) -> Result<(), String> {
        for field in inner(bytes)? {
            match field {
                (3, Field::Number(algorithm)) => self.algorithm = algorithm,
                (40, Field::Number(unknown)) => self.unknown = unknown,
                _ => {}
            }
        }
        Ok(())
    }

    fn read_normalizer(&mut self, bytes: &[u8]) -> Result<(), String> {
        for field in inner(bytes)? {
            if let (2, Field::Bytes(charsmap)) = field {
                self.charsmap = charsmap.to_vec();
            }
        }
        Ok(())
    }
}

impl Piece {
    fn read(bytes: &[u8]) -> Result<Self, String> {
        let mut piece = Self { kind: 1, ..Self::default() };
        for field in inner(bytes)? {
            match field {
                (1, Field::Bytes(text)) => piece.text = String::from_utf8_lossy(text).into_owned(),
                (2, Field::Single(score)) => piece.score = score,
                (3, Field::Number(kind)) => piece.kind = kind,
                _ => {}
            }
        }
        match piece.score.is_finite() {
            true => Ok(piece),
            false => Err(format!("the score of its piece {:?} is no finite number", piece.text)),
        }
    }
}

fn inner(bytes: &[u8]) -> Result<Vec<(u64, Field<'_>)>, String> {
    fields(bytes).map_err(|at| format!("it is no file of SentencePiece: a part of it is damaged at its byte {at}"))
}

/// The bytes as text, as a `tokenizer.json` has them.
fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for three in bytes.chunks(3) {
        let number = (0..3).fold(0_usize, |number, i| number << 8 | usize::from(three.get(i).copied().unwrap_or(0)));
        let digit = |i: usize| char::from(DIGITS[number >> (18 - 6 * i) & 63]);
        text.extend((0..4).map(|i| if i <= three.len() { digit(i) } else { '=' }));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_written_as_everybody_writes_them() {
        for (bytes, text) in [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foob", "Zm9vYg==")] {
            assert_eq!(base64(bytes.as_bytes()), text);
        }
        assert_eq!(base64(&[0xFB, 0xFF, 0xFE]), "+//+");
    }
}
