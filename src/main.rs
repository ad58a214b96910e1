//! Arguments → configuration → the word's entry.

use std::process::ExitCode;

use clap::Parser;
use stackwatch::cli::Cli;
use stackwatch::word;

fn main() -> ExitCode {
    // First, so that ratatui's panic hook, installed later, restores the terminal and then calls this one.
    if let Err(error) = color_eyre::install() {
        eprintln!("stackwatch: {error}");
    }
    let cli = Cli::parse();
    let runtime = match tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("stackwatch: cannot start its threads: {error}");
            return ExitCode::from(70);
        }
    };
    let outcome = runtime.block_on(word::run(cli));
    // A request that hangs must not hold up the end.
    runtime.shutdown_background();
    match outcome {
        Ok(exit) => exit.into(),
        Err(failure) => {
            failure.print();
            failure.exit().into()
        }
    }
}
