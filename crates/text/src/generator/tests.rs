//! What a real decoder writes, as transformers does; with and without what earlier tokens left; alone and among others.

use super::*;
use crate::TextModel;
use adaptune_adapters::Adapter;
use adaptune_tensor::Parameters;
use adaptune_test_support::assets;

/// What transformers writes, 200 tokens, the most probable one each time. The nearest second one is 0.4 % less probable.
#[rustfmt::skip]
const STORY: [u32; 200] = [
    432, 383, 286, 261, 376, 298, 315, 421, 395, 317, 426, 338, 401, 396, 267, 337, 410, 408, 419, 292, 411, 322, 265,
    282, 295, 433, 426, 385, 328, 432, 358, 394, 261, 370, 432, 352, 266, 268, 388, 426, 338, 391, 266, 267, 337, 335,
    312, 432, 398, 312, 286, 267, 414, 270, 333, 415, 426, 13, 438, 310, 439, 419, 357, 336, 432, 313, 438, 310, 432,
    278, 316, 439, 419, 298, 414, 267, 265, 282, 295, 433, 426, 436, 317, 286, 296, 418, 269, 279, 292, 416, 439, 413,
    409, 416, 327, 263, 415, 294, 267, 400, 426, 338, 336, 432, 313, 442, 391, 267, 337, 335, 364, 420, 268, 388, 432,
    398, 359, 280, 303, 439, 413, 272, 417, 264, 312, 426, 436, 13, 438, 310, 286, 296, 418, 269, 279, 292, 416, 439,
    413, 409, 416, 327, 263, 415, 294, 267, 400, 426, 338, 336, 432, 313, 442, 439, 423, 262, 304, 420, 422, 432, 317,
    426, 359, 279, 292, 416, 439, 413, 409, 416, 327, 263, 415, 294, 267, 400, 426, 436, 13, 438, 310, 279, 292, 416,
    439, 413, 391, 267, 281, 421, 427, 311, 357, 432, 384, 358, 336, 432, 313, 442,
];
#[rustfmt::skip]
const DOG: [u32; 200] = [
    286, 261, 370, 432, 352, 266, 268, 388, 426, 346, 397, 355, 267, 337, 335, 345, 268, 388, 426, 346, 397, 355, 267,
    337, 335, 345, 268, 388, 426, 346, 397, 355, 267, 337, 335, 345, 268, 388, 426, 346, 397, 355, 267, 337, 335, 345,
    268, 388, 426, 13, 441, 416, 411, 328, 432, 261, 376, 268, 414, 422, 395, 326, 280, 314, 411, 267, 265, 268, 388,
    426, 346, 394, 261, 370, 268, 388, 426, 291, 268, 388, 286, 399, 262, 423, 388, 426, 326, 391, 266, 267, 337, 335,
    265, 268, 388, 426, 346, 391, 266, 267, 337, 335, 265, 268, 388, 426, 13, 434, 288, 336, 432, 313, 442, 391, 267,
    337, 335, 265, 268, 388, 426, 359, 263, 290, 421, 272, 417, 264, 312, 426, 436, 291, 268, 388, 286, 393, 426, 326,
    269, 265, 268, 388, 337, 266, 335, 265, 268, 388, 426, 342, 337, 266, 267, 428, 316, 386, 426, 342, 381, 261, 278,
    309, 373, 272, 379, 426, 326, 269, 265, 268, 388, 337, 266, 267, 428, 316, 386, 426, 342, 381, 261, 278, 309, 373,
    272, 379, 426, 1, 403, 407, 261, 378, 432, 383, 286, 261, 376, 298, 315, 421,
];

fn stories() -> Option<Generator> {
    let model = TextModel::open(assets()?.join("models/stories260k").to_str()?).expect("a model");
    Some(model.generator().expect("a decoder"))
}

fn greedy(max_new_tokens: usize) -> GenerateOptions {
    GenerateOptions { max_new_tokens, ..GenerateOptions::default() }
}

#[test]
fn a_real_decoder_writes_what_it_writes_in_python() {
    let Some(generator) = stories() else { return };
    let found = generator.generate(&["Once upon a time", "The dog"], &greedy(200)).expect("it writes");
    assert_eq!((&found[0].tokens[..], &found[1].tokens[..]), (&STORY[..], &DOG[..]));
    assert!(found[0].text.starts_with(", there was a little girl named Lily. She loved"), "{}", found[0].text);
    let alone = generator.generate(&["The dog"], &greedy(30)).expect("it writes");
    assert_eq!(alone[0].tokens, DOG[..30], "alone it is the same");
}

