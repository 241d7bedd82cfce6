//! Causal language modelling: packed sequences do not see each other, marked tokens alone are learnt, less perplexity is better, and bits
//! do not depend on threads.

use adaptune_adapters::objective::{CausalLanguage, Objective};
use adaptune_adapters::{Adapter, AdapterModel, Head, HeadConfig, Method, Task};
use adaptune_tensor::{AnyParameter, Parameters, Seed};
use adaptune_train::*;
use adaptune_transformer::{Config, Encoder, Selection};
use serde_json::json;
use std::path::Path;
use std::sync::Arc;

fn model(method: &str) -> AdapterModel<f32> {
    let config = json!({
        "model_type": "llama", "vocab_size": 23, "hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2,
        "num_key_value_heads": 1, "intermediate_size": 20, "max_position_embeddings": 16, "rope_theta": 100.0,
        "tie_word_embeddings": false,
    });
    let config = Config::from_json(&config.to_string(), Path::new("config.json")).expect("a decoder");
    let base = Arc::new(Encoder::random(config, 0.3, Seed::new(1)));
    let method: Method = method.parse().expect("a method");
    let adapter = Adapter::on("a", &method, &base, Seed::new(2)).expect("it fits");
    let head = Head::new("a", &HeadConfig::new(Task::CAUSAL_LANGUAGE, vec![]), &base, Seed::new(3)).expect("a decoder");
    AdapterModel::new(base, Some(adapter), head)
}

fn sequence(token_ids: &[u32]) -> Sequence {
    Sequence { token_ids: token_ids.to_vec(), token_types: vec![0; token_ids.len()] }
}

/// Texts of several lengths in which each token says the next one.
fn texts(count: u32) -> Vec<Vec<u32>> {
    (0..count).map(|i| (0..2 + i % 5).map(|t| (i + 7 * t) % 23).collect()).collect()
}

#[test]
fn places_are_those_before_tokens_that_are_learnt() {
    let marks = vec![true, true, false, true, false, true, true];
    let packed = Example {
        sequences: vec![sequence(&[5, 6, 7, 8]), sequence(&[9]), sequence(&[10, 11])],
        target: Target::Next(marks),
    };
    let other = Example::single(vec![1, 2, 3], Target::Next(vec![false, false, true]));
    let data = Dataset::new(Task::CAUSAL_LANGUAGE, 0, vec![packed, other]).expect("sound examples");
    let objective = supervision::of::<f32>(Task::CAUSAL_LANGUAGE).objective(&data.batch(&[1, 0], Seed::new(0)));
    let expected = CausalLanguage { places: vec![1, 3, 5, 8], tokens: vec![3, 6, 8, 11] };
    assert_eq!(format!("{objective:?}"), format!("{expected:?}"));
    assert_eq!(objective.count(), 4);
    let head = HeadConfig::new(Task::CAUSAL_LANGUAGE, vec![]);
    assert_eq!(objective.selection(&head), Selection::Places(vec![1, 3, 5, 8]));
    assert_eq!(Objective::<f32>::next_tokens(&expected), Some(&[3, 6, 8, 11][..]));
}

#[test]
fn examples_that_teach_nothing_are_refused() {
    let new = |example| Dataset::new(Task::CAUSAL_LANGUAGE, 0, vec![example]).map(|_| ()).unwrap_err();
    let nothing = Example::single(vec![1, 2], Target::Next(vec![true, false]));
    assert_eq!(new(nothing), DataError::NothingToLearn { example: 0 });
    let firsts = Example { sequences: vec![sequence(&[1]), sequence(&[2])], target: Target::Next(vec![true; 2]) };
    assert_eq!(new(firsts), DataError::NothingToLearn { example: 0 });
    let short = Example::single(vec![1, 2], Target::Next(vec![true]));
    assert!(matches!(new(short), DataError::Lengths { tokens: 2, found: 1, .. }));
    assert!(matches!(new(Example::single(vec![1, 2], Target::Class(0))), DataError::Mixed { .. }));
    let masked = Dataset::new(Task::MASKED_LANGUAGE, 0, vec![Example::single(vec![1, 2], Target::Next(vec![true; 2]))]);
    assert!(matches!(masked, Err(DataError::Mixed { .. })));
}

