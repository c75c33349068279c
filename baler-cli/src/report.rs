//! `baler report`: before and after on one page. Not in this version.

use crate::library::Error;
use anyhow::Result;
use clap::Args;
use std::ffi::OsString;

/// Before and after on one page (not in this version yet)
#[derive(Args)]
pub struct ReportArgs {
    #[arg(trailing_var_arg = true, allow_hyphen_values = true, hide = true)]
    _words: Vec<OsString>,
}

pub fn run(_args: &ReportArgs) -> Result<()> {
    Err(Error::unsupported(
        "report is not in this version yet; baler verify --against gives errors per variable",
    )
    .into())
}
