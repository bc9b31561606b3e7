//! Who may ask.

use subtle::ConstantTimeEq;
use tonic::{Request, Status};

/// Refuses a call that does not carry the master key, where there is one.
pub(crate) fn check<T>(master_key: Option<&str>, request: &Request<T>) -> Result<(), Status> {
    let Some(master_key) = master_key else { return Ok(()) };
    let value = request.metadata().get("authorization").and_then(|value| value.to_str().ok());
    match value.and_then(|value| value.strip_prefix("Bearer ")) {
        None => Err(Status::unauthenticated("the master key is missing: give it with --key or MIROIR_KEY")),
        Some(token) if bool::from(token.as_bytes().ct_eq(master_key.as_bytes())) => Ok(()),
        Some(_) => Err(Status::permission_denied("this is not the cluster's master key")),
    }
}
