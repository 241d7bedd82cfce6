//! The work of a training step at the shape of MiniLM: products, the frozen base, the whole step.

use adaptune_adapters::objective::Classification;
use adaptune_adapters::{Adapter, AdapterModel, Head, HeadConfig, Method, Task};
use adaptune_tensor::{Activation, Gradients, Seed, init, matmul};
use adaptune_transformer::{Batch, Config, Encoder, Pass};
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use ndarray::Array2;
use std::sync::Arc;

fn mini_lm() -> Config {
    Config { vocabulary: 30522, ..Config::bert(384, 6, 12, 1536) }
}

/// 32 sequences of `length` tokens.
fn batch(length: usize) -> Batch {
    let ids: Vec<Vec<u32>> =
        (0..32).map(|s| (0..length).map(|t| ((s * 131 + t * 7) % 30000) as u32).collect()).collect();
    Batch::from_ids(&ids.iter().map(Vec::as_slice).collect::<Vec<_>>())
}

fn model(method: &str) -> AdapterModel<f32> {
    let base = Arc::new(Encoder::random(mini_lm(), 0.02, Seed::new(0)));
    let method: Method = method.parse().expect("a known method");
    let adapter = Adapter::new("bench", &method, base.config(), Seed::new(1)).expect("fits");
    let head = HeadConfig::new(Task::CLASSIFICATION, vec!["a".into(), "b".into()]);
    let head = Head::new("bench", &head, &base, Seed::new(2)).expect("fits");
    AdapterModel::new(base, Some(adapter), head)
}

fn products(c: &mut Criterion) {
    let mut group = c.benchmark_group("matmul");
    for (m, k, n) in [(4096, 384, 384), (4096, 384, 1536), (4096, 1536, 384), (4096, 384, 24), (800, 384, 1536)] {
        let (a, b): (Array2<f32>, Array2<f32>) =
            (init::normal((m, k), 1.0, Seed::new(0)), init::normal((n, k), 1.0, Seed::new(1)));
        group.throughput(Throughput::Elements((2 * m * k * n) as u64));
        group.bench_function(format!("{m}x{k}x{n}"), |bench| bench.iter(|| matmul(a.view(), b.t())));
    }
    group.finish();
}

fn activations(c: &mut Criterion) {
    let x: Array2<f32> = init::normal((4096, 1536), 1.0, Seed::new(0));
    c.bench_function("gelu 4096x1536", |b| b.iter(|| Activation::Gelu.forward(x.clone())));
    c.bench_function("gelu backward 4096x1536", |b| b.iter(|| Activation::Gelu.backward(x.view(), x.clone())));
}

fn steps(c: &mut Criterion) {
    let mut group = c.benchmark_group("32 sequences");
    group.sample_size(10);
    for length in [25, 128] {
        let batch = batch(length);
        group.throughput(Throughput::Elements(batch.layout().tokens() as u64));
        let base = model("seq_bn");
        group.bench_function(BenchmarkId::new("forward", length), |b| {
            b.iter(|| base.logits(&batch).expect("a good batch"));
        });
        for method in ["seq_bn", "double_seq_bn", "par_bn"] {
            let model = model(method);
            let targets = Classification((0..32).map(|i| i % 2).collect());
            group.bench_function(BenchmarkId::new(method, length), |b| {
                b.iter(|| {
                    let mut gradients = Gradients::new();
                    let pass = Pass::train(Seed::new(3));
                    model.loss_and_gradients(&batch, &targets, 1.0 / 32.0, pass, &mut gradients).expect("a good batch");
                    gradients
                });
            });
        }
    }
    group.finish();
}

criterion_group!(benches, products, activations, steps);
criterion_main!(benches);
