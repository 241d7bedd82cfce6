//! Gradients through a whole model against finite differences in double precision: every tensor of
//! every preset and of unusual combinations of options, every head, every tensor of a thawed base, with and without dropout.

use adaptune_adapters::objective::{
    Classification, MaskedLanguage, MultiLabel, MultipleChoice, Objective, Regression, Spans, Tagging,
};
use adaptune_adapters::{Adapter, AdapterModel, Head, HeadConfig, Method, Pooling, TargetScale, Task};
use adaptune_autograd::check_gradients;
use adaptune_tensor::{Gradients, Parameters, Seed};
use adaptune_transformer::{
    Architecture, Batch, Config, DisentangledPositions, Encoder, Family, Pass, Pooler, Thaw, Thawed,
};
use std::sync::Arc;

fn base(dropout: f64) -> Arc<Encoder<f64>> {
    let config = Config { vocabulary: 11, positions: 9, ..Config::bert(6, 2, 2, 7) };
    Arc::new(Encoder::random(config, 0.4, Seed::new(3)).with_dropout(dropout, dropout))
}

fn batch() -> Batch {
    Batch::from_ids(&[&[3, 1, 4, 1], &[5], &[9, 2, 6]])
}

fn head(task: Task) -> HeadConfig {
    HeadConfig::new(task, ["a", "b", "c"].map(str::to_owned).to_vec())
}

fn objective(task: Task) -> Box<dyn Objective<f64>> {
    match task.name() {
        "regression" => Box::new(Regression(vec![0.3, -1.2, 2.5])),
        "tagging" => Box::new(Tagging(vec![Some(1), None, Some(0), Some(2), Some(2), None, Some(1), Some(0)])),
        "masked language" => Box::new(MaskedLanguage { places: vec![1, 4, 7], tokens: vec![6, 10, 0] }),
        "multi-label" => Box::new(MultiLabel(vec![vec![true, false, true], vec![false; 3], vec![false, true, true]])),
        "question answering" => Box::new(Spans { lengths: vec![4, 1, 3], spans: vec![(1, 3), (0, 0), (2, 2)] }),
        "multiple choice" => Box::new(MultipleChoice { choices: vec![3], right: vec![1] }),
        "classification" => Box::new(Classification(vec![2, 0, 1])),
        other => panic!("no targets for {other} here"),
    }
}

/// A model whose parameters are all random: no bias is zero, no scale is one.
fn model(method: &str, head: &HeadConfig, dropout: f64) -> AdapterModel<f64> {
    let base = base(dropout);
    let method: Method = method.parse().unwrap_or_else(|e| panic!("{e}"));
    let adapter = Adapter::on("test", &method, &base, Seed::new(5)).unwrap_or_else(|e| panic!("{e}"));
    random(base, Some(adapter), head, None)
}

fn random(
    base: Arc<Encoder<f64>>,
    adapter: Option<Adapter<f64>>,
    head: &HeadConfig,
    thawed: Option<Thawed<f64>>,
) -> AdapterModel<f64> {
    let head = Head::new("test", head, &base, Seed::new(6)).unwrap_or_else(|e| panic!("{e}"));
    stirred(AdapterModel::new(base, adapter, head).with_thawed(thawed))
}

fn stirred(mut model: AdapterModel<f64>) -> AdapterModel<f64> {
    for (name, parameter) in model.parameters_mut() {
        let seed = Seed::new(7).named(&name);
        let draw = |i: usize| 1.6 * seed.unit(i as u64) - 0.8;
        parameter.values_mut().iter_mut().enumerate().for_each(|(i, v)| *v += draw(i));
    }
    model
}

fn loss(model: &AdapterModel<f64>, task: Task, pass: Pass) -> (f64, Gradients<f64>) {
    let mut gradients = Gradients::new();
    let loss = model.loss_and_gradients(&batch(), &*objective(task), 0.3, pass, &mut gradients).expect("a good batch");
    (loss, gradients)
}

