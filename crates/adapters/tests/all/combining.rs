//! Weighted combination of adapters: what they add to the base's layers adds up, whichever way it is done.

use adaptune_adapters::{
    Adapter, Combination, CombineError, Head, HeadConfig, Task, average_heads, combine, format, merge,
};
use adaptune_tensor::{Parameters, Seed};
use adaptune_test_support::largest_difference;
use adaptune_transformer::{Config, Encoder, LinearPoint, Projection};
use ndarray::Array2;

const LAYERS: &str = "intermediate_lora=True,output_lora=True";

fn base() -> Encoder<f64> {
    let config = Config { vocabulary: 11, positions: 9, ..Config::bert(8, 2, 2, 13) };
    Encoder::random(config, 0.4, Seed::new(3))
}

/// An adapter whose parameters are all random, called by its seed.
fn adapter(method: &str, base: &Encoder<f64>, seed: u64) -> Adapter<f64> {
    let method = method.parse().unwrap_or_else(|e| panic!("{method}: {e}"));
    let name = format!("from_{seed}");
    let mut adapter = Adapter::on(&name, &method, base, Seed::new(seed)).unwrap_or_else(|e| panic!("{e}"));
    for (name, parameter) in adapter.parameters_mut() {
        let draws = Seed::new(seed).named(&name);
        parameter.values_mut().iter_mut().enumerate().for_each(|(i, v)| *v += draws.unit(i as u64) - 0.4);
    }
    adapter
}

/// Three LoRAs of different ranks and scalings, none of them neutral.
fn loras(base: &Encoder<f64>) -> [Adapter<f64>; 3] {
    let lora = |fields: &str, seed| adapter(&format!("lora[{fields},{LAYERS}]"), base, seed);
    [lora("r=2,alpha=5", 1), lora("r=3,alpha=2", 2), lora("r=1,alpha=3,use_rslora=True", 3)]
}

/// What an adapter adds to a layer.
fn delta(base: &Encoder<f64>, adapter: &Adapter<f64>, point: LinearPoint) -> Array2<f64> {
    let merged = merge(base, adapter).expect("a LoRA");
    &merged.linear(point).expect("it is there").weight() - &base.linear(point).expect("it is there").weight()
}

fn points() -> impl Iterator<Item = LinearPoint> {
    (0..2).flat_map(|layer| {
        [Projection::Query, Projection::FeedForwardIn, Projection::FeedForwardOut]
            .map(|projection| LinearPoint { layer, projection })
    })
}

fn size(a: &Array2<f64>) -> f64 {
    a.iter().map(|v| v * v).sum::<f64>().sqrt()
}

#[track_caller]
fn check_sum(base: &Encoder<f64>, combined: &Adapter<f64>, parts: &[(&Adapter<f64>, f64)]) {
    for point in points() {
        let expected = parts
            .iter()
            .fold(Array2::zeros(base.linear(point).expect("it is there").weight().dim()), |sum, (adapter, weight)| {
                sum + delta(base, adapter, point) * *weight
            });
        let off = size(&(delta(base, combined, point) - &expected));
        assert!(off < 1e-10 && size(&expected) > 0.1, "{point:?}: off by {off:.1e}");
    }
}

fn combined(base: &Encoder<f64>, parts: &[(&Adapter<f64>, f64)], how: Combination) -> Adapter<f64> {
    combine("combined", parts, &how, base.config()).unwrap_or_else(|e| panic!("{how:?}: {e}"))
}

/// All combinations of changes, with nothing dropped.
fn full() -> [Combination; 6] {
    [
        Combination::Linear,
        Combination::Svd { rank: Some(8) },
        Combination::Dare { density: 1.0, seed: Seed::new(0), rank: Some(8) },
        Combination::Prune { density: 1.0, rank: Some(8) },
        Combination::Ties { density: 1.0, rank: Some(8) },
        Combination::DareTies { density: 1.0, seed: Seed::new(0), rank: Some(8) },
    ]
}

