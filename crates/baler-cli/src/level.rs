//! Levels on the command line: `-1` to `-9` as in other compressors, `--level`, and the words for three of them.

use crate::library::{Level, Result};
use clap::Args;

/// How much time is spent for fewer bytes
#[derive(Args)]
#[group(multiple = false)]
pub struct LevelArgs {
    /// From 1, the fastest, to 9, the smallest (6); also -1 to -9
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u8).range(1..=9))]
    level: Option<u8>,
    /// Level 3: faster than the default, about as small
    #[arg(long)]
    fast: bool,
    /// Level 9: everything is tried, which takes many times as long
    #[arg(long)]
    best: bool,
    #[arg(short = '1', hide = true)]
    one: bool,
    #[arg(short = '2', hide = true)]
    two: bool,
    #[arg(short = '3', hide = true)]
    three: bool,
    #[arg(short = '4', hide = true)]
    four: bool,
    #[arg(short = '5', hide = true)]
    five: bool,
    #[arg(short = '6', hide = true)]
    six: bool,
    #[arg(short = '7', hide = true)]
    seven: bool,
    #[arg(short = '8', hide = true)]
    eight: bool,
    #[arg(short = '9', hide = true)]
    nine: bool,
}

impl LevelArgs {
    /// The level that was asked for, or the default.
    pub fn level(&self) -> Result<Level> {
        self.given().map_or(Ok(Level::default()), Level::new)
    }

    /// True if one was asked for.
    pub fn is_given(&self) -> bool {
        self.given().is_some()
    }

    fn given(&self) -> Option<u8> {
        let LevelArgs { one, two, three, four, five, six, seven, eight, nine, .. } = *self;
        let digits = [one, two, three, four, five, six, seven, eight, nine];
        let digit = digits.iter().position(|&given| given).map(|at| at as u8 + 1);
        let word = match (self.fast, self.best) {
            (true, _) => Some(Level::FAST.number()),
            (_, true) => Some(Level::BEST.number()),
            _ => None,
        };
        self.level.or(digit).or(word)
    }
}
