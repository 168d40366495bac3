//! CRAM-MD5 (RFC 2195): who knows the secret proves it by answering a challenge, and the secret does not travel.
//!
//! The one mechanism of Mesos' master, agents and drivers. It keeps the secret from whoever listens, and proves who
//! is there at that moment; it neither hides nor protects what is said afterwards. That takes TLS.

use hmac::{Hmac, KeyInit, Mac};
use md5::Md5;

use crate::credentials::{Credential, Credentials};

/// The name of the mechanism.
pub const MECHANISM: &str = "CRAM-MD5";

/// A challenge that was never made before, if `nonce` was not.
pub fn challenge(nonce: u128, seconds: u64, host: &str) -> String {
    format!("<{nonce}.{seconds}@{host}>")
}

/// What the holder of a credential answers.
pub fn answer(credential: &Credential, challenge: &[u8]) -> Vec<u8> {
    let digest = digest(credential.secret(), challenge).finalize().into_bytes();
    let digits: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("{} {digits}", credential.principal).into_bytes()
}

/// The half of whoever shows who it is: chooses the mechanism, then answers one challenge.
#[derive(Debug)]
pub struct Prover {
    credential: Credential,
    stage: Stage,
}

#[derive(Debug, PartialEq, Eq)]
enum Stage {
    Began,
    Chosen,
    Answered,
}

/// Why a dialogue cannot go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Impasse {
    /// Out of turn, or a second time.
    #[error("the master says something out of turn")]
    OutOfTurn,
    /// Others than CRAM-MD5 only.
    #[error("the master offers no mechanism that is known here; CRAM-MD5 is")]
    Mechanism,
}

impl Prover {
    /// A dialogue that has not begun.
    pub fn new(credential: Credential) -> Prover {
        Prover { credential, stage: Stage::Began }
    }

    /// The mechanism to start with, of those offered.
    ///
    /// # Errors
    /// There is none, or one was chosen already.
    pub fn choose<'a>(
        &mut self,
        mut offered: impl Iterator<Item = &'a str>,
    ) -> Result<&'static str, Impasse> {
        if self.stage != Stage::Began {
            return Err(Impasse::OutOfTurn);
        }
        if !offered.any(|mechanism| mechanism == MECHANISM) {
            return Err(Impasse::Mechanism);
        }
        self.stage = Stage::Chosen;
        Ok(MECHANISM)
    }

    /// The answer to the challenge.
    ///
    /// # Errors
    /// It comes before the mechanism was chosen, or is the second.
    pub fn answer(&mut self, challenge: &[u8]) -> Result<Vec<u8>, Impasse> {
        if self.stage != Stage::Chosen {
            return Err(Impasse::OutOfTurn);
        }
        self.stage = Stage::Answered;
        Ok(answer(&self.credential, challenge))
    }
}

/// Who answered the challenge: a known principal that knows its secret.
///
/// An unknown principal takes as long as a wrong secret, and digests are compared in constant time.
pub fn verified<'a>(credentials: &Credentials, challenge: &[u8], answer: &'a [u8]) -> Option<&'a str> {
    let answer = std::str::from_utf8(answer).ok()?;
    let (principal, digits) = answer.rsplit_once(' ')?;
    let claimed = bytes_of(digits)?;
    let secret = credentials.secret(principal);
    let fits = digest(secret.unwrap_or_default(), challenge).verify_slice(&claimed).is_ok();
    (fits && secret.is_some()).then_some(principal)
}

fn digest(secret: &str, challenge: &[u8]) -> Hmac<Md5> {
    let mut digest = Hmac::<Md5>::new_from_slice(secret.as_bytes()).expect("a key may have any length");
    digest.update(challenge);
    digest
}

/// The 16 bytes that 32 lower-case hexadecimal digits write.
fn bytes_of(digits: &str) -> Option<[u8; 16]> {
    let digits = digits.as_bytes();
    let mut bytes = [0; 16];
    if digits.len() != 2 * bytes.len() {
        return None;
    }
    let value = |digit: u8| match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        _ => None,
    };
    for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
        *byte = value(pair[0])? << 4 | value(pair[1])?;
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of RFC 2195, section 2.
    const CHALLENGE: &[u8] = b"<1896.697170952@postoffice.reston.mci.net>";
    const ANSWER: &[u8] = b"tim b913a602c7eda7a495b4e6e7334d3890";

    fn credentials() -> Credentials {
        Credentials::parse("tim tanstaaftanstaaf\nann other").unwrap()
    }

    #[test]
    fn the_example_of_the_rfc_is_answered_and_verified() {
        let tim = Credential::new("tim", "tanstaaftanstaaf");

        assert_eq!(answer(&tim, CHALLENGE), ANSWER);
        assert_eq!(verified(&credentials(), CHALLENGE, ANSWER), Some("tim"));
        assert_eq!(challenge(1896, 697_170_952, "postoffice.reston.mci.net").as_bytes(), CHALLENGE);
    }

    #[test]
    fn a_dialogue_is_one_choice_and_one_answer() {
        let begun = || Prover::new(Credential::new("tim", "tanstaaftanstaaf"));

        let mut prover = begun();
        assert_eq!(prover.answer(CHALLENGE), Err(Impasse::OutOfTurn));
        assert_eq!(prover.choose(["PLAIN"].into_iter()), Err(Impasse::Mechanism));
        assert_eq!(prover.choose(["PLAIN", "CRAM-MD5"].into_iter()), Ok("CRAM-MD5"));
        assert_eq!(prover.choose(["CRAM-MD5"].into_iter()), Err(Impasse::OutOfTurn));
        assert_eq!(prover.answer(CHALLENGE).as_deref(), Ok(ANSWER));
        assert_eq!(prover.answer(CHALLENGE), Err(Impasse::OutOfTurn));
        assert!(!format!("{:?}", begun()).contains("tanstaaf"));
    }

    #[test]
    fn nobody_else_is_believed() {
        let refused: [&[u8]; 9] = [
            b"ann b913a602c7eda7a495b4e6e7334d3890",
            b"tom b913a602c7eda7a495b4e6e7334d3890",
            b" b913a602c7eda7a495b4e6e7334d3890",
            b"tim b913a602c7eda7a495b4e6e7334d3891",
            b"tim b913a602c7eda7a495b4e6e7334d38",
            b"tim B913A602C7EDA7A495B4E6E7334D3890",
            b"tim b913a602c7eda7a495b4e6e7334d3890 ",
            b"",
            b"\xff \xff",
        ];

        for answer in refused {
            assert_eq!(verified(&credentials(), CHALLENGE, answer), None, "{}", answer.escape_ascii());
        }
        assert_eq!(verified(&credentials(), b"<1.2@other>", ANSWER), None);
        // Whoever is unknown has no secret, not an empty one.
        let nobody = answer(&Credential::new("tom", ""), CHALLENGE);
        assert_eq!(verified(&credentials(), CHALLENGE, &nobody), None);
    }
}
