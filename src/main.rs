//! Block66: command line → logging → run → exit code.

fn main() {}
