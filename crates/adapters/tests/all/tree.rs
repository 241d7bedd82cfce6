//! Trees of adapters: gradients, what a sequence of each node gets, parents that all below them train, files, and what is no tree.

use crate::stirred::{base, batch, check, loss, off, setup};
use adaptune_adapters::{AdapterModel, ExpressionError, Head, HeadConfig, Setup, Task, format};
use adaptune_tensor::Seed;
use adaptune_tensor::{Parameters, Scalar};
use adaptune_transformer::{Base, Batch, BatchError, Encoder, Insertions, Pass, Selection};
use ndarray::{Array2, s};
use std::sync::Arc;

const BOTTLENECKS: [&str; 3] = [
    "seq_bn[reduction_factor=3,non_linearity=gelu,dropout=0.3]",
    "double_seq_bn[reduction_factor=2,non_linearity=tanh,scaling=learned,use_gating=True]",
    "par_bn[reduction_factor=6,non_linearity=gelu,scaling=0.7]",
];
const LINEAR: [&str; 3] =
    ["lora[r=2,alpha=3,dropout=0.3]", "lora[r=1,alpha=4,attn_matrices=[q,k],use_gating=True]", "ia3"];

#[test]
fn every_nesting_has_gradients() {
    let base = base::<f64>();
    for methods in [&BOTTLENECKS, &LINEAR] {
        for text in [
            "tree(a, b, c, parents=[0, 0, 1])",
            "tree(a, b, c, parents=[2, 0, 2])",
            "tree(a, b, c, parents=[0, 1, 2])",
            "stack(a, tree(b, c, none, parents=[0, 0, 1]))",
            "stack(tree(a, none, b, parents=[0, 0, 1]), c)",
            "tree(stack(a, b), c, none, parents=[0, 0, 1])",
            "average(0.3*tree(a, none, b, parents=[0, 0, 0]), 0.7*c)",
            "route(tree(a, none, b, parents=[0, 0, 1]), c)",
            "layer_drop(tree(a, b, c, parents=[0, 0, 1]), layers=[0])",
            "per_sequence(tree(a, b, none, parents=[0, 0, 1]), c, part_of=[0, 1, 0, 0])",
        ] {
            // A stack of modules upon each other and a gate are not for each other in linear layers.
            let tree = setup(text, methods, "dynamic", &base).unwrap_or_else(|e| panic!("{text}: {e}"));
            check(text, tree, &base);
        }
    }
}

fn grouped(ids: &[&[u32]], groups: &[usize]) -> Batch {
    let groups = groups.iter().map(|group| vec![(*group, 1.0)]).collect();
    Batch::from_ids(ids).with_groups(groups).expect("a group for each")
}

fn of<S: Scalar>(base: &Encoder<S>, batch: &Batch, insertions: &dyn Insertions<S>) -> Array2<S> {
    base.forward(batch, insertions, Pass::evaluate()).expect("a good batch").hidden
}

/// Among others and alone, and as the average of its path by itself.
fn each_has_its_path<S: Scalar>(tolerance: f64) {
    let base = base::<S>();
    let ids: [&[u32]; 4] = [&[1, 2, 3], &[4], &[5, 6], &[7, 8, 9, 1]];
    for methods in [&BOTTLENECKS, &LINEAR] {
        let setup = |text: &str| setup::<S>(text, methods, "", &base).unwrap_or_else(|e| panic!("{text}: {e}"));
        let tree = setup("tree(a, b, c, parents=[0, 0, 1])");
        let together = base.forward(&grouped(&ids, &[2, 0, 1, 2]), &tree, Pass::evaluate()).expect("a good batch");
        for (sequence, group) in [2, 0, 1, 2].into_iter().enumerate() {
            let found = together.hidden.slice(s![together.layout.range(sequence), ..]).to_owned();
            let alone = of(&base, &grouped(&ids[sequence..=sequence], &[group]), &tree);
            assert!(off(&found, &alone) <= tolerance, "group {group}: {:.1e}", off(&found, &alone));
            let path = setup(["a", "average(a, b)", "average(a, b, c)"][group]);
            let expected = of(&base, &Batch::from_ids(&ids[sequence..=sequence]), &path);
            assert!(off(&found, &expected) < 1e-5, "group {group}: {:.1e}", off(&found, &expected));
        }
    }
}

#[test]
fn a_sequence_gets_the_average_of_its_path_whatever_shares_its_batch() {
    each_has_its_path::<f32>(0.0);
    each_has_its_path::<f64>(1e-12);
}

