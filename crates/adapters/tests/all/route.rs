//! Routing: gradients against finite differences for every setting and nesting, what it is in simple cases, its files, and what no
//! router chooses.

use crate::stirred::{base, batch, check, hidden, loss, off, setup, stir};
use adaptune_adapters::{
    Adapter, AdapterModel, CompositionError, ExpressionError, Head, HeadConfig, Route, Router, RouterConfig, Setup,
    Task, format,
};
use adaptune_tensor::{Parameters, Scalar, Seed};
use adaptune_transformer::{Batch, Encoder, Pass};
use std::sync::Arc;

/// Bottlenecks of several wirings, and methods in linear layers.
const BOTTLENECKS: [&str; 3] = [
    "seq_bn[reduction_factor=3,non_linearity=gelu,dropout=0.3]",
    "double_seq_bn[reduction_factor=2,non_linearity=tanh,scaling=learned]",
    "par_bn[reduction_factor=6,non_linearity=gelu,scaling=0.7]",
];
const LINEAR: [&str; 3] = ["lora[r=2,alpha=3,dropout=0.3]", "lora[r=1,alpha=4,attn_matrices=[q,k]]", "ia3"];

const SETTINGS: [&str; 8] = [
    "balance=0",
    "balance=0.6",
    "top=1",
    "top=2, balance=0.3",
    "by=sequence",
    "by=sequence, top=1, balance=0.2",
    "by=sequence, top=2",
    "by=chance",
];

#[test]
fn every_setting_has_gradients_for_every_kind_of_module() {
    let base = base::<f64>();
    for methods in [&BOTTLENECKS, &LINEAR] {
        for settings in SETTINGS {
            let text = format!("route(a, b, c, {settings})");
            let tree = setup(&text, methods, "", &base).unwrap_or_else(|e| panic!("{text}: {e}"));
            check(&format!("{text} {methods:?}"), tree, &base);
        }
    }
}

#[test]
fn every_nesting_has_gradients() {
    let base = base::<f64>();
    let same = [
        "seq_bn[reduction_factor=3,non_linearity=gelu]",
        "seq_bn[reduction_factor=2,non_linearity=tanh]",
        "seq_bn[reduction_factor=6,non_linearity=gelu]",
    ];
    for text in [
        "route(a)",
        "stack(a, route(b, c, top=2))",
        "stack(route(a, b), c)",
        "route(stack(a, b), c)",
        "route(route(a, b), c, by=sequence)",
        "fuse(route(a, b), c)",
        "route(fuse(a, b), c)",
        "average(0.3*route(a, b, top=2), 0.7*c)",
        "layer_drop(route(a, b), layers=[0])",
        // Of what is hard the adapters have a derivative where no other router stands behind them.
        "layer_drop(route(a, b, c, hard=True), layers=[0])",
        "per_sequence(route(a, b), c, none, part_of=[1, 0, 2, 0])",
        "route(per_sequence(a, b, part_of=[0, 1, 1, 0]), c, top=2)",
    ] {
        let tree = setup(text, &same, "dynamic", &base).unwrap_or_else(|e| panic!("{text}: {e}"));
        check(text, tree, &base);
    }
    for text in ["stack(a, route(b, c))", "stack(route(a, b), c)", "route(a, stack(b, c), top=2)"] {
        let tree = setup(text, &LINEAR, "dynamic", &base).unwrap_or_else(|e| panic!("{text}: {e}"));
        check(text, tree, &base);
    }
}

fn adapter<S: Scalar>(name: &str, method: &str, base: &Encoder<S>) -> Setup<S> {
    let method = method.parse().unwrap_or_else(|e| panic!("{method}: {e}"));
    let mut adapter = Adapter::on(name, &method, base, Seed::new(5)).unwrap_or_else(|e| panic!("{e}"));
    stir("same", &mut adapter);
    adapter.into()
}

fn router<S: Scalar>(settings: &[(&str, serde_json::Value)], parts: &[Setup<S>], base: &Encoder<S>) -> Router<S> {
    let config = RouterConfig::of_fields(settings.iter().map(|(name, value)| (*name, value))).expect("settings");
    let mut router = Router::new("r", &config, base.config(), parts, Seed::new(2)).expect("a router");
    stir("r", &mut router);
    router
}

/// Weights that sum to 1 do not change what all parts agree on.
#[test]
fn a_choice_among_one_and_the_same_is_that_one() {
    let base = base::<f64>();
    for method in BOTTLENECKS.iter().chain(&LINEAR) {
        let expected = hidden(&base, &adapter("a", method, &base));
        for settings in [
            vec![],
            vec![("top", 2.into())],
            vec![("hard", true.into())],
            vec![("by", "sequence".into()), ("top", 2.into())],
            vec![("by", "chance".into())],
        ] {
            let parts = ["a", "b", "c"].map(|name| adapter(name, method, &base));
            let router = router(&settings, &parts, &base);
            let route = Route::new(base.config(), parts.into(), router).expect("a route");
            assert!(off(&hidden(&base, &route), &expected) < 1e-12, "{method} {settings:?}");
        }
    }
}

