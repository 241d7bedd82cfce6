//! Heads that cannot be computed with are refused where they are made and where they are read.

use adaptune_adapters::{Adapter, AdapterModel, Head, HeadConfig, TargetScale, Task, average_heads, format};
use adaptune_tensor::Seed;
use adaptune_transformer::{Batch, Config, Encoder};
use std::path::Path;
use std::sync::Arc;

fn base() -> Arc<Encoder<f32>> {
    Arc::new(Encoder::random(Config { vocabulary: 11, ..Config::bert(8, 1, 2, 12) }, 0.4, Seed::new(3)))
}

fn labels(labels: &[&str]) -> Vec<String> {
    labels.iter().map(|label| (*label).to_owned()).collect()
}

fn two() -> HeadConfig {
    HeadConfig::new(Task::CLASSIFICATION, labels(&["bad", "good"]))
}

fn refused(config: &HeadConfig) -> String {
    Head::new("test", config, &base(), Seed::new(0)).expect_err("it does not make sense").to_string()
}

#[test]
fn dropout_is_a_rate() {
    for rate in [-0.1, 1.0, 1.5, f64::NAN, f64::INFINITY] {
        let message = refused(&HeadConfig { dropout: Some(rate), ..two() });
        assert!(
            message.contains(&format!("dropout of the head is {rate}")) && message.contains("from 0 up to"),
            "{message}"
        );
    }
    let base = Encoder::<f32>::random(Config { head_dropout: 1.5, ..base().config().clone() }, 0.4, Seed::new(3));
    let fails = |config| Head::new("test", &config, &base, Seed::new(0)).err().map(|e| e.to_string());
    assert!(
        fails(two()).is_some_and(|message| message.contains("is 1.5")),
        "the base's own is taken where none is given"
    );
    assert_eq!(fails(HeadConfig { dropout: Some(0.0), ..two() }), None);
}

#[test]
fn every_label_has_a_name_of_its_own() {
    let message = refused(&HeadConfig::new(Task::TAGGING, labels(&["O", "B", "I", "B"])));
    assert!(message.contains("labels 1 and 3 are both called \"B\""), "{message}");
}

#[test]
fn a_number_is_one_output() {
    let message = refused(&HeadConfig { labels: labels(&["a", "b"]), ..HeadConfig::new(Task::REGRESSION, Vec::new()) });
    assert!(message.contains("a regression head has one output, but 2 labels"), "{message}");
}

/// Loads a saved head whose configuration was changed by hand.
fn loaded(folder: &Path, text: &str) -> Result<Vec<String>, String> {
    std::fs::write(folder.join("head_config.json"), text).expect("written");
    format::load_head(folder, &base()).map(|head| head.config().labels.clone()).map_err(|e| e.to_string())
}

