//! Block66: command line → logging → run → exit code.

use std::process::ExitCode;

fn main() -> ExitCode {
    block66::cli::main(std::env::args_os())
}