/// Where whole sequences are routed to one adapter, each gets what one of the adapters gives it alone, and not all the same one.
#[test]
fn a_sequence_gets_what_its_adapter_gives_it_alone() {
    let base = base::<f64>();
    let one = |method: &str| format!("{method}[leave_out=[0],reduction_factor=2]");
    let methods = [one("seq_bn"), one("par_bn"), one("seq_bn")];
    let parts = || {
        ["a", "b", "c"].iter().zip(&methods).map(|(name, method)| {
            let mut part = adapter(name, method, &base);
            stir(name, &mut part);
            part
        })
    };
    let settings = [("by", "sequence".into()), ("hard", true.into())];
    let mut router = router(&settings, &parts().collect::<Vec<_>>(), &base);
    for (_, weight) in router.parameters_mut() {
        // By the signs of the first number and the second.
        let rows = [[1.0, 0.0], [-1.0, 0.0], [0.0, 2.0]].map(|[a, b]| [a, b, 0.0, 0.0, 0.0, 0.0]);
        weight.values_mut().copy_from_slice(&rows.concat());
    }
    let route = Route::new(base.config(), parts().collect(), router).expect("a route");
    let mut chosen = Vec::new();
    for sequence in 0..8_u32 {
        let ids: Vec<u32> = (0..1 + sequence % 5).map(|t| (sequence * 7 + t * 3) % 11).collect();
        let batch = Batch::from_ids(&[&ids]);
        let of = |setup: &dyn adaptune_transformer::Insertions<f64>| {
            base.forward(&batch, setup, Pass::evaluate()).expect("a batch").hidden
        };
        let (found, alone) = (of(&route), parts().map(|part| of(&part)).collect::<Vec<_>>());
        chosen.push(alone.iter().position(|alone| off(alone, &found) < 1e-12).expect("it is that of one of them"));
    }
    assert!(chosen.iter().any(|one| *one != chosen[0]), "{chosen:?}");
}

/// With equal scores the first adapter is taken; the others are not computed, and have no gradient.
#[test]
fn an_adapter_that_nothing_is_routed_to_has_no_gradient() {
    let base = base::<f64>();
    let mut tree = setup("route(a, b, c, top=1)", &BOTTLENECKS, "", &base).expect("a route");
    for (name, parameter) in tree.parameters_mut() {
        if name.starts_with("router:") {
            parameter.values_mut().fill(0.0);
        }
    }
    tree.train_from(0);
    let (_, gradients) = loss(&base, &tree);
    for (name, parameter) in tree.parameters() {
        let found = gradients.get(parameter.slot().expect("it trains"));
        assert_eq!(found.is_some(), name.starts_with("a.") || name.starts_with("router:"), "{name}");
    }
}

/// What batches are cut into weighs what it is of the whole, so that the balance of a batch does not grow with the number of cuts.
#[test]
fn the_loss_of_balance_weighs_what_the_batch_is_of_the_step() {
    let base = base::<f64>();
    let mut tree = setup("route(a, b, c, balance=0.5)", &BOTTLENECKS, "", &base).expect("a route");
    tree.train_from(0);
    let added = |share: f64| {
        let pass = Pass::differentiate().with_share(share);
        let encoded = base.forward(&batch(4), &tree, pass).expect("a batch");
        let mut gradients = adaptune_tensor::Gradients::new();
        let d = ndarray::Array2::zeros(encoded.hidden.dim());
        encoded.trace.backward(d, &mut gradients);
        gradients.take_loss()
    };
    let (whole, quarter) = (added(1.0), added(0.25));
    // Two layers with two ends of sublayers; each adds at least the weight itself.
    assert!((4.0 * 0.5..4.0 * 0.5 * 3.0).contains(&whole), "{whole}");
    assert!((quarter - whole / 4.0).abs() < 1e-12, "{quarter}");
}

fn model<S: Scalar>(base: &Arc<Encoder<S>>, setup: Setup<S>) -> AdapterModel<S> {
    let config = HeadConfig::new(Task::CLASSIFICATION, vec!["x".into(), "y".into()]);
    let head = Head::new("mood", &config, base, Seed::new(1)).expect("it fits");
    AdapterModel::new(base.clone(), None, head).with_setup(setup).expect("it trains")
}