fn check(method: &str, head: &HeadConfig, dropout: f64) {
    check_model(method, model(method, head, dropout), dropout);
}

/// Checks the gradient of every tensor.
fn check_model(method: &str, model: AdapterModel<f64>, dropout: f64) {
    check_some(method, model, dropout, |_| true);
}

/// Checks the gradients of those tensors whose name is wanted.
fn check_some(method: &str, mut model: AdapterModel<f64>, dropout: f64, wanted: impl Fn(&str) -> bool) {
    let head = model.head().config().clone();
    let pass = if dropout > 0.0 { Pass::train(Seed::new(9)) } else { Pass::differentiate() };
    let (_, gradients) = loss(&model, head.task, pass);
    let count = model.parameters().len();
    assert_eq!(gradients.len(), count, "{method}: every tensor has a gradient");
    for i in 0..count {
        let (name, slot, point) = {
            let (name, parameter) = model.parameters().swap_remove(i);
            (name, parameter.slot().expect("everything trains"), parameter.values().to_vec())
        };
        if !wanted(&name) {
            continue;
        }
        let gradient: Vec<f64> = gradients.get(slot).expect("has a gradient").iter().copied().collect();
        let f = |x: &[f64]| {
            model.parameters_mut().swap_remove(i).1.values_mut().copy_from_slice(x);
            loss(&model, head.task, pass).0
        };
        check_gradients(f, &point, &gradient).unwrap_or_else(|e| panic!("{method}: {name}: {e}"));
        model.parameters_mut().swap_remove(i).1.values_mut().copy_from_slice(&point);
    }
}

/// Smooth activations: differences across the kink of a ReLU would say nothing.
#[test]
fn presets() {
    for method in [
        "seq_bn[reduction_factor=2,non_linearity=gelu]",
        "double_seq_bn[reduction_factor=3]",
        "par_bn[reduction_factor=2,non_linearity=tanh]",
        "scaled_par_bn[reduction_factor=3,non_linearity=gelu_new]",
        "adapter_plus[reduction_factor=2]",
    ] {
        check(method, &head(Task::CLASSIFICATION), 0.0);
    }
}

#[test]
fn odd_wirings() {
    for fields in [
        "ln_before=True,scaling=2.5",
        "ln_after=True",
        "ln_after=True,adapter_residual_before_ln=True,scaling=channel",
        "ln_before=True,ln_after=True,residual_before_ln=False",
        "residual_before_ln=post_add,scaling=learned",
        "original_ln_after=False",
        "original_ln_before=False,original_ln_after=False,mh_adapter=True",
        "is_parallel=True,mh_adapter=True,ln_before=True,ln_after=True",
        "is_parallel=True,original_ln_after=False,scaling=0.5",
        "leave_out=[0],non_linearity=sigmoid",
        "mh_adapter=True,output_adapter=False",
        "reduction_factor={'0': 1.5, 'default': 6}",
    ] {
        check(&format!("seq_bn[reduction_factor=2,non_linearity=swish,{fields}]"), &head(Task::TAGGING), 0.0);
    }
}

#[test]
fn unions() {
    let members = [
        "par_bn[reduction_factor=3,non_linearity=tanh,leave_out=[0]]",
        "seq_bn[reduction_factor=2,non_linearity=gelu,mh_adapter=True,output_adapter=False]",
    ];
    check(&members.join("|"), &head(Task::CLASSIFICATION), 0.1);
}

const EVERY_LAYER: &str = "attn_matrices=[q,k,v,o],intermediate_lora=True,output_lora=True";

#[test]
fn lora() {
    for fields in
        [EVERY_LAYER, "attn_matrices=[k],use_rslora=True,leave_out=[0]", "output_lora=True,selfattn_lora=False"]
    {
        let method = format!("lora[r=3,alpha=4,{fields}]");
        check(&method, &head(Task::CLASSIFICATION), 0.0);
        check(&format!("lora[r=2,alpha=1.5,dropout=0.3,{fields}]"), &head(Task::TAGGING), 0.1);
    }
}

