//! Objectives say which heads they fit, and a head may be for a user-defined task.

use adaptune_adapters::objective::{
    Classification, Hierarchical, MaskedLanguage, MultiLabel, MultipleChoice, Objective, Regression, Spans, Tagging,
    WeightedClasses,
};
use adaptune_adapters::{AdapterModel, Head, HeadConfig, HeadError, LabelTree, Outputs, Task, TaskDescription, format};
use adaptune_tensor::{Gradients, Seed};
use adaptune_transformer::{Batch, Config, Encoder, Pass, Selection};
use ndarray::array;
use std::sync::Arc;

const VOCABULARY: usize = 11;

/// A class for each sequence, read from the mean of its tokens.
static AUTHOR: TaskDescription = TaskDescription {
    name: "author",
    reads: Selection::Mean,
    outputs: Outputs::Labels { least: 2 },
    layers: 1,
    head_type: Some("classification"),
    task_type: Some("SEQ_CLS"),
};

fn config(task: Task) -> HeadConfig {
    HeadConfig::new(task, vec!["a".into(), "b".into()])
}

fn refused<S: adaptune_tensor::Scalar>(objective: impl Objective<S>, task: Task) -> String {
    objective.check(&config(task), VOCABULARY).expect_err("it does not fit").to_string()
}

#[test]
fn targets_that_do_not_fit_the_head_are_named() {
    let classes = refused::<f32>(Classification(vec![0, 2, 1]), Task::CLASSIFICATION);
    assert!(classes.starts_with("class 2 (they count from 0), but the head has 2 labels (a, b)"), "{classes}");
    let tags = refused::<f32>(Tagging(vec![Some(1), None, Some(5)]), Task::TAGGING);
    assert!(tags.starts_with("class 5 "), "{tags}");
    assert!(refused::<f32>(Regression(vec![f64::NAN]), Task::REGRESSION).contains("must be a finite number"));
    assert!(refused::<f32>(Regression(vec![4e38]), Task::REGRESSION).contains("4e38, which f32 cannot hold"));
    assert!(Objective::<f64>::check(&Regression(vec![4e38]), &config(Task::REGRESSION), VOCABULARY).is_ok());
    let token = MaskedLanguage { places: vec![0], tokens: vec![11] };
    assert!(refused::<f32>(token, Task::MASKED_LANGUAGE).contains("token 11 as a target"));
}

/// Each target by the weight of its class, and the mean by their number: the formula, and central differences.
#[test]
fn classes_weigh_what_they_are_given() {
    let logits = array![[0.3, -1.2, 0.7], [2.0, 0.1, -0.4], [0.0, 0.5, 0.25], [1.0, 1.5, -2.0]];
    let objective = WeightedClasses { classes: vec![Some(2), Some(0), None, Some(1)], weights: vec![0.5, 3.0, 1.75] };
    let log_softmax = |row: usize, class: usize| {
        let sum: f64 = logits.row(row).iter().map(|x: &f64| x.exp()).sum();
        logits[[row, class]] - sum.ln()
    };
    let expected = -0.2 * (1.75 * log_softmax(0, 2) + 0.5 * log_softmax(1, 0) + 3.0 * log_softmax(3, 1));
    assert!((objective.loss(logits.view(), 0.2) - expected).abs() < 1e-14);
    assert_eq!(Objective::<f64>::count(&objective), 3);
    let d = objective.loss_backward(logits.clone(), 0.2);
    for (at, found) in d.indexed_iter() {
        let moved = |step: f64| {
            let mut logits = logits.clone();
            logits[at] += step;
            objective.loss(logits.view(), 0.2)
        };
        assert!((found - (moved(1e-6) - moved(-1e-6)) / 2e-6).abs() < 1e-9, "{at:?}");
    }
    let even = WeightedClasses { weights: vec![1.0; 3], ..objective };
    let plain = Tagging(even.classes.clone());
    assert!((even.loss(logits.view(), 0.2) - plain.loss(logits.view(), 0.2)).abs() < 1e-14);
}

fn paths() -> Vec<String> {
    LabelTree::labels_of(["a/x/1", "a/x/2", "a/y", "b", "c/z"])
}

