//! MTL-LoRAs of several tasks: one array in one place, gradients that add up, and adapters that come out of it.

use adaptune_adapters::{
    Adapter, AdapterModel, Head, HeadConfig, Method, MtlLoraConfig, MultiTask, PerSequence, Point, Task, format, merge,
};
use adaptune_autograd::check_gradients;
use adaptune_tensor::{Gradients, Parameters, Seed, Slot, init};
use adaptune_transformer::{Batch, Config, Encoder, Insertions, Pass};
use ndarray::{Array2, s};

const TASKS: [&str; 3] = ["topic", "mood", "tense"];
const FIELDS: &str = "r=3,alpha=4,n_up_projection=3,weights_sharpness=0.6,intermediate_lora=True,output_lora=True";

fn base() -> Encoder<f64> {
    let config = Config { vocabulary: 11, positions: 9, ..Config::bert(6, 2, 2, 7) };
    Encoder::random(config, 0.4, Seed::new(3))
}

fn config(fields: &str) -> MtlLoraConfig {
    match format!("mtl_lora[{fields}]").parse().unwrap_or_else(|e| panic!("{fields}: {e}")) {
        Method::MtlLora(config) => config,
        other => panic!("{other:?}"),
    }
}

/// Tasks none of whose numbers is where it started.
fn tasks(base: &Encoder<f64>, fields: &str) -> MultiTask<f64> {
    let mut tasks = MultiTask::new(&TASKS, &config(fields), base.config(), Seed::new(5)).expect("it fits");
    for (name, parameter) in tasks.parameters_mut() {
        let seed = Seed::new(7).named(&name);
        parameter.values_mut().iter_mut().enumerate().for_each(|(i, v)| *v += 1.2 * seed.unit(i as u64) - 0.6);
    }
    tasks.train_from(0);
    tasks
}

/// Which task each sequence of the batch belongs to.
const TASK_OF: [usize; 5] = [1, 0, 2, 1, 0];

fn batch() -> Batch {
    Batch::from_ids(&[&[3, 1, 4, 1], &[5], &[9, 2, 6], &[8, 8], &[7, 0, 10]])
}