#[test]
fn files_with_labels_that_cannot_be_told_apart_are_refused() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let base = base();
    let adapter =
        Adapter::new("test", &"seq_bn[reduction_factor=4]".parse().expect("known"), base.config(), Seed::new(1));
    let head = Head::new("test", &two(), &base, Seed::new(2)).expect("sound");
    format::save(&AdapterModel::new(base, Some(adapter.expect("fits")), head), folder.path()).expect("saved");
    let sound = std::fs::read_to_string(folder.path().join("head_config.json")).expect("it was saved");
    let map = "\"bad\": 0,\n      \"good\": 1";
    assert!(sound.contains(map), "{sound}");
    let with = |labels: &str| loaded(folder.path(), &sound.replace(map, labels));
    assert_eq!(with(r#""good": 0, "bad": 1"#), Ok(labels(&["good", "bad"])));
    assert_eq!(with(r#""good": 1"#), Ok(labels(&["LABEL_0", "good"])));
    for (map, words) in [
        (r#""bad": 1, "good": 1"#, &["labels \"bad\" and \"good\" both have id 1"][..]),
        (r#""bad": "0", "good": 0"#, &["labels \"bad\" and \"good\" both have id 0"]),
        (r#""bad": 0, "bad": 1"#, &["\"bad\" is there twice, as 0 and as 1"]),
        (r#""bad": 0, "bad": 0, "good": 1"#, &["\"bad\" is there twice, as 0 and as 0"]),
        (r#""LABEL_1": 0"#, &["labels 0 and 1 are both called \"LABEL_1\""]),
    ] {
        let message = with(map).expect_err(map);
        assert!(message.contains("head_config.json"), "{message}");
        words.iter().for_each(|word| assert!(message.contains(word), "{word:?} is missing in {message}"));
    }
    let message =
        loaded(folder.path(), &sound.replace("\"dropout_prob\": null", "\"dropout_prob\": 1.5")).expect_err("refused");
    assert!(message.contains("head_config.json") && message.contains("dropout of the head is 1.5"), "{message}");
}

/// What is saved has the scale in its last layer, and answers as before; so has an average of heads.
#[test]
fn a_scale_of_numbers_goes_into_what_is_saved() {
    let (base, folder) = (base(), tempfile::tempdir().expect("a temporary folder"));
    let config = HeadConfig::new(Task::REGRESSION, Vec::new());
    let scale = TargetScale { mean: 412.5, deviation: 603.25 };
    let head = Head::new("price", &config, &base, Seed::new(1)).expect("sound").with_scale(Some(scale));
    assert_eq!(head.scale(), Some(scale));
    format::save_head(&head, &base, folder.path()).expect("saved");
    let loaded: Head<f32> = format::load_head(folder.path(), &base).expect("sound");
    let average = average_heads("mean", &[(&head, 0.25), (&loaded, 0.75)], true).expect("alike");
    assert_eq!((loaded.scale(), average.scale()), (None, None));
    let other = TargetScale { mean: 30.0, deviation: 7.5 };
    let further = loaded.clone().rescaled(Some(other));
    assert_eq!((further.scale(), loaded.clone().rescaled(None).scale()), (Some(other), None));
    let answers = |head: Head<f32>| {
        let model = AdapterModel::new(base.clone(), None, head);
        model.logits(&Batch::from_ids(&[&[3, 1, 4], &[5], &[9, 2, 6, 5]])).expect("a good batch")
    };
    let expected = answers(head);
    assert!(expected.iter().all(|y| (y - 412.5).abs() < 603.0), "{expected}");
    for found in [answers(loaded), answers(average), answers(further)] {
        let near = expected.iter().zip(&found).all(|(a, b)| (a - b).abs() <= 1e-3);
        assert!(near, "{expected}\n{found}");
    }
    let classes = Head::new("mood", &two(), &base, Seed::new(1)).expect("sound").with_scale(Some(scale));
    assert_eq!(classes.scale(), None, "it predicts no number");
}

/// However many choices an example has, each sequence has one logit.
#[test]
fn a_choice_among_sequences_has_one_output() {
    let (base, folder) = (base(), tempfile::tempdir().expect("a temporary folder"));
    let config = HeadConfig::new(Task::MULTIPLE_CHOICE, labels(&["first", "second", "third"]));
    assert_eq!((config.outputs(), config.parameter_count(base.config())), (1, 8 * 8 + 8 + 8 + 1));
    assert_eq!(HeadConfig::new(Task::MULTIPLE_CHOICE, Vec::new()).labels, labels(&["LABEL_0", "LABEL_1"]));
    let head = Head::new("pick", &config, &base, Seed::new(1)).expect("sound");
    assert_eq!(adaptune_tensor::Parameters::parameter_count(&head) as u64, config.parameter_count(base.config()));
    format::save_head(&head, &base, folder.path()).expect("saved");
    assert_eq!(format::load_head::<f32>(folder.path(), &base).expect("sound").config(), &config);

    let sound = std::fs::read_to_string(folder.path().join("head_config.json")).expect("it was saved");
    let with = |from: &str, to: &str| {
        assert!(sound.contains(from), "{sound}");
        loaded(folder.path(), &sound.replace(from, to))
    };
    let names = "{\n      \"first\": 0,\n      \"second\": 1,\n      \"third\": 2\n    }";
    assert_eq!(with(names, "null"), Ok(labels(&["LABEL_0", "LABEL_1", "LABEL_2"])));
    let message = with("\"num_choices\"", "\"num_labels\"").expect_err("refused");
    assert!(message.contains("\"num_choices\" is missing"), "{message}");
    let one = sound.replace(names, "null").replace("\"num_choices\": 3", "\"num_choices\": 1");
    let message = loaded(folder.path(), &one).expect_err("refused");
    assert!(message.contains("a multiple choice head needs at least 2 labels, but has 1"), "{message}");
}

/// AdapterHub's head for multiple choice has no field that leaves out its bias.
#[test]
fn a_bias_that_files_cannot_leave_out_is_not_lost() {
    let (base, folder) = (base(), tempfile::tempdir().expect("a temporary folder"));
    for task in [Task::MULTIPLE_CHOICE, Task::TAGGING] {
        let config = HeadConfig { bias: false, ..HeadConfig::new(task, labels(&["a", "b"])) };
        let head = Head::new("pick", &config, &base, Seed::new(1)).expect("sound");
        let message = format::save_head(&head, &base, folder.path()).expect_err("refused").to_string();
        assert!(message.contains(&format!("heads for {} have a bias", task.name())), "{message}");
    }
}
