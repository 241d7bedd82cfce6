//! Tests of embeddings.

use super::*;
use crate::model::TextModel;
use adaptune_adapters::{Adapter, Method};
use adaptune_tensor::Seed;
use adaptune_test_support::assets;

/// As transformers computes them (`scripts/sentence_embeddings.py`): every 48th number.
const GOLDEN: [[f32; 8]; 4] = [
    [-0.0816196, 0.0540355, -0.0098921, -0.0450079, -0.0128311, 0.0074952, -0.0264644, -0.0314028],
    [-0.0364329, -0.0433689, 0.0223216, 0.0850839, -0.0602978, 0.0892834, -0.0325372, -0.0504178],
    [0.0253281, 0.0029798, 0.0115499, 0.0083121, 0.0343798, 0.0153153, -0.0334594, -0.0461298],
    [-0.0215845, 0.0598323, 0.0121499, -0.107257, -0.0039711, 0.0234461, 0.1571384, 0.0296758],
];

/// Several lengths, one of a single token and one that is too long.
fn texts() -> [String; 4] {
    [
        "The soup was warm.".into(),
        "A".into(),
        "He didn't say much, but what he said about the weather in Łódź was right: grey, with some hope of snow at night."
            .into(),
        "soup ".repeat(400),
    ]
}

#[test]
fn all_minilm_embeds_as_in_python() {
    let Some(assets) = assets() else { return };
    let folder = assets.join("models/all-minilm-l6-v2");
    let embedder = TextModel::open(&folder.to_string_lossy()).unwrap().embedder().unwrap();
    assert_eq!((embedder.tokenizer().max_length(), embedder.size()), (256, 384));
    assert!(embedder.form().is_normalized() && embedder.form().notes().is_empty());
    let found = embedder.embed(&texts()).unwrap();
    for (row, golden) in found.rows().into_iter().zip(GOLDEN) {
        let differences = golden.iter().zip(row.iter().step_by(48)).map(|(a, b)| (a - b).abs());
        assert!(differences.fold(0.0, f32::max) < 2e-6, "{row}");
    }
    for (i, text) in texts().iter().enumerate() {
        assert_eq!(embedder.embed(&[text]).unwrap().row(0), found.row(i), "alone as among others");
    }
}

fn embedder(poolings: &[TokenPooling]) -> Embedder {
    let form = EmbeddingForm::new(poolings.to_vec());
    TextModel::open("builtin").unwrap().embedder().unwrap().with_form(form).unwrap()
}

const SOME: [&str; 3] = ["maria likes the warm soup", "rain", "no rain today and maria is at home"];

#[test]
fn poolings_stand_one_behind_the_other() {
    let (first, mean, last) = (TokenPooling::First, TokenPooling::Mean, TokenPooling::Last);
    let each = [first, mean, last].map(|pooling| embedder(&[pooling]).embed(&SOME).unwrap());
    let together = embedder(&[first, mean, last]).embed(&SOME).unwrap();
    let d = each[0].ncols();
    for (i, part) in each.iter().enumerate() {
        assert_eq!(together.slice(s![.., i * d..(i + 1) * d]), *part);
    }
    assert!(each[0] != each[1] && each[1] != each[2]);
    assert_eq!(embedder(&[mean]).embed(&[""; 0]).unwrap().dim(), (0, d));
}

#[test]
fn prompts_stand_before_texts_and_may_be_left_out_of_the_mean() {
    let plain = embedder(&[TokenPooling::Mean]);
    let prompted = plain.form().clone().with_prompt("maria likes ");
    let whole = plain.embed(&["maria likes the warm soup"]).unwrap();
    let plain = plain.with_form(prompted.clone()).unwrap();
    assert_eq!(plain.embed(&["the warm soup"]).unwrap(), whole);
    let left_out = EmbeddingForm { pools_prompt: false, ..prompted };
    let embedder = plain.with_form(left_out.clone()).unwrap();
    let all = self::embedder(&[TokenPooling::Mean]);
    let prompt = all.encode("maria likes").unwrap().token_ids.len() - 1;
    assert_eq!(embedder.tokens_of_prompt().unwrap(), prompt, "the first special token too, and not the last");
    let encoded = all.encode("maria likes the warm soup").unwrap();
    let batch = Batch::from_ids(&[&encoded.token_ids[..]]);
    let hidden = Base::from(&*all.base).read(&batch, &(), Pass::evaluate(), &Selection::All).unwrap().hidden;
    let expected = hidden.slice(s![prompt.., ..]).mean_axis(Axis(0)).unwrap();
    let found = embedder.embed(&["the warm soup"]).unwrap();
    assert!((&found.row(0) - &expected).iter().all(|difference| difference.abs() < 1e-6));
    let error = left_out.with_pooling(vec![TokenPooling::First]).check(1).unwrap_err().to_string();
    assert!(error.contains("include_prompt"), "{error}");
    let error =
        self::embedder(&[TokenPooling::Mean]).form().clone().with_prompt_named("query").unwrap_err().to_string();
    assert!(error.contains("the model names none"), "{error}");
}

