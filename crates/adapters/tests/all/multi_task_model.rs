//! A model of several tasks: a batch of all of them is the sum of what each does by itself, and each can be taken out.

use adaptune_adapters::objective::{Classification, Regression, Tagging};
use adaptune_adapters::{
    AdapterModel, Head, HeadConfig, Method, MtlLoraConfig, MultiTask, MultiTaskModel, Objective, Outputs, Pooling,
    Task, TaskBatch, TaskDescription, format,
};
use adaptune_autograd::check_gradients;
use adaptune_tensor::{Gradients, Parameters, Seed};
use adaptune_transformer::{Batch, Config, Encoder, Entry, Pass, Selection};
use ndarray::ArrayD;
use std::collections::BTreeMap;
use std::sync::Arc;

/// A task whose head reads the mean over a sequence.
static STYLE: TaskDescription = TaskDescription {
    name: "style",
    reads: Selection::Mean,
    outputs: Outputs::Labels { least: 2 },
    layers: 1,
    head_type: None,
    task_type: None,
};

const NAMES: [&str; 4] = ["topic", "score", "words", "style"];
const FIELDS: &str = "r=3,alpha=4,n_up_projection=3,weights_sharpness=0.6,intermediate_lora=True,output_lora=True";

fn base(dropout: f64) -> Arc<Encoder<f64>> {
    let config = Config { vocabulary: 11, positions: 9, ..Config::bert(6, 2, 2, 7) };
    Arc::new(Encoder::random(config, 0.4, Seed::new(3)).with_dropout(dropout, dropout))
}

fn head(name: &str, task: Task, labels: &[&str], base: &Encoder<f64>) -> Head<f64> {
    let labels = labels.iter().map(|label| (*label).to_owned()).collect();
    let pooling = (name == "score").then_some(Pooling::Max);
    let config = HeadConfig { pooling, ..HeadConfig::new(task, labels) };
    Head::new(name, &config, base, Seed::new(6).named(name)).expect("it fits")
}

fn heads(base: &Encoder<f64>) -> Vec<Head<f64>> {
    vec![
        head("topic", Task::CLASSIFICATION, &["sport", "war", "love"], base),
        head("score", Task::REGRESSION, &[], base),
        head("words", Task::TAGGING, &["noun", "verb"], base),
        head("style", Task::new(&STYLE), &["plain", "rich", "odd"], base),
    ]
}

fn tasks(base: &Encoder<f64>, fields: &str) -> MultiTask<f64> {
    let config: MtlLoraConfig = match format!("mtl_lora[{fields}]").parse().expect("a configuration") {
        Method::MtlLora(config) => config,
        other => panic!("{other:?}"),
    };
    MultiTask::new(&NAMES, &config, base.config(), Seed::new(5)).expect("it fits")
}

/// A model none of whose numbers is where it started.
fn model(dropout: f64, fields: &str) -> MultiTaskModel<f64> {
    let base = base(dropout);
    let mut model = MultiTaskModel::new(base.clone(), tasks(&base, fields), heads(&base)).expect("heads of the tasks");
    for (name, parameter) in model.parameters_mut() {
        let seed = Seed::new(7).named(&name);
        parameter.values_mut().iter_mut().enumerate().for_each(|(i, v)| *v += 1.2 * seed.unit(i as u64) - 0.6);
    }
    model
}

/// Sequences and targets of one task, and what each target weighs.
struct Part {
    task: usize,
    batch: Batch,
    objective: Box<dyn Objective<f64>>,
    weight: f64,
}

fn parts() -> [Part; 4] {
    let part = |task, sequences: &[&[u32]], objective, weight| Part {
        task,
        batch: Batch::from_ids(sequences),
        objective,
        weight,
    };
    let tags = vec![Some(1), None, Some(0), Some(0), Some(1)];
    [
        part(0, &[&[3, 1, 4, 1], &[5]], Box::new(Classification(vec![2, 0])), 0.3),
        part(1, &[&[9, 2, 6]], Box::new(Regression(vec![-0.7])), 0.45),
        part(2, &[&[8, 8], &[7, 0, 10]], Box::new(Tagging(tags)), 0.15),
        part(3, &[&[2, 7, 1], &[6, 6], &[4]], Box::new(Classification(vec![1, 2, 0])), 0.2),
    ]
}