/// PEFT's `linear` gives other weights than those given, AdapterHub's and an older PEFT's `svd` lose or double `α/R`.
#[test]
fn sums_are_exact_at_full_rank() {
    let base = base();
    let [a, b, c] = &loras(&base);
    let parts = [(a, -0.2), (b, 0.9), (c, 0.3)];
    for how in &full()[..4] {
        check_sum(&base, &combined(&base, &parts, *how), &parts);
    }
}

#[test]
fn one_adapter_is_itself_and_two_equal_ones_are_that_adapter() {
    let base = base();
    let [a, ..] = &loras(&base);
    for how in full().into_iter().chain([Combination::Average { normalise: true }]) {
        check_sum(&base, &combined(&base, &[(a, 1.0)], how), &[(a, 1.0)]);
        check_sum(&base, &combined(&base, &[(a, 0.5), (a, 0.5)], how), &[(a, 1.0)]);
    }
    let one_hot = combined(&base, &[(a, 1.0), (&loras(&base)[1], 0.0)], Combination::Linear);
    check_sum(&base, &one_hot, &[(a, 1.0)]);
}

/// What PEFT adds to every layer with three LoRAs in one, where it draws nothing. Its ties divides by the number of
/// adapters that agree, ours by their weights, so the weights are 1 there.
#[test]
fn changes_are_pefts() {
    let (folder, base) = (crate::common::folder("combined"), crate::common::base::<f64>("bert"));
    let [x, y, z] =
        ["x", "y", "z"].map(|name| format::load_adapter(&folder.join(name), &base).unwrap_or_else(|e| panic!("{e}")));
    let expected = crate::common::Fixture::open(&folder.join("expected.safetensors"));
    let (equal, unequal) = ([1.0; 3], [0.75, -0.25, 1.5]);
    for (peft, how, weights) in [
        ("cat", Combination::Linear, unequal),
        ("svd", Combination::Svd { rank: Some(4) }, unequal),
        ("ties_svd", Combination::Ties { density: 0.5, rank: Some(5) }, equal),
        ("magnitude_prune_svd", Combination::Prune { density: 0.25, rank: Some(12) }, unequal),
    ] {
        let parts = [(&x, weights[0]), (&y, weights[1]), (&z, weights[2])];
        let combined = combined(&base, &parts, how);
        let layers = [(Projection::Query, "attention.self.query"), (Projection::FeedForwardIn, "intermediate.dense")];
        for (layer, (projection, path)) in (0..3).flat_map(|layer| layers.map(|found| (layer, found))) {
            let expected = expected.floats(&format!("{peft}:encoder.layer.{layer}.{path}"));
            let found = delta(&base, &combined, LinearPoint { layer, projection }).into_dyn();
            assert_eq!(found.shape(), expected.shape(), "{peft}: {layer} {path}");
            let off = largest_difference(found, expected);
            assert!(off < 1e-10, "{peft}: {layer} {path} is off by {off:.1e}");
        }
    }
}

/// Eckart and Young: no matrix of the rank is nearer, and the error is what the dropped singular values say. A rank is
/// the worst that a better one improves on.
#[test]
fn a_smaller_rank_is_the_best_approximation() {
    let base = base();
    let [a, b, _] = &loras(&base);
    let parts = [(a, 0.7), (b, 0.6)];
    let error = |rank| {
        let low = combined(&base, &parts, Combination::Svd { rank: Some(rank) });
        let exact = combined(&base, &parts, Combination::Linear);
        points().map(|point| size(&(delta(&base, &low, point) - delta(&base, &exact, point)))).sum::<f64>()
    };
    let errors: Vec<f64> = (1..=5).map(error).collect();
    assert!(errors.windows(2).all(|pair| pair[1] < pair[0]) && errors[0] > 0.1 && errors[4] < 1e-10, "{errors:?}");
    // Any other choice of the same rank, such as leaving one adapter out, is farther off.
    let without_b = points().map(|point| 0.6 * size(&delta(&base, b, point))).sum::<f64>();
    assert!(errors[1] < without_b, "{} {without_b}", errors[1]);
}

