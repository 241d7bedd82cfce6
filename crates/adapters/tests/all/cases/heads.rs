//! Heads of transformers' own classes, in AdapterHub's files and PEFT's, and poolers in them.

use super::files::{Files, WEIGHTS, labels, logits, model, numbers, off};
use crate::common::{base, folder};
use adaptune_adapters::format::{self, Note};
use adaptune_adapters::{AdapterModel, Head, HeadConfig, Pooling, Task};
use adaptune_tensor::{Activation, Parameters, Seed};
use adaptune_transformer::Encoder;
use ndarray::{Array1, Array2};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fs;
use std::sync::Arc;

/// Makes what AdapterHub writes of transformers' own classes out of a flexible head.
fn make_static(files: &Files, class: &str) {
    let module = if class.ends_with("QuestionAnswering") { "qa_outputs." } else { "classifier." };
    files.rename("model_head.safetensors", |name| {
        let flexible = ["heads.mine.1.", "heads.mine.0."].into_iter().find(|start| name.starts_with(start));
        flexible.map_or(name.to_owned(), |start| name.replace(start, module))
    });
    files.change("head_config.json", |file| {
        let config = file["config"].take();
        file["name"] = Value::Null;
        file["model_class"] = class.into();
        file["label2id"] = config["label2id"].clone();
        // The flexible head of choices has `num_choices` in its place.
        file["num_labels"] = config["label2id"].as_object().map_or(2, serde_json::Map::len).into();
    });
}

#[test]
fn static_heads_are_those_of_their_class() {
    for (head, class) in [
        (
            HeadConfig { layers: 1, pooling: Some(Pooling::Pooler), ..HeadConfig::new(Task::CLASSIFICATION, labels()) },
            "BertForSequenceClassification",
        ),
        (HeadConfig::new(Task::TAGGING, labels()), "BertForTokenClassification"),
        (HeadConfig::new(Task::QUESTION_ANSWERING, Vec::new()), "BertForQuestionAnswering"),
        (
            HeadConfig {
                layers: 1,
                pooling: Some(Pooling::Pooler),
                ..HeadConfig::new(Task::MULTIPLE_CHOICE, labels())
            },
            "BertForMultipleChoice",
        ),
    ] {
        let model = model("seq_bn[reduction_factor=4,init_weights=bert]", &head);
        let files = Files::saved(&model);
        make_static(&files, class);
        let loaded = files.load(model.base());
        assert_eq!((loaded.head().name(), loaded.head().config()), ("mine", &head), "{class}");
        assert_eq!(logits(&loaded), logits(&model), "{class}");
        assert_eq!(files.notes(), []);
        let described = format::describe(files.path()).expect("readable");
        assert_eq!((described[1].kind, described[1].name.as_str()), ("head", "mine"));
        files.change("head_config.json", |file| file["model_class"] = "BertForNextSentencePrediction".into());
        let error = files.refusal(model.base());
        assert!(error.contains("BertForNextSentencePrediction") && error.contains("ForMultipleChoice"), "{error}");
    }
}

#[test]
fn a_static_head_needs_the_pooler_that_it_reads() {
    let head =
        HeadConfig { layers: 1, pooling: Some(Pooling::Pooler), ..HeadConfig::new(Task::CLASSIFICATION, labels()) };
    let files = Files::saved(&model("seq_bn", &head));
    make_static(&files, "BertForSequenceClassification");
    let bare = Arc::new(Encoder::<f64>::load(&folder("models/bert")).expect("there").without_pooler());
    fs::remove_file(files.path().join("adapter_config.json")).expect("removed");
    let error = files.refusal(&bare);
    assert!(error.contains("this model has none") && error.contains("pooler.dense.weight"), "{error}");
}

/// `W_c tanh(W_p h + b_p) + b_c` with a pooler of one's own is a head of two layers.
fn with_pooler(base: &Arc<Encoder<f64>>, weight: Array2<f64>, bias: Array1<f64>) -> Array2<f64> {
    let plain = Files::classifier();
    let model = plain.load(base);
    let config =
        HeadConfig { layers: 2, activation: Some(Activation::Tanh), pooling: None, ..model.head().config().clone() };
    let classifier = plain.tensors(WEIGHTS);
    let mut head = Head::new("default", &config, base, Seed::new(0)).expect("it fits");
    for (name, parameter) in head.parameters_mut() {
        let values: Vec<f64> = match name.as_str() {
            "layer.0.weight" => weight.iter().copied().collect(),
            "layer.0.bias" => bias.to_vec(),
            name => {
                let part = name.trim_start_matches("layer.1.");
                classifier[&format!("base_model.model.classifier.{part}")].iter().copied().collect()
            }
        };
        parameter.values_mut().copy_from_slice(&values);
    }
    let (adapter, _, _) = model.into_parts();
    logits(&AdapterModel::new(base.clone(), adapter, head))
}

