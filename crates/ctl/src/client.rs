//! The connection to a peer, with the key on every call.

use std::time::Duration;

use miroir_wire::admin::admin_client::AdminClient;
use miroir_wire::admin::{StatusRequest, VerifyEvent, VerifyRequest};
use tonic::metadata::{Ascii, MetadataValue};
use tonic::transport::{Channel, Endpoint};
use tonic::{Request, Streaming};

use crate::exit::Exit;

/// How long to wait for a connection.
const CONNECT: Duration = Duration::from_secs(3);
/// A peer that is stopped still takes connections: so often it is asked for a sign of life, and so long that is waited for.
const ALIVE: Duration = Duration::from_secs(5);
/// How long a peer may take to tell its state. It waits 2 s for each node that does not answer, for all at once.
const STATUS: Duration = Duration::from_secs(20);

/// A peer.
pub(crate) struct Client {
    admin: AdminClient<Channel>,
    key: Option<MetadataValue<Ascii>>,
}

impl Client {
    /// Connects to a peer's gRPC address.
    pub(crate) async fn connect(peer: &str, key: Option<&str>) -> Result<Self, Exit> {
        // As configurations name it.
        let url = if peer.contains("://") { peer.to_owned() } else { format!("http://{peer}") };
        let endpoint = Endpoint::from_shared(url)
            .map_err(|error| Exit::Usage(format!("`{peer}` is no address of a peer: {error}")))?;
        let endpoint =
            endpoint.connect_timeout(CONNECT).http2_keep_alive_interval(ALIVE).keep_alive_timeout(ALIVE);
        let channel = endpoint.connect().await.map_err(|error| {
            Exit::Unreachable(format!(
                "no peer answers at {peer} ({error}): is it up, and is this its gRPC address?"
            ))
        })?;
        let bearer = key.map(|key| format!("Bearer {key}").parse());
        let key = bearer
            .transpose()
            .map_err(|_| Exit::Usage("the key has characters that no key can have".to_owned()))?;
        Ok(Self { admin: AdminClient::new(channel).max_decoding_message_size(64 << 20), key })
    }

    fn request<T>(&self, body: T) -> Request<T> {
        let mut request = Request::new(body);
        if let Some(key) = &self.key {
            request.metadata_mut().insert("authorization", key.clone());
        }
        request
    }

    /// The document of `/_miroir/topology`.
    pub(crate) async fn topology(&mut self) -> Result<String, Exit> {
        let mut request = self.request(StatusRequest {});
        request.set_timeout(STATUS);
        Ok(self.admin.status(request).await?.into_inner().topology_json)
    }

    /// Progress, then the report.
    pub(crate) async fn verify(&mut self, index: Option<String>) -> Result<Streaming<VerifyEvent>, Exit> {
        let request = self.request(VerifyRequest { index });
        Ok(self.admin.verify(request).await?.into_inner())
    }
}