#[test]
fn parameters_are_averaged_for_any_method() {
    let base = base();
    for method in
        ["double_seq_bn[reduction_factor=3]", "ia3", "prefix_tuning[prefix_length=2,bottleneck_size=3]", "noreft"]
    {
        let [a, b, c] = [1, 2, 3].map(|seed| adapter(method, &base, seed));
        let parts = [(&a, -0.2), (&b, 0.9), (&c, 0.3)];
        let plain = combined(&base, &parts, Combination::Average { normalise: false });
        let shares = combined(&base, &[(&a, -0.4), (&b, 1.8), (&c, 0.6)], Combination::Average { normalise: true });
        for (i, (name, found)) in plain.parameters().into_iter().enumerate() {
            for (k, value) in found.values().iter().enumerate() {
                let of = |adapter: &Adapter<f64>| adapter.parameters()[i].1.values()[k];
                let expected = -0.2 * of(&a) + 0.9 * of(&b) + 0.3 * of(&c);
                assert!((value - expected).abs() < 1e-12, "{method}: {name}");
                assert!((shares.parameters()[i].1.values()[k] - expected).abs() < 1e-12, "{method}: {name}");
            }
        }
        assert!(!plain.any_trains());
    }
}

#[test]
fn what_was_drawn_once_must_be_the_same() {
    let base = base();
    let [a, b] = [1, 2].map(|seed| adapter("vera[r=3]", &base, seed));
    let how = Combination::Average { normalise: true };
    let error = combine("x", &[(&a, 1.0), (&b, 1.0)], &how, base.config()).expect_err("other matrices");
    assert!(matches!(&error, CombineError::OtherConstants { array, .. } if array.contains("lora_A")), "{error}");
    let same = combined(&base, &[(&a, 1.0), (&a, 3.0)], how);
    assert_eq!(merge(&base, &same).expect("VeRA").fingerprint(), merge(&base, &a).expect("VeRA").fingerprint());
}

/// The diagonal of a LoReFT's frame is of signs, and a file in which it is not would be refused.
#[test]
fn the_average_of_lorefts_can_be_saved_and_loaded() {
    let base = base();
    let make =
        |seed| Adapter::on(&format!("r{seed}"), &"loreft[r=2]".parse().expect("a method"), &base, Seed::new(seed));
    let (a, b) = (make(1).expect("fits"), make(2).expect("fits"));
    match combine("soup", &[(&a, 0.3), (&b, 0.9)], &Combination::Average { normalise: false }, base.config()) {
        Err(error) => assert!(matches!(error, CombineError::OtherConstants { .. }), "{error}"),
        Ok(soup) => drop(soup),
    }
    let soup = combined(&base, &[(&a, 0.3), (&a, 0.9)], Combination::Average { normalise: false });
    let folder = tempfile::tempdir().expect("a temporary folder");
    format::save_adapter(&soup, &base, folder.path()).expect("it can be saved");
    format::load_adapter(folder.path(), &base).expect("and loaded");
}

#[test]
fn adapters_of_other_sizes_are_refused() {
    let (base, wider) = (base(), Config { vocabulary: 11, positions: 9, ..Config::bert(12, 2, 2, 13) });
    let [a, ..] = &loras(&base);
    let error = combine("x", &[(a, 1.0)], &Combination::Linear, &wider).expect_err("another size");
    assert_eq!(error, CombineError::OtherSizes { name: "from_1".into() });
}

