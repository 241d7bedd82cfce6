//! Causal language modelling: losses and gradients of adapters in decoders are what transformers, AdapterHub and PEFT compute, and follow
//! finite differences, thawed output layers among them; micro-batches give the sum; the other direction is refused.

use crate::common;
use crate::families::{base_of, check_probe, hub_model, kinds, list, peft_folder, text};
use adaptune_adapters::objective::{CausalLanguage, MaskedLanguage, Objective};
use adaptune_adapters::{Adapter, AdapterModel, Head, HeadConfig, HeadError, Pooling, Task, format};
use adaptune_autograd::check_gradients;
use adaptune_tensor::{Gradients, Parameters, Scalar, Seed};
use adaptune_transformer::{Batch, Config, Encoder, Pass, Thaw, Thawed};
use serde_json::{Value, json};
use std::path::Path;
use std::sync::Arc;

/// A sequence with, for each token, whether it is learnt.
type Marked = (Vec<u32>, Vec<bool>);

fn objective(texts: &[Marked]) -> (Batch, CausalLanguage) {
    let (mut places, mut tokens, mut first) = (Vec::new(), Vec::new(), 0);
    for (ids, counts) in texts {
        let learnt: Vec<usize> = (1..ids.len()).filter(|place| counts[*place]).collect();
        places.extend(learnt.iter().map(|place| first + place - 1));
        tokens.extend(learnt.iter().map(|place| ids[*place]));
        first += ids.len();
    }
    let ids: Vec<&[u32]> = texts.iter().map(|(ids, _)| &ids[..]).collect();
    (Batch::from_ids(&ids), CausalLanguage { places, tokens })
}

fn head<S: Scalar>(base: &Encoder<S>) -> Head<S> {
    Head::new("next", &HeadConfig::new(Task::CAUSAL_LANGUAGE, vec![]), base, Seed::new(1)).expect("a decoder")
}

fn loss<S: Scalar>(model: &AdapterModel<S>, texts: &[Marked], weight: S) -> (S, Gradients<S>) {
    let ((batch, objective), mut gradients) = (objective(texts), Gradients::new());
    let loss = model.loss_and_gradients(&batch, &objective, weight, Pass::differentiate(), &mut gradients);
    (loss.expect("a good batch"), gradients)
}

fn check_case<S: Scalar>(name: &str, case: &Value, tolerance: f64) {
    let base = base_of::<S>(case);
    let ids: Vec<Vec<u32>> = serde_json::from_value(case["ids"].clone()).expect("tokens");
    let counts: Vec<Vec<bool>> = serde_json::from_value(case["counts"].clone()).expect("marks");
    let texts: Vec<Marked> = ids.into_iter().zip(counts).collect();
    let weight = S::from_f64(1.0 / objective(&texts).1.tokens.len() as f64);
    let of_hub = list(&case["adapters"]).iter().map(|run| (run, hub_model(&base, text(&run["method"]), head(&base))));
    let of_peft = (&case["peft"], peft_model(case, &base));
    for (run, model) in of_hub.chain([of_peft]) {
        let name = format!("{name}, {}", run["method"]);
        let (found, gradients) = loss(&model, &texts, weight);
        let expected = run["loss"].as_f64().expect("a number");
        assert!((found.to_f64() - expected).abs() < tolerance, "{name}: {found} and {expected}");
        let (batch, objective) = objective(&texts);
        assert_eq!(model.loss(&batch, &objective, weight).expect("a good batch"), found, "{name}");
        for (kind, gradient) in kinds(&model, &gradients, &run["gradients"]) {
            let expected = &run["gradients"][&kind];
            check_probe(&format!("{name}: the gradient of {kind}"), &gradient, expected, 20.0 * tolerance);
        }
    }
}

fn peft_model<S: Scalar>(case: &Value, base: &Arc<Encoder<S>>) -> AdapterModel<S> {
    let folder = peft_folder(case);
    let adapter = format::load_peft(folder.path(), base).unwrap_or_else(|e| panic!("{e}"));
    AdapterModel::new(base.clone(), Some(adapter), head(base))
}

