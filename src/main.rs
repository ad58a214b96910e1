//! Arguments → configuration → the word's entry.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::ExitCode;

use clap::Parser;
use stackwatch::cli::Cli;
use stackwatch::exit::Exit;
use stackwatch::memory;
use stackwatch::terminal::panics;
use stackwatch::word;

fn main() -> ExitCode {
    memory::one_heap();
    // First, so that whatever panics from here on is said on a terminal that can show it.
    if let Err(error) = panics::install() {
        eprintln!("stackwatch: {error}");
    }
    let cli = Cli::parse();
    let runtime = match tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("stackwatch: cannot start its threads: {error}");
            return Exit::Bug.into();
        }
    };
    let outcome = catch_unwind(AssertUnwindSafe(|| runtime.block_on(word::run(cli))));
    // A request that hangs must not hold up the end.
    runtime.shutdown_background();
    match outcome {
        Ok(Ok(exit)) => exit.into(),
        Ok(Err(failure)) => {
            failure.print();
            failure.exit().into()
        }
        // The hook has said it.
        Err(_) => Exit::Bug.into(),
    }
}