fn of_batch(part: &Part) -> TaskBatch<'_, f64> {
    TaskBatch { task: part.task, entry: (&part.batch).into(), objective: &*part.objective, weight: part.weight }
}

fn step(model: &MultiTaskModel<f64>, parts: &[TaskBatch<'_, f64>], pass: Pass) -> (f64, Named) {
    let mut gradients = Gradients::new();
    let loss = model.loss_and_gradients(parts, pass, &mut gradients).expect("good batches");
    (loss, named(model, &gradients, str::to_owned))
}

type Named = BTreeMap<String, ArrayD<f64>>;

fn named(of: &impl Parameters<f64>, gradients: &Gradients<f64>, name: impl Fn(&str) -> String) -> Named {
    let parameters = of.parameters().into_iter();
    let gradient = |slot| gradients.get(slot).map(|gradient| gradient.to_owned());
    parameters.filter_map(|(known, p)| Some((name(&known), gradient(p.slot()?)?))).collect()
}

/// What the model calls a parameter of the model of one of its tasks.
fn in_model(name: &str, task: &str) -> String {
    match name.strip_prefix("head.") {
        Some(part) => format!("head.{task}.{part}"),
        None if name.ends_with("lora_A") || name.ends_with("lora_B") => name.to_owned(),
        None => {
            let at = ["weights", "task_specific.values"].into_iter().find_map(|own| name.strip_suffix(own));
            let at = at.expect("it belongs to the task");
            format!("{at}{task}.{}", &name[at.len()..])
        }
    }
}

/// The sum of what the models of single tasks give, each with its own batch.
fn one_by_one(model: &MultiTaskModel<f64>, parts: &[Part]) -> (f64, Named) {
    let (mut loss, mut sum) = (0.0, Named::new());
    for part in parts {
        let (mut single, mut gradients) = (model.task(part.task), Gradients::new());
        single.train_from(0);
        let pass = Pass::differentiate();
        loss += single
            .loss_and_gradients(&part.batch, &*part.objective, part.weight, pass, &mut gradients)
            .expect("a good batch");
        for (name, gradient) in named(&single, &gradients, |name| in_model(name, NAMES[part.task])) {
            match sum.get_mut(&name) {
                Some(sum) => *sum += &gradient,
                None => drop(sum.insert(name, gradient)),
            }
        }
    }
    (loss, sum)
}

fn assert_alike(found: &(f64, Named), expected: &(f64, Named)) {
    assert!((found.0 - expected.0).abs() < 1e-12, "loss {} and {}", found.0, expected.0);
    assert_eq!(found.1.keys().collect::<Vec<_>>(), expected.1.keys().collect::<Vec<_>>());
    for (name, gradient) in &found.1 {
        let expected = &expected.1[name];
        assert!(expected.iter().any(|d| d.abs() > 1e-6), "{name}: the test is about nothing");
        assert!((gradient - expected).iter().all(|d| d.abs() < 1e-11), "{name}: {gradient} and {expected}");
    }
}

/// All tasks, whose heads read differently; two that read the first tokens alone; one.
#[test]
fn a_step_of_all_tasks_is_the_sum_of_their_steps() {
    for fields in [FIELDS.to_owned(), format!("{FIELDS},task_specific_matrix_type=linear,leave_out=[0]")] {
        let model = model(0.0, &fields);
        let all = parts();
        for chosen in [&all[..], &all[..2], &all[1..3], &all[3..]] {
            let together: Vec<_> = chosen.iter().map(of_batch).collect();
            let found = step(&model, &together, Pass::differentiate());
            assert_alike(&found, &one_by_one(&model, chosen));
        }
        let everything = step(&model, &all.each_ref().map(of_batch), Pass::differentiate()).1;
        assert_eq!(everything.len(), model.parameters().len(), "every array has a gradient");
    }
}

#[test]
fn nothing_is_a_batch_without_loss() {
    let (loss, gradients) = step(&model(0.0, FIELDS), &[], Pass::differentiate());
    assert!(loss == 0.0 && gradients.is_empty());
}

#[test]
fn gradients_are_those_of_the_loss_with_dropout() {
    let (mut model, all) = (model(0.2, &format!("{FIELDS},dropout=0.3")), parts());
    let pass = Pass::train(Seed::new(9));
    let (loss, gradients) = step(&model, &all.each_ref().map(of_batch), pass);
    assert!((loss - step(&model, &all.each_ref().map(of_batch), Pass::differentiate()).0).abs() > 1e-3, "dropout");
    for (name, gradient) in gradients {
        let at = |model: &mut MultiTaskModel<f64>, x: &[f64]| {
            let (_, parameter) = model.parameters_mut().into_iter().find(|(known, _)| *known == name).expect("there");
            parameter.values_mut().copy_from_slice(x);
        };
        let parameters = model.parameters();
        let point = parameters.iter().find(|(known, _)| *known == name).expect("there").1.values().to_vec();
        let f = |x: &[f64]| {
            at(&mut model, x);
            step(&model, &all.each_ref().map(of_batch), pass).0
        };
        let gradient: Vec<f64> = gradient.iter().copied().collect();
        check_gradients(f, &point, &gradient).unwrap_or_else(|e| panic!("{name}: {e}"));
        at(&mut model, &point);
    }
}

/// A pass that begins behind the lowest block, in which nothing trains.
#[test]
fn a_step_may_begin_behind_constant_blocks() {
    let model = model(0.0, &format!("{FIELDS},leave_out=[0]"));
    assert_eq!(model.constant_blocks(), 1);
    let all = parts();
    let behind: Vec<_> = all
        .iter()
        .map(|part| {
            let state = model.lower(part.task, &part.batch, 1).expect("a good batch");
            TaskBatch { entry: Entry::State(&part.batch, state), ..of_batch(part) }
        })
        .collect();
    let found = step(&model, &behind, Pass::differentiate());
    assert_alike(&found, &step(&model, &all.each_ref().map(of_batch), Pass::differentiate()));
}

#[test]
fn each_task_can_be_taken_out_and_saved() {
    let model = model(0.0, FIELDS);
    for part in &parts()[..3] {
        let single = model.task(part.task);
        let name = NAMES[part.task];
        assert!(!single.any_trains() && single.adapter().expect("it has one").name() == name);
        let expected = model.logits(part.task, &part.batch).expect("a good batch");
        assert_eq!(single.logits(&part.batch).expect("a good batch"), expected);
        let loss = part.objective.loss(expected.view(), part.weight);
        let (logits, found) =
            model.logits_and_loss(part.task, &part.batch, &*part.objective, part.weight).expect("a good batch");
        assert_eq!((logits, found), (expected.clone(), loss));
        let folder = tempfile::tempdir().expect("a temporary folder");
        format::save(&single, folder.path()).expect("AdapterHub has it");
        let loaded: AdapterModel<f64> = format::load(folder.path(), model.base().clone()).expect("it was saved");
        assert_eq!((loaded.adapter().expect("it has one").name(), loaded.head().name()), (name, name));
        let logits = loaded.logits(&part.batch).expect("a good batch");
        assert!((logits - &expected).iter().all(|d| d.abs() < 1e-5), "{name}: saved in f32");
    }
    let (tasks, heads) = model.into_parts();
    assert!(!tasks.any_trains() && heads.iter().all(|head| !head.any_trains()));
}

#[test]
fn heads_belong_to_the_tasks() {
    let base = base(0.0);
    let refused = |change: fn(&mut Vec<Head<f64>>)| {
        let mut heads = heads(&base);
        change(&mut heads);
        let error = MultiTaskModel::new(base.clone(), tasks(&base, FIELDS), heads).expect_err("refused").to_string();
        assert!(error.contains("the tasks are topic, score, words, style, but the heads are"), "{error}");
        error
    };
    assert!(refused(|heads| drop(heads.pop())).contains("topic, score, words: give one head for each"));
    assert!(refused(|heads| heads.swap(0, 1)).contains("are score, topic, words, style"));
    assert!(refused(|heads| heads[1] = heads[0].clone()).contains("are topic, topic, words, style"));
    let twice = MultiTask::<f64>::new(&["a", "b", "a"], &MtlLoraConfig::mtl_lora(), base.config(), Seed::new(1));
    assert!(twice.expect_err("refused").to_string().contains("names that differ"));
}