/// Those of PyTorch.
const GRADIENTS: [[f64; 8]; 3] = [
    [
        -0.22933160347547504,
        -0.04588091350884574,
        0.22048212830895378,
        -0.22048212830895378,
        0.04588091350884577,
        0.22679967379165528,
        0.002531929683819793,
        0.0,
    ],
    [0.2257221939832237, 0.0, 0.0, 0.0, 0.0, 0.02318836305704752, -0.24891055704027126, 0.0],
    [
        -0.003973232421127099,
        0.009282072449954869,
        0.0,
        0.0,
        -0.009282072449954853,
        0.001324241733979489,
        0.0026489906871476044,
        0.0,
    ],
];

/// A leaf of three levels, an only child, and a label in the middle, each weighing 1/4. `torch.log_softmax` over the siblings of each label of
/// the path, in double precision, and its gradient.
#[test]
fn coarse_to_fine_is_cross_entropy_among_siblings() {
    let tree = Arc::new(LabelTree::of(&paths()).expect("a tree"));
    let objective = Hierarchical { tree: tree.clone(), labels: vec![3, 7, 4] };
    let logits = ndarray::Array2::from_shape_fn((3, 8), |(r, i)| (i as f64 * 1.7 + r as f64 * 0.9).sin() * 3.0);
    assert!((objective.loss(logits.view(), 0.25) - 2.580_431_886_753_449_3).abs() < 1e-14);
    let d = objective.loss_backward(logits.clone(), 0.25);
    let expected = ndarray::arr2(&GRADIENTS);
    assert!((&d - &expected).iter().all(|off: &f64| off.abs() < 1e-15), "{d}");
    for (at, found) in d.indexed_iter() {
        let moved = |step: f64| {
            let mut logits = logits.clone();
            logits[at] += step;
            objective.loss(logits.view(), 0.25)
        };
        assert!((found - (moved(1e-6) - moved(-1e-6)) / 2e-6).abs() < 1e-9, "{at:?}");
    }
    // The loss is the probability of the label.
    let p = tree.probabilities(logits.row(0));
    let one = Hierarchical { tree, labels: vec![3] };
    assert!((one.loss(logits.slice(ndarray::s![..1, ..]), 1.0) + p[3].ln()).abs() < 1e-12);
}

#[test]
fn a_hierarchical_head_is_kept_as_a_classification_that_says_what_it_is() {
    let base =
        Arc::new(Encoder::<f32>::random(Config { vocabulary: 11, ..Config::bert(6, 2, 2, 7) }, 0.4, Seed::new(3)));
    let config = HeadConfig::new(Task::HIERARCHICAL, paths());
    let model = AdapterModel::new(base.clone(), None, Head::new("h", &config, &base, Seed::new(1)).expect("a head"));
    let folder = tempfile::tempdir().expect("a folder");
    format::save(&model, folder.path()).expect("it is saved");
    let loaded = format::load(folder.path(), base.clone()).expect("it is loaded");
    assert_eq!(loaded.head().config(), &config);
    let batch = Batch::from_ids(&[&[1, 2, 3], &[4]]);
    assert_eq!(loaded.logits(&batch).expect("logits"), model.logits(&batch).expect("logits"));
    let orphan = HeadConfig::new(Task::HIERARCHICAL, vec!["a".into(), "b/x".into()]);
    let error = Head::<f32>::new("h", &orphan, &base, Seed::new(1)).expect_err("no b").to_string();
    assert!(error.contains("\"b/x\" is below \"b\""), "{error}");
    let tree = Arc::new(LabelTree::of(&paths()).expect("a tree"));
    let wrong = Hierarchical { tree: tree.clone(), labels: vec![0] };
    assert!(refused::<f32>(wrong, Task::CLASSIFICATION).contains("a label of a tree"));
    let beyond = Hierarchical { tree, labels: vec![8] };
    let error = Objective::<f32>::check(&beyond, &config, VOCABULARY).expect_err("there are eight").to_string();
    assert!(error.starts_with("class 8"), "{error}");
}

#[test]
fn weights_that_do_not_fit_the_head_are_refused() {
    let weighted = |weights: &[f64]| WeightedClasses { classes: vec![Some(1)], weights: weights.to_vec() };
    for (weights, expected) in [
        (&[1.0][..], "1 weights of classes, but the head has 2 labels"),
        (&[1.0, f64::NAN], "a class of weight NaN"),
        (&[1.0, -0.5], "a class of weight -0.5"),
    ] {
        let message = refused::<f32>(weighted(weights), Task::CLASSIFICATION);
        assert!(message.contains(expected), "{message}");
    }
    for task in [Task::REGRESSION, Task::MULTI_LABEL, Task::QUESTION_ANSWERING, Task::MASKED_LANGUAGE] {
        assert!(refused::<f32>(weighted(&[1.0, 2.0]), task).contains("weighted classes"), "{task:?}");
    }
    assert!(Objective::<f32>::check(&weighted(&[1.0, 0.0]), &config(Task::TAGGING), VOCABULARY).is_ok());
}

