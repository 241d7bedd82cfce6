//! The search for architectures: the same trials in whatever order they are trained, all within the limit.

use adaptune_tensor::Seed;
use adaptune_train::search::{
    Origin, Plan, Progress, Results, Score, Search, SearchError, Space, Strategy, Training, front,
};
use adaptune_transformer::Config;
use proptest::prelude::*;

fn model() -> Config {
    Config::bert(48, 5, 4, 112)
}

fn search(strategy: Strategy, trials: usize, most: u64, seed: u64) -> Search {
    let (space, plan) = (Space::usual(&model(), 1e-3), Plan::new(strategy, trials, 9));
    Search::new(space, &model(), most, plan, seed).expect("something is within the limit")
}

/// In the place of a training: a score that depends on what is trained alone, with equal ones among them.
fn score(progress: &Progress, training: &Training) -> Score {
    let trial = &progress.trials[training.trial];
    let text = Seed::new(3).named(&trial.method);
    let merit = (8.0 * text.unit(0)).floor() + (trial.parameters as f64).log2().floor();
    Score { merit, loss: (4.0 * text.unit(1)).floor() / training.epochs as f64 }
}

/// Runs a search, of whose due trainings one is trained at a time, chosen by `order`.
fn run(search: &Search, order: u64) -> (Progress, Results) {
    let mut results = Results::new();
    for step in 0.. {
        let progress = search.progress(&results);
        if progress.next.is_empty() {
            return (progress, results);
        }
        let place = (Seed::new(order).unit(step) * progress.next.len() as f64) as usize;
        let training = &progress.next[if order == 0 { 0 } else { place }];
        results.insert((training.trial, training.rung), score(&progress, training));
    }
    unreachable!("steps do not end")
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    #[test]
    fn the_order_of_trainings_does_not_show(seed in 0_u64..50, order in 1_u64..1_000) {
        for strategy in Strategy::ALL {
            let search = search(strategy, 17, 3_000, seed);
            prop_assert_eq!(run(&search, 0), run(&search, order));
        }
    }

    #[test]
    fn every_trial_is_within_the_limit_and_new(seed in 0_u64..1_000, most in 700_u64..40_000) {
        let search = search(Strategy::Evolution, 24, most, seed);
        let (progress, results) = run(&search, 0);
        let plan = search.plan();
        for (number, trial) in progress.trials.iter().enumerate() {
            let method: adaptune_adapters::Method = trial.method.parse().expect("a configuration string");
            prop_assert_eq!(method.size(&model()).expect("it fits").parameters(), trial.parameters);
            prop_assert!(trial.parameters <= most);
            let same = |other: &&adaptune_train::search::Trial| (&other.method, other.rate) == (&trial.method, trial.rate);
            prop_assert_eq!(progress.trials.iter().filter(same).count(), 1, "trial {}", number);
        }
        let epochs: usize = results.keys().map(|(_, rung)| plan.epochs()[*rung]).sum();
        prop_assert!(epochs as u64 <= plan.epochs_at_most(), "{} and {}", epochs, plan.epochs_at_most());
        prop_assert!(progress.trials.len() <= plan.trials());
    }
}

#[test]
fn a_seed_chooses_other_trials_than_another_but_the_presets_are_the_same() {
    let trials = |seed| run(&search(Strategy::Evolution, 20, 20_000, seed), 0).0.trials;
    let (one, other) = (trials(1), trials(2));
    assert_eq!(one, trials(1));
    let presets = one.iter().take_while(|trial| trial.origin == Origin::Preset).count();
    assert_eq!(presets, 5);
    assert_eq!(one[..presets], other[..presets]);
    assert_ne!(one[presets..], other[presets..]);
}

#[test]
fn the_better_third_goes_on_and_the_best_preset_in_any_case() {
    let search = search(Strategy::Halving, 12, 20_000, 4);
    let mut results = Results::new();
    // Presets, which come first, are the worst here; of them trial 3 is the best.
    for trial in 0..12 {
        let merit = if trial == 3 { 2.5 } else { trial as f64 - if trial < 5 { 5.0 } else { 0.0 } };
        results.insert((trial, 0), Score { merit, loss: 1.0 });
    }
    let next = |results: &Results| -> Vec<(usize, usize, usize)> {
        search.progress(results).next.iter().map(|t| (t.trial, t.rung, t.epochs)).collect()
    };
    assert_eq!(next(&results), [3, 8, 9, 10, 11].map(|trial| (trial, 1, 3)));
    for trial in [3, 8, 9, 10, 11] {
        results.insert((trial, 1), Score { merit: 0.0, loss: (trial as f64 - 10.0).abs() });
    }
    // Equal scores: the loss decides, and of 9 and 11 the number.
    assert_eq!(next(&results), [3, 9, 10].map(|trial| (trial, 2, 9)));
}