fn hidden(base: &Encoder<f64>, batch: &Batch, insertions: &dyn Insertions<f64>) -> Array2<f64> {
    base.forward(batch, insertions, Pass::evaluate()).expect("a good batch").hidden
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
    for fields in ["dropout=0.3", "task_specific_matrix_type=linear", "use_rslora=True,attn_matrices=[k],leave_out=[0]"]
    {
        let (mut tasks, pass) = (tasks(&base, &format!("{FIELDS},{fields}")), Pass::train(Seed::new(9)));
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

/// What AdapterHub computes with a batch of two tasks that share: the last hidden state, and the gradients of a weighed sum.
#[test]
fn numbers_are_adapterhubs() {
    let fixture = crate::common::Fixture::open(&crate::common::folder("tasks").join("bert.safetensors"));
    let base = crate::common::base::<f64>(fixture.metadata("model"));
    let adapters = ["one", "two"].map(|name| fixture.adapter(name, &base).expect("the fixture has two"));
    let mut tasks = MultiTask::of(&[&adapters[0], &adapters[1]], base.config()).expect("they are alike");
    tasks.train_from(0);
    let task_of: Vec<usize> = fixture.integers("tasks").into_iter().map(|task| task as usize).collect();
    let (one, two) = (tasks.task(0), tasks.task(1));
    let mixed = PerSequence::new(vec![&one, &two], &task_of).expect("both are there");
    let encoded = base.forward(&fixture.batch("input."), &mixed, Pass::differentiate()).expect("a good batch");
    assert!(crate::common::difference(encoded.hidden.iter().copied(), &fixture.floats("hidden")) < 1e-9);
    let mut gradients = Gradients::new();
    encoded.trace.backward(fixture.floats("weight").into_dimensionality().expect("[T, D]"), &mut gradients);
    for (task, adapter) in adapters.into_iter().enumerate() {
        let names: Vec<String> = adapter.parameters().into_iter().map(|(name, _)| name).collect();
        let head =
            Head::new("none", &HeadConfig::new(Task::TAGGING, vec!["a".into(), "b".into()]), &base, Seed::new(0));
        let model = AdapterModel::new(base.clone(), Some(adapter), head.expect("it fits"));
        for (name, (stored, _)) in names.iter().zip(format::named_parameters(&model)) {
            let expected = fixture.floats(&format!("grad:{}", stored[0]));
            let gradient = gradients.get(slot(&tasks, task, name)).expect("both are in the batch");
            let off = crate::common::difference(gradient.iter().copied(), &expected) / crate::common::size(&expected);
            assert!(off < 1e-9, "the gradient of {} is off by {off:.1e}", stored[0]);
        }
    }
    assert_eq!(gradients.len(), 2 * 3 * (2 + 2 * 2), "2 blocks, 3 layers each: A, B, and two arrays of each task");
}

/// The slot of what goes by this name in a task's adapter.
fn slot(tasks: &MultiTask<f64>, task: usize, name: &str) -> Slot {
    let shared = tasks.parameters().into_iter().find(|(known, _)| known == name);
    let (point, part) = Point::split(name);
    let own = || format!("{}.{}.{part}", point.expect("it stands at a layer"), tasks.names()[task]);
    let found = shared.or_else(|| tasks.parameters().into_iter().find(|(known, _)| *known == own()));
    found.and_then(|(_, parameter)| parameter.slot()).unwrap_or_else(|| panic!("{name} is not there"))
}

/// What a task computes among others, it computes alone, and its adapter too; merged to rounding.
#[test]
fn a_tasks_adapter_is_the_task() {
    let base = base();
    let tasks = tasks(&base, FIELDS);
    let parts = [tasks.task(0), tasks.task(1), tasks.task(2)];
    let mixed = PerSequence::new(parts.iter().collect(), &TASK_OF).expect("every task is there");
    let together = hidden(&base, &batch(), &mixed);
    let alone = |task: usize| hidden(&base, &Batch::from_ids(&[&[3, 1, 4, 1]]), &parts[task]);
    assert!((&together.slice(s![..4, ..]) - &alone(TASK_OF[0])).iter().all(|d| d.abs() < 1e-13));
    assert_ne!(alone(0), alone(1), "tasks differ");
    for (i, part) in parts.iter().enumerate() {
        let adapter = tasks.adapter(i);
        assert!(adapter.name() == TASKS[i] && !adapter.any_trains());
        let expected = hidden(&base, &batch(), part);
        assert_eq!(hidden(&base, &batch(), &adapter), expected);
        let merged = hidden(&merge(&base, &adapter).expect("it is a matrix"), &batch(), &());
        assert!((merged - &expected).iter().all(|d| d.abs() < 1e-10));
        let folder = tempfile::tempdir().expect("a temporary folder");
        format::save_adapter(&adapter, &base, folder.path()).expect("AdapterHub has it");
        let loaded: Adapter<f64> = format::load_adapter(folder.path(), &base).expect("it was saved");
        assert!((hidden(&base, &batch(), &loaded) - &expected).iter().all(|d| d.abs() < 1e-5), "saved in f32");
    }
}

#[test]
fn finished_adapters_share_again() {
    let base = base();
    let tasks = tasks(&base, FIELDS);
    let adapters = [tasks.adapter(2), tasks.adapter(0)];
    let again = MultiTask::of(&[&adapters[0], &adapters[1]], base.config()).expect("they are alike");
    assert_eq!(again.names(), ["tense", "topic"]);
    assert_eq!(hidden(&base, &batch(), &again.task(1)), hidden(&base, &batch(), &tasks.task(0)));
    // 2 blocks, 4 layers each: one A and three B, and for each task three weights and three numbers.
    let layer = |outputs: usize, inputs: usize| 3 * inputs + 3 * outputs * 3 + 2 * (3 + 3);
    assert_eq!(again.parameter_count(), 2 * (2 * layer(6, 6) + layer(7, 6) + layer(6, 7)));
    let fails = |adapters: &[&Adapter<f64>], words: &str| {
        let error = MultiTask::of(adapters, base.config()).expect_err(words).to_string();
        assert!(error.contains(words), "{error}");
    };
    let other = |method: &str| {
        Adapter::new("x", &method.parse().expect("a method"), base.config(), Seed::new(1)).expect("it fits")
    };
    fails(&[], "at least one task");
    fails(&[&adapters[0], &adapters[0]], "names that differ");
    fails(&[&other("lora")], "only adapters of mtl_lora");
    fails(&[&adapters[0], &other("mtl_lora[r=2]")], "one configuration");
}

/// Steps of descent from fresh tasks, or from such whose weights `w` all are 1 as in AdapterHub: the losses, and the cosine
/// of the angle between two of the `B_i` afterwards.
fn descent(base: &Encoder<f64>, equal: bool) -> (Vec<f64>, f64) {
    let fields = "r=2,alpha=3,n_up_projection=3";
    let mut tasks = MultiTask::<f64>::new(&TASKS, &config(fields), base.config(), Seed::new(5)).expect("it fits");
    let weights = tasks.parameters_mut().into_iter().filter(|(name, _)| equal && name.ends_with("weights"));
    weights.for_each(|(_, parameter)| parameter.values_mut().fill(1.0));
    assert_eq!(hidden(base, &batch(), &tasks.task(1)), hidden(base, &batch(), &()), "fresh, it is the identity");
    tasks.train_from(0);
    let mut losses = Vec::new();
    for _ in 0..20 {
        let (loss, gradients) = loss(base, &tasks, Pass::differentiate());
        losses.push(loss);
        for (_, parameter) in tasks.parameters_mut() {
            let gradient = gradients.get(parameter.slot().expect("it trains")).expect("all tasks are in the batch");
            parameter.values_mut().iter_mut().zip(gradient).for_each(|(v, d)| *v -= 0.02 * d);
        }
    }
    let (_, b) = tasks.parameters().into_iter().find(|(name, _)| name.ends_with("lora_B")).expect("there");
    let each: Vec<&[f64]> = b.values().chunks(b.values().len() / 3).collect();
    let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
    (losses, dot(each[0], each[1]) / (dot(each[0], each[0]) * dot(each[1], each[1])).sqrt())
}

/// With equal weights the `B_i` stay equal; fresh tasks mix them otherwise, so that they come apart, and not in size alone.
#[test]
fn shared_matrices_learn_and_come_apart() {
    let base = base();
    let ((losses, ours), (_, equal)) = (descent(&base, false), descent(&base, true));
    assert!(losses.windows(2).all(|pair| pair[1] < pair[0]), "{losses:?}");
    assert!((equal - 1.0).abs() < 1e-14 && ours < 0.998, "{equal} {ours}");
}