#[test]
fn gated_lora() {
    check(&format!("lora[r=3,alpha=4,use_gating=True,{EVERY_LAYER}]"), &head(Task::CLASSIFICATION), 0.0);
    check("lora[r=2,alpha=5,use_gating=True,dropout=0.4,attn_matrices=[q,v]]", &head(Task::TAGGING), 0.2);
}

#[test]
fn ia3() {
    check(&format!("ia3[alpha=2,{EVERY_LAYER}]"), &head(Task::CLASSIFICATION), 0.1);
    check(
        "ia3[attn_matrices=[k,v,o],output_lora=True,intermediate_lora=False,scale_inputs=[o,output]]",
        &head(Task::TAGGING),
        0.0,
    );
}

#[test]
fn vera() {
    check(&format!("vera[r=3,alpha=4,{EVERY_LAYER}]"), &head(Task::CLASSIFICATION), 0.0);
    check("vera[r=5,alpha=4,dropout=0.3,output_lora=True]", &head(Task::TAGGING), 0.1);
}

#[test]
fn mtl_lora() {
    let sharp = "weights_sharpness=0.6,n_up_projection=3";
    check(&format!("mtl_lora[r=3,alpha=4,{sharp},{EVERY_LAYER}]"), &head(Task::CLASSIFICATION), 0.0);
    for matrix in ["singular_values", "linear"] {
        let fields = format!("r=2,alpha=1.5,task_specific_matrix_type={matrix}");
        check(&format!("mtl_lora[{fields},{sharp},use_rslora=True,{EVERY_LAYER}]"), &head(Task::REGRESSION), 0.0);
        check(&format!("mtl_lora[{fields},n_up_projection=2,dropout=0.3,output_lora=True]"), &head(Task::TAGGING), 0.1);
    }
}

/// The norm counts as a constant, so differences say nothing of `A` and `B` here: the unit tests of DoRA hold it fixed.
#[test]
fn magnitudes_of_dora() {
    for dropout in [0.0, 0.3] {
        let method = format!("dora[r=2,alpha=3,dropout={dropout},{EVERY_LAYER}]");
        let model = model(&method, &head(Task::CLASSIFICATION), 0.1);
        check_some(&method, model, 0.1, |name| !name.contains(".lora_"));
    }
}

#[test]
fn prefixes() {
    for (fields, dropout) in [
        ("bottleneck_size=5", 0.0),
        ("flat=True,leave_out=[0]", 0.0),
        ("flat=True,use_gating=True,position_shift=True", 0.0),
        ("bottleneck_size=3,use_gating=True,shared_gating=False,non_linearity=gelu", 0.0),
        ("bottleneck_size=3,use_gating=True,dropout=0.3", 0.2),
        ("flat=True,use_gating=True,shared_gating=False,dropout=0.4", 0.0),
    ] {
        check(&format!("prefix_tuning[prefix_length=3,{fields}]"), &head(Task::TAGGING), dropout);
    }
    check("prefix_tuning_flat[prefix_length=2,use_gating=True]|par_bn", &head(Task::CLASSIFICATION), 0.0);
}

#[test]
fn prompts() {
    for combine in ["prefix", "prefix_after_bos", "as_tokens"] {
        let method = format!("prompt_tuning[prompt_length=3,combine={combine}]");
        for task in [Task::CLASSIFICATION, Task::MULTI_LABEL, Task::REGRESSION, Task::TAGGING, Task::MASKED_LANGUAGE] {
            check(&method, &head(task), 0.0);
        }
        check(
            &format!("{method}|prefix_tuning_flat[prefix_length=2]|seq_bn[non_linearity=tanh]"),
            &head(Task::TAGGING),
            0.2,
        );
    }
}

