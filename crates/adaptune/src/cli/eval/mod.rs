//! `adaptune eval`.

mod kept_aside;
mod language;
mod layers;
mod learnt;
mod vectors;

use super::args::{AdapterArg, EvalArgs};
use super::folder::{RunFolder, TRAINED};
use super::loaded::Loaded;
use super::majority::{ACCURACY, When, tell_majority};
use super::missed::{tell_missed_by, thresholds};
use super::misused::{AN_ADAPTER, missing, misuse};
use super::mixing::Mixing;
use super::per_class::PerClass;
use super::per_entity::PerEntity;
use super::per_label::PerLabel;
use super::questions::check_questions;
use super::report::{self, Cell, Report, note, notes, thousands};
use super::separation::{Advice, Separation};
use adaptune_tensor::ndarray::Array2;
use adaptune_text::{Labels, Table, TableOptions, TextPredictor};
use adaptune_train::metrics::chance_of_choices;
use adaptune_train::{Dataset, Evaluation, json, predict};
use anyhow::Result;
use layers::ByLayersLeftOut;
use serde_json::{Value, json};

/// Evaluates and prints the metrics.
pub(crate) fn run(args: &EvalArgs) -> Result<()> {
    let told = learnt::tell(args)?;
    if language::is_meant(args)? {
        return language::run(args);
    }
    if vectors::are_meant(args)? {
        check_vectors(args)?;
        return vectors::run(args);
    }
    check_alone(args)?;
    let mut loaded = Loaded::open(&args.model, &args.table)?;
    let options = loaded.table_options(&args.table);
    let table = table(args, &options, &loaded.predictor)?;
    if let Some(input) = loaded.predictor.input() {
        input.check(&table)?;
    }
    let (model, head) = (loaded.predictor.model(), loaded.predictor.model().head().config());
    if !told {
        learnt::tell_texts(args, &table, &options, &loaded.predictor)?;
    }
    let tokenized = loaded.predictor.tokenizer().tokenize(&table, &Labels::of_head(head.task, &head.labels))?;
    notes(&table.name, &table.notes);
    notes(&table.name, &tokenized.notes);
    let data = loaded.predictor.in_domains(tokenized.dataset, &table)?;
    let batch_size = args.model.batch_size();
    let logits = predict(model, &data, batch_size)?;
    let evaluation = loaded.predictor.evaluate_logits(&data, logits.view())?;
    let details = args.per_class.then(|| Details::new(&loaded.predictor, &data, &logits)).transpose()?;
    match args.json {
        true => print_json(args, &evaluation, &data, details.as_ref())?,
        false => show(args, &loaded.predictor, &evaluation, &data, &logits, details.as_ref())?,
    }
    more(args, &mut loaded.predictor, &data)
}

/// Prints the scores, and says what is to be known of them.
fn show(
    args: &EvalArgs,
    predictor: &TextPredictor,
    evaluation: &Evaluation,
    data: &Dataset,
    logits: &Array2<f32>,
    details: Option<&Details<'_>>,
) -> Result<()> {
    print(evaluation, data)?;
    let class_of = |row: usize| predictor.class_of(logits.row(row));
    let said =
        is_by_accuracy(args)? && tell_majority(When::Later, predictor.model().head().config(), data, logits, class_of);
    if let Some(details) = details {
        return details.print(kept_aside::advice(args)?);
    }
    if !said {
        tell_uneven(evaluation);
    }
    tell_missed_by(predictor, data, logits)
}

/// True unless the adapter was chosen by another metric in training.
fn is_by_accuracy(args: &EvalArgs) -> Result<bool> {
    let folder = args.model.adapter.as_ref().map(AdapterArg::leading);
    let run = folder.map(|folder| RunFolder::new(&folder, TRAINED).run_file()).transpose()?.flatten();
    Ok(run.is_none_or(|run| run.options["metric"].as_str().is_none_or(|metric| metric == ACCURACY)))
}

/// The labelled data.
fn table(args: &EvalArgs, options: &TableOptions, predictor: &TextPredictor) -> Result<Table> {
    let Some(path) = &args.data else {
        let adapter = args.model.adapter.as_ref().ok_or_else(|| missing("--adapter", AN_ADAPTER))?;
        return kept_aside::read(&adapter.leading(), options, predictor);
    };
    if predictor.model().head().config().task.predicts_a_span() {
        check_questions(path, options)?;
    }
    let table = Table::read_with(path, options)?;
    Ok(predictor.with_labels_of_head(&table, &options.columns)?.into_owned().labelled()?)
}

/// Refuses what vectors have not.
fn check_vectors(args: &EvalArgs) -> Result<()> {
    let folders = [("--mixing", &args.mixing), ("--layers-left-out", &args.layers_left_out)];
    match folders.into_iter().find(|(_, folder)| folder.is_some()) {
        Some((option, _)) => {
            misuse!("{option} is for heads that predict something; vectors are measured without it")
        }
        None => Ok(()),
    }
}