#[test]
fn adapters_change_embeddings_and_need_no_head() {
    let model = TextModel::open("builtin").unwrap();
    let method: Method = "lora[r=2,alpha=7,init_weights=bert]".parse().unwrap();
    let adapter = Adapter::on("mine", &method, model.base(), Seed::new(3)).unwrap();
    let folder = tempfile::tempdir().unwrap();
    adaptune_adapters::format::save_headless(&adapter, model.base(), folder.path()).unwrap();
    let (plain, adapted) =
        (model.embed(&SOME).unwrap(), model.embedder_with(folder.path()).unwrap().embed(&SOME).unwrap());
    assert_eq!(plain.dim(), adapted.dim());
    assert!((&plain - &adapted).iter().any(|difference| difference.abs() > 1e-3));
}

#[test]
fn rows_of_a_table_keep_their_order_and_blank_ones_have_none() {
    let embedder = embedder(&[TokenPooling::Max]);
    let table = Table::of_texts(&[SOME[0], " ", SOME[1], SOME[2]]);
    let mut found = Vec::new();
    let notes = embedder
        .embed_rows(&table, 2, |row, vector| {
            found.push((row.line, vector.map(|vector| vector.to_owned())));
            Ok(())
        })
        .unwrap();
    let expected = embedder.embed(&SOME).unwrap();
    let row = |i: usize| Some(expected.row(i).to_owned());
    assert_eq!(found, [(1, row(0)), (2, None), (3, row(1)), (4, row(2))]);
    assert!(notes.is_empty());
    let words = Table { kind: TableKind::Words, ..table };
    assert!(Embedder::check(&words).unwrap_err().to_string().contains("a vector is made of one text"));
}

#[test]
fn a_form_that_does_not_fit_is_refused() {
    let model = TextModel::open("builtin").unwrap();
    let form = EmbeddingForm::of(model.source()).unwrap();
    assert!(form.notes()[0].contains("the mean over all tokens is taken"), "{:?}", form.notes());
    let none = model.embedder().unwrap().with_form(form.clone().with_pooling(Vec::new())).unwrap_err().to_string();
    assert!(none.contains("no pooling is chosen"), "{none}");
    let twice = form.clone().with_normalization(true).with_normalization(true);
    assert!(twice.is_normalized() && !form.is_normalized());
    assert_eq!(twice.with_normalization(false), form);
}

#[test]
fn vectors_are_trained_and_read_as_they_were() {
    use crate::table::TableOptions;
    use crate::{RunFile, TaskChoice};
    use adaptune_adapters::Pooling;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("pairs.tsv");
    let rows: String = (0..12).map(|i| format!("{}\t{}\t{}\n", SOME[i % 3], SOME[i / 3 % 3], i % 4)).collect();
    std::fs::write(&path, format!("sentence1\tsentence2\tscore\n{rows}")).unwrap();
    let table = Table::read_with(&path, &TableOptions { compared: true, ..TableOptions::default() }).unwrap();
    let model = TextModel::open("builtin").unwrap();
    let training = model.training("lora").task(TaskChoice::Embedding).pooling(Pooling::Max).epochs(1);
    let trained = training.dev(&table).run(&table).unwrap();
    assert!(trained.notes.iter().any(|note| note == "scored pairs"), "{:?}", trained.notes);
    let out = folder.path().join("out");
    trained.save(&out).unwrap();
    let run = RunFile::read(&out).unwrap().unwrap().embedding.unwrap();
    assert_eq!((run.pooling, run.loss.as_str(), run.normalize), (TokenPooling::Max, "cosent[scale=20]", true));
    let embedder = model.embedder_with(&out).unwrap();
    assert_eq!(embedder.form().pooling(), [TokenPooling::Max]);
    assert!((embedder.embed(&SOME).unwrap().row(1).dot(&embedder.embed(&SOME).unwrap().row(1)) - 1.0).abs() < 1e-5);
    let pairs = Table::read(&path).unwrap_err().to_string();
    assert!(pairs.contains("--text-column sentence1"), "{pairs}");
}
