//! The command `baler`.

use std::process::ExitCode;

fn main() -> ExitCode {
    ExitCode::from(baler_cli::run_from(std::env::args_os()))
}
