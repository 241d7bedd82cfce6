//! Objectives of sentence embeddings: against finite differences, against PyTorch, and what they leave out.

use adaptune_adapters::objective::{
    CoSent, CosineSimilarity, Distance, Matryoshka, MultipleNegatives, Objective, Regression, Triplets, UnitRows,
};
use adaptune_adapters::{HeadConfig, HeadError, Task};
use ndarray::{Array2, array, s};

const WEIGHT: f64 = 0.35;
const SIZE: usize = 7;

/// Vectors of several lengths and all directions, the same as in `scripts/embedding_losses.py`.
fn vectors(rows: usize) -> Array2<f64> {
    Array2::from_shape_fn((rows, SIZE), |(i, j)| {
        let at = (i * SIZE + j) as f64;
        (1.0 + i as f64 / 3.0) * (0.7 * at).sin() + 0.3 * (1.9 * at + 0.5).cos()
    })
}

/// Anchor, positive and one, none or two negatives.
const SIZES: [usize; 4] = [3, 2, 4, 3];

fn ranking(symmetric: bool) -> MultipleNegatives {
    MultipleNegatives { sizes: SIZES.to_vec(), texts: (0..12).collect(), scale: 3.5, symmetric }
}

/// Three examples have a text in common with another one: an anchor, a positive, and an anchor that is another's positive.
fn ranking_with_duplicates() -> MultipleNegatives {
    let texts = vec![0, 1, 2, /**/ 0, 4, /**/ 5, 4, 7, 8, /**/ 4, 10, 1];
    MultipleNegatives { texts, ..ranking(true) }
}

fn triplets(distance: Distance) -> Triplets {
    let margin = if distance == Distance::Cosine { 1.1 } else { 3.55 };
    Triplets { sizes: vec![3, 4, 3, 3], margin, distance }
}

fn scores() -> Vec<f64> {
    vec![0.2, 0.9, 0.2, -0.4, 0.6, 1.0]
}

/// Every objective, and the rows that it reads.
fn all() -> Vec<(&'static str, Box<dyn Objective<f64>>, usize)> {
    let matryoshka = |objective| Box::new(Matryoshka { objective, sizes: vec![SIZE, 3, 2] });
    vec![
        ("ranking", Box::new(ranking(false)), 12),
        ("symmetric", Box::new(ranking(true)), 12),
        ("duplicates", Box::new(ranking_with_duplicates()), 12),
        ("cosent", Box::new(CoSent { scores: scores(), scale: 4.5 }), 12),
        ("cosine", Box::new(CosineSimilarity(scores())), 12),
        ("triplets", Box::new(triplets(Distance::Cosine)), 13),
        ("euclidean", Box::new(triplets(Distance::Euclidean)), 13),
        ("matryoshka", matryoshka(Box::new(ranking(true))), 12),
        ("matryoshka of cosent", matryoshka(Box::new(CoSent { scores: scores(), scale: 4.5 })), 12),
    ]
}

#[test]
fn gradients_are_those_of_finite_differences() {
    for (name, objective, rows) in all() {
        let x = vectors(rows);
        let d = objective.loss_backward(x.clone(), WEIGHT);
        assert!(d.iter().any(|d| d.abs() > 1e-3), "{name}: {d}");
        for (at, found) in d.indexed_iter() {
            let moved = |step: f64| {
                let mut x = x.clone();
                x[at] += step;
                objective.loss(x.view(), WEIGHT)
            };
            let expected = (moved(1e-6) - moved(-1e-6)) / 2e-6;
            assert!((found - expected).abs() < 2e-9, "{name} {at:?}: {found} and {expected}");
        }
    }
}

/// `scripts/embedding_losses.py` prints them: the loss, the sum of all numbers of the gradient, each times its place, and its norm.
const GOLDEN: [(&str, [f64; 3]); 9] = [
    ("ranking", [3.925766294424, -25.08385154223, 1.263771950821]),
    ("symmetric", [3.347519111627, -16.959511528, 1.076009591644]),
    ("duplicates", [2.388162015439, -16.04191629999, 0.7581305770017]),
    ("cosent", [1.043571254241, 3.562987497036, 0.4173428348585]),
    ("cosine", [0.5858653579078, 1.363376884547, 0.3120720572712]),
    ("triplets", [0.2163651831174, -0.08737912770596, 0.2820299967689]),
    ("euclidean", [0.9053457287385, -3.286485702907, 0.9699556569639]),
    ("matryoshka", [12.41112130902, -56.68525897489, 2.981720560921]),
    ("matryoshka of cosent", [5.253637222673, 26.16508779071, 1.879185159555]),
];

#[test]
fn losses_and_gradients_are_those_of_pytorch() {
    for ((name, objective, rows), (golden, expected)) in all().into_iter().zip(GOLDEN) {
        assert_eq!(name, golden);
        let x = vectors(rows);
        let d = objective.loss_backward(x.clone(), WEIGHT);
        let placed: f64 = d.iter().enumerate().map(|(i, d)| (i + 1) as f64 * d).sum();
        let found = [objective.loss(x.view(), WEIGHT), placed, d.iter().map(|d| d * d).sum::<f64>().sqrt()];
        for (found, expected) in found.into_iter().zip(expected) {
            assert!((found - expected).abs() < 1e-10 * (1.0 + expected.abs()), "{name}: {found} and {expected}");
        }
    }
}