/// Adapters of every kind that may stand in a decoder, with numbers in them: what earlier tokens left changes nothing.
#[test]
fn adapters_write_the_same_with_and_without_what_earlier_tokens_left() {
    let methods = [
        "lora[r=4,alpha=16]",
        "seq_bn",
        "par_bn",
        "ia3",
        "prefix_tuning_flat[prefix_length=3]",
        "prompt_tuning[prompt_length=2]",
    ];
    for method in methods {
        let Some(generator) = stories() else { return };
        let parsed = method.parse().expect("a method");
        let mut adapter = Adapter::<f32>::on("a", &parsed, &generator.base, Seed::new(1)).expect("it fits");
        for (name, parameter) in adapter.parameters_mut() {
            let seed = Seed::new(7).named(&name);
            parameter
                .values_mut()
                .iter_mut()
                .enumerate()
                .for_each(|(i, v)| *v += 1.2 * seed.unit(i as u64) as f32 - 0.6);
        }
        let generator = generator.with_adapters(adapter.into(), None).expect("it is causal");
        let by_token = States::new(&generator, 1).past.is_some();
        assert_eq!(by_token, !method.starts_with("prompt"), "{method}");
        let prompts = ["Once upon a time", "The dog", "A"];
        let found = generator.generate(&prompts, &greedy(24)).expect("it writes");
        let state = |setup: &Setup<f32>| {
            let batch = Batch::from_ids(&[&STORY[..5]]);
            let read = Base::from(&*generator.base).read(&batch, setup, Pass::evaluate(), &Selection::Last);
            read.expect("a batch").hidden
        };
        assert_ne!(state(&generator.setup), state(&Setup::None), "{method} changes something");
        for (prompt, found) in prompts.iter().zip(&found) {
            let mut ids = generator.begin(0, prompt).expect("a prompt").tokens;
            for token in &found.tokens {
                let batch = Batch::from_ids(&[&ids]);
                let base = Base::from(&*generator.base);
                let read = base.read(&batch, &generator.setup, Pass::evaluate(), &Selection::Last).expect("a batch");
                let logits = base.next_logits(read.hidden.view()).expect("an output layer");
                let next = next_token(logits.row(0), &ids, &greedy(1), Seed::new(0)).expect("finite");
                assert_eq!(next, *token, "{method}");
                ids.push(next);
            }
        }
    }
}

#[test]
fn draws_depend_on_seed_and_number_and_not_on_what_is_beside() {
    let Some(generator) = stories() else { return };
    let options = GenerateOptions { temperature: 1.0, top_k: Some(20), seed: 5, ..greedy(20) };
    let prompts = ["Once upon a time", "Once upon a time", "The dog"];
    let together = generator.generate(&prompts, &options).expect("it writes");
    assert_ne!(together[0], together[1], "the second of one prompt is drawn anew");
    let last = generator.generate_with(2, &["The dog"], &options, |_, _| {}).expect("it writes");
    assert_eq!(last[0], together[2]);
    assert_ne!(generator.generate(&prompts, &GenerateOptions { seed: 6, ..options }).expect("it writes"), together);
}

#[test]
fn writing_ends_at_stop_strings_and_at_the_end_of_the_positions() {
    let Some(generator) = stories() else { return };
    let options = GenerateOptions { stop: vec!["park".into(), " Lily".into()], ..greedy(60) };
    let mut seen = Vec::new();
    let progress = |prompt: usize, text: &str| seen.push((prompt, text.len()));
    let found = generator.generate_with(0, &["Once upon a time"], &options, progress).expect("it writes");
    assert_eq!(found[0].text, ", there was a little girl named");
    assert!(seen.len() > 5 && seen.is_sorted(), "{seen:?}");
    let long = "Once upon a time there was a dog. ".repeat(80);
    let error = generator.generate(&[long.as_str()], &greedy(5)).expect_err("it is too long").to_string();
    assert!(error.contains("fills the model's 512 positions"), "{error}");
    let fits = |n: &usize| generator.begin(0, &"the dog ".repeat(*n)).is_ok_and(|one| one.given > 480);
    let nearly = "the dog ".repeat((100..300).find(fits).expect("some length is right"));
    let found = generator.generate(&[nearly.as_str()], &greedy(400)).expect("it writes");
    let given = generator.begin(0, &nearly).expect("a prompt").given;
    assert_eq!(given + found[0].tokens.len(), 512, "up to the last position");
    for (options, words) in [
        (GenerateOptions { temperature: -1.0, ..greedy(1) }, "temperature is -1"),
        (GenerateOptions { top_p: 0.0, ..greedy(1) }, "top_p is 0"),
        (GenerateOptions { top_k: Some(0), ..greedy(1) }, "top_k is 0"),
        (GenerateOptions { stop: vec![String::new()], ..greedy(1) }, "a stop string is empty"),
    ] {
        let error = generator.generate(&["A"], &options).expect_err(words).to_string();
        assert!(error.contains(words), "{error}");
    }
}