/// The head answers in the unit of the numbers, and learns them in another.
#[test]
fn numbers_on_a_scale_of_their_own() {
    let base = base(0.0);
    let method: Method = "seq_bn[reduction_factor=2,non_linearity=gelu]".parse().expect("a method");
    let adapter = || Adapter::on("test", &method, &base, Seed::new(5)).expect("it fits");
    let scale = TargetScale { mean: -3.7, deviation: 2.6 };
    let plain = Head::new("test", &head(Task::REGRESSION), &base, Seed::new(6)).expect("it fits");
    let model = |head| stirred(AdapterModel::new(base.clone(), Some(adapter()), head));
    let (before, scaled) = (model(plain.clone()), model(plain.with_scale(Some(scale))));
    let answers = |model: &AdapterModel<f64>| model.logits(&batch()).expect("a good batch");
    let expected = answers(&before).mapv(|z| scale.mean + scale.deviation * z);
    assert_eq!(answers(&scaled), expected);
    check_model("a scale", scaled, 0.0);
}

#[test]
fn reft() {
    for (fields, dropout) in [
        ("loreft[r=3,suffix_positions=1,prefix_positions=2,dropout=0.0]", 0.0),
        ("loreft[r=1,suffix_positions=2,dropout=0.3]", 0.2),
        ("noreft[r=2,suffix_positions=2,prefix_positions=1,dropout=0.0,non_linearity=gelu]", 0.0),
        ("direft[r=2,suffix_positions=1,dropout=0.25,non_linearity=tanh,layers=[0]]", 0.0),
        ("direft[r=2,tied_weights=True,suffix_positions=1,prefix_positions=1,dropout=0.0]|prompt_tuning", 0.0),
    ] {
        check(fields, &head(Task::TAGGING), dropout);
    }
}

#[test]
fn gates() {
    for (method, dropout) in [
        ("seq_bn[reduction_factor=2,non_linearity=gelu,use_gating=True,scaling=2.5]", 0.0),
        ("par_bn[reduction_factor=3,non_linearity=tanh,use_gating=True,mh_adapter=True,dropout=0.3]", 0.2),
        ("double_seq_bn[reduction_factor=2,use_gating=True,ln_before=True,ln_after=True,scaling=learned]", 0.0),
        (
            "prefix_tuning[prefix_length=2,bottleneck_size=3,use_gating=True]|seq_bn[reduction_factor=3,non_linearity=tanh,use_gating=True]|lora[r=2,alpha=3,use_gating=True]",
            0.0,
        ),
    ] {
        check(method, &head(Task::CLASSIFICATION), dropout);
    }
}

#[test]
fn compacters() {
    for fields in [
        "phm_dim=2",
        "phm_dim=3,phm_rank=2,use_gating=True",
        "phm_dim=2,factorized_phm_W=False,shared_phm_rule=False,phm_bias=False",
        "phm_dim=3,shared_W_phm=True,factorized_phm_rule=True",
        "phm_dim=2,shared_W_phm=True,factorized_phm_W=False,shared_phm_rule=False,factorized_phm_rule=True",
        "phm_dim=3,learn_phm=False,phm_c_init=uniform,scaling=3",
    ] {
        check(&format!("compacter[reduction_factor=1,{fields}]"), &head(Task::TAGGING), 0.0);
    }
    check("compacter++[phm_dim=2,reduction_factor=3,dropout=0.3]", &head(Task::CLASSIFICATION), 0.2);
}

/// Through the embeddings, and through the head of a language model, where the inverse is.
#[test]
fn invertible_adapters() {
    let fields = "reduction_factor=3,non_linearity=tanh,inv_adapter_reduction_factor=1.5";
    for coupling in ["nice", "glow"] {
        let method = format!("seq_bn_inv[{fields},inv_adapter={coupling}]");
        check(&method, &head(Task::MASKED_LANGUAGE), 0.0);
        check(&method, &head(Task::CLASSIFICATION), 0.2);
    }
}