#[test]
fn the_result_is_a_lora_like_any_other() {
    let base = base();
    let [a, b, _] = &loras(&base);
    for how in full() {
        let made = combined(&base, &[(a, 0.6), (b, 0.4)], how);
        let folder = tempfile::tempdir().expect("a temporary folder");
        format::save_adapter(&made, &base, folder.path()).expect("it can be saved");
        let loaded = format::load_adapter(folder.path(), &base).expect("and loaded");
        assert_eq!((loaded.name(), loaded.method()), ("combined", made.method()));
        let off = points().map(|point| size(&(delta(&base, &loaded, point) - delta(&base, &made, point)))).sum::<f64>();
        assert!(off < 1e-5, "saved in f32, {off}");
    }
}

#[test]
fn what_cannot_be_combined_is_refused_with_the_reason() {
    let base = base();
    let [a, b, _] = &loras(&base);
    let error = |parts: &[(&Adapter<f64>, f64)], how| {
        combine("x", parts, &how, base.config()).expect_err("it must be refused").to_string()
    };
    let svd = |rank| Combination::Svd { rank: Some(rank) };
    let average = Combination::Average { normalise: true };
    assert!(error(&[], Combination::Linear).contains("at least one"));
    assert!(error(&[(a, f64::NAN)], Combination::Linear).contains("NaN, but must be a finite number"));
    assert!(error(&[(a, 1.0), (b, -1.0)], Combination::Ties { density: 0.5, rank: None }).contains("share"));
    assert!(error(&[(a, 1.0), (b, 1.0)], average).contains("another configuration"));
    assert!(error(&[(a, 1.0), (a, -1.0)], average).contains("add up to 0"));
    for rank in [0, 9] {
        assert!(error(&[(a, 1.0)], svd(rank)).contains("from 1 to 8"), "{}", error(&[(a, 1.0)], svd(rank)));
    }
    for density in [0.0, 1.5, f64::NAN] {
        let seed = Seed::new(0);
        for how in [
            Combination::Ties { density, rank: None },
            Combination::Prune { density, rank: None },
            Combination::Dare { density, seed, rank: None },
            Combination::DareTies { density, seed, rank: None },
        ] {
            assert!(error(&[(a, 1.0)], how).contains("density"), "{how:?}");
        }
    }
    let elects = Combination::DareTies { density: 0.5, seed: Seed::new(0), rank: None };
    assert!(error(&[(a, 1.0), (b, 0.0)], elects).contains("share"));
    let other = adapter("lora[r=2,alpha=5]", &base, 4);
    assert!(error(&[(a, 1.0), (&other, 1.0)], Combination::Linear).contains("feed_forward"));
    for (method, why) in [
        ("dora", "another method"),
        ("lora[use_gating=True]", "gate"),
        ("seq_bn", "no LoRA"),
        ("ia3", "another method"),
    ] {
        let other = adapter(method, &base, 4);
        assert!(error(&[(&other, 1.0)], Combination::Linear).contains(why), "{method}");
    }
}

#[test]
fn heads_of_one_form_are_averaged() {
    let base = base();
    let head = |labels: &[&str], seed| {
        let config = HeadConfig::new(Task::CLASSIFICATION, labels.iter().map(|l| (*l).to_owned()).collect());
        Head::new(&format!("head_{seed}"), &config, &base, Seed::new(seed)).expect("fits")
    };
    let (a, b) = (head(&["x", "y"], 1), head(&["x", "y"], 2));
    let both = average_heads("both", &[(&a, 1.0), (&b, 3.0)], true).expect("one form");
    assert_eq!(both.name(), "both");
    for ((_, found), ((_, a), (_, b))) in both.parameters().iter().zip(a.parameters().iter().zip(b.parameters())) {
        let expected = a.values().iter().zip(b.values()).map(|(a, b)| 0.25 * a + 0.75 * b);
        assert!(found.values().iter().zip(expected).all(|(f, e)| (f - e).abs() < 1e-12));
    }
    let error = average_heads("x", &[(&a, 1.0), (&head(&["x", "z"], 3), 1.0)], true).expect_err("other labels");
    assert!(error.to_string().contains("`head_3`"), "{error}");
}
