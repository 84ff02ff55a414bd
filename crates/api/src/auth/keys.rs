//! Keys, all of them derived from the one secret of the installation.

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use chacha20poly1305::aead::Aead;
use chacha20poly1305::{KeyInit, XChaCha20Poly1305, XNonce};
use ed25519_dalek::SigningKey;
use hmac::{Hmac, Mac};
use jsonwebtoken::{DecodingKey, EncodingKey};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

/// A key for each purpose.
#[derive(Clone)]
pub struct Keys {
    secret: [u8; 32],
    cipher: XChaCha20Poly1305,
    signing: EncodingKey,
    verifying: DecodingKey,
    /// The public key's id (RFC 7638 thumbprint).
    pub key_id: String,
    /// The public key's `x` (RFC 8037).
    pub public_x: String,
}

impl Keys {
    /// Derives the keys from the installation's secret.
    pub fn new(secret: [u8; 32]) -> Keys {
        let seed = authenticate(&secret, b"access tokens", b"");
        let signing = SigningKey::from_bytes(&seed);
        let public = signing.verifying_key().to_bytes();
        let public_x = BASE64_URL_SAFE_NO_PAD.encode(public);
        let thumbprint = format!(r#"{{"crv":"Ed25519","kty":"OKP","x":"{public_x}"}}"#);
        // PKCS #8 of an Ed25519 key is this prefix and the seed (RFC 8410, section 7).
        let mut pkcs8 = vec![0x30, 0x2e, 2, 1, 0, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 4, 0x22, 4, 0x20];
        pkcs8.extend(seed);
        Keys {
            cipher: XChaCha20Poly1305::new(&authenticate(&secret, b"stored answers", b"").into()),
            signing: EncodingKey::from_ed_der(&pkcs8),
            verifying: DecodingKey::from_ed_der(&public),
            key_id: BASE64_URL_SAFE_NO_PAD.encode(Sha256::digest(thumbprint)),
            public_x,
            secret,
        }
    }

    /// The key that access tokens are signed with.
    pub fn signing(&self) -> &EncodingKey {
        &self.signing
    }

    /// The key that access tokens are checked with.
    pub fn verifying(&self) -> &DecodingKey {
        &self.verifying
    }

    /// An authentication code over a message, for one purpose (HMAC-SHA-256).
    pub fn authenticate(&self, purpose: &[u8], message: &[u8]) -> [u8; 32] {
        authenticate(&self.secret, purpose, message)
    }

    /// Whether a code (whole or its beginning) belongs to the message.
    pub fn is_authentic(&self, purpose: &[u8], message: &[u8], code: &[u8]) -> bool {
        let expected = self.authenticate(purpose, message);
        code.len() >= 16 && code.len() <= expected.len() && bool::from(expected[..code.len()].ct_eq(code))
    }

    /// Encrypts something that has to be stored and read again.
    pub fn seal(&self, plain: &[u8]) -> Option<Vec<u8>> {
        let nonce: [u8; 24] = random();
        let sealed = self.cipher.encrypt(&XNonce::from(nonce), plain).ok()?;
        Some([&nonce[..], &sealed].concat())
    }

    /// Decrypts what `seal` made.
    pub fn open(&self, sealed: &[u8]) -> Option<Vec<u8>> {
        let (nonce, sealed) = sealed.split_first_chunk::<24>()?;
        self.cipher.decrypt(&XNonce::from(*nonce), sealed).ok()
    }
}

/// Purpose and message can't run into each other: the purpose is preceded by its length.
fn authenticate(secret: &[u8; 32], purpose: &[u8], message: &[u8]) -> [u8; 32] {
    // A key that is shorter than a block is filled up with zeros (RFC 2104).
    let mut block = [0; 64];
    block[..32].copy_from_slice(secret);
    let mut code = <Hmac<Sha256> as hmac::digest::KeyInit>::new(&block.into());
    code.update(&(purpose.len() as u64).to_be_bytes());
    code.update(purpose);
    code.update(message);
    code.finalize().into_bytes().into()
}

/// Random bytes from the operating system.
pub fn random<const N: usize>() -> [u8; N] {
    rand::random()
}

#[cfg(test)]
mod tests {
    use super::Keys;

    #[test]
    fn what_is_sealed_opens_only_with_the_same_secret_and_untouched() {
        let keys = Keys::new([1; 32]);
        let mut sealed = keys.seal(b"once").unwrap();
        assert_eq!(keys.open(&sealed).as_deref(), Some(&b"once"[..]));
        assert_eq!(Keys::new([2; 32]).open(&sealed), None);
        *sealed.last_mut().unwrap() ^= 1;
        assert_eq!(keys.open(&sealed), None);
    }
}