#[test]
fn what_is_saved_is_loaded_with_the_same_results() {
    let base = Arc::new(base::<f32>());
    for (text, saved, router) in [
        ("route(a, b, c, top=2, balance=0.25)", "route(a, b, c)", "a,b,c"),
        ("stack(a, route(b, c, by=sequence, hard=True))", "stack(a, route(b, c))", "b,c"),
        ("route(a, b, by=chance)", "route(a, b)", "a,b"),
    ] {
        let methods = if text.starts_with("stack") { &LINEAR } else { &BOTTLENECKS };
        let model = model(&base, setup(text, methods, "", &base).expect("a route"));
        let directory = tempfile::tempdir().expect("a temporary folder");
        format::save_setup(&model, directory.path()).unwrap_or_else(|e| panic!("{text}: {e}"));
        assert!(directory.path().join(router).join("adapter_router_config.json").is_file(), "{text}");
        assert!(format::notes(directory.path()).expect("it can be read").is_empty(), "{text}");
        let loaded = format::load(directory.path(), base.clone()).unwrap_or_else(|e| panic!("{text}: {e}"));
        assert_eq!(loaded.setup().to_string(), saved);
        let fields = |model: &AdapterModel<f32>| model.setup().mixings()[0].fields();
        assert_eq!(fields(&loaded), fields(&model), "{text}");
        assert_eq!(loaded.logits(&batch(4)).expect("a batch"), model.logits(&batch(4)).expect("a batch"), "{text}");
        assert_eq!(loaded.counts(), model.counts(), "{text}");
        let parts = format::describe(directory.path()).expect("it is described");
        assert_eq!(parts.iter().filter(|part| part.kind == "router").count(), 1, "{text}");
    }
}

#[test]
fn broken_files_are_refused_by_name() {
    let base = Arc::new(base::<f32>());
    let model = model(&base, setup("route(a, b, top=1)", &BOTTLENECKS, "", &base).expect("a route"));
    let directory = tempfile::tempdir().expect("a temporary folder");
    format::save_setup(&model, directory.path()).expect("it is saved");
    let config = directory.path().join("a,b/adapter_router_config.json");
    let good = std::fs::read_to_string(&config).expect("a file");
    let error = |text: &str| {
        std::fs::write(&config, text).expect("written");
        format::load(directory.path(), base.clone()).map(|_| ()).unwrap_err().to_string()
    };
    for (from, to, words) in [
        ("\"top\": 1", "\"top\": 3", "from 1 to the number of adapters"),
        ("\"balance\"", "\"balanse\"", "did you mean `balance`"),
        ("\"name\": \"a,b\"", "\"name\": \"other\"", "other"),
        ("\"adapter_names\": [", "\"adapter_names\": [\"c\", ", "chooses among 3 adapters, and here are 2"),
        ("\"hidden_size\": 6", "\"hidden_size\": 8", "hidden size"),
    ] {
        assert!(good.contains(from), "{from} is in the file:\n{good}");
        let error = error(&good.replace(from, to));
        assert!(error.contains(words), "{error}");
    }
}

fn refused(text: &str, methods: &[&str]) -> String {
    match setup::<f32>(text, methods, "dynamic", &base()) {
        Err(ExpressionError::Composition(error)) => error.to_string(),
        other => panic!("{text}: {other:?}"),
    }
}

#[test]
fn what_no_router_chooses_is_refused_with_the_place() {
    let with = |method| ["seq_bn", method, "seq_bn"];
    for (method, words) in [
        (
            "prefix_tuning[prefix_length=2]",
            "layer.0.keys_values: part 1 has a module there that a router cannot choose",
        ),
        ("seq_bn_inv", "embeddings: part 1"),
        ("adapter_plus", "layer.0.feed_forward: part 1"),
        ("loreft", "layer.0: part 1"),
    ] {
        let error = refused("route(a, b)", &with(method));
        assert!(error.contains(words), "{method}: {error}");
    }
    let gated = with("seq_bn[use_gating=True]");
    assert!(refused("route(a, b, top=1)", &gated).contains("part 1 has a module there that reads other tokens"));
    assert!(setup::<f32>("route(a, b)", &gated, "", &base()).is_ok());
    assert!(setup::<f32>("route(a, b, by=sequence, top=1)", &gated, "", &base()).is_ok());
    let other = |text: &str| setup::<f32>(text, &with("seq_bn"), "", &base()).map(|_| ()).unwrap_err().to_string();
    assert!(other("stack(a, b, top=2)").contains("stack has no settings, but [top] are given"));
    assert!(other("route(a, b, top=2; mine)").contains("names `mine`, which has its own"));
}

#[test]
fn a_router_is_for_its_adapters() {
    let base = base::<f32>();
    let parts = |methods: &[&str]| methods.iter().map(|method| adapter("a", method, &base)).collect::<Vec<_>>();
    let router = router(&[], &parts(&["seq_bn", "seq_bn"]), &base);
    let error = |methods: &[&str]| Route::new(base.config(), parts(methods), router.clone()).map(|_| ()).unwrap_err();
    let count = CompositionError::Experts { name: "r".into(), found: 2, parts: 3 };
    assert_eq!(error(&["seq_bn", "seq_bn", "seq_bn"]), count);
    let points = error(&["double_seq_bn", "seq_bn"]).to_string();
    assert!(
        points.contains("layer.0.attention: the router \"r\" and the adapters do not stand at the same points"),
        "{points}"
    );
}
