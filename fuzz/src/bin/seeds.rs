//! Makes the seeds: `seeds FOLDER` writes small valid inputs of each kind into `FOLDER/TARGET/`, and the words that belong into
//! them into `FOLDER/TARGET.dict`.

// What a target is compiled with is needed by this program too.
use libfuzzer_sys as _;

use adaptune_fuzz::seeds;
use std::fs;
use std::path::Path;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let folder = std::env::args_os().nth(1).ok_or("usage: seeds FOLDER")?;
    let folder = Path::new(&folder);
    for (target, seeds) in seeds::all()? {
        fs::create_dir_all(folder.join(target))?;
        for (number, seed) in seeds.iter().enumerate() {
            fs::write(folder.join(target).join(format!("seed-{number}")), seed)?;
        }
        fs::write(folder.join(format!("{target}.dict")), seeds::dictionary(&seeds))?;
        println!("{target}: {} seeds", seeds.len());
    }
    Ok(())
}