/// In the last block what the head reads is computed alone; a sequence keeps its path there, and behind a state too.
#[test]
fn what_is_read_is_the_same_alone_and_among_all() {
    let base = base::<f64>();
    let tree = setup::<f64>("tree(a, b, c, parents=[0, 0, 1])", &LINEAR, "", &base).expect("a tree");
    let read =
        |selection| Base::from(&base).read(&batch(4), &tree, Pass::evaluate(), &selection).expect("a batch").hidden;
    let (all, first, mean) = (read(Selection::All), read(Selection::First), read(Selection::Mean));
    for (sequence, range) in batch(4).layout().ranges().enumerate() {
        let row = first.slice(s![sequence..=sequence, ..]).to_owned();
        assert!(off(&row, &all.slice(s![range.start..=range.start, ..]).to_owned()) < 1e-12);
    }
    assert_eq!(mean.nrows(), 4);
    // A state that was kept without groups has those of its batch.
    let ids: Vec<&[u32]> = vec![&[1, 2], &[3]];
    let state = Base::from(&base).lower(&Batch::from_ids(&ids), &(), 1, None).expect("a state");
    let upper =
        setup::<f64>("layer_drop(tree(a, b, c, parents=[0, 0, 1]), layers=[0])", &LINEAR, "", &base).expect("a tree");
    let batch = grouped(&ids, &[1, 2]);
    let entry = adaptune_transformer::Entry::State(&batch, state);
    let found = base.forward(entry, &upper, Pass::evaluate()).expect("a batch").hidden;
    assert!(off(&found, &of(&base, &batch, &upper)) < 1e-12);
}

/// What lies outside of the tree has the average of paths; half of one and half of another is not what either gives.
#[test]
fn several_groups_are_the_average_of_their_paths() {
    let base = base::<f64>();
    let last = |method: &str| format!("{method}[leave_out=[0],output_lora=True,r=2]");
    let methods = [last("lora"), last("lora"), last("lora")];
    let methods = methods.each_ref().map(String::as_str);
    let setup = |text: &str| setup::<f64>(text, &methods, "", &base).unwrap_or_else(|e| panic!("{text}: {e}"));
    let tree = setup("tree(a, b, c, parents=[0, 0, 0])");
    let ids: [&[u32]; 1] = [&[5, 6, 7]];
    let both = Batch::from_ids(&ids).with_groups(vec![vec![(1, 0.25), (2, 0.75)]]).expect("groups");
    let expected = of(&base, &Batch::from_ids(&ids), &setup("average(0.5*a, 0.125*b, 0.375*c)"));
    assert!(off(&of(&base, &both, &tree), &expected) < 1e-12);
    assert!(off(&of(&base, &grouped(&ids, &[1]), &tree), &expected) > 1e-3);
}

/// A leaf without an example, and one that is alone: neither is an error, and what no sequence has a path to has no gradient.
#[test]
fn parents_learn_of_all_below_them_and_a_leaf_without_examples_of_nothing() {
    let base = base::<f64>();
    let mut tree = setup::<f64>("tree(a, b, c, parents=[0, 0, 1])", &BOTTLENECKS, "", &base).expect("a tree");
    tree.train_from(0);
    let trained = |groups: &[usize]| {
        let ids: [&[u32]; 2] = [&[1, 2, 3], &[4]];
        let encoded = base.forward(&grouped(&ids, groups), &tree, Pass::differentiate()).expect("a good batch");
        let (d, mut gradients) = (encoded.hidden.mapv(|x| x * x - 0.3), adaptune_tensor::Gradients::new());
        encoded.trace.backward(d, &mut gradients);
        let has = |part: &Setup<f64>| {
            part.parameters().iter().any(|(_, p)| p.slot().is_some_and(|s| gradients.get(s).is_some()))
        };
        tree.parts().iter().map(has).collect::<Vec<_>>()
    };
    assert_eq!(trained(&[1, 1]), [true, true, false]);
    assert_eq!(trained(&[0, 0]), [true, false, false]);
    assert_eq!(trained(&[0, 2]), [true, true, true]);
    let alone = setup::<f64>("tree(a, parents=[0])", &BOTTLENECKS, "", &base).expect("a tree of one");
    let ids: [&[u32]; 1] = [&[4]];
    let one = setup::<f64>("a", &BOTTLENECKS, "", &base).expect("one");
    assert!(off(&of(&base, &grouped(&ids, &[0]), &alone), &of(&base, &Batch::from_ids(&ids), &one)) < 1e-12);
}

/// A new leaf below parents that stay as they are.
#[test]
fn a_new_leaf_is_trained_below_frozen_parents() {
    let base = base::<f64>();
    let part = |text: &str| setup::<f64>(text, &BOTTLENECKS, "", &base).expect("an adapter");
    let parts = vec![part("a").frozen(), part("b").frozen(), part("c")];
    let tree = adaptune_adapters::Tree::new(base.config(), parts, vec![0, 0, 1]).expect("a tree");
    assert_eq!(tree.path(2), [0, 1, 2]);
    check("a new leaf", tree.into(), &base);
}

