//! The promise: exactly one of --abs, --rel, --pw-rel, --lossless, --ratio, --size, --latent, and what differs for
//! single variables. There is no default.

use super::amount::{self, Amount, absolute, fraction};
use crate::library::{BoundSpec, Error, Missing, Size, cuts};
use anyhow::Result;
use clap::Args;

#[derive(Args, Debug, Clone, Default, PartialEq)]
#[command(next_help_heading = "Promise (exactly one of the first seven)")]
pub struct PromiseArgs {
    /// |x' - x| <= E; of single variables NAME=E,NAME=E
    #[arg(long, value_name = "E", allow_negative_numbers = true, value_parser = absolute)]
    pub abs: Option<Amount>,
    /// |x' - x| <= E times the finite range of each variable
    #[arg(long, value_name = "E", allow_negative_numbers = true, value_parser = fraction)]
    pub rel: Option<Amount>,
    /// |x' - x| <= E times |x|, for each value
    #[arg(long, value_name = "E", allow_negative_numbers = true, value_parser = fraction)]
    pub pw_rel: Option<Amount>,
    /// Every value bit for bit
    #[arg(long)]
    pub lossless: bool,
    /// The best there is at a size: at most 1/R of the bytes of the arrays in memory; R may be a share such as 10%
    #[arg(long, value_name = "R", value_delimiter = ',', value_parser = parse_ratio)]
    pub ratio: Vec<f64>,
    /// The same as a share (10%) or in bytes (25MB, 800KiB, 120000)
    #[arg(long, value_name = "SIZE", value_parser = parse_size)]
    pub size: Option<Size>,
    /// No promise but a size: K latents per row, frame or block
    #[arg(long, value_name = "K", value_parser = clap::value_parser!(u64).range(1..))]
    pub latent: Option<u64>,
    /// A promise of its own for some variables, e.g. 'pt,m*=rel:1e-3', or 'frames=noise:1' for counts within one standard
    /// deviation of their noise (repeatable; the last match wins; enough alone where it covers every variable)
    #[arg(long, value_name = "NAMES=KIND:E")]
    pub bound: Vec<String>,
    /// These variables bit for bit
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    pub exact: Vec<String>,
    /// Leave these variables out
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    pub drop: Vec<String>,
    /// No value crosses these thresholds, so that every selection by them keeps exactly its rows; abs(NAME)=T counts with
    /// both signs (repeatable)
    #[arg(long, value_name = "NAME=T,T;...", allow_hyphen_values = true)]
    pub cuts: Vec<String>,
    /// Values of these variables keep their signs, and zeros stay the only zeros
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    pub signs: Vec<String>,
    /// No value of these variables leaves its limits; data outside are refused (repeatable)
    #[arg(long, value_name = "NAME=LOW:HIGH", allow_hyphen_values = true)]
    pub limits: Vec<String>,
    /// The sum of each chunk of these variables stays what it was, but for rounding
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    pub keep_sum: Vec<String>,
    /// Fill value, kept exactly and left out of the range: V, NAME=V or none (repeatable)
    #[arg(long, value_name = "V", allow_hyphen_values = true)]
    pub missing: Vec<String>,
}

const CHOICE: &str = "no promise given; choose --abs E (error at most E), --rel E (at most E times each variable's \
    range), --pw-rel E (at most E times each |x|), --lossless (bit for bit), or a size: --ratio R, --size 25MB \
    or --latent K; for example --rel 1e-3";

impl PromiseArgs {
    /// This promise, or the file's where there is none; the rules of both, these last.
    pub fn over(self, file: PromiseArgs) -> PromiseArgs {
        let join = |mut first: Vec<String>, second: Vec<String>| {
            first.extend(second);
            first
        };
        let lists = PromiseArgs {
            bound: join(file.bound.clone(), self.bound.clone()),
            exact: join(file.exact.clone(), self.exact.clone()),
            drop: join(file.drop.clone(), self.drop.clone()),
            missing: join(file.missing.clone(), self.missing.clone()),
            cuts: join(file.cuts.clone(), self.cuts.clone()),
            signs: join(file.signs.clone(), self.signs.clone()),
            limits: join(file.limits.clone(), self.limits.clone()),
            keep_sum: join(file.keep_sum.clone(), self.keep_sum.clone()),
            ..PromiseArgs::default()
        };
        let main = if self.is_given() { self } else { file };
        PromiseArgs {
            bound: lists.bound,
            exact: lists.exact,
            drop: lists.drop,
            missing: lists.missing,
            cuts: lists.cuts,
            signs: lists.signs,
            limits: lists.limits,
            keep_sum: lists.keep_sum,
            ..main
        }
    }

