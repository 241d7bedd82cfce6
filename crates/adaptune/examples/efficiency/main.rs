//! What adapters and LoRA have of trained numbers, by formula and by count: the output is a part of the book.
//!
//! ```sh
//! cargo run --package adaptune --example efficiency
//! ```

use adaptune::adapters::{Adapter, Method};
use adaptune::tensor::{Parameters, Seed};
use adaptune::transformer::Config;
use std::error::Error;

type Outcome = Result<(), Box<dyn Error>>;

fn main() -> Outcome {
    by_bottleneck()?;
    at_4096()?;
    design()
}

/// Numbers of an adapter that the library makes.
fn counted(method: &str, config: &Config) -> Result<usize, Box<dyn Error>> {
    let parsed: Method = method.parse()?;
    Ok(Adapter::<f32>::new("counted", &parsed, config, Seed::new(0))?.parameter_count())
}

fn thousands(number: usize) -> String {
    let digits = number.to_string();
    let groups: Vec<&[u8]> = digits.as_bytes().rchunks(3).rev().collect();
    groups.iter().map(|group| String::from_utf8_lossy(group)).collect::<Vec<_>>().join(",")
}

/// A weight of `D × D` beside a bottleneck of `M` units, `2 D M` against `D²`.
fn by_bottleneck() -> Outcome {
    const D: usize = 768;
    println!("[bottleneck]\nD = {D}\n{:>6}{:>14}{:>14}{:>14}", "M", "2 D M + M + D", "counted", "of D²");
    for reduction in [2, 4, 8, 16, 32, 64] {
        let m = D / reduction;
        let formula = 2 * D * m + m + D;
        let counted = counted(&format!("seq_bn[reduction_factor={reduction}]"), &Config::bert(D, 1, 12, 4 * D))?;
        assert_eq!(formula, counted, "M = {m}");
        let share = 100.0 * formula as f64 / (D * D) as f64;
        println!("{m:>6}{:>14}{:>14}{share:>12.1} %", thousands(formula), thousands(counted));
    }
    Ok(())
}

/// A block of width 4096: LoRA of rank 16 and bottlenecks of 512 units, where they act.
fn at_4096() -> Outcome {
    const D: usize = 4096;
    const F: usize = 4 * D;
    let (r, m) = (16, 512);
    let lora = |inputs: usize, outputs: usize| r * (inputs + outputs);
    let bottleneck = 2 * D * m + m + D;
    let rows = [
        ("bottleneck, behind feed-forward", "seq_bn[reduction_factor=8]", bottleneck),
        ("bottlenecks, behind both sublayers", "double_seq_bn[reduction_factor=8]", 2 * bottleneck),
        ("LoRA, queries and values", "lora[r=16]", 2 * lora(D, D)),
        ("LoRA, queries, keys, values, output", "lora[r=16,attn_matrices=[q,k,v,o]]", 4 * lora(D, D)),
        (
            "LoRA, all six linear layers",
            "lora[r=16,attn_matrices=[q,k,v,o],intermediate_lora=True,output_lora=True]",
            4 * lora(D, D) + lora(D, F) + lora(F, D),
        ),
    ];
    let config = Config::bert(D, 1, 32, F);
    let block = 4 * (D * D + D) + 2 * D * F + F + D + 4 * D;
    println!("\n[wide]\nD = {D}, F = {F}, M = {m}, R = {r}; a block has {} numbers", thousands(block));
    println!("{:<38}{:>12}{:>12}{:>12}", "in a block", "formula", "counted", "of it");
    for (place, method, formula) in rows {
        let counted = counted(method, &config)?;
        assert_eq!(formula, counted, "{method}");
        let share = 100.0 * formula as f64 / block as f64;
        println!("{place:<38}{:>12}{:>12}{share:>10.2} %", thousands(formula), thousands(counted));
    }
    println!("{:<38}{:>12}", "one weight of D × D", thousands(D * D));
    println!(
        "{:<38}{:>12}{:>24.2} %",
        "LoRA beside it",
        thousands(lora(D, D)),
        100.0 * lora(D, D) as f64 / (D * D) as f64
    );
    Ok(())
}

/// Twelve layers of width 768, and less than a hundredth of the model.
fn design() -> Outcome {
    let config = Config { vocabulary: 30_522, positions: 512, ..Config::bert(768, 12, 12, 3072) };
    let base = config.parameter_count();
    println!("\n[design]\nbase{:>50}", thousands(base));
    for method in [
        "double_seq_bn[reduction_factor=16]",
        "seq_bn[reduction_factor=16]",
        "double_seq_bn[reduction_factor=32]",
        "seq_bn[reduction_factor=32]",
        "double_seq_bn[reduction_factor=64]",
        "lora[r=8]",
        "lora[r=8,attn_matrices=[q,k,v,o]]",
    ] {
        let counted = counted(method, &config)?;
        let share = 100.0 * counted as f64 / (base + counted) as f64;
        println!("{method:<40}{:>14}{share:>9.2} %", thousands(counted));
    }
    Ok(())
}
