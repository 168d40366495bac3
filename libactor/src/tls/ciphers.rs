//! Versions, cipher suites and curves: what operators write for OpenSSL, as far as rustls has it.

use rustls::crypto::{CryptoProvider, SupportedKxGroup, ring};
use rustls::version::{TLS12, TLS13};
use rustls::{CipherSuite, SupportedCipherSuite, SupportedProtocolVersion};

use crate::tls::settings::{Settings, TlsError};

const CIPHERS: &str = "LIBPROCESS_SSL_CIPHERS";
const CURVES: &str = "LIBPROCESS_SSL_ECDH_CURVES";

/// OpenSSL's name of each suite of rustls.
const NAMES: [(&str, CipherSuite); 9] = [
    ("TLS_AES_256_GCM_SHA384", CipherSuite::TLS13_AES_256_GCM_SHA384),
    ("TLS_AES_128_GCM_SHA256", CipherSuite::TLS13_AES_128_GCM_SHA256),
    ("TLS_CHACHA20_POLY1305_SHA256", CipherSuite::TLS13_CHACHA20_POLY1305_SHA256),
    ("ECDHE-ECDSA-AES256-GCM-SHA384", CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384),
    ("ECDHE-ECDSA-AES128-GCM-SHA256", CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256),
    ("ECDHE-ECDSA-CHACHA20-POLY1305", CipherSuite::TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256),
    ("ECDHE-RSA-AES256-GCM-SHA384", CipherSuite::TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384),
    ("ECDHE-RSA-AES128-GCM-SHA256", CipherSuite::TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256),
    ("ECDHE-RSA-CHACHA20-POLY1305", CipherSuite::TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256),
];

/// Words of OpenSSL for everything that is good enough.
const EVERYTHING: [&str; 4] = ["ALL", "DEFAULT", "HIGH", "SECURE"];

/// What a list may forbid without effect: rustls never had it.
const NEVER_THERE: [&str; 20] = [
    "aNULL", "eNULL", "NULL", "EXP", "EXPORT", "LOW", "MEDIUM", "DES", "3DES", "RC4", "MD5", "PSK", "SRP",
    "DSS", "aDSS", "kRSA", "SEED", "IDEA", "CAMELLIA", "SSLv2",
];

pub(super) fn versions(settings: &Settings) -> Result<Vec<&'static SupportedProtocolVersion>, TlsError> {
    let mut versions = Vec::new();
    if settings.tls_1_3 {
        versions.push(&TLS13);
    }
    if settings.tls_1_2 {
        versions.push(&TLS12);
    }
    if versions.is_empty() { Err(TlsError::NoVersion) } else { Ok(versions) }
}

/// Ring, with nothing but what is allowed.
pub(super) fn provider(settings: &Settings) -> Result<CryptoProvider, TlsError> {
    let mut provider = ring::default_provider();
    if let Some(list) = &settings.ciphers {
        provider.cipher_suites = suites(list, &provider.cipher_suites, settings)?;
    }
    if let Some(list) = settings.curves.as_ref().filter(|list| *list != "auto") {
        provider.kx_groups = curves(list)?;
    }
    Ok(provider)
}

/// In the order of the list. As with OpenSSL the list is about TLS 1.2; suites of 1.3 are limited only by their own names.
fn suites(
    list: &str,
    all: &[SupportedCipherSuite],
    settings: &Settings,
) -> Result<Vec<SupportedCipherSuite>, TlsError> {
    let wrong = |problem: String| TlsError::Choice { variable: CIPHERS, value: list.to_owned(), problem };
    let named = |name: &str| NAMES.iter().find(|(known, _)| *known == name).map(|(_, suite)| *suite);
    let (mut chosen, mut missing): (Vec<SupportedCipherSuite>, Vec<&str>) = Default::default();
    let add = |suite: &SupportedCipherSuite, chosen: &mut Vec<SupportedCipherSuite>| {
        if !chosen.contains(suite) {
            chosen.push(*suite);
        }
    };
    for word in list.split([':', ',', ' ']).filter(|word| !word.is_empty()) {
        if EVERYTHING.contains(&word) {
            all.iter().for_each(|suite| add(suite, &mut chosen));
        } else if let Some(unwanted) = word.strip_prefix(['!', '-']) {
            let suite = named(unwanted);
            if suite.is_none() && !NEVER_THERE.contains(&unwanted) {
                return Err(wrong(format!(
                    "what '{word}' forbids is not known; name the suites to allow instead"
                )));
            }
            chosen.retain(|chosen| Some(chosen.suite()) != suite);
        } else if let Some(suite) = named(word) {
            all.iter().filter(|known| known.suite() == suite).for_each(|suite| add(suite, &mut chosen));
        } else {
            missing.push(word);
        }
    }
    let is_1_3 = |suite: &SupportedCipherSuite| suite.tls13().is_some();
    if settings.tls_1_2
        && chosen.iter().all(is_1_3)
        && !(settings.tls_1_3 && missing.is_empty() && !chosen.is_empty())
    {
        let known: Vec<_> = NAMES[3..].iter().map(|(name, _)| *name).collect();
        let problem = format!("this program has none of these for TLS 1.2; it has {}", known.join(":"));
        return Err(wrong(problem));
    }
    if !missing.is_empty() {
        tracing::warn!(missing = missing.join(":"), "ciphers of {CIPHERS} that this program does not have");
    }
    if !chosen.iter().any(is_1_3) {
        chosen.extend(all.iter().filter(|suite| is_1_3(suite)));
    }
    Ok(chosen)
}