    /// True if one of the seven was chosen.
    pub fn is_given(&self) -> bool {
        self.lossless
            || [&self.abs, &self.rel, &self.pw_rel].into_iter().any(Option::is_some)
            || !self.ratio.is_empty()
            || self.size.is_some()
            || self.latent.is_some()
    }

    /// The promise for all variables; a size only without one. Neither (which is [`BoundSpec::Unbounded`] without a size)
    /// where single variables have promises: then these must be all.
    pub fn bound_and_size(&self) -> Result<(BoundSpec, Option<Size>)> {
        let for_all = |amount: &Option<Amount>| amount.as_ref().and_then(|amount| amount.all);
        let latent = self.latent.map(|k| Size::Latent(k as usize));
        let ratio = match self.ratio[..] {
            [] => None,
            [ratio] => Some(ratio),
            _ => {
                let text =
                    format!("expected one --ratio, found {}; baler compare takes several", self.ratio.len());
                return Err(Error::config(text).into());
            }
        };
        let size = ratio.map(Size::Ratio).or(self.size).or(latent);
        let asked = [
            ("--abs", for_all(&self.abs).map(BoundSpec::Abs)),
            ("--rel", for_all(&self.rel).map(BoundSpec::Rel)),
            ("--pw-rel", for_all(&self.pw_rel).map(BoundSpec::PwRel)),
            ("--lossless", self.lossless.then_some(BoundSpec::Lossless)),
            ("--ratio", ratio.map(|_| BoundSpec::Unbounded)),
            ("--size", self.size.map(|_| BoundSpec::Unbounded)),
            ("--latent", self.latent.map(|_| BoundSpec::Unbounded)),
        ];
        let given: Vec<(&str, BoundSpec)> =
            asked.into_iter().filter_map(|(option, bound)| Some((option, bound?))).collect();
        match given[..] {
            [(_, bound)] => Ok((bound.check()?, size)),
            [] if !self.rules()?.is_empty() => Ok((BoundSpec::Unbounded, None)),
            [] => Err(Error::config(CHOICE).into()),
            [(one, _), (other, bound), ..] => {
                let own = match bound {
                    BoundSpec::Unbounded => "choose one of them".to_string(),
                    bound => format!("for single variables write --bound 'NAMES={}'", bound.words(':')),
                };
                Err(Error::config(format!("{one} cannot be used with {other}; {own}")).into())
            }
        }
    }

    /// (pattern, promise), in order; --exact comes last and so wins.
    pub fn rules(&self) -> Result<Vec<(String, BoundSpec)>> {
        let mut rules = Vec::new();
        type Kind = fn(f64) -> BoundSpec;
        let amounts: [(&Option<Amount>, Kind); 3] =
            [(&self.abs, BoundSpec::Abs), (&self.rel, BoundSpec::Rel), (&self.pw_rel, BoundSpec::PwRel)];
        let mut kind = None;
        for (amount, bound) in amounts.iter().filter_map(|(amount, bound)| Some((amount.as_ref()?, bound))) {
            kind = kind.or(amount.all.map(bound));
            for (name, x) in &amount.of {
                rules.push((name.clone(), bound(*x).check()?));
            }
        }
        for rule in &self.bound {
            rules.extend(amount::rules(rule, kind)?);
        }
        rules.extend(self.exact.iter().map(|name| (name.trim().to_string(), BoundSpec::Lossless)));
        Ok(rules)
    }

    /// True if more is promised than bounds and sizes.
    pub fn is_more_than_bounds(&self) -> bool {
        [&self.cuts, &self.signs, &self.limits, &self.keep_sum].iter().any(|list| !list.is_empty())
    }

    /// True if something is said of single variables.
    pub fn has_lists(&self) -> bool {
        let lists = [&self.bound, &self.exact, &self.drop, &self.missing];
        self.is_more_than_bounds() || lists.iter().any(|list| !list.is_empty())
    }

