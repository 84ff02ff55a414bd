//! Keys, all of them derived from the one secret of the installation, and from those that it had before.

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use chacha20poly1305::aead::{Aead, Payload};
use chacha20poly1305::{KeyInit, XChaCha20Poly1305, XNonce};
use ed25519_dalek::SigningKey;
use hmac::{Hmac, Mac};
use jsonwebtoken::{DecodingKey, EncodingKey};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

/// What is made now is made with the newest secret; what was made with a former one is still understood.
#[derive(Clone)]
pub struct Keys {
    newest: KeySet,
    former: Vec<KeySet>,
}

/// A key for each purpose, derived from one secret.
#[derive(Clone)]
struct KeySet {
    secret: [u8; 32],
    cipher: XChaCha20Poly1305,
    signing: EncodingKey,
    verifying: DecodingKey,
    public: PublicKey,
}

/// What others may know of a key that tokens are signed with.
#[derive(Clone, Debug)]
pub struct PublicKey {
    /// The key's id (RFC 7638 thumbprint).
    pub id: String,
    /// The key's `x` (RFC 8037).
    pub x: String,
}

impl KeySet {
    fn new(secret: [u8; 32]) -> KeySet {
        let seed = authenticate(&secret, b"access tokens", b"");
        let signing = SigningKey::from_bytes(&seed);
        let public = signing.verifying_key().to_bytes();
        let x = BASE64_URL_SAFE_NO_PAD.encode(public);
        let thumbprint = format!(r#"{{"crv":"Ed25519","kty":"OKP","x":"{x}"}}"#);
        // PKCS #8 of an Ed25519 key is this prefix and the seed (RFC 8410, section 7).
        let mut pkcs8 = vec![0x30, 0x2e, 2, 1, 0, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 4, 0x22, 4, 0x20];
        pkcs8.extend(seed);
        KeySet {
            cipher: XChaCha20Poly1305::new(&authenticate(&secret, b"stored secrets", b"").into()),
            signing: EncodingKey::from_ed_der(&pkcs8),
            verifying: DecodingKey::from_ed_der(&public),
            public: PublicKey { id: BASE64_URL_SAFE_NO_PAD.encode(Sha256::digest(thumbprint)), x },
            secret,
        }
    }
}

impl Keys {
    /// Derives the keys from the installation's secret.
    pub fn new(secret: [u8; 32]) -> Keys {
        Keys { newest: KeySet::new(secret), former: vec![] }
    }

    /// The same, understanding what was made with former secrets.
    pub fn with_former(mut self, secrets: impl IntoIterator<Item = [u8; 32]>) -> Keys {
        self.former.extend(secrets.into_iter().map(KeySet::new));
        self
    }

    fn all(&self) -> impl Iterator<Item = &KeySet> {
        std::iter::once(&self.newest).chain(&self.former)
    }

    /// The key that access tokens are signed with.
    pub fn signing(&self) -> &EncodingKey {
        &self.newest.signing
    }

    /// The id of that key.
    pub fn key_id(&self) -> &str {
        &self.newest.public.id
    }

    /// The key that an access token with this key id is checked with.
    pub fn verifying(&self, key_id: Option<&str>) -> Option<&DecodingKey> {
        let wanted = self.all().find(|keys| Some(keys.public.id.as_str()) == key_id);
        wanted.map(|keys| &keys.verifying)
    }

    /// Everything that others may know, the newest first.
    pub fn public(&self) -> impl Iterator<Item = &PublicKey> {
        self.all().map(|keys| &keys.public)
    }

    /// An authentication code over a message, for one purpose (HMAC-SHA-256).
    pub fn authenticate(&self, purpose: &[u8], message: &[u8]) -> [u8; 32] {
        authenticate(&self.newest.secret, purpose, message)
    }

    /// Whether a code (whole or its beginning) belongs to the message.
    pub fn is_authentic(&self, purpose: &[u8], message: &[u8], code: &[u8]) -> bool {
        self.all().any(|keys| {
            let expected = authenticate(&keys.secret, purpose, message);
            code.len() >= 16 && code.len() <= expected.len() && bool::from(expected[..code.len()].ct_eq(code))
        })
    }

    /// Encrypts something that has to be stored and read again, as what it is and whose: in another place it can't be read.
    pub fn seal(&self, what: &str, plain: &[u8]) -> Option<Vec<u8>> {
        let nonce: [u8; 24] = random();
        let payload = Payload { msg: plain, aad: what.as_bytes() };
        let sealed = self.newest.cipher.encrypt(&XNonce::from(nonce), payload).ok()?;
        Some([&nonce[..], &sealed].concat())
    }

    /// Decrypts what `seal` made of the same thing.
    pub fn open(&self, what: &str, sealed: &[u8]) -> Option<Vec<u8>> {
        let (nonce, sealed) = sealed.split_first_chunk::<24>()?;
        self.all().find_map(|keys| {
            let payload = Payload { msg: sealed, aad: what.as_bytes() };
            keys.cipher.decrypt(&XNonce::from(*nonce), payload).ok()
        })
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
    fn what_is_sealed_opens_only_with_the_same_secret_in_the_same_place_and_untouched() {
        let keys = Keys::new([1; 32]);
        let mut sealed = keys.seal("here", b"once").unwrap();
        assert_eq!(keys.open("here", &sealed).as_deref(), Some(&b"once"[..]));
        assert_eq!(keys.open("there", &sealed), None);
        assert_eq!(Keys::new([2; 32]).open("here", &sealed), None);
        *sealed.last_mut().unwrap() ^= 1;
        assert_eq!(keys.open("here", &sealed), None);
    }

    #[test]
    fn what_was_made_with_a_former_secret_is_understood_and_nothing_is_made_with_it() {
        let (old, new) = (Keys::new([1; 32]), Keys::new([2; 32]));
        let both = new.clone().with_former([[1; 32]]);
        assert!(both.is_authentic(b"p", b"m", &old.authenticate(b"p", b"m")));
        assert!(!new.is_authentic(b"p", b"m", &old.authenticate(b"p", b"m")));
        assert_eq!(both.authenticate(b"p", b"m"), new.authenticate(b"p", b"m"));
        assert_eq!(both.open("x", &old.seal("x", b"once").unwrap()).as_deref(), Some(&b"once"[..]));
        assert_eq!(old.open("x", &both.seal("x", b"once").unwrap()), None);
        assert_eq!(both.key_id(), new.key_id());
        assert!(both.verifying(Some(old.key_id())).is_some() && new.verifying(Some(old.key_id())).is_none());
        assert!(both.verifying(None).is_none());
    }
}