fn curves(list: &str) -> Result<Vec<&'static dyn SupportedKxGroup>, TlsError> {
    let (mut chosen, mut missing): (Vec<&'static dyn SupportedKxGroup>, Vec<&str>) = Default::default();
    for word in list.split([':', ',']).filter(|word| !word.is_empty()) {
        match word {
            "X25519" | "x25519" => chosen.push(ring::kx_group::X25519),
            "P-256" | "prime256v1" | "secp256r1" => chosen.push(ring::kx_group::SECP256R1),
            "P-384" | "secp384r1" => chosen.push(ring::kx_group::SECP384R1),
            other => missing.push(other),
        }
    }
    if chosen.is_empty() {
        let problem = "this program has none of these; it has X25519:P-256:P-384".to_owned();
        return Err(TlsError::Choice { variable: CURVES, value: list.to_owned(), problem });
    }
    if !missing.is_empty() {
        tracing::warn!(missing = missing.join(":"), "curves of {CURVES} that this program does not have");
    }
    Ok(chosen)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(list: &str) -> Result<Vec<CipherSuite>, String> {
        let settings = Settings { ciphers: Some(list.to_owned()), ..Settings::default() };
        let provider = provider(&settings).map_err(|error| error.to_string())?;
        Ok(provider.cipher_suites.iter().map(SupportedCipherSuite::suite).collect())
    }

    #[test]
    fn every_suite_has_a_name() {
        let all = ring::default_provider().cipher_suites;

        assert_eq!(all.len(), NAMES.len());
        assert!(all.iter().all(|suite| NAMES.iter().any(|(_, known)| *known == suite.suite())));
    }

    #[test]
    fn a_list_of_openssl_is_taken_as_far_as_it_goes() {
        let one = names("RC4-SHA:ECDHE-RSA-AES128-GCM-SHA256").unwrap();
        assert_eq!(one[0], CipherSuite::TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256);
        // What the list does not speak of, TLS 1.3, stays.
        assert_eq!(one.len(), 4);
        assert_eq!(names("HIGH:!aNULL:!ECDHE-RSA-AES128-GCM-SHA256").unwrap().len(), 8);
        let both = names("TLS_AES_128_GCM_SHA256:ECDHE-RSA-AES128-GCM-SHA256").unwrap();
        assert_eq!(both.len(), 2);
    }

    #[test]
    fn a_list_that_leaves_nothing_is_refused_by_name() {
        // What libprocess has by default.
        let error = names("AES128-SHA:AES256-SHA:RC4-SHA").unwrap_err();
        assert!(
            error.starts_with("LIBPROCESS_SSL_CIPHERS=AES128-SHA:AES256-SHA:RC4-SHA: this program has none"),
            "{error}"
        );
        let error = names("ALL:!SUITEB").unwrap_err();
        assert!(error.contains("what '!SUITEB' forbids is not known"), "{error}");
    }

    #[test]
    fn curves_keep_their_order() {
        let settings = |list: &str| Settings { curves: Some(list.to_owned()), ..Settings::default() };
        let groups = provider(&settings("P-521:P-384:prime256v1")).unwrap().kx_groups;

        assert_eq!(groups.len(), 2);
        assert_eq!(groups[0].name(), rustls::NamedGroup::secp384r1);
        assert!(
            provider(&settings("P-521"))
                .unwrap_err()
                .to_string()
                .starts_with("LIBPROCESS_SSL_ECDH_CURVES=P-521")
        );
        assert_eq!(provider(&settings("auto")).unwrap().kx_groups.len(), 3);
    }
}
