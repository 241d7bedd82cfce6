//! Skills that several tasks choose among: gradients with what is drawn in training, PEFT's numbers, and the LoRA of each task at the end.

use adaptune_adapters::{LoraConfig, Method, MethodError, MultiTask, PerSequence, PolytroponConfig, merge};
use adaptune_autograd::check_gradients;
use adaptune_tensor::{Gradients, Parameters, Seed, init};
use adaptune_transformer::{Batch, Config, Encoder, Insertions, LinearPoint, Pass, Projection};
use ndarray::{Array2, ArrayView2, s};

const TASKS: [&str; 3] = ["topic", "mood", "tense"];

fn base() -> Encoder<f64> {
    let config = Config { vocabulary: 11, positions: 9, ..Config::bert(6, 2, 2, 7) };
    Encoder::random(config, 0.4, Seed::new(3))
}

fn config(fields: &str, n_skills: usize) -> PolytroponConfig {
    match format!("lora[{fields}]").parse().unwrap_or_else(|e| panic!("{fields}: {e}")) {
        Method::Lora(lora) => PolytroponConfig { lora, n_skills },
        other => panic!("{other:?}"),
    }
}

/// Tasks none of whose numbers is where it started.
fn tasks(base: &Encoder<f64>, fields: &str, skills: usize) -> MultiTask<f64> {
    let config = config(fields, skills);
    let mut tasks = MultiTask::polytropon(&TASKS, &config, base.config(), Seed::new(5)).expect("it fits");
    for (name, parameter) in tasks.parameters_mut() {
        let seed = Seed::new(7).named(&name);
        parameter.values_mut().iter_mut().enumerate().for_each(|(i, v)| *v += 1.2 * seed.unit(i as u64) - 0.6);
    }
    tasks.train_from(0);
    tasks
}

const TASK_OF: [usize; 5] = [1, 0, 2, 1, 0];

fn batch() -> Batch {
    Batch::from_ids(&[&[3, 1, 4, 1], &[5], &[9, 2, 6], &[8, 8], &[7, 0, 10]])
}

/// A weighed sum of the last hidden state of a batch in which all tasks are, and its gradients.
fn loss(base: &Encoder<f64>, tasks: &MultiTask<f64>, pass: Pass) -> (f64, Gradients<f64>) {
    let parts = [tasks.task(0), tasks.task(1), tasks.task(2)];
    let mixed = PerSequence::new(parts.iter().collect(), &TASK_OF).expect("every task is there");
    let encoded = base.forward(&batch(), &mixed, pass).expect("a good batch");
    let c: Array2<f64> = init::normal(encoded.hidden.dim(), 1.0, Seed::new(8));
    let (loss, mut gradients) = ((&encoded.hidden * &c).sum(), Gradients::new());
    encoded.trace.backward(c, &mut gradients);
    (loss, gradients)
}

#[test]
fn gradients_of_all_tasks_add_up() {
    let base = base();
    for (fields, skills) in [
        ("r=3,alpha=4,intermediate_lora=True,output_lora=True,dropout=0.3", 3),
        ("r=1,use_rslora=True,alpha=2,attn_matrices=[k],leave_out=[0]", 2),
        ("r=2", 1),
    ] {
        let (mut tasks, pass) = (tasks(&base, fields, skills), Pass::train(Seed::new(9)));
        let (_, gradients) = loss(&base, &tasks, pass);
        assert_eq!(gradients.len(), tasks.parameters().len(), "{fields}: one buffer for each array");
        for i in 0..tasks.parameters().len() {
            let (name, parameter) = tasks.parameters().swap_remove(i);
            let (slot, point) = (parameter.slot().expect("it trains"), parameter.values().to_vec());
            let gradient: Vec<f64> = gradients.get(slot).expect("it has one").iter().copied().collect();
            let f = |x: &[f64]| {
                tasks.parameters_mut().swap_remove(i).1.values_mut().copy_from_slice(x);
                loss(&base, &tasks, pass).0
            };
            check_gradients(f, &point, &gradient).unwrap_or_else(|e| panic!("{fields}: {name}: {e}"));
            tasks.parameters_mut().swap_remove(i).1.values_mut().copy_from_slice(&point);
        }
    }
}

