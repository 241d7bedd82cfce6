//! What each method takes in a block of the built-in model, by formula and by count.

use adaptune::adapters::{Adapter, Method};
use adaptune::tensor::{Parameters, Seed};
use adaptune::transformer::Config;
use std::error::Error;

const LAYERS: usize = 4;
const D: usize = 128;
const F: usize = 4 * D;

/// A method, its formula in words, and by the formula the numbers of a block.
struct Row {
    method: &'static str,
    formula: &'static str,
    numbers: usize,
}

pub(super) fn run() -> Result<(), Box<dyn Error>> {
    let rows = [
        Row { method: "seq_bn[reduction_factor=4]", formula: "2 D M + M + D", numbers: 2 * D * 32 + 32 + D },
        Row { method: "lora[r=8,alpha=16]", formula: "2 · 2 D R", numbers: 2 * 2 * D * 8 },
        Row { method: "prefix_tuning_flat", formula: "2 P D", numbers: 2 * 30 * D },
        Row { method: "noreft", formula: "2 (2 D R + R)", numbers: 2 * (2 * D + 1) },
    ];
    println!("\n[costs]");
    println!("D = {D}, M = 32, R = 8 and 1, P = 30");
    println!("{:<28}{:<16}{:>10}{:>10}", "", "formula", "numbers", "counted");
    let config = Config::bert(D, LAYERS, 4, F);
    for Row { method, formula, numbers } in rows {
        let parsed: Method = method.parse()?;
        let adapter = Adapter::<f32>::new("counted", &parsed, &config, Seed::new(0))?;
        let counted: usize = adapter.parameters().iter().map(|(_, parameter)| parameter.values().len()).sum();
        println!("{method:<28}{formula:<16}{numbers:>10}{:>10}", counted / LAYERS);
        assert_eq!(counted, numbers * LAYERS, "{method}");
    }
    Ok(())
}
