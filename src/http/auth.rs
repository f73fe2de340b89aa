//! Basic authentication of one server (C-050 to C-057).
//!
//! Both sides of every comparison are SHA-1 digests: a password in clear and one given as `{SHA}` are
//! then the same case, and comparing takes the same time whatever is presented.

use base64::Engine as _;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use sha1::{Digest, Sha1};
use subtle::ConstantTimeEq;

/// Clients that leave the padding away are understood.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

type Hash = [u8; 20];

/// Who may use a server.
#[derive(Clone)]
pub struct Credentials {
    user: Hash,
    /// `None`: a `{SHA}` that no password has.
    password: Option<Hash>,
}

impl Credentials {
    /// From the section's `username` and `password`; `{SHA}` and forty hex digits stand for the password
    /// with that digest (C-054).
    pub fn new(user: &str, password: &str) -> Self {
        let password = match password.strip_prefix("{SHA}") {
            Some(digits) => unhex(digits.as_bytes()),
            None => Some(digest(password.as_bytes())),
        };
        Self { user: digest(user.as_bytes()), password }
    }

    /// Whether the value of an `Authorization` header proves them.
    pub fn admit(&self, header: &[u8]) -> bool {
        let Some((user, password)) = presented(header) else {
            return false;
        };
        let expected = self.password.unwrap_or_default();
        let equal = digest(&user).ct_eq(&self.user) & digest(&password).ct_eq(&expected);
        bool::from(equal) && self.password.is_some()
    }
}

/// User name and password from `Basic <base64 of user:password>` (C-053).
fn presented(header: &[u8]) -> Option<(Vec<u8>, Vec<u8>)> {
    let (scheme, encoded) = header.split_at_checked("Basic ".len())?;
    if !scheme.eq_ignore_ascii_case(b"Basic ") {
        return None;
    }
    let mut decoded = BASE64.decode(encoded.trim_ascii()).ok()?;
    let colon = decoded.iter().position(|b| *b == b':')?;
    let password = decoded.split_off(colon + 1);
    decoded.pop();
    Some((decoded, password))
}

fn digest(data: &[u8]) -> Hash {
    Sha1::digest(data).into()
}

fn unhex(digits: &[u8]) -> Option<Hash> {
    let mut hash = Hash::default();
    let (pairs, rest) = digits.as_chunks::<2>();
    if pairs.len() != hash.len() || !rest.is_empty() {
        return None;
    }
    for (byte, [high, low]) in hash.iter_mut().zip(pairs) {
        let digit = |d: u8| char::from(d).to_digit(16).and_then(|n| u8::try_from(n).ok());
        *byte = digit(*high)? << 4 | digit(*low)?;
    }
    Some(hash)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn basic(text: &str) -> String {
        format!("Basic {}", base64::engine::general_purpose::STANDARD.encode(text))
    }

    // C-053, C-055, C-056
    #[test]
    fn what_is_let_through() {
        let guard = Credentials::new("usér", "pa:ss");
        assert!(guard.admit(basic("usér:pa:ss").as_bytes()));
        assert!(guard.admit(basic("usér:pa:ss").replace("Basic", "bASIC").as_bytes()));
        assert!(guard.admit(basic("usér:pa:ss").trim_end_matches('=').as_bytes()));
        for refused in
            ["usér:pa", "usér:", "usér", "", ":", "usér:pa:ss ", "Usér:pa:ss", "usér:pa:ss:", "pa:ss:usér"]
        {
            assert!(!guard.admit(basic(refused).as_bytes()), "{refused}");
        }
        for refused in
            ["", "Basic", "Basic ", "Basic !!!", "Digest dXM6cGE=", "Bearer x", "Basic\u{e9}\u{e9}"]
        {
            assert!(!guard.admit(refused.as_bytes()), "{refused}");
        }
        assert!(!guard.admit(&[0xff; 300]));
    }

    // C-054
    #[test]
    fn hashed_passwords() {
        let other = "{SHA}82ab876d1387bfafe46cc1c8a2ef074eae50cb1d";
        let guard = Credentials::new("u", "{SHA}a94a8fe5ccb19ba61c4c0873d391e987982fbbd3");
        assert!(guard.admit(basic("u:test").as_bytes()));
        assert!(!guard.admit(basic("u:{SHA}a94a8fe5ccb19ba61c4c0873d391e987982fbbd3").as_bytes()));
        assert!(!Credentials::new("u", other).admit(basic("u:test").as_bytes()));
        // The prefix counts in capitals only; otherwise it is a password like any other.
        assert!(Credentials::new("u", "{sha}x").admit(basic("u:{sha}x").as_bytes()));
    }

    #[test]
    fn a_hash_that_is_none_lets_nobody_in() {
        for broken in ["{SHA}", "{SHA}00", "{SHA}zz4a8fe5ccb19ba61c4c0873d391e987982fbbd3"] {
            let guard = Credentials::new("u", broken);
            for password in ["", "test", broken] {
                assert!(!guard.admit(basic(&format!("u:{password}")).as_bytes()), "{broken} {password}");
            }
        }
    }

    // C-007 leaves a user name that is empty out of the configuration; one without password is possible
    #[test]
    fn an_empty_password_is_a_password() {
        let guard = Credentials::new("u", "");
        assert!(guard.admit(basic("u:").as_bytes()));
        assert!(!guard.admit(basic("u:x").as_bytes()));
    }
}