#[test]
fn objectives_of_another_head_are_refused() {
    let tokens = || MaskedLanguage { places: vec![0], tokens: vec![1] };
    for (message, expected) in [
        (refused::<f32>(Classification(vec![1]), Task::TAGGING), "a class of each sequence"),
        (refused::<f32>(Tagging(vec![None]), Task::CLASSIFICATION), "a class of each token"),
        (refused::<f32>(Tagging(vec![None]), Task::MASKED_LANGUAGE), "a class of each token"),
        (refused::<f32>(Regression(vec![0.5]), Task::CLASSIFICATION), "a number of each sequence"),
        (refused::<f32>(tokens(), Task::TAGGING), "hidden tokens"),
    ] {
        assert!(message.contains(expected) && message.contains("but the head is one for"), "{message}");
    }
}

#[test]
fn a_head_of_ones_own_reads_what_its_task_says() {
    let base = Config { vocabulary: VOCABULARY, positions: 9, ..Config::bert(8, 2, 2, 12) };
    let base = Arc::new(Encoder::<f64>::random(base, 0.2, Seed::new(1)));
    let batch = Batch::from_ids(&[&[1, 2, 3], &[4], &[5, 6]]);
    let head = Head::new("who", &config(Task::new(&AUTHOR)), &base, Seed::new(2)).expect("it fits");
    let model = AdapterModel::new(base.clone(), None, head);
    let mean = model.thawed_base().read(&batch, &(), Pass::evaluate(), &Selection::Mean).expect("a good batch").hidden;
    let expected = model.head().forward(model.thawed_base(), None, mean.view(), Pass::evaluate()).0;
    assert_eq!(model.logits(&batch).expect("a good batch"), expected);
    // Behind all blocks, where nothing trains, the state holds the means alone.
    let state = model.lower(&batch, model.constant_blocks()).expect("a good batch");
    assert_eq!((state.hidden(), model.constant_blocks()), (mean.view(), 2));
    let (objective, mut whole, mut kept) = (Classification(vec![1, 0, 0]), Gradients::new(), Gradients::new());
    let pass = Pass::differentiate();
    let loss = model.loss_and_gradients(&batch, &objective, 0.5, pass, &mut whole).expect("a good batch");
    let entry = adaptune_transformer::Entry::State(&batch, state);
    assert_eq!(loss, model.loss_and_gradients(entry, &objective, 0.5, pass, &mut kept).expect("a good state"));
    assert_eq!(whole.norm(), kept.norm());
    assert_eq!(loss, objective.loss(expected.view(), 0.5));
}

/// AdapterHub's classification reads the first token: a head saved as one would come back as another.
#[test]
fn a_head_that_files_cannot_describe_is_not_saved() {
    let base =
        Encoder::<f32>::random(Config { vocabulary: VOCABULARY, ..Config::bert(8, 1, 2, 12) }, 0.2, Seed::new(1));
    let head = Head::new("who", &config(Task::new(&AUTHOR)), &base, Seed::new(2)).expect("it fits");
    let directory = tempfile::tempdir().expect("a temporary folder");
    let error = format::save_head(&head, &base, directory.path()).expect_err("no place for it").to_string();
    assert!(error.contains("the task author") && error.contains("Mean"), "{error}");
    assert_eq!(directory.path().read_dir().expect("a folder").count(), 0);
}

#[test]
fn a_task_does_not_name_places() {
    static PLACES: TaskDescription = TaskDescription {
        name: "places",
        reads: Selection::Places(Vec::new()),
        outputs: Outputs::Number,
        layers: 1,
        head_type: None,
        task_type: None,
    };
    let base =
        Encoder::<f32>::random(Config { vocabulary: VOCABULARY, ..Config::bert(8, 1, 2, 12) }, 0.2, Seed::new(1));
    let error = Head::new("which", &config(Task::new(&PLACES)), &base, Seed::new(2)).expect_err("not for a head");
    assert_eq!(error, HeadError::Places { task: "places" });
}