/// In f32 the same to its accuracy.
#[test]
fn single_precision_is_near() {
    let x = vectors(12);
    let single = Objective::<f32>::loss(&ranking(true), x.mapv(|x| x as f32).view(), 0.35);
    assert!((f64::from(single) - ranking(true).loss(x.view(), WEIGHT)).abs() < 1e-5);
}

/// Directions alone count, so a row as long as any gives the same loss, and its gradient is across it.
#[test]
fn lengths_do_not_matter() {
    let (x, mut longer) = (vectors(12), vectors(12));
    longer.row_mut(4).mapv_inplace(|x| 17.0 * x);
    for (name, objective, _) in all().into_iter().filter(|(name, _, rows)| *rows == 12 && !name.contains("matryoshka"))
    {
        assert!((objective.loss(x.view(), 1.0) - objective.loss(longer.view(), 1.0)).abs() < 1e-12, "{name}");
        let d = objective.loss_backward(x.clone(), 1.0);
        assert!((&d * &x).sum_axis(ndarray::Axis(1)).iter().all(|along| along.abs() < 1e-12), "{name}");
    }
    let nothing = UnitRows::of(Array2::<f64>::zeros((1, 3)).view());
    assert!(nothing.backward(array![[1.0, 0.0, 0.0]]).iter().all(|d| d.is_finite()));
}

/// What is right for an anchor as well is no negative of it: the batch is as one without it.
#[test]
fn duplicates_are_no_negatives() {
    let x = vectors(4);
    let of =
        |texts: &[usize]| MultipleNegatives { sizes: vec![2, 2], texts: texts.to_vec(), scale: 2.0, symmetric: true };
    let alone = |rows: std::ops::Range<usize>| {
        MultipleNegatives { sizes: vec![2], texts: vec![0, 1], ..of(&[]) }.loss(x.slice(s![rows, ..]), 1.0)
    };
    assert!(of(&[0, 1, 2, 3]).loss(x.view(), 1.0) > 0.1);
    for texts in [[0, 1, 0, 3], [0, 1, 2, 1], [0, 0, 0, 0]] {
        assert_eq!(of(&texts).loss(x.view(), 1.0), alone(0..2) + alone(2..4), "{texts:?}");
        assert!(of(&texts).loss_backward(x.clone(), 1.0).iter().all(|d| *d == 0.0));
    }
}

#[test]
fn batches_that_teach_nothing_are_no_trouble() {
    let same = CoSent { scores: vec![0.5; 3], scale: 20.0 };
    assert_eq!(same.loss(vectors(6).view(), 1.0), 0.0);
    assert!(same.loss_backward(vectors(6), 1.0).iter().all(|d| *d == 0.0));
    // The largest exponents there can be.
    let wrong = CoSent { scores: vec![0.0, 1.0], scale: 1e4 };
    let rows = array![[1.0_f64, 0.0], [1.0, 0.0], [1.0, 0.0], [-1.0, 0.0]];
    assert!((Objective::<f64>::loss(&wrong, rows.view(), 1.0) - 2e4).abs() < 1e-9);
    assert!(wrong.loss_backward(rows, 1.0).iter().all(|d| d.is_finite()));
}

#[test]
fn targets_and_heads_that_do_not_fit_are_refused() {
    let embedding = HeadConfig::new(Task::EMBEDDING, Vec::new());
    for (name, objective, _) in all() {
        assert!(objective.check(&embedding, 9).is_ok(), "{name}");
        let error = objective.check(&HeadConfig::new(Task::REGRESSION, Vec::new()), 9).unwrap_err().to_string();
        assert!(error.contains("vectors that are compared"), "{name}: {error}");
    }
    let refused = |objective: &dyn Objective<f64>| objective.check(&embedding, 9).unwrap_err().to_string();
    assert!(refused(&Regression(vec![1.0])).contains("a number of each sequence"));
    assert!(refused(&CosineSimilarity(vec![0.5, 4.2])).contains("the score 4.2, but a cosine is from −1 to 1"));
    assert!(refused(&CoSent { scores: vec![f64::NAN], scale: 1.0 }).contains("NaN"));
    assert!(refused(&MultipleNegatives { sizes: vec![2, 1], ..ranking(false) }).contains("no positive"));
    assert!(refused(&Triplets { sizes: vec![3, 2], ..triplets(Distance::Cosine) }).contains("no negative"));
    let with_layers = HeadConfig { layers: 1, ..embedding.clone() };
    let base = adaptune_transformer::Encoder::<f64>::random(
        adaptune_transformer::Config::bert(8, 2, 2, 12),
        0.1,
        adaptune_tensor::Seed::new(1),
    );
    let made = |config: &HeadConfig| adaptune_adapters::Head::new("e", config, &base, adaptune_tensor::Seed::new(2));
    assert_eq!(made(&with_layers).unwrap_err(), HeadError::Layers { task: "embedding", layers: 1, labels: 0 });
    assert_eq!(embedding.parameter_count(base.config()), 0);
    assert!(made(&embedding).is_ok());
}
