//! Trains an adapter on a table and predicts with it:
//!
//! ```sh
//! cargo run --release -p adaptune-text --example train_on_a_table -- MODEL tickets.csv 'The parcel never came.'
//! ```
//!
//! MODEL is a folder or a name on the Hugging Face hub; the table has the columns `text` and `label`. Without arguments the
//! built-in model learns a task of the built-in world.

use adaptune_text::{Table, TextModel};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let argument = |i: usize, otherwise: &'static str| arguments.get(i).map_or(otherwise, String::as_str);

    let model = TextModel::open(argument(0, "builtin"))?;
    let table = Table::read(argument(1, "builtin:topic@A:dev"))?;
    let trained = model.training("seq_bn[reduction_factor=4]").epochs(3).learning_rate(3e-3).run(&table)?;
    for prediction in trained.predict(&[argument(2, "the researcher writes a paper")])? {
        println!("{} ({:.3})", prediction.label(), prediction.probability().unwrap_or(1.0));
    }
    let folder = tempfile::tempdir()?;
    trained.save(folder.path())?; // adapter, head, and what they were trained with
    println!("{:?}", trained.evaluate(&table)?.metrics.primary());
    Ok(())
}
