//! The service itself.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use futures::Stream;
use miroir_cluster::Ledger;
use miroir_search::Searcher;
use miroir_wire::admin::admin_server::{self, AdminServer};
use miroir_wire::admin::verify_event::Event;
use miroir_wire::admin::{
    StatusReply, StatusRequest, VerifyEvent, VerifyProgress, VerifyReport, VerifyRequest,
};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::service::interceptor::InterceptedService;
use tonic::{Request, Response, Status};

use crate::auth::Guard;
use crate::verify::{VerifyError, verify};

/// How often a long call says how far it is.
const PROGRESS: Duration = Duration::from_millis(200);

/// The longest question, in bytes.
const LONGEST: usize = 64 << 10;

/// What operators ask this peer.
#[derive(Clone)]
pub struct Admin {
    ledger: Arc<dyn Ledger>,
    searcher: Arc<Searcher>,
    guard: Guard,
}

impl Admin {
    /// Over this peer's ledger and searcher.
    pub fn new(ledger: Arc<dyn Ledger>, searcher: Arc<Searcher>, master_key: Option<String>) -> Self {
        Self { ledger, searcher, guard: Guard::new(master_key) }
    }

    /// As a service of a gRPC server, behind the master key.
    pub fn into_service(self) -> InterceptedService<AdminServer<Self>, Guard> {
        let guard = self.guard.clone();
        InterceptedService::new(AdminServer::new(self).max_decoding_message_size(LONGEST), guard)
    }

    async fn verified(self, index: Option<String>, events: mpsc::Sender<Result<VerifyEvent, Status>>) {
        let done = AtomicU64::new(0);
        let note = |documents: u64| {
            done.fetch_add(documents, Ordering::Relaxed);
        };
        let verifying = verify(&*self.ledger, &self.searcher, index.as_deref(), &note);
        tokio::pin!(verifying);
        let outcome = loop {
            tokio::select! {
                outcome = &mut verifying => break outcome,
                () = tokio::time::sleep(PROGRESS) => {
                    let documents = done.load(Ordering::Relaxed);
                    let progress = Event::Progress(VerifyProgress { documents });
                    if events.send(Ok(VerifyEvent { event: Some(progress) })).await.is_err() {
                        return;
                    }
                }
            }
        };
        let last = outcome
            .map_err(status)
            .map(|report: VerifyReport| VerifyEvent { event: Some(Event::Report(report)) });
        let _ = events.send(last).await;
    }
}

fn status(error: VerifyError) -> Status {
    match error {
        VerifyError::NoIndex(_) => Status::not_found(error.to_string()),
    }
}

#[tonic::async_trait]
impl admin_server::Admin for Admin {
    async fn status(&self, _: Request<StatusRequest>) -> Result<Response<StatusReply>, Status> {
        let topology = self.searcher.topology().await;
        Ok(Response::new(StatusReply { topology_json: topology.to_string() }))
    }

    type VerifyStream = Pin<Box<dyn Stream<Item = Result<VerifyEvent, Status>> + Send>>;

    async fn verify(&self, request: Request<VerifyRequest>) -> Result<Response<Self::VerifyStream>, Status> {
        let index = request.into_inner().index;
        self.ledger.read_barrier().await.map_err(|error| Status::unavailable(error.to_string()))?;
        let (events, received) = mpsc::channel(8);
        tokio::spawn(self.clone().verified(index, events));
        Ok(Response::new(Box::pin(ReceiverStream::new(received))))
    }
}