#[test]
fn trees_are_saved_and_loaded() {
    let base = Arc::new(base::<f32>());
    let tree = setup::<f32>("stack(a, tree(b, c, none, parents=[0, 0, 1]))", &LINEAR, "", &base).expect("a tree");
    let head =
        Head::new("topic", &HeadConfig::new(Task::CLASSIFICATION, vec!["x".into(), "y".into()]), &base, Seed::new(4));
    let model = AdapterModel::new(base.clone(), None, head.expect("a head")).with_setup(tree).expect("a setup");
    let folder = tempfile::tempdir().expect("a folder");
    format::save_setup(&model, folder.path()).expect("it is saved");
    let text = std::fs::read_to_string(folder.path().join("adapter_setup.json")).expect("a file");
    assert!(text.contains("\"Tree\"") && text.contains("\"parents\""), "{text}");
    let loaded = format::load(folder.path(), base).expect("it is loaded");
    assert_eq!(loaded.setup().to_string(), "stack(a, tree(b, c, none, parents=[0, 0, 1]))");
    assert_eq!(loaded.setup().tree().map(adaptune_adapters::Tree::leaves), Some(vec![2]));
    assert_eq!(loaded.logits(&batch(4)).expect("logits"), model.logits(&batch(4)).expect("logits"));
    assert_eq!(model.constant_blocks(), 0);
}

#[test]
fn what_lies_below_a_tree_is_constant() {
    let base = Arc::new(base::<f32>());
    let methods = LINEAR.map(|method| {
        if method == "ia3" { "ia3[leave_out=[0]]".into() } else { method.replace("r=", "leave_out=[0],r=") }
    });
    let methods = methods.each_ref().map(String::as_str);
    let tree = setup::<f32>("tree(a, b, c, parents=[0, 0, 1])", &methods, "", &base).expect("a tree");
    let head =
        Head::new("topic", &HeadConfig::new(Task::CLASSIFICATION, vec!["x".into(), "y".into()]), &base, Seed::new(4));
    let model = AdapterModel::new(base, None, head.expect("a head")).with_setup(tree).expect("a setup");
    assert_eq!(model.constant_blocks(), 1);
    assert!(
        loss(
            &crate::stirred::base(),
            &setup("tree(a, b, c, parents=[0, 0, 1])", &LINEAR, "", &crate::stirred::base()).expect("a tree")
        )
        .0
        .is_finite()
    );
}

#[test]
fn a_batch_that_does_not_say_its_groups_is_refused() {
    let base = base::<f32>();
    let tree = setup::<f32>("stack(a, tree(b, c, parents=[0, 0]))", &BOTTLENECKS, "", &base).expect("a tree");
    let pass = |batch: &Batch| base.forward(batch, &tree, Pass::evaluate()).err().expect("it is refused");
    let ids: [&[u32]; 2] = [&[1, 2], &[3]];
    assert_eq!(pass(&Batch::from_ids(&ids)), BatchError::NoGroup { sequence: 0, groups: 2 });
    assert_eq!(pass(&grouped(&ids, &[1, 2])), BatchError::Group { sequence: 1, group: 2, groups: 2 });
    let few = Batch::from_ids(&ids).with_groups(vec![vec![(0, 1.0)]]).err();
    assert_eq!(few, Some(BatchError::GroupCount { found: 1, expected: 2 }));
}

#[test]
fn what_is_no_tree_is_refused_with_the_place() {
    let refused = |text: &str, method| match setup::<f32>(text, &["seq_bn", method, "seq_bn"], "", &base()) {
        Err(ExpressionError::Composition(error)) => error.to_string(),
        other => panic!("{text}: {other:?}"),
    };
    for (text, words) in [
        ("tree(a, b, c, parents=[1, 2, 0])", "part 0 of the tree is among its own ancestors (0 → 1 → 2 → 0)"),
        ("tree(a, b, c, parents=[1, 2, 1])", "part 1 of the tree is among its own ancestors (1 → 2 → 1)"),
        ("tree(a, b, parents=[0, 2])", "part 1 of the tree has part 2 for its parent, but there are 2"),
        ("tree(a, b, parents=[0])", "1 parents are given for 2 parts"),
        ("tree(parents=[])", "nothing to put together"),
        ("tree(a, tree(b, parents=[0]), parents=[0, 0])", "part 1 of the tree is, or holds, a tree itself"),
        ("stack(tree(a, parents=[0]), tree(b, c, parents=[0, 0]))", "among 2 groups, and another among 1"),
        ("per_sequence(tree(a, parents=[0]), tree(b, c, parents=[0, 0]), part_of=[0, 1])", "among 2 groups"),
    ] {
        let error = refused(text, "seq_bn");
        assert!(error.contains(words), "{text}: {error}");
    }
    for (method, words) in [
        ("prefix_tuning[prefix_length=2]", "layer.0.keys_values: part 1 of the tree"),
        ("seq_bn_inv", "embeddings: part 1"),
    ] {
        let error = refused("tree(a, b, parents=[0, 0])", method);
        assert!(error.contains(words), "{method}: {error}");
    }
    let options = setup::<f32>("tree(a, b)", &BOTTLENECKS, "", &base()).expect_err("no parents").to_string();
    assert!(options.contains("needs [parents]"), "{options}");
}