/// In double precision nearly all digits, in single precision as many as there are.
#[test]
fn losses_and_gradients_are_those_of_python() {
    let text = std::fs::read_to_string(common::folder("causal_language.json")).expect("it is in the repository");
    let cases: Value = serde_json::from_str(&text).expect("JSON");
    for (name, case) in cases.as_object().expect("a map") {
        check_case::<f64>(name, case, 1e-9);
        check_case::<f32>(name, case, 2e-5);
    }
}

/// With grouped heads of a size of their own.
fn decoder(untied_output: bool) -> Arc<Encoder<f64>> {
    let config = json!({
        "model_type": "llama", "vocab_size": 13, "hidden_size": 8, "num_hidden_layers": 2, "num_attention_heads": 2,
        "num_key_value_heads": 1, "head_dim": 6, "intermediate_size": 10, "max_position_embeddings": 9, "rms_norm_eps": 1e-3,
        "rope_theta": 50.0, "tie_word_embeddings": !untied_output, "attention_bias": true, "mlp_bias": true,
    });
    let config = Config::from_json(&config.to_string(), Path::new("config.json")).expect("a decoder");
    Arc::new(Encoder::random(config, 0.4, Seed::new(3)))
}

fn texts() -> Vec<Marked> {
    let all = |ids: &[u32]| (ids.to_vec(), vec![true; ids.len()]);
    let some = (vec![9, 2, 6, 5, 12, 1], vec![true, false, false, true, false, true]);
    vec![all(&[3, 1, 4, 1]), all(&[5]), some, all(&[11, 0])]
}

fn random_model(method: Option<&str>, untied: bool) -> AdapterModel<f64> {
    let base = decoder(untied);
    let adapter =
        method.map(|method| Adapter::on("a", &method.parse().expect(method), &base, Seed::new(5)).expect(method));
    let thawed = method.is_none().then(|| Thawed::new(&base, Thaw::ALL, false));
    let head = head(&base);
    let mut model = AdapterModel::new(base, adapter, head).with_thawed(thawed);
    for (name, parameter) in model.parameters_mut() {
        let seed = Seed::new(7).named(&name);
        parameter.values_mut().iter_mut().enumerate().for_each(|(i, v)| *v += 0.8 * seed.unit(i as u64) - 0.4);
    }
    model
}

#[test]
fn gradients_follow_finite_differences() {
    let methods = [
        Some("lora[r=2,alpha=3,attn_matrices=[q,k,v,o],intermediate_lora=True,output_lora=True]"),
        Some("double_seq_bn[reduction_factor=3,non_linearity=gelu]"),
        Some("prefix_tuning[prefix_length=2,bottleneck_size=3]"),
        Some("prompt_tuning[prompt_length=2]"),
        None,
    ];
    for (method, untied) in methods.into_iter().flat_map(|method| [(method, false), (method, true)]) {
        let (mut model, texts) = (random_model(method, untied), texts());
        let (_, gradients) = loss(&model, &texts, 0.3);
        let count = model.parameters().len();
        assert_eq!(gradients.len(), count, "{method:?}: every tensor has a gradient");
        for i in 0..count {
            let (name, slot, point) = {
                let (name, parameter) = model.parameters().swap_remove(i);
                (name, parameter.slot().expect("everything trains"), parameter.values().to_vec())
            };
            let gradient: Vec<f64> = gradients.get(slot).expect("it has one").iter().copied().collect();
            let f = |x: &[f64]| {
                model.parameters_mut().swap_remove(i).1.values_mut().copy_from_slice(x);
                loss(&model, &texts, 0.3).0
            };
            check_gradients(f, &point, &gradient).unwrap_or_else(|e| panic!("{method:?}, {untied}: {name}: {e}"));
            model.parameters_mut().swap_remove(i).1.values_mut().copy_from_slice(&point);
        }
    }
}

