//! The command line of adaptune.

mod cli;

fn main() -> std::process::ExitCode {
    cli::main()
}
