//! Sentence embeddings through the loop: what is learnt, how it is scored, what is refused.

use adaptune_adapters::{Adapter, AdapterModel, Head, HeadConfig, Method, Pooling, Task};
use adaptune_tensor::{Gradients, Seed};
use adaptune_train::supervision::{EmbeddingLoss, Embeddings, Supervision};
use adaptune_train::{
    Dataset, EvaluationRecord, Example, Record, Sequence, Target, TrainOptions, Trainer, evaluate_by,
};
use adaptune_transformer::{Config, Encoder, Pass};
use std::sync::Arc;

/// A tiny model with a LoRA that does something, and vectors by this pooling.
fn model<S: adaptune_tensor::Scalar>(pooling: Option<Pooling>) -> AdapterModel<S> {
    let config = Config { vocabulary: 40, ..Config::bert(12, 2, 3, 20) };
    let base = Arc::new(Encoder::<S>::random(config, 0.2, Seed::new(4)));
    let method: Method = "lora[r=3,alpha=5,init_weights=bert]".parse().expect("it is read");
    let adapter = Adapter::new("mine", &method, base.config(), Seed::new(5)).expect("it fits");
    let head = HeadConfig { pooling, ..HeadConfig::new(Task::EMBEDDING, Vec::new()) };
    let head = Head::new("mine", &head, &base, Seed::new(6)).expect("it fits");
    AdapterModel::new(base, Some(adapter), head)
}

fn sequence(ids: &[u32]) -> Sequence {
    Sequence { token_ids: ids.to_vec(), token_types: vec![0; ids.len()] }
}

/// `[0, k, …]` belongs to `[1, k + 20, …]`: the second token says it, with others of several lengths around.
fn related(count: u32) -> Dataset {
    let example = |i: u32| {
        let (k, n) = (4 + i % 8, i * i % 3);
        let (mut anchor, mut positive) = (vec![0, k], vec![1, k + 20]);
        anchor.extend((0..n).map(|j| 2 + (i + j) % 2));
        positive.extend((0..2 - n).map(|j| 22 + (i + 2 * j) % 2));
        let mut sequences = vec![sequence(&anchor), sequence(&positive)];
        if i.is_multiple_of(3) {
            sequences.push(sequence(&[1, 24 + (i + 5) % 8]));
        }
        Example { sequences, target: Target::Related }
    };
    Dataset::new(Task::EMBEDDING, 0, (0..count).map(example).collect()).expect("a data set")
}

/// Pairs that are near if their second tokens are.
fn scored(count: u32) -> Dataset {
    let example = |i: u32| {
        let (a, b) = (2 + i * 7 % 16, 2 + i * 11 % 16);
        let score = 1.0 - f64::from(a.abs_diff(b)) / 15.0;
        Example { sequences: vec![sequence(&[0, a, 3]), sequence(&[0, b])], target: Target::Value(score) }
    };
    Dataset::new(Task::EMBEDDING, 0, (0..count).map(example).collect()).expect("a data set")
}

fn by(loss: &str) -> Embeddings {
    Embeddings { loss: Some(loss.parse().expect("it is read")), beginnings: vec![5] }
}

/// Through pooling, base and adapter, for every loss: along the gradient the loss changes as the gradient says.
#[test]
fn gradients_reach_the_adapter() {
    let losses = ["multiple_negatives[scale=3,symmetric=true]", "triplet[margin=1.5]", "cosent[scale=2]", "cosine"];
    for (i, loss) in losses.into_iter().enumerate() {
        let pooling = [None, Some(Pooling::First), Some(Pooling::Last), Some(Pooling::Max)][i];
        let (mut model, data) = (model::<f64>(pooling), if i < 2 { related(12) } else { scored(9) });
        let numbers: Vec<usize> = (0..data.len()).filter(|n| loss != "triplet[margin=1.5]" || n % 3 == 0).collect();
        let batch = data.batch(&numbers, Seed::new(0));
        let objective = Supervision::<f64>::objective(&by(loss), &batch);
        let mut gradients = Gradients::new();
        let pass = Pass::differentiate();
        model.loss_and_gradients(&batch.batch, &*objective, 0.3, pass, &mut gradients).expect("it is there");
        let square = gradients.norm().powi(2);
        assert!(square > 1e-6, "{loss}: {square}");
        let mut moved = |step: f64| {
            for (_, parameter) in model.trainable_mut() {
                let slot = parameter.slot().expect("it is there");
                let d = gradients.get(slot).expect("it is there").iter().copied().collect::<Vec<f64>>();
                parameter.values_mut().iter_mut().zip(d).for_each(|(value, d)| *value += step * d);
            }
            model.logits_and_loss(&batch.batch, &*objective, 0.3).expect("it is there").1
        };
        let step = 1e-5;
        let (above, below) = (moved(step), moved(-2.0 * step));
        let found = (above - below) / (2.0 * step);
        assert!((found - square).abs() < 1e-6 * square.max(1e-3), "{loss}: {found} and {square}");
    }
}