/// In one example, in several, and in batches of any size.
#[test]
fn packed_sequences_do_not_see_each_other() {
    let (model, texts) = (model("lora[r=2]"), texts(12));
    let apart = Dataset::texts(texts.clone()).expect("sound texts");
    let packs = texts.chunks(3).map(|pack| Example {
        sequences: pack.iter().map(|text| sequence(text)).collect(),
        target: Target::Next(vec![true; pack.iter().map(Vec::len).sum()]),
    });
    let packed = Dataset::new(Task::CAUSAL_LANGUAGE, 0, packs.collect()).expect("sound examples");
    let whole = evaluate(&model, &apart, 64).expect("finite");
    assert_eq!(whole.metrics.primary(), ("perplexity", whole.loss.exp()));
    for (data, size) in [(&apart, 1), (&apart, 5), (&packed, 2), (&packed, 64)] {
        let found = evaluate(&model, data, size).expect("finite").loss;
        assert!((found - whole.loss).abs() < 1e-6, "{found} {}", whole.loss);
    }
    assert_ne!(apart.fingerprint(), packed.fingerprint());
}

fn run(data: &Dataset, accumulate: usize) -> Trained<f32> {
    let options = TrainOptions { epochs: 6, batch_size: 8, accumulate, learning_rate: 1e-2, ..TrainOptions::default() };
    let trainer = Trainer::new(model("double_seq_bn[reduction_factor=2]"), data, Some(data), options).expect("it fits");
    trainer.run(&mut ()).expect("finite")
}

fn evaluations(trained: &Trained<f32>) -> Vec<&EvaluationRecord> {
    trained.history.iter().filter_map(|r| if let Record::Evaluation(e) = r { Some(e) } else { None }).collect()
}

#[test]
fn perplexity_falls_and_the_lowest_is_best() {
    let data = Dataset::texts(texts(40)).expect("sound texts");
    let trained = run(&data, 1);
    let all = evaluations(&trained);
    let (first, best) = (all[0], all.iter().rfind(|e| e.best).expect("one is best"));
    assert!(best.primary() < 0.6 * first.primary(), "{first:?} {best:?}");
    assert!(all[1..].iter().all(|e| best.primary() <= e.primary()));
    assert!(best.merit() > first.merit());
    // Micro-batches sum up to the same, but for rounding.
    for (one, cut) in all.iter().zip(evaluations(&run(&data, 3))) {
        assert!((one.loss - cut.loss).abs() < 1e-3, "{one:?} {cut:?}");
    }
}

#[test]
fn bits_do_not_depend_on_threads() {
    let data = Dataset::texts(texts(24)).expect("sound texts");
    let values = |trained: Trained<f32>| -> Vec<u32> {
        trained
            .model
            .parameters()
            .iter()
            .flat_map(|(_, p)| p.values().iter().map(|v| v.to_bits()).collect::<Vec<_>>())
            .collect()
    };
    let runs = [1, 2, 3].map(|threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("a pool");
        pool.install(|| values(run(&data, 2)))
    });
    assert!(runs[0] == runs[1] && runs[0] == runs[2]);
}

#[test]
fn an_example_that_is_not_finite_is_named() {
    let mut model = model("seq_bn[reduction_factor=4,init_weights=bert]");
    let fill = |p: &mut dyn AnyParameter<f32>| p.values_mut().fill(1e38);
    model.parameters_mut().into_iter().filter(|(name, _)| name.contains("layer.1")).for_each(|(_, p)| fill(p));
    let data = Dataset::texts(texts(9)).expect("sound texts");
    let error = evaluate(&model, &data, 4).expect_err("too large").to_string();
    assert!(error.contains("example 1") && error.contains("in block 1"), "{error}");
}