#[test]
fn a_pooler_that_was_saved_is_a_heads_first_layer() {
    let base = base::<f64>("bert");
    let files = Files::classifier();
    let (weight, bias) = (numbers((12, 12), 0.7), numbers((1, 12), 1.1).row(0).to_owned());
    let mut tensors = files.tensors(WEIGHTS);
    tensors.insert("base_model.model.bert.pooler.dense.weight".into(), weight.clone().into_dyn());
    tensors.insert("base_model.model.bert.pooler.dense.bias".into(), bias.clone().into_dyn());
    files.write(WEIGHTS, &tensors);
    files.change("adapter_config.json", |file| file["modules_to_save"] = json!(["classifier", "pooler", "score"]));
    let loaded = files.load(&base);
    assert!(off(&logits(&loaded), &with_pooler(&base, weight, bias)) < 1e-12);
    assert!(off(&logits(&loaded), &logits(&Files::classifier().load(&base))) > 1e-3, "it is not the base's");
    // Saved again it is what it was.
    assert!(off(&logits(&Files::saved(&loaded).load(&base)), &logits(&loaded)) < 1e-12);
    tensors.remove("base_model.model.bert.pooler.dense.weight");
    files.write(WEIGHTS, &tensors);
    let error = files.refusal(&base);
    assert!(error.contains("pooler.dense.weight is missing"), "{error}");
}

#[test]
fn a_lora_of_the_pooler_is_merged_into_the_heads_first_layer() {
    let base = base::<f64>("bert");
    let pooler = base.pooler().expect("it has one");
    let files = Files::classifier();
    let mut tensors = files.tensors(WEIGHTS);
    let config: Value =
        serde_json::from_str(&fs::read_to_string(files.path().join("adapter_config.json")).expect("there"))
            .expect("JSON");
    let number = |name: &str| config[name].as_f64().expect("a number");
    let rank = number("r") as usize;
    let (a, b) = (numbers((rank, 12), 0.9), numbers((12, rank), 0.4));
    let name = |part: &str| format!("base_model.model.bert.pooler.dense.{part}.weight");
    tensors.insert(name("lora_A"), a.clone().into_dyn());
    tensors.insert(name("lora_B"), b.clone().into_dyn());
    files.write(WEIGHTS, &tensors);
    let weight = pooler.to_weight() + b.dot(&a) * (number("lora_alpha") / number("r"));
    let expected = with_pooler(&base, weight, pooler.bias().expect("it has one").to_owned());
    assert!(off(&logits(&files.load(&base)), &expected) < 1e-12);
    assert!(off(&expected, &logits(&Files::classifier().load(&base))) > 1e-3);
    let bare = Arc::new(Encoder::<f64>::load(&folder("models/bert")).expect("there").without_pooler());
    let error = files.refusal(&bare);
    assert!(error.contains("pooler.dense.lora_A") && error.contains("the base has no pooler"), "{error}");
    // Without a classifier nothing reads it, which is told; the adapter is what it is.
    tensors.retain(|name, _| !name.contains("classifier"));
    files.write(WEIGHTS, &tensors);
    let parts = format::load_parts(files.path(), &base).unwrap_or_else(|e| panic!("{e}"));
    assert!(parts.head.is_none());
    let [note @ Note::PoolerWithoutHead { .. }] = &parts.notes[..] else { panic!("{:?}", parts.notes) };
    assert!(note.to_string().contains("pooler.dense.lora_A"), "{note}");
}

/// IA3 of the pooler multiplies what leaves it, its bias too.
#[test]
fn an_ia3_of_the_pooler_is_merged_too() {
    let base = base::<f64>("bert");
    let pooler = base.pooler().expect("it has one");
    let files = Files::copy_of(&folder("peft/ia3"));
    let head = Files::classifier().tensors(WEIGHTS);
    let mut tensors = files.tensors(WEIGHTS);
    tensors.extend(head.into_iter().filter(|(name, _)| name.contains("classifier")));
    let l = numbers((12, 1), 0.8) + 1.0;
    tensors.insert("base_model.model.bert.pooler.dense.ia3_l".into(), l.clone().into_dyn());
    files.write(WEIGHTS, &tensors);
    files.change("adapter_config.json", |file| file["task_type"] = "SEQ_CLS".into());
    let head = files.load(&base);
    let first: BTreeMap<_, _> = head.head().parameters().into_iter().collect();
    let weight = pooler.to_weight() * &l;
    let bias = pooler.bias().expect("it has one").to_owned() * l.column(0);
    for (name, expected) in [("layer.0.weight", weight.into_dyn()), ("layer.0.bias", bias.into_dyn())] {
        let far = first[name].values().iter().zip(&expected).any(|(a, b)| (a - b).abs() > 1e-12);
        assert!(!far, "{name}");
    }
}

