//! The secret that the peers of a cluster share.

use std::fmt;

use subtle::ConstantTimeEq;
use tonic::metadata::{Ascii, MetadataMap, MetadataValue};
use tonic::{Request, Status};

const HEADER: &str = "miroir-secret";
const MIN: usize = 16;

/// The shared secret. It authenticates calls between peers; it does not encrypt them.
#[derive(Clone)]
pub struct Secret(MetadataValue<Ascii>);

/// The secret cannot be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the cluster secret must be at least {MIN} visible ASCII characters")]
pub struct WeakSecret;

impl Secret {
    /// The secret of this text; white space around it is left out.
    ///
    /// # Errors
    /// When it is shorter than 16 characters, or has others than visible ASCII.
    pub fn new(text: &str) -> Result<Self, WeakSecret> {
        let text = text.trim();
        let visible = text.len() >= MIN && text.bytes().all(|byte| byte.is_ascii_graphic());
        let mut value = MetadataValue::try_from(text).map_err(|_| WeakSecret)?;
        value.set_sensitive(true);
        if visible { Ok(Self(value)) } else { Err(WeakSecret) }
    }

    /// Puts the secret into a call.
    pub fn sign<T>(&self, mut request: Request<T>) -> Request<T> {
        request.metadata_mut().insert(HEADER, self.0.clone());
        request
    }

    /// Checks that a call carries the secret.
    ///
    /// # Errors
    /// `UNAUTHENTICATED` when it does not.
    pub fn check(&self, metadata: &MetadataMap) -> Result<(), Status> {
        let given = metadata.get(HEADER).map(MetadataValue::as_encoded_bytes);
        if given.is_some_and(|given| given.ct_eq(self.0.as_encoded_bytes()).into()) {
            Ok(())
        } else {
            Err(Status::unauthenticated("the cluster secret is missing or another"))
        }
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_same_secret_passes() {
        let secret = Secret::new(" 0123456789abcdef\n").expect("strong enough");
        let signed = secret.sign(Request::new(()));
        assert!(secret.check(signed.metadata()).is_ok());
        assert!(secret.check(&MetadataMap::new()).is_err());
        for other in ["0123456789abcdeg", "0123456789abcdef0", "1123456789abcdef"] {
            let other = Secret::new(other).expect("strong enough");
            assert!(other.check(signed.metadata()).is_err());
        }
    }

    #[test]
    fn weak_ones_are_refused() {
        for weak in ["", "short", "0123456789 abcdef", "0123456789abcdeé"] {
            assert_eq!(Secret::new(weak).err(), Some(WeakSecret), "{weak}");
        }
    }
}