#[test]
fn children_have_the_best_as_parents_and_a_diverged_trial_has_none() {
    let search = search(Strategy::Evolution, 18, 20_000, 6);
    let mut results = Results::new();
    loop {
        let progress = search.progress(&results);
        let Some(training) = progress.next.first() else { break };
        let merit = if training.trial % 2 == 0 { -(training.trial as f64) } else { f64::NAN };
        results.insert((training.trial, training.rung), Score { merit, loss: 1.0 });
    }
    let trials = search.progress(&results).trials;
    let parents: Vec<usize> = trials
        .iter()
        .filter_map(|trial| if let Origin::Child(parent) = trial.origin { Some(parent) } else { None })
        .collect();
    assert_eq!(parents.len(), search.plan().children());
    assert!(parents.iter().all(|parent| parent % 2 == 0), "{parents:?}");
}

#[test]
fn a_limit_that_nothing_keeps_names_the_smallest() {
    let space = Space {
        methods: vec!["seq_bn[reduction_factor=each(4|48|none),non_linearity=relu|gelu]".parse().expect("good")],
        rates: vec![1e-3],
    };
    let new = |most| Search::new(space.clone(), &model(), most, Plan::new(Strategy::Random, 8, 2), 0);
    // One unit in one block: 2 · 48 + 48 + 1.
    let error = new(144).expect_err("too small");
    assert!(matches!(error, SearchError::NothingWithin { parameters: 145, .. }), "{error}");
    let words = error.to_string();
    assert!(words.contains("reduction_factor=48") && words.contains("leave_out=[1, 2, 3, 4]"), "{words}");
    let search = new(145).expect("the smallest one");
    let trials = search.progress(&Results::new()).trials;
    assert!(!trials.is_empty() && trials.iter().all(|trial| trial.parameters == 145), "{trials:?}");
}

#[test]
fn widths_differ_from_block_to_block_and_the_limit_is_used() {
    let most = 3_000;
    let trials = search(Strategy::Random, 40, most, 8).progress(&Results::new()).trials;
    let by_block = trials.iter().filter(|trial| trial.method.contains("'default'")).count();
    assert!(by_block > 5, "{by_block} of {}", trials.len());
    assert!(trials.iter().any(|trial| trial.method.contains("leave_out")));
    let large = trials.iter().filter(|trial| trial.parameters > most / 2).count();
    assert!(large > 8, "{large} of {} are over half of {most}", trials.len());
    let sizes: Vec<_> =
        trials.iter().map(|trial| (trial.parameters, Score { merit: trial.parameters as f64, loss: 0.0 })).collect();
    assert!(front(&sizes).len() > 5);
}

#[test]
fn what_does_not_fit_the_model_is_refused_before_anything_is_drawn() {
    for (text, words) in [
        ("seq_bm", "did you mean `seq_bn`?"),
        ("seq_bn[reduction_factors=4|8]", "did you mean `reduction_factor`?"),
        ("lora[r=4|many]", "must be a whole number"),
        ("seq_bn[leave_out=[]|[5]]", "layer 5"),
        ("lora[reduction_factor=each(4|8)]", "no field of this method"),
    ] {
        let space = Space { methods: vec![text.parse().expect("a form")], rates: vec![1e-3] };
        let error = Search::new(space, &model(), 1 << 20, Plan::new(Strategy::Random, 8, 2), 0).expect_err(text);
        assert!(error.to_string().contains(words), "{text}: {error}");
    }
    let empty = |rates: Vec<f64>, methods| {
        let space = Space { methods, rates };
        space.check(&model()).expect_err("it is empty").to_string()
    };
    assert!(empty(vec![1e-3], vec![]).contains("no methods"));
    assert!(empty(vec![], vec!["lora".parse().expect("good")]).contains("no learning rates"));
    assert!(empty(vec![f64::NAN], vec!["lora".parse().expect("good")]).contains("NaN"));
}