#[test]
fn heads() {
    let method = "double_seq_bn[reduction_factor=3]";
    for task in [Task::CLASSIFICATION, Task::MULTI_LABEL, Task::REGRESSION, Task::TAGGING] {
        check(method, &head(task), 0.0);
        check(method, &HeadConfig { layers: 3, ..head(task) }, 0.0);
    }
    check(method, &HeadConfig::new(Task::QUESTION_ANSWERING, Vec::new()), 0.0);
    check(method, &head(Task::MULTIPLE_CHOICE), 0.0);
    check(method, &HeadConfig { pooling: Some(Pooling::Mean), layers: 1, ..head(Task::MULTIPLE_CHOICE) }, 0.2);
    for pooling in Pooling::ALL {
        check(method, &HeadConfig { pooling: Some(pooling), ..head(Task::CLASSIFICATION) }, 0.0);
        check("prompt_tuning[prompt_length=2]", &HeadConfig { pooling: Some(pooling), ..head(Task::REGRESSION) }, 0.2);
    }
    check(method, &HeadConfig { layers: 1, bias: false, ..head(Task::REGRESSION) }, 0.0);
    check(method, &HeadConfig { activation: None, ..head(Task::CLASSIFICATION) }, 0.0);
}

#[test]
fn dropout_everywhere() {
    for method in [
        "seq_bn[reduction_factor=2,non_linearity=gelu,dropout=0.3,stochastic_depth=0.4]",
        "par_bn[reduction_factor=2,non_linearity=tanh,dropout=0.2]",
    ] {
        check(method, &HeadConfig { dropout: Some(0.25), ..head(Task::CLASSIFICATION) }, 0.2);
    }
}

/// Without dropout in the base the random adapter's own can be told apart.
#[test]
fn dropout_of_the_bottleneck_changes_the_loss() {
    let config = HeadConfig { dropout: Some(0.0), ..head(Task::CLASSIFICATION) };
    let run = |fields: &str| {
        let method = format!("seq_bn[reduction_factor=2,{fields}]");
        loss(&model(&method, &config, 0.0), Task::CLASSIFICATION, Pass::train(Seed::new(1))).0
    };
    let plain = run("dropout=0.0");
    assert_ne!(plain, run("dropout=0.5"));
    assert_ne!(plain, run("stochastic_depth=0.6"));
    let evaluated = |fields: &str| {
        model(&format!("seq_bn[reduction_factor=2,{fields}]"), &config, 0.0).logits(&batch()).expect("a good batch")
    };
    assert_eq!(evaluated("dropout=0.5"), evaluated("dropout=0.0"), "an evaluation drops nothing");
}

/// A base of another family: DistilBERT has no token types and no pooler, RoBERTa counts positions otherwise, ELECTRA's embeddings
/// are of another width, DeBERTa's too and normalised behind their projection, and its attention has terms of positions.
fn of_family(family: Family) -> Arc<Encoder<f64>> {
    let (token_types, position_offset, pooler, embedding_width) = match family.model_type() {
        "bert" => (2, 0, Some(Pooler::BERT), None),
        "electra" => (2, 0, None, Some(5)),
        "distilbert" => (0, 0, None, None),
        "deberta-v2" => (2, 0, Some(Pooler::BERT), Some(5)),
        _ => (1, 2, Some(Pooler::BERT), None),
    };
    let positions =
        DisentangledPositions { own_projections: true, norm: true, ..DisentangledPositions::every_distance(2) };
    let disentangled = (family == Family::DEBERTA_V2).then_some(positions);
    let norm_behind_projection = disentangled.is_some();
    let architecture =
        Architecture { pooler, embedding_width, norm_behind_projection, disentangled, ..Architecture::bert() };
    let sizes = Config { token_types, position_offset, vocabulary: 11, positions: 9, ..Config::bert(6, 2, 2, 7) };
    let config = Config { family, architecture, ..sizes };
    Arc::new(Encoder::random(config, 0.4, Seed::new(3)))
}