/// A logit for each of two, three and four choices: the formula, and central differences.
#[test]
fn one_of_an_examples_sequences_is_right() {
    let logits = array![[0.3], [-1.2], [0.7], [2.0], [0.1], [-0.4], [0.0], [0.5], [0.25]];
    let objective = MultipleChoice { choices: vec![2, 3, 4], right: vec![1, 0, 3] };
    let loss = |logits: &[f64], right: usize| {
        let sum: f64 = logits.iter().map(|x| x.exp()).sum();
        sum.ln() - logits[right]
    };
    let flat = logits.column(0).to_vec();
    let expected = 0.2 * (loss(&flat[..2], 1) + loss(&flat[2..5], 0) + loss(&flat[5..], 3));
    assert!((objective.loss(logits.view(), 0.2) - expected).abs() < 1e-14);
    assert_eq!(Objective::<f64>::count(&objective), 3);
    let d = objective.loss_backward(logits.clone(), 0.2);
    for (at, found) in d.indexed_iter() {
        let moved = |step: f64| {
            let mut logits = logits.clone();
            logits[at] += step;
            objective.loss(logits.view(), 0.2)
        };
        assert!((found - (moved(1e-6) - moved(-1e-6)) / 2e-6).abs() < 1e-9, "{at:?}");
    }
    // Examples are judged apart: the whole is the sum of its parts.
    let first = MultipleChoice { choices: vec![2], right: vec![1] };
    let rest = MultipleChoice { choices: vec![3, 4], right: vec![0, 3] };
    let rows = |from: usize, to: usize| logits.slice(ndarray::s![from..to, ..]);
    assert!((first.loss(rows(0, 2), 0.2) + rest.loss(rows(2, 9), 0.2) - expected).abs() < 1e-14);
}

#[test]
fn choices_that_are_none_are_refused() {
    let choice = |choices: usize, right| MultipleChoice { choices: vec![3, choices], right: vec![2, right] };
    let refused = |objective, task| refused::<f32>(objective, task);
    assert!(refused(choice(1, 0), Task::MULTIPLE_CHOICE).starts_with("1 choices, but one of at least two"));
    assert!(refused(choice(0, 0), Task::MULTIPLE_CHOICE).starts_with("0 choices"));
    assert!(refused(choice(2, 2), Task::MULTIPLE_CHOICE).starts_with("choice 2 (they count from 0)"));
    assert!(refused(choice(2, 1), Task::CLASSIFICATION).contains("a target for one of several sequences"));
    // More choices than the head has names for are no harm: it scores one sequence at a time.
    assert!(Objective::<f32>::check(&choice(5, 4), &config(Task::MULTIPLE_CHOICE), VOCABULARY).is_ok());
}

/// No task is what is left when others are excluded: each objective fits the heads of its own, and no others.
#[test]
fn objectives_fit_heads_of_their_own_task_alone() {
    type OfTasks<'t> = (Box<dyn Objective<f32>>, &'t [Task]);
    let objectives: [OfTasks<'_>; 7] = [
        (Box::new(Classification(vec![0])), &[Task::CLASSIFICATION]),
        (Box::new(MultiLabel(vec![vec![true, false]])), &[Task::MULTI_LABEL]),
        (Box::new(Regression(vec![0.5])), &[Task::REGRESSION]),
        (Box::new(Tagging(vec![Some(0)])), &[Task::TAGGING]),
        (
            Box::new(WeightedClasses { classes: vec![Some(0)], weights: vec![1.0, 2.0] }),
            &[Task::CLASSIFICATION, Task::TAGGING],
        ),
        (Box::new(Spans { lengths: vec![2], spans: vec![(0, 1)] }), &[Task::QUESTION_ANSWERING]),
        (Box::new(MultipleChoice { choices: vec![2], right: vec![1] }), &[Task::MULTIPLE_CHOICE]),
    ];
    let tasks = [
        Task::CLASSIFICATION,
        Task::MULTI_LABEL,
        Task::REGRESSION,
        Task::TAGGING,
        Task::QUESTION_ANSWERING,
        Task::MULTIPLE_CHOICE,
        Task::MASKED_LANGUAGE,
    ];
    for (objective, own) in objectives {
        for task in tasks {
            let fits = objective.check(&config(task), VOCABULARY).is_ok();
            assert_eq!(fits, own.contains(&task), "{objective:?} upon a head for {}", task.name());
        }
    }
    // One label of which any number hold is no class, and no number.
    let one = HeadConfig::new(Task::MULTI_LABEL, vec!["a".into()]);
    assert!(Objective::<f32>::check(&Regression(vec![0.5]), &one, VOCABULARY).is_err());
    assert!(Objective::<f32>::check(&Classification(vec![0]), &one, VOCABULARY).is_err());
}