/// The pieces are what the logits of the head give, which are the plain version.
#[test]
fn pieces_are_what_logits_give_and_micro_batches_their_sum() {
    let (model, texts) = (random_model(Some("seq_bn[reduction_factor=2]"), true), texts());
    let (whole, gradients) = loss(&model, &texts, 0.3);
    let (batch, objective) = objective(&texts);
    let (logits, plain) = model.logits_and_loss(&batch, &objective, 0.3).expect("a good batch");
    assert_eq!(logits.dim(), (objective.tokens.len(), 13));
    assert!((whole - plain).abs() < 1e-12);
    let (mut sum, mut parts) = (0.0, Gradients::new());
    for part in texts.chunks(2) {
        let (batch, objective) = self::objective(part);
        sum +=
            model.loss_and_gradients(&batch, &objective, 0.3, Pass::differentiate(), &mut parts).expect("a good batch");
    }
    assert!((whole - sum).abs() < 1e-12);
    for (name, parameter) in model.parameters() {
        let slot = parameter.slot().expect("it trains");
        let (a, b) = (gradients.get(slot).expect("it has one"), parts.get(slot).expect("it has one"));
        assert!(a.iter().zip(b.iter()).all(|(a, b)| (a - b).abs() < 1e-12), "{name}");
    }
}

#[test]
fn what_goes_in_the_other_direction_is_refused() {
    let refused = |base: &Encoder<f64>, task: Task| {
        Head::new("a", &HeadConfig::new(task, vec![]), base, Seed::new(1)).map(|_| ()).expect_err("it does not fit")
    };
    let encoder = Encoder::<f64>::random(Config { vocabulary: 13, ..Config::bert(8, 2, 2, 10) }, 0.4, Seed::new(3));
    assert_eq!(refused(&encoder, Task::CAUSAL_LANGUAGE), HeadError::NextOfEncoder);
    assert_eq!(refused(&decoder(true), Task::MASKED_LANGUAGE), HeadError::HiddenInDecoder);
    let pooled = HeadConfig { pooling: Some(Pooling::Last), ..HeadConfig::new(Task::CAUSAL_LANGUAGE, vec![]) };
    let error = Head::new("a", &pooled, &decoder(true), Seed::new(1)).map(|_| ()).expect_err("it reads every token");
    assert!(matches!(error, HeadError::Pooling { .. }), "{error}");
    let check = |objective: &dyn Objective<f64>, task| {
        objective.check(&HeadConfig::new(task, vec![]), 13).map_err(|e| e.to_string())
    };
    let next = |token| CausalLanguage { places: vec![0], tokens: vec![token] };
    assert!(check(&next(12), Task::CAUSAL_LANGUAGE).is_ok());
    assert!(check(&next(13), Task::CAUSAL_LANGUAGE).expect_err("beyond").contains("token 13 as a target"));
    assert!(check(&next(1), Task::MASKED_LANGUAGE).expect_err("another task").contains("a target for next tokens"));
    let masked = MaskedLanguage { places: vec![0], tokens: vec![1] };
    assert!(check(&masked, Task::CAUSAL_LANGUAGE).is_err());
}

/// What is saved has no head in it, and PEFT's file says for which class of models it is.
#[test]
fn adapters_are_saved_without_a_head() {
    let base = Arc::new(Encoder::<f32>::random(decoder(true).config().clone(), 0.4, Seed::new(3)));
    let adapter = Adapter::on("a", &"lora[r=2]".parse().expect("a method"), &base, Seed::new(5)).expect("it fits");
    let model = AdapterModel::new(base.clone(), Some(adapter), head(&base));
    let (folder, values) = (tempfile::tempdir().expect("a folder"), |setup: &dyn Parameters<f32>| -> Vec<Vec<f32>> {
        setup.parameters().into_iter().map(|(_, array)| array.values().to_vec()).collect()
    });
    format::save(&model, folder.path()).expect("saved");
    let parts = format::load_parts(folder.path(), &*base).expect("loaded");
    assert!(parts.head.is_none());
    assert_eq!(values(&parts.setup), values(model.setup()));
    let peft = tempfile::tempdir().expect("a folder");
    let adapter = model.adapter().expect("one adapter");
    format::save_peft_with_head(adapter, model.head(), &base, peft.path()).expect("saved");
    let config = std::fs::read_to_string(peft.path().join("adapter_config.json")).expect("a file");
    assert_eq!(serde_json::from_str::<Value>(&config).expect("JSON")["task_type"], "CAUSAL_LM");
    assert!(!peft.path().join("head_config.json").exists());
}