#[test]
fn a_thawed_base() {
    for family in [Family::BERT, Family::ROBERTA, Family::DISTILBERT, Family::ELECTRA] {
        let head =
            HeadConfig { pooling: (family == Family::BERT).then_some(Pooling::Pooler), ..head(Task::CLASSIFICATION) };
        let base = of_family(family);
        let thawed = Thawed::new(&base, Thaw::ALL, head.reads_pooler());
        check_model(&format!("{family:?}"), random(base, None, &head, Some(thawed)), 0.0);
    }
}

/// Positions that are embedded for all blocks: their gradients come from each of them, through dropout, beside those of adapters.
#[test]
fn a_thawed_base_with_disentangled_positions() {
    for (own_projections, method) in
        [(true, None), (false, None), (false, Some("lora[r=2,alpha=3,attn_matrices=[q,k],dropout=0.1]"))]
    {
        let base = of_family(Family::DEBERTA_V2);
        let disentangled =
            base.config().architecture.disentangled.map(|of| DisentangledPositions { own_projections, ..of });
        let architecture = Architecture { disentangled, ..base.config().architecture.clone() };
        let config = Config { architecture, ..base.config().clone() }.with_dropout(0.2, 0.1);
        let base = Arc::new(Encoder::random(config, 0.4, Seed::new(3)));
        let adapter = method.map(|method: &str| {
            Adapter::on("test", &method.parse().expect("a method"), &base, Seed::new(5)).expect("it fits")
        });
        let thawed = Thawed::new(&base, Thaw::ALL, false);
        check_model(&format!("{method:?}"), random(base, adapter, &head(Task::TAGGING), Some(thawed)), 0.2);
    }
}

/// A bottleneck may use the base's norm twice, once, or not at all, and stand beside a thawed layer.
#[test]
fn a_thawed_base_beneath_adapters() {
    for (method, thaw, dropout) in [
        ("seq_bn[reduction_factor=2,non_linearity=gelu]", Thaw::LAYER_NORMS, 0.2),
        ("double_seq_bn[reduction_factor=3]", Thaw::LAYER_NORMS | Thaw::BIASES, 0.0),
        ("par_bn[reduction_factor=2,non_linearity=tanh]", Thaw::ALL, 0.1),
        ("adapter_plus[reduction_factor=2]", Thaw::LAYER_NORMS, 0.0),
        ("lora[r=2,alpha=3,dropout=0.2,attn_matrices=[q,o],output_lora=True]", Thaw::ALL, 0.1),
        ("ia3[attn_matrices=[k,v,o],output_lora=True,intermediate_lora=False,scale_inputs=[o,output]]", Thaw::ALL, 0.0),
        ("ia3[alpha=2]", Thaw::BIASES, 0.1),
        ("mtl_lora[r=2,alpha=3,n_up_projection=2,output_lora=True]", Thaw::ALL, 0.1),
        ("vera[r=2,alpha=3,output_lora=True]|seq_bn[reduction_factor=2,non_linearity=gelu]", Thaw::ALL, 0.0),
        ("seq_bn[reduction_factor=2,non_linearity=tanh,residual_before_ln=post_add,leave_out=[0]]", Thaw::ALL, 0.0),
    ] {
        let base = base(dropout);
        let adapter = Adapter::on("test", &method.parse().expect("a method"), &base, Seed::new(5));
        let thawed = Thawed::new(&base, thaw, false);
        let model = random(base, Some(adapter.expect("it fits")), &head(Task::TAGGING), Some(thawed));
        check_model(&format!("{method} {thaw}"), model, dropout);
    }
}

/// The output layer of a language model is tied to the embeddings: their gradient comes by two ways.
#[test]
fn a_language_model() {
    let config = HeadConfig::new(Task::MASKED_LANGUAGE, vec![]);
    for family in [Family::BERT, Family::ROBERTA, Family::DISTILBERT, Family::ELECTRA] {
        let base = of_family(family);
        let thawed = Thawed::new(&base, Thaw::ALL, false);
        check_model(&format!("{family:?}"), random(base, None, &config, Some(thawed)), 0.0);
    }
    check("seq_bn[reduction_factor=2,non_linearity=gelu]", &config, 0.15);
}
