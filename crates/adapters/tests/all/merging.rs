//! Merged adapters compute alone what the base computes with them, and the base stays as it is.

use adaptune_adapters::{Adapter, Method, merge};
use adaptune_tensor::{Parameters, Scalar, Seed};
use adaptune_test_support::largest_difference;
use adaptune_transformer::{Batch, Config, Encoder, Insertions, Pass};
use ndarray::Array2;

const EVERY_LAYER: &str = "attn_matrices=[q,k,v,o],intermediate_lora=True,output_lora=True";

fn base<S: Scalar>() -> Encoder<S> {
    let config = Config { vocabulary: 11, positions: 9, ..Config::bert(12, 3, 2, 20) };
    Encoder::random(config, 0.4, Seed::new(3))
}

/// An adapter none of whose numbers is where it started.
fn adapter<S: Scalar>(text: &str, base: &Encoder<S>) -> Adapter<S> {
    let method: Method = text.parse().unwrap_or_else(|e| panic!("{text}: {e}"));
    let mut adapter = Adapter::on("test", &method, base, Seed::new(5)).unwrap_or_else(|e| panic!("{text}: {e}"));
    for (name, parameter) in adapter.parameters_mut() {
        let seed = Seed::new(7).named(&name);
        let draw = |i: usize| S::from_f64(0.6 * seed.unit(i as u64) - 0.3);
        parameter.values_mut().iter_mut().enumerate().for_each(|(i, v)| *v += draw(i));
    }
    adapter
}

fn hidden<S: Scalar>(base: &Encoder<S>, insertions: &dyn Insertions<S>) -> Array2<S> {
    let batch = Batch::from_ids(&[&[3, 1, 4, 1], &[5], &[9, 2, 6]]);
    base.forward(&batch, insertions, Pass::evaluate()).expect("a good batch").hidden
}

fn check<S: Scalar>(tolerance: f64) {
    let base = base::<S>();
    let before = base.fingerprint();
    for method in [
        format!("lora[r=3,alpha=7,{EVERY_LAYER}]"),
        format!("lora[r=3,alpha=2,use_rslora=True,leave_out=[1],{EVERY_LAYER}]"),
        format!("dora[r=2,alpha=5,{EVERY_LAYER}]"),
        format!("ia3[alpha=0.7,{EVERY_LAYER}]"),
        "ia3[attn_matrices=[k,v,o],output_lora=True,intermediate_lora=False,scale_inputs=[o,output]]".to_owned(),
        format!("vera[r=5,alpha=3,{EVERY_LAYER}]"),
        format!("mtl_lora[r=3,alpha=5,n_up_projection=3,{EVERY_LAYER}]"),
        format!(
            "mtl_lora[r=4,alpha=3,task_specific_matrix_type=linear,use_rslora=True,n_up_projection=2,{EVERY_LAYER}]"
        ),
        "lora[r=2,alpha=3]|ia3[attn_matrices=[k]]".to_owned(),
    ] {
        let adapter = adapter(&method, &base);
        let merged = merge(&base, &adapter).unwrap_or_else(|e| panic!("{method}: {e}"));
        let (active, alone) = (hidden(&base, &adapter), hidden(&merged, &()));
        let off = largest_difference(active.mapv(S::to_f64), alone.mapv(S::to_f64));
        assert!(off < tolerance, "{method}: merged and active differ by {off:.1e}");
        let moved = largest_difference(active.mapv(S::to_f64), hidden(&base, &()).mapv(S::to_f64));
        assert!(moved > 0.01, "{method}: the adapter does nothing");
    }
    assert_eq!(base.fingerprint(), before, "the base is the same to the bit, so nothing has to be undone");
}

#[test]
fn merged_is_active_in_double_precision() {
    check::<f64>(1e-10);
}

#[test]
fn merged_is_active_in_single_precision() {
    check::<f32>(1e-5);
}

#[test]
fn what_is_no_change_of_a_weight_is_refused() {
    let base = base::<f32>();
    for (method, words) in [
        ("seq_bn", "bottleneck at layer.0.feed_forward cannot be merged"),
        ("lora[use_gating=True]", "lora at layer.0.query cannot be merged"),
        ("lora|par_bn", "at layer.0.feed_forward cannot be merged"),
    ] {
        let error = merge(&base, &adapter(method, &base)).expect_err(method).to_string();
        assert!(error.contains(words), "{method}: {error}");
    }
}