/// Refuses several adapters with a head each, of which the labels of the data can be meant for one.
fn check_alone(args: &EvalArgs) -> Result<()> {
    match args.model.adapter.as_ref().map(AdapterArg::parallel).transpose()?.flatten() {
        Some(_) => misuse!(
            "--adapter parallel(…): data have the labels of one task, so each adapter is measured by itself: \
             eval --adapter DIR --data FILE"
        ),
        None => Ok(()),
    }
}

/// What is measured besides, and written into folders.
fn more(args: &EvalArgs, predictor: &mut TextPredictor, data: &Dataset) -> Result<()> {
    let batch_size = args.model.batch_size();
    if let Some(folder) = &args.layers_left_out {
        let layers = ByLayersLeftOut::new(predictor, data, batch_size)?;
        layers.write(folder)?;
        if !args.json {
            layers.print()?;
        }
    }
    let Some(folder) = &args.mixing else { return Ok(()) };
    let mixing = Mixing::new(predictor, data, batch_size)?;
    mixing.write(folder, predictor.tokenizer())?;
    if args.json { Ok(()) } else { mixing.print() }
}

/// What `--per-class` shows.
enum Details<'a> {
    /// Each class or tag, and where tags mark spans, each kind of these before.
    Classes(Option<PerEntity>, PerClass<'a>, Separation),
    Labels(PerLabel, Separation),
}

impl<'a> Details<'a> {
    fn new(predictor: &'a TextPredictor, data: &Dataset, logits: &Array2<f32>) -> Result<Self> {
        let head = predictor.model().head().config();
        let separation = Separation::new(head, data, logits);
        Ok(match head.task.predicts_any_labels() {
            true => {
                let labels = PerLabel::new(&head.labels, thresholds(predictor), data, logits);
                Self::Labels(labels, separation)
            }
            false => {
                let classes = PerClass::new(head, data, logits, |row| predictor.class_of(row))?;
                Self::Classes(PerEntity::new(head, data, logits), classes, separation)
            }
        })
    }

    fn print(&self, advice: Advice) -> Result<()> {
        match self {
            Self::Classes(entities, classes, separation) => {
                entities.as_ref().map_or(Ok(()), PerEntity::print)?;
                classes.print()?;
                separation.print(advice)
            }
            Self::Labels(labels, separation) => {
                labels.print()?;
                separation.print(advice)
            }
        }
    }

    fn json(&self) -> Value {
        match self {
            Self::Classes(entities, classes, separation) => {
                let mut all = classes.json();
                if let Some(entities) = entities {
                    all["entities"] = entities.json();
                }
                all["thresholds"] = separation.json();
                all
            }
            Self::Labels(labels, separation) => {
                let mut all = labels.json();
                all["thresholds"] = separation.json();
                all
            }
        }
    }
}

/// How often a guess would be right, where one of several choices is.
fn guessing(data: &Dataset) -> Option<f64> {
    let choices: Vec<usize> = data.examples().iter().map(|example| example.sequences.len()).collect();
    data.task().predicts_a_choice().then(|| chance_of_choices(&choices))
}

fn print(evaluation: &Evaluation, data: &Dataset) -> Result<()> {
    let mut report = Report::new();
    let mut row = |name: &str, value: String| _ = report.row(vec![name.into(), Cell::number(value)]);
    row("examples", thousands(data.len() as u64));
    row("loss", format!("{:.4}", evaluation.loss));
    for (name, value) in evaluation.metrics.iter() {
        row(name, format!("{value:.4}"));
    }
    if let Some(chance) = guessing(data) {
        row("guessing", format!("{chance:.4}"));
    }
    Ok(report.print()?)
}

/// A mean over classes that is so much less than the share of what is right says that some classes are hardly found.
const UNEVEN: f64 = 0.1;

/// Says that some classes are found far less often than others, if that is so.
fn tell_uneven(evaluation: &Evaluation) {
    let score = |name| evaluation.metrics.get(name);
    if let (Some(accuracy), Some(macro_f1)) = (score("accuracy"), score("macro_f1"))
        && accuracy - macro_f1 > UNEVEN
    {
        note(
            "note: macro_f1 is far below accuracy, so some classes are found far less often than others: --per-class shows which",
        );
    }
}

/// The data as they were named.
fn data_name(args: &EvalArgs) -> Value {
    args.data.as_ref().map_or_else(|| "kept aside".into(), |path| json!(path))
}

fn print_json(args: &EvalArgs, evaluation: &Evaluation, data: &Dataset, details: Option<&Details<'_>>) -> Result<()> {
    let (loss, metrics) = (json::value(evaluation.loss), json::scores(evaluation.metrics.iter()));
    let mut result = json!({ "data": data_name(args), "examples": data.len(), "loss": loss, "metrics": metrics });
    if let Some(chance) = guessing(data) {
        result["guessing"] = json::value(chance);
    }
    if let Some(details) = details {
        result["classes"] = details.json();
    }
    Ok(report::print_json(&result)?)
}
