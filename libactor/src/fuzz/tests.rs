//! The recorded corpora, run in every test run.

use std::fs;
use std::path::Path;

use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};

use super::*;

/// Inputs made from each recorded one. Fuzzing without end is `cargo fuzz run`'s; this keeps what it found from coming back.
const VARIANTS: u64 = 128;

fn run_corpus(target: &str, run: fn(&[u8])) {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus").join(target);
    let mut recorded: Vec<_> =
        fs::read_dir(&corpus).expect("a corpus").map(|file| file.unwrap().path()).collect();
    recorded.sort();
    assert!(recorded.len() >= 5, "{} holds {} inputs", corpus.display(), recorded.len());
    for (number, path) in recorded.iter().enumerate() {
        let input = fs::read(path).unwrap();
        run(&input);
        for variant in 0..VARIANTS {
            let seed = (number as u64) << 32 | variant;
            let varied = vary(&input, &mut SmallRng::seed_from_u64(seed));
            let done = std::panic::catch_unwind(|| run(&varied));
            assert!(done.is_ok(), "{} varied with seed {seed}: {}", path.display(), varied.escape_ascii());
        }
    }
}

/// Some bytes changed, taken out, doubled or cut off.
fn vary(input: &[u8], random: &mut SmallRng) -> Vec<u8> {
    let mut bytes = input.to_vec();
    for _ in 0..random.random_range(1..5) {
        let at = random.random_range(0..=bytes.len());
        let to = random.random_range(at..=bytes.len().min(at + 16));
        match random.random_range(0..5) {
            0 if at < bytes.len() => bytes[at] = random.random(),
            1 if at < bytes.len() => bytes[at] ^= 1 << random.random_range(0..8),
            2 => drop(bytes.drain(at..to)),
            3 => {
                let copy = bytes[at..to].to_vec();
                bytes.splice(at..at, copy);
            }
            _ => bytes.truncate(at),
        }
    }
    bytes
}

#[test]
fn recorded_frames_and_their_variants_are_read_safely() {
    run_corpus("frames", frames);
}

#[test]
fn recorded_requests_and_their_variants_are_read_safely() {
    run_corpus("requests", requests);
}

#[test]
fn recorded_pids_and_their_variants_are_read_safely() {
    run_corpus("pid", pid);
}
