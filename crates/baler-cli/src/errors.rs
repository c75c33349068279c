//! Errors of the command line: each in one line, and its exit code.

use crate::library::{Error, ErrorKind};

/// A usage error in one line, without "error:", tips included.
pub fn one_line(error: &clap::Error) -> String {
    let text = error.render().to_string();
    let message = text.split("\n\nUsage:").next().unwrap_or_default();
    let message = message.split("\n\nFor more information").next().unwrap_or_default();
    let parts = message.strip_prefix("error: ").unwrap_or(message).split("\n\n");
    let in_one_line = |part: &str| part.split_whitespace().collect::<Vec<_>>().join(" ");
    cut(&parts.map(in_one_line).collect::<Vec<_>>().join("; "))
}

/// The command that explains the options a usage error is about: `baler compress --help`.
pub fn help_command(error: &clap::Error) -> String {
    let text = error.render().to_string();
    let usage = text.split("\n\nUsage: ").nth(1).unwrap_or_default();
    let is_word = |word: &&str| word.chars().all(|c| c.is_ascii_lowercase());
    let words: Vec<&str> = usage.split_whitespace().take_while(is_word).collect();
    if words.is_empty() { "baler --help".to_string() } else { format!("{} --help", words.join(" ")) }
}

/// Any other error in one line. The library's errors tell their own causes.
pub fn one_line_of(error: &anyhow::Error) -> String {
    let mut parts: Vec<String> = Vec::new();
    for cause in error.chain() {
        parts.push(cause.to_string());
        if cause.is::<Error>() {
            break;
        }
    }
    cut(&parts.join(": ").split_whitespace().collect::<Vec<_>>().join(" "))
}

/// A line that can be read: of a longer one (what was found may be of any length) the beginning and the end, where it says
/// what to do.
pub fn cut(line: &str) -> String {
    const MOST: usize = 800;
    const END: usize = 250;
    let n_chars = line.chars().count();
    if n_chars <= MOST {
        return line.to_string();
    }
    let first: String = line.chars().take(MOST - END).collect();
    let last: String = line.chars().skip(n_chars - END).collect();
    format!("{first} [...] {last}")
}

/// 1 where a bound is broken, else 2.
pub fn exit_code(error: &anyhow::Error) -> u8 {
    let kinds = error.chain().filter_map(|cause| cause.downcast_ref::<Error>());
    if kinds.into_iter().any(|e| e.kind() == ErrorKind::BoundNotMet) { 1 } else { 2 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_errors_are_cut_in_their_middle() {
        let long = format!("expected a name, found '{}'; nearest: pt", "x".repeat(1_000_000));
        let error = anyhow::Error::from(Error::config(long));
        let line = one_line_of(&error);
        assert!(
            line.len() < 900 && line.starts_with("expected a name") && line.ends_with("nearest: pt"),
            "{line}"
        );
        assert_eq!(cut("short"), "short");
    }

    #[test]
    fn errors_are_one_line_and_say_each_cause_once() {
        let io = std::io::Error::new(std::io::ErrorKind::NotFound, "no such\nfile");
        let error = anyhow::Error::from(Error::io("reading x.npy", io)).context("in a project");
        assert_eq!(one_line_of(&error), "in a project: reading x.npy: no such file");
        assert_eq!(exit_code(&error), 2);
        assert_eq!(exit_code(&Error::new(ErrorKind::BoundNotMet, "x").into()), 1);
    }
}