/// In use a task is one LoRA, alone, in a batch and merged; in training it is another one in every batch.
#[test]
fn a_task_is_a_lora_at_the_end() {
    let base = base();
    let tasks = tasks(&base, "r=3,alpha=4,intermediate_lora=True", 3);
    let hidden = |batch: &Batch, insertions: &dyn Insertions<f64>, pass| {
        base.forward(batch, insertions, pass).expect("a good batch").hidden
    };
    let off = |a: &Array2<f64>, b: ArrayView2<'_, f64>| (a - &b).iter().fold(0.0_f64, |most, d| most.max(d.abs()));
    let parts = [tasks.task(0), tasks.task(1), tasks.task(2)];
    let mixed = PerSequence::new(parts.iter().collect(), &TASK_OF).expect("every task is there");
    let together = hidden(&batch(), &mixed, Pass::evaluate());
    for (task, rows) in [(1, 0..4), (0, 4..5), (2, 5..8)] {
        let one = batch();
        let alone = Batch::from_ids(&[&one.token_ids()[rows.clone()]]);
        let adapter = tasks.adapter(task);
        assert!(matches!(adapter.method(), Some(Method::Lora(_))) && adapter.name() == TASKS[task]);
        let found = hidden(&alone, &adapter, Pass::evaluate());
        assert!(off(&found, together.slice(s![rows, ..])) < 1e-12, "{task}");
        let merged = merge(&base, &adapter).expect("a LoRA");
        let of_merged = merged.forward(&alone, &(), Pass::evaluate()).expect("a good batch").hidden;
        assert!(off(&found, of_merged.view()) < 1e-12, "{task}");
    }
    let drawn = |seed| loss(&base, &tasks, Pass::train(Seed::new(seed))).0;
    assert!(drawn(1) == drawn(1) && (drawn(1) - drawn(2)).abs() > 1e-6);
}

/// What PEFT adds to two texts of a token, one of each task.
const PEFTS: [f64; 12] = [
    0.012307118295676026,
    0.009630645696653947,
    0.009751509840112105,
    -0.008109931897133375,
    -0.01078640449615546,
    0.019839170793058643,
    0.020244762924062885,
    0.004624444528805821,
    0.005579075786202629,
    0.0026922358818520977,
    -0.012928082513404968,
    0.013400708049911211,
];

/// PEFT 0.21.2: `PolyConfig(r=2, n_tasks=2, n_skills=3, n_splits=1)` on a layer of zeros, in double precision. It divides by `r`, as `alpha=1` does.
#[test]
fn numbers_are_pefts() {
    let numbers = |count: usize| (0..count).map(|i| f64::from((i as u32 * 7 + 3) % 11) / 11.0 - 0.4);
    let config = config("r=2,alpha=1,attn_matrices=[q],leave_out=[1]", 3);
    let base = base();
    let mut tasks = MultiTask::polytropon(&["one", "two"], &config, base.config(), Seed::new(5)).expect("it fits");
    for (name, parameter) in tasks.parameters_mut() {
        let values: Vec<f64> = match name.trim_start_matches("layer.0.query.") {
            "skills.lora_A" => numbers(36).collect(),
            "skills.lora_B" => numbers(36).map(|value| 0.9 * value).collect(),
            "one.skill_logits" => vec![0.3, -1.2, 0.8],
            "two.skill_logits" => vec![2.0, 0.1, -0.7],
            other => panic!("{other}"),
        };
        parameter.values_mut().copy_from_slice(&values);
    }
    let x: Vec<f64> = numbers(12).collect();
    for task in 0..2 {
        let adapter = tasks.adapter(task);
        let parameters = adapter.parameters();
        let matrix = |name: &str, shape: (usize, usize)| {
            let (_, found) = parameters.iter().find(|(known, _)| known.ends_with(name)).expect("it is there");
            Array2::from_shape_vec(shape, found.values().to_vec()).expect("of this shape")
        };
        let (a, b) = (matrix("lora_A", (2, 6)), matrix("lora_B", (6, 2)));
        let x = Array2::from_shape_vec((1, 6), x[6 * task..6 * task + 6].to_vec()).expect("six numbers");
        let found = x.dot(&a.t()).dot(&b.t()) / 2.0;
        for (found, expected) in found.iter().zip(&PEFTS[6 * task..]) {
            assert!((found - expected).abs() < 1e-12, "task {task}: {found} and {expected}");
        }
    }
    assert_eq!(tasks.shared_count(), 72);
    assert!(tasks.task(0).linear(LinearPoint { layer: 0, projection: Projection::Query }).is_some());
}

#[test]
fn what_is_no_skill_is_refused() {
    let model = Config::bert(6, 2, 2, 7);
    let refused = |names: &[&str], config: PolytroponConfig| -> MethodError {
        MultiTask::<f32>::polytropon(names, &config, &model, Seed::new(1)).expect_err("it is refused")
    };
    let lora = |lora: LoraConfig| PolytroponConfig { lora, n_skills: 2 };
    assert!(
        refused(&["a"], PolytroponConfig { n_skills: 0, ..config("r=2", 1) }).to_string().contains("n_skills is 0")
    );
    let gated = lora(LoraConfig { use_gating: true, ..LoraConfig::lora() });
    assert!(refused(&["a"], gated).to_string().contains("have no gate"));
    assert!(refused(&["a"], lora(LoraConfig::ia3())).to_string().contains("skills are LoRAs"));
    assert!(refused(&["a", "a"], config("r=2", 2)).to_string().contains("names that differ"));
    assert!(refused(&[], config("r=2", 2)).to_string().contains("at least one task"));
}
