//! Signed tokens that say who we are: JSON Web Tokens in compact form (RFC 7515, RFC 7519), by RS256 or ES256 (RFC 7518).

use aws_lc_rs::{
    rand::SystemRandom,
    signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, RSA_PKCS1_SHA256, RsaKeyPair},
};
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use rustls::pki_types::{PrivatePkcs8KeyDer, pem::PemObject};
use serde::Serialize;

/// A private key that signs tokens.
pub enum SigningKey {
    /// RS256.
    Rsa(Box<RsaKeyPair>),
    /// ES256.
    P256(EcdsaKeyPair),
}

#[derive(Serialize)]
struct Header<'k> {
    alg: &'static str,
    typ: &'static str,
    kid: &'k str,
}

impl SigningKey {
    /// An RSA key, PKCS #8 in PEM form. The error is the reason, without the key.
    pub fn rsa(pem: &str) -> Result<Self, String> {
        let der = der(pem)?;
        let pair = RsaKeyPair::from_pkcs8(der.secret_pkcs8_der()).map_err(|_| "it is no RSA key".to_owned())?;
        Ok(Self::Rsa(Box::new(pair)))
    }

    /// A key on the curve P-256, PKCS #8 in PEM form. The error is the reason, without the key.
    pub fn p256(pem: &str) -> Result<Self, String> {
        let der = der(pem)?;
        let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, der.secret_pkcs8_der());
        pair.map(Self::P256).map_err(|_| "it is no key on the curve P-256".to_owned())
    }

    /// A token that says `claims`, signed.
    pub fn token(&self, key_id: &str, claims: &impl Serialize) -> Result<String, String> {
        let alg = match self {
            Self::Rsa(_) => "RS256",
            Self::P256(_) => "ES256",
        };
        let part = |value: Result<Vec<u8>, serde_json::Error>| {
            value.map(|json| BASE64_URL_SAFE_NO_PAD.encode(json)).map_err(|error| error.to_string())
        };
        let header = part(serde_json::to_vec(&Header { alg, typ: "JWT", kid: key_id }))?;
        let said = format!("{header}.{}", part(serde_json::to_vec(claims))?);
        let signature = self.sign(said.as_bytes()).ok_or("the key does not sign")?;
        Ok(format!("{said}.{}", BASE64_URL_SAFE_NO_PAD.encode(signature)))
    }

    /// A signature of these bytes: PKCS #1 v1.5 with SHA-256 of an RSA key, r and s of a P-256 key.
    pub fn sign(&self, said: &[u8]) -> Option<Vec<u8>> {
        let random = SystemRandom::new();
        match self {
            Self::Rsa(pair) => {
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign(&RSA_PKCS1_SHA256, &random, said, &mut signature).ok()?;
                Some(signature)
            }
            Self::P256(pair) => Some(pair.sign(&random, said).ok()?.as_ref().to_vec()),
        }
    }

    /// What a signature of it is checked by: PKCS #1 of an RSA key, the point of a P-256 key.
    #[cfg(test)]
    pub fn public(&self) -> Vec<u8> {
        use aws_lc_rs::signature::KeyPair as _;
        match self {
            Self::Rsa(pair) => pair.public_key().as_ref().to_vec(),
            Self::P256(pair) => pair.public_key().as_ref().to_vec(),
        }
    }
}

fn der(pem: &str) -> Result<PrivatePkcs8KeyDer<'static>, String> {
    PrivatePkcs8KeyDer::from_pem_slice(pem.as_bytes())
        .map_err(|_| "it holds no key in PEM form, -----BEGIN PRIVATE KEY-----".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vendors::testing::{P256_KEY, RSA_KEY};
    use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED, RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey};
    use serde_json::{Value, json};

    #[test]
    fn a_token_is_three_parts_and_its_signature_covers_the_first_two() {
        for (key, alg) in [(SigningKey::rsa(&RSA_KEY), "RS256"), (SigningKey::p256(&P256_KEY), "ES256")] {
            let key = key.unwrap();
            let token = key.token("key-1", &json!({"iss": "누구", "iat": 1_773_219_600})).unwrap();
            let [header, claims, signature] = <[&str; 3]>::try_from(token.split('.').collect::<Vec<_>>()).unwrap();
            let decoded = |part: &str| BASE64_URL_SAFE_NO_PAD.decode(part).unwrap();
            let json = |part| serde_json::from_slice::<Value>(&decoded(part)).unwrap();
            assert_eq!(json(header), json!({"alg": alg, "typ": "JWT", "kid": "key-1"}));
            assert_eq!(json(claims), json!({"iss": "누구", "iat": 1_773_219_600}));
            let by: &dyn aws_lc_rs::signature::VerificationAlgorithm = match alg {
                "RS256" => &RSA_PKCS1_2048_8192_SHA256,
                _ => &ECDSA_P256_SHA256_FIXED,
            };
            let public = UnparsedPublicKey::new(by, key.public());
            let said = format!("{header}.{claims}");
            assert!(public.verify(said.as_bytes(), &decoded(signature)).is_ok(), "{alg}");
            assert!(public.verify(claims.as_bytes(), &decoded(signature)).is_err());
        }
    }

    #[test]
    fn what_is_no_key_is_refused_without_being_shown() {
        for pem in ["", "secret", &P256_KEY[..60]] {
            assert!(SigningKey::rsa(pem).err().unwrap().contains("BEGIN PRIVATE KEY"));
        }
        assert_eq!(SigningKey::rsa(&P256_KEY).err().unwrap(), "it is no RSA key");
        assert_eq!(SigningKey::p256(&RSA_KEY).err().unwrap(), "it is no key on the curve P-256");
    }
}
