//! `baler compare`: every codec on the user's data at one promise. Not in this version.

use crate::library::Error;
use anyhow::Result;
use clap::Args;
use std::ffi::OsString;

/// Every codec on your data at one promise (not in this version yet)
#[derive(Args)]
pub struct CompareArgs {
    #[arg(trailing_var_arg = true, allow_hyphen_values = true, hide = true)]
    _words: Vec<OsString>,
}

pub fn run(_args: &CompareArgs) -> Result<()> {
    Err(Error::unsupported(
        "compare is not in this version yet; baler compress --json gives sizes per variable",
    )
    .into())
}
