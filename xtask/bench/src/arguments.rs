//! What a benchmark's program is asked to do.

use std::path::PathBuf;

use anyhow::{Context, Result, bail};

use crate::contest::Row;

pub const USAGE: &str = "\
usage: cargo xtask bench NAME [--runs N] [--only ROW] [--json FILE] [--check]

  --runs N      so many alternating runs; 5 without it, and fewer only for a first look
  --only ROW    only the rows that contain this text
  --json FILE   the rows as an array of {what, ours, peer, ratio, target, met}
  --check       compares the ratios with the last table of docs/benchmarks.md, and fails if one became worse";

/// What targets are held against: medians of at least so many.
const RUNS: usize = 5;

pub enum Wanted {
    Run(Arguments),
    /// One run of one side, in a process of its own.
    Measure(String),
    /// The other process of a measurement.
    Play(String, Vec<String>),
}

#[derive(Debug, PartialEq, Eq)]
pub struct Arguments {
    pub runs: usize,
    /// Lower case; empty stands for every row.
    pub only: String,
    pub json: Option<PathBuf>,
    pub check: bool,
}

impl Wanted {
    pub fn parse(words: &[String]) -> Result<Wanted> {
        match words.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
            ["measure", side] => Ok(Wanted::Measure((*side).to_owned())),
            ["play", role, ..] => Ok(Wanted::Play((*role).to_owned(), words[2..].to_vec())),
            _ => Arguments::parse(words).map(Wanted::Run),
        }
    }
}

impl Arguments {
    fn parse(words: &[String]) -> Result<Arguments> {
        let mut arguments = Arguments { runs: RUNS, only: String::new(), json: None, check: false };
        let mut words = words.iter();
        while let Some(word) = words.next() {
            let mut value = || words.next().with_context(|| format!("`{word}` needs a value"));
            match word.as_str() {
                "--runs" => arguments.runs = runs(value()?)?,
                "--only" => arguments.only = value()?.to_lowercase(),
                "--json" => arguments.json = Some(value()?.into()),
                "--check" => arguments.check = true,
                other => bail!("unknown argument `{other}`"),
            }
        }
        Ok(arguments)
    }

    pub fn wants(&self, row: &Row) -> bool {
        row.what.to_lowercase().contains(&self.only)
    }
}

fn runs(text: &str) -> Result<usize> {
    match text.parse() {
        Ok(runs) if runs > 0 => Ok(runs),
        _ => bail!("--runs: `{text}` is no number of runs; write a whole number from 1"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(words: &[&str]) -> Result<Arguments> {
        Arguments::parse(&words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>())
    }

    #[test]
    fn every_argument_is_understood() {
        let arguments = parse(&["--check", "--runs", "7", "--only", "Local", "--json", "x.json"]).unwrap();

        let json = Some("x.json".into());
        assert_eq!(arguments, Arguments { runs: 7, only: "local".into(), json, check: true });
    }

    #[test]
    fn what_is_wrong_with_an_argument_is_said() {
        let said = |words: &[&str]| parse(words).unwrap_err().to_string();

        assert_eq!(said(&["--fast"]), "unknown argument `--fast`");
        assert_eq!(said(&["--json"]), "`--json` needs a value");
        assert_eq!(said(&["--runs", "0"]), "--runs: `0` is no number of runs; write a whole number from 1");
    }
}