/// Without a task the class that PEFT names says what the head is, or the tensors where they are of one task alone.
#[test]
fn a_head_without_a_task_is_what_its_class_or_its_tensors_say() {
    let class = |class: &str| json!({ "base_model_class": class, "parent_library": "transformers" });
    for (case, model, mapping) in [
        ("bert-SEQ_CLS", "bert", class("BertForSequenceClassification")),
        ("bert-TOKEN_CLS", "bert", class("BertForTokenClassification")),
        ("roberta-SEQ_CLS", "roberta", Value::Null),
        ("distilbert-SEQ_CLS", "distilbert", Value::Null),
    ] {
        let (base, files) = (base::<f64>(model), Files::copy_of(&folder("peft-heads").join(case)));
        let expected = files.load(&base);
        files.change("adapter_config.json", |file| {
            file["task_type"] = Value::Null;
            file["auto_mapping"] = mapping;
        });
        let loaded = files.load(&base);
        assert_eq!(loaded.head().config(), expected.head().config(), "{case}");
        assert_eq!(logits(&loaded), logits(&expected), "{case}");
    }
    let (base, files) = (base::<f64>("bert"), Files::classifier());
    files.change("adapter_config.json", |file| file["task_type"] = Value::Null);
    assert!(files.refusal(&base).contains("may judge sequences or tokens"));
    files.change("adapter_config.json", |file| file["auto_mapping"] = class("BertForMultipleChoice"));
    assert!(files.refusal(&base).contains("BertForMultipleChoice"));
}

/// transformers' heads for questions are `qa_outputs` over each token: that of a tagger with two classes.
#[test]
fn a_head_for_questions_says_where_spans_start_and_end() {
    let (base, files) = (base::<f64>("bert"), Files::copy_of(&folder("peft-heads/bert-TOKEN_CLS")));
    let mut tensors = files.tensors(WEIGHTS);
    for part in ["weight", "bias"] {
        let name = format!("base_model.model.classifier.{part}");
        let values = tensors[&name].slice_axis(ndarray::Axis(0), (..2).into()).to_owned();
        tensors.insert(name, values);
    }
    files.write(WEIGHTS, &tensors);
    let tags = files.load(&base);
    files.rename(WEIGHTS, |name| name.replace("classifier", "qa_outputs"));
    files.change("adapter_config.json", |file| {
        file["task_type"] = "QUESTION_ANS".into();
        file["modules_to_save"] = json!(["qa_outputs"]);
    });
    let spans = files.load(&base);
    assert_eq!(spans.head().config().task, Task::QUESTION_ANSWERING);
    assert_eq!(logits(&spans), logits(&tags));
    // Written for PEFT and read again it is the same; without a task the tensors' names say what it is.
    let written = tempfile::tempdir().expect("a folder");
    let (adapter, head) = (spans.adapter().expect("one"), spans.head());
    format::save_peft_with_head(adapter, head, &base, written.path()).unwrap_or_else(|e| panic!("{e}"));
    assert!(!written.path().join("head_config.json").exists(), "the head is among PEFT's weights");
    assert_eq!(logits(&Files::copy_of(written.path()).load(&base)), logits(&tags));
    files.change("adapter_config.json", |file| file["task_type"] = Value::Null);
    assert_eq!(files.load(&base).head().config(), spans.head().config());
    tensors.retain(|name, _| !name.contains("classifier"));
    tensors.insert("base_model.model.qa_outputs.bias".into(), numbers((1, 3), 0.2).row(0).to_owned().into_dyn());
    tensors.insert("base_model.model.qa_outputs.weight".into(), numbers((3, 12), 0.2).into_dyn());
    files.write(WEIGHTS, &tensors);
    let error = files.refusal(&base);
    assert!(error.contains("two outputs") && error.contains('3'), "{error}");
}

#[test]
fn classes_without_names_can_be_given_some() {
    let base = base::<f64>("bert");
    let head = format::load_head(Files::classifier().path(), &base).unwrap_or_else(|e| panic!("{e}"));
    assert!(head.config().labels_are_placeholders());
    assert_eq!(
        ["LABEL_2", "2", "3", "02", "good"].map(|label| head.config().class_of(label)),
        [Some(2), Some(2), None, None, None]
    );
    let named = head.clone().with_labels(labels()).expect("as many");
    assert_eq!((named.config().class_of("good"), named.config().class_of("2")), (Some(2), None));
    let short = head.clone().with_labels(labels()[..2].to_vec()).expect_err("too few").to_string();
    assert!(short.contains("3 labels, but 2 names"), "{short}");
    let twice = head.with_labels(vec!["a".into(), "b".into(), "a".into()]).expect_err("twice").to_string();
    assert!(twice.contains("both called \"a\""), "{twice}");
}
