//! Block66: command line → logging → run → exit code.

use std::process::ExitCode;

/// Gives back what an import or a long list took, where the system's keeps several times what is in use.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    block66::cli::main(std::env::args_os())
}