    /// (pattern, thresholds): those of --cuts, and 0 of --signs.
    pub fn all_cuts(&self) -> Result<Vec<(String, Vec<f64>)>> {
        let mut all = Vec::new();
        for text in &self.cuts {
            all.extend(cuts::parse(text)?);
        }
        for name in &self.signs {
            all.push(cuts::of(name, &[0.0])?);
        }
        Ok(all)
    }

    /// (pattern, least and greatest value), in order.
    pub fn all_limits(&self) -> Result<Vec<(String, [f64; 2])>> {
        let mut all = Vec::new();
        for text in &self.limits {
            all.extend(cuts::parse_limits(text)?);
        }
        Ok(all)
    }

    /// (pattern, what is missing), in order.
    pub fn missing_values(&self) -> Result<Vec<(String, Missing)>> {
        self.missing.iter().map(|text| parse_missing(text)).collect()
    }
}

fn parse_missing(text: &str) -> Result<(String, Missing)> {
    let (name, value) = text.rsplit_once('=').unwrap_or(("*", text));
    let missing = match value.trim() {
        "none" => Missing::None,
        "auto" => Missing::Auto,
        number => match number.parse::<f64>() {
            Ok(v) if v.is_finite() => Missing::Value(v),
            Ok(_) => {
                let text =
                    format!("NaN and infinities are always kept exactly; --missing {text} is not needed");
                return Err(Error::config(text).into());
            }
            Err(_) => {
                let text =
                    format!("expected --missing V, NAME=V, none or auto with a number V, found '{text}'");
                return Err(Error::config(text).into());
            }
        },
    };
    Ok((name.trim().to_string(), missing))
}

fn parse_ratio(text: &str) -> Result<f64, String> {
    if let Some(share) = share(text) {
        return share.map(|share| 1.0 / share);
    }
    match text.parse::<f64>() {
        Ok(r) if r.is_finite() && r > 0.0 => Ok(r),
        _ => Err("expected a finite number above 0, or a share of the bytes such as 10%".to_string()),
    }
}

/// What stands before a percent sign, as a share; `None` without the sign.
fn share(text: &str) -> Option<Result<f64, String>> {
    let percent = text.trim().strip_suffix('%')?;
    let share = percent.trim_end().parse::<f64>().ok().filter(|p| *p > 0.0 && *p <= 100.0);
    Some(share.map(|p| p / 100.0).ok_or_else(|| "expected a share above 0% and at most 100%".to_string()))
}

/// Units of bytes, as they are written: those of 1000 and those of 1024.
const UNITS: [(&str, f64); 14] = [
    ("", 1.0),
    ("b", 1.0),
    ("k", 1e3),
    ("kb", 1e3),
    ("m", 1e6),
    ("mb", 1e6),
    ("g", 1e9),
    ("gb", 1e9),
    ("t", 1e12),
    ("tb", 1e12),
    ("kib", 1024.0),
    ("mib", 1_048_576.0),
    ("gib", 1_073_741_824.0),
    ("tib", 1_099_511_627_776.0),
];

