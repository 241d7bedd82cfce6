//! Ranges of tokens with an adapter each: gradients, what a range gets, and what has none.

use crate::stirred::{base, batch, check, off, setup};
use adaptune_adapters::ExpressionError;
use adaptune_transformer::{Batch, Insertions, Pass};
use ndarray::s;

const BOTTLENECKS: [&str; 3] = [
    "seq_bn[reduction_factor=3,non_linearity=gelu,dropout=0.3]",
    "double_seq_bn[reduction_factor=2,non_linearity=tanh,scaling=learned]",
    "par_bn[reduction_factor=6,non_linearity=gelu,scaling=0.7]",
];
const LINEAR: [&str; 3] = ["lora[r=2,alpha=3,dropout=0.3]", "lora[r=1,alpha=4,attn_matrices=[q,k]]", "ia3"];

#[test]
fn every_nesting_has_gradients() {
    let base = base::<f64>();
    for methods in [&BOTTLENECKS, &LINEAR] {
        for text in [
            "split(a, b, c, splits=[1, 2, 1])",
            "split(a, b, splits=[2, 7])",
            "stack(a, split(b, c, splits=[1, 3]))",
            "stack(split(a, b, splits=[1, 3]), c)",
            "split(stack(a, b), c, splits=[2, 2])",
            "average(0.3*split(a, b, splits=[1, 1]), 0.7*c)",
            "split(average(0.3*a, 0.7*b), c, splits=[1, 1])",
            "route(split(a, b, splits=[1, 1]), c)",
            "per_sequence(split(a, b, splits=[1, 1]), c, none, part_of=[1, 0, 2, 0])",
        ] {
            let tree = setup(text, methods, "dynamic", &base).unwrap_or_else(|e| panic!("{text}: {e}"));
            assert!(text.starts_with("route") || tree.to_string() == text, "{tree}");
            check(text, tree, &base);
        }
    }
}

/// In the last block what a token gets depends on its adapter alone.
#[test]
fn each_range_gets_what_its_adapter_gives() {
    let base = base::<f64>();
    let last = |method: &str| format!("{method}[leave_out=[0],reduction_factor=2]");
    let methods = [last("seq_bn"), last("seq_bn"), last("par_bn")];
    let methods = methods.each_ref().map(String::as_str);
    let batch = Batch::from_ids(&[&[1, 2, 3, 4, 5], &[6], &[7, 8, 9]]);
    let hidden = |text: &str| {
        let setup = setup::<f64>(text, &methods, "", &base).unwrap_or_else(|e| panic!("{text}: {e}"));
        base.forward(&batch, &setup, Pass::evaluate()).expect("a good batch").hidden
    };
    // Of a stack within a split Python computes something else than of that stack alone.
    let (stacked, alone) = (hidden("split(stack(a, b), c, splits=[2, 2])"), hidden("stack(a, b)"));
    assert!(off(&stacked.slice(s![..2, ..]).to_owned(), &alone.slice(s![..2, ..]).to_owned()) < 1e-12);
    let found = hidden("split(a, b, c, splits=[1, 2, 1])");
    let parts = ["a", "b", "c"].map(hidden);
    // Two tokens behind all ranges belong to the last one; the second sequence ends before the second range.
    for (token, part) in [0, 1, 1, 2, 2, 0, 0, 1, 1].into_iter().enumerate() {
        let row = |of: &ndarray::Array2<f64>| of.slice(s![token..=token, ..]).to_owned();
        assert!(off(&row(&found), &row(&parts[part])) < 1e-12, "token {token}");
    }
    assert!(off(&parts[0], &parts[1]) > 1e-3 && off(&parts[1], &parts[2]) > 1e-3);
}

/// Which tokens a sublayer sees counts: the last block is not to be computed for the tokens that are read alone.
#[test]
fn what_is_read_is_the_same_alone_and_among_all() {
    let base = base::<f64>();
    let setup = setup::<f64>("split(a, b, splits=[1, 3])", &BOTTLENECKS, "", &base).expect("a split");
    let read = |selection| {
        let base = adaptune_transformer::Base::from(&base);
        base.read(&batch(4), &setup, Pass::evaluate(), &selection).expect("a good batch").hidden
    };
    let (all, last) = (read(adaptune_transformer::Selection::All), read(adaptune_transformer::Selection::Last));
    for (s, range) in batch(4).layout().ranges().enumerate() {
        let row = range.end - 1;
        assert!(off(&last.slice(s![s..=s, ..]).to_owned(), &all.slice(s![row..=row, ..]).to_owned()) < 1e-12);
    }
    assert!(Insertions::<f64>::sequences(&setup).is_none());
}

#[test]
fn what_cannot_be_split_is_refused_with_the_place() {
    let refused = |text: &str, method| match setup::<f32>(text, &["seq_bn", method, "seq_bn"], "", &base()) {
        Err(ExpressionError::Composition(error)) => error.to_string(),
        other => panic!("{text}: {other:?}"),
    };
    for (method, words) in [
        ("prefix_tuning[prefix_length=2]", "layer.0.keys_values: part 1 of the split"),
        ("seq_bn[use_gating=True]", "layer.0.feed_forward: part 1"),
        ("seq_bn_inv", "embeddings: part 1"),
    ] {
        let error = refused("split(a, b, splits=[1, 1])", method);
        assert!(error.contains(words), "{method}: {error}");
    }
    assert!(refused("split(a, b, splits=[1])", "seq_bn").contains("1 ranges are given for 2 parts"));
    assert!(refused("split(splits=[])", "seq_bn").contains("nothing to put together"));
}
