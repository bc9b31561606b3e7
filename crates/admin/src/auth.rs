//! Who may ask.

use std::sync::Arc;

use subtle::ConstantTimeEq;
use tonic::service::Interceptor;
use tonic::{Request, Status};

/// Refuses a call that does not carry the master key, where there is one: before its message is read, and whatever its
/// method.
#[derive(Clone)]
pub struct Guard {
    master_key: Option<Arc<str>>,
}

impl Guard {
    pub(crate) fn new(master_key: Option<String>) -> Self {
        Self { master_key: master_key.map(Into::into) }
    }
}

impl Interceptor for Guard {
    fn call(&mut self, request: Request<()>) -> Result<Request<()>, Status> {
        let Some(master_key) = &self.master_key else { return Ok(request) };
        let value = request.metadata().get("authorization").and_then(|value| value.to_str().ok());
        match value.and_then(|value| value.strip_prefix("Bearer ")) {
            None => {
                Err(Status::unauthenticated("the master key is missing: give it with --key or MIROIR_KEY"))
            }
            Some(token) if bool::from(token.as_bytes().ct_eq(master_key.as_bytes())) => Ok(request),
            Some(_) => Err(Status::permission_denied("this is not the cluster's master key")),
        }
    }
}