/// `10%`, `25MB`, `1.5 GiB` or plain bytes.
fn parse_size(text: &str) -> Result<Size, String> {
    if let Some(share) = share(text) {
        return share.map(|share| Size::Ratio(1.0 / share));
    }
    let text = text.trim().to_ascii_lowercase().replace(['_', ' '], "");
    let number = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let unit = UNITS.iter().find(|(unit, _)| *unit == &text[number.len()..]);
    let bytes = number.parse::<f64>().ok().zip(unit).map(|(n, (_, unit))| n * unit);
    match bytes {
        Some(bytes) if (1.0..9e18).contains(&bytes) => Ok(Size::Bytes(bytes as u64)),
        _ => Err("expected bytes such as 25MB, 800KiB or 120000, or a share such as 10%".to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lists(bound: &[&str], exact: &[&str], missing: &[&str]) -> PromiseArgs {
        let owned = |list: &[&str]| list.iter().map(|s| s.to_string()).collect();
        PromiseArgs {
            bound: owned(bound),
            exact: owned(exact),
            missing: owned(missing),
            ..PromiseArgs::default()
        }
    }

    #[test]
    fn rules_keep_their_order_and_exact_wins() {
        let rules = lists(&["pt,m*=rel:1e-3", "eta=lossless"], &["phi"], &[]).rules().unwrap();
        let expected = [("pt", 1e-3), ("m*", 1e-3), ("eta", 0.0), ("phi", 0.0)];
        assert_eq!(rules.len(), expected.len());
        for ((name, bound), (expected_name, value)) in rules.iter().zip(expected) {
            assert_eq!((name.as_str(), bound.value()), (expected_name, value));
        }
        for wrong in ["pt", "=rel:1", "pt=rel", "pt=relative:1", "pt=rel:-1"] {
            assert!(lists(&[wrong], &[], &[]).rules().is_err(), "{wrong}");
        }
    }

    #[test]
    fn missing_values_are_numbers_or_words() {
        let missing = lists(&[], &[], &["-999", "tos=1e20", "pt=none"]).missing_values().unwrap();
        assert_eq!(missing[0], ("*".to_string(), Missing::Value(-999.0)));
        assert_eq!(missing[1], ("tos".to_string(), Missing::Value(1e20)));
        assert_eq!(missing[2], ("pt".to_string(), Missing::None));
        assert!(lists(&[], &[], &["nan"]).missing_values().is_err());
        assert!(lists(&[], &[], &["tos=many"]).missing_values().is_err());
    }

    #[test]
    fn signs_are_cuts_at_zero() {
        let mut promise =
            PromiseArgs { cuts: vec!["pt=20,30;abs(eta)=2.4".into()], ..PromiseArgs::default() };
        promise.signs = vec!["dx".into()];
        promise.limits = vec!["cc=0:1".into()];
        let cuts = promise.all_cuts().unwrap();
        assert_eq!(cuts[1], ("eta".to_string(), vec![2.4, -2.4]));
        assert_eq!(cuts[2], ("dx".to_string(), vec![0.0]));
        assert_eq!(promise.all_limits().unwrap(), [("cc".to_string(), [0.0, 1.0])]);
        assert!(promise.has_lists() && !PromiseArgs::default().has_lists());
        let both = PromiseArgs { cuts: vec!["pt=40".into()], ..PromiseArgs::default() }.over(promise);
        assert_eq!(both.cuts, ["pt=20,30;abs(eta)=2.4", "pt=40"]);
    }

    #[test]
    fn sizes_are_shares_or_bytes() {
        assert_eq!((parse_ratio("12.5"), parse_ratio("10%")), (Ok(12.5), Ok(10.0)));
        for (text, bytes) in [
            ("120000", 120_000),
            ("25MB", 25_000_000),
            ("25 mb", 25_000_000),
            ("1.5kB", 1500),
            ("2KiB", 2048),
            ("1GiB", 1 << 30),
            ("3G", 3_000_000_000),
            ("10_000B", 10_000),
        ] {
            assert_eq!(parse_size(text), Ok(Size::Bytes(bytes)), "{text}");
        }
        assert_eq!(parse_size("10 %"), Ok(Size::Ratio(10.0)));
        for wrong in ["0", "-1", "0%", "101%", "MB", "1XB", "1e40", "", "nan"] {
            assert!(parse_size(wrong).is_err(), "{wrong}");
        }
        for wrong in ["0", "-1", "inf", "0%", "x%"] {
            assert!(parse_ratio(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn no_promise_is_explained() {
        let text = PromiseArgs::default().bound_and_size().unwrap_err().to_string();
        for word in ["--abs", "--rel", "--pw-rel", "--lossless", "--ratio", "--size", "--latent"] {
            assert!(text.contains(word), "{text}");
        }
        let negative = PromiseArgs { abs: Some(Amount::from(-1.0)), ..PromiseArgs::default() };
        assert!(negative.bound_and_size().is_err());
    }

    #[test]
    fn the_command_line_goes_before_the_file() {
        let line =
            PromiseArgs { abs: Some(Amount::from(0.5)), exact: vec!["a".into()], ..PromiseArgs::default() };
        let file =
            PromiseArgs { rel: Some(Amount::from(0.1)), exact: vec!["b".into()], ..PromiseArgs::default() };
        let both = line.over(file.clone());
        assert_eq!(both.bound_and_size().unwrap().0, BoundSpec::Abs(0.5));
        assert_eq!(both.exact, ["b", "a"]);
        assert_eq!(PromiseArgs::default().over(file.clone()), file);
    }
}
