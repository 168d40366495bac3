//! What a fuzzer found worth keeping, every beginning of it, and it with every single bit the other way.

#[path = "../fuzz/check.rs"]
mod check;

use std::fs;
use std::path::Path;

/// Longer inputs are varied only at their beginning.
const VARIED: usize = 64;

#[test]
fn recorded_streams_and_their_variants_are_read_safely() {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus/recordio");
    let recorded: Vec<_> =
        fs::read_dir(&corpus).expect("a corpus").map(|file| file.unwrap().path()).collect();
    assert!(recorded.len() >= 5, "{} holds {} inputs", corpus.display(), recorded.len());
    for path in recorded {
        let input = fs::read(&path).unwrap();
        check::check(&input);
        for end in 0..input.len().min(VARIED) {
            check::check(&input[..end]);
            for bit in 0..8 {
                let mut varied = input.clone();
                varied[end] ^= 1 << bit;
                check::check(&varied);
            }
        }
    }
}