fn trained(loss: Embeddings, train: &Dataset, dev: &Dataset, more: TrainOptions) -> Vec<EvaluationRecord> {
    let options = TrainOptions { epochs: 30, batch_size: 8, learning_rate: 3e-2, ..more };
    let run = Trainer::supervised(model::<f32>(None), &loss, train, Some(dev), options)
        .expect("it fits")
        .run(&mut ())
        .expect("it runs");
    let of = |record: &Record| if let Record::Evaluation(e) = record { Some(e.clone()) } else { None };
    run.history.iter().filter_map(of).collect()
}

#[test]
fn what_belongs_together_is_found() {
    let (train, dev) = (related(64), related(8));
    for loss in [Embeddings::USUAL, by("multiple_negatives[scale=10,symmetric=true]")] {
        let records = trained(loss, &train, &dev, TrainOptions::default());
        let (first, last) = (records[0].primary(), records[records.len() - 1].primary());
        assert!(last > first + 0.2 && last > 0.5, "{first} and {last}");
        assert_eq!(records[0].metrics[0].0, "recall@1");
    }
}

#[test]
fn scores_are_learnt_in_their_order() {
    let (train, dev) = (scored(64), scored(24));
    for loss in [Embeddings::USUAL, by("cosine")] {
        let records = trained(loss, &train, &dev, TrainOptions::default());
        let (first, last) = (records[0].primary(), records[records.len() - 1].primary());
        assert!(last > first + 0.2 && last > 0.6, "{first} and {last}");
        assert_eq!((records[0].metrics[0].0.as_str(), records[0].metrics[1].0.as_str()), ("spearman", "pearson"));
    }
}

#[test]
fn what_does_not_fit_is_refused() {
    let (related, scored) = (related(8), scored(8));
    let refused = |loss: &str, data: &Dataset, accumulate: usize| {
        let options = TrainOptions { accumulate, ..TrainOptions::default() };
        let made = Trainer::supervised(model::<f32>(None), &by(loss), data, None, options).map(|_| ());
        made.unwrap_err().to_string()
    };
    assert!(refused("multiple_negatives", &scored, 1).contains("no positive"));
    assert!(refused("cosent", &related, 1).contains("finite number"));
    assert!(
        refused("triplet", &related, 1).contains("example 1")
            && refused("triplet", &related, 1).contains("no negative")
    );
    assert!(refused("multiple_negatives", &related, 2).contains("cannot be accumulated in parts"));
    let examples = [related.examples(), scored.examples()].concat();
    let mixed = Dataset::new(Task::EMBEDDING, 0, examples).unwrap_err().to_string();
    assert!(mixed.contains("example 8"), "{mixed}");
    let alone = Example { sequences: vec![sequence(&[1])], target: Target::Related };
    assert!(
        Dataset::new(Task::EMBEDDING, 0, vec![alone]).unwrap_err().to_string().contains("an anchor and its positive")
    );
    assert!(Dataset::new(Task::REGRESSION, 1, scored.examples().to_vec()).is_err());
    // The loss of an evaluation is the mean over its batches.
    let model = model::<f32>(None);
    let loss = |data: &Dataset| evaluate_by(&model, &by("cosent"), data, 4).expect("it is there").loss;
    let halves = [0, 4].map(|from| loss(&scored.select(&(from..from + 4).collect::<Vec<_>>()).expect("it is there")));
    assert!((loss(&scored) - (halves[0] + halves[1]) / 2.0).abs() < 1e-6);
    assert_ne!(
        Supervision::<f32>::name(&by("cosent")),
        Supervision::<f32>::name(&Embeddings { loss: None, ..by("cosent") })
    );
    assert_eq!(EmbeddingLoss::ALL.len(), 4);
}
