//! A ledger with something put between it and whoever uses it.

use std::ops::Deref;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use miroir_cluster::{
    BarrierError, ChunkId, Command, Leadership, Ledger, Member, Outcome, PayloadError, ProposeError, Reports,
    Rows, State,
};
use miroir_model::{PeerLife, Timestamp};

/// What is put between: whatever it does not say otherwise is the inner ledger's.
#[async_trait]
pub trait Interpose: Send + Sync + 'static {
    /// The ledger behind.
    fn inner(&self) -> &dyn Ledger;

    /// See [`Ledger::state`].
    fn state(&self) -> Arc<State> {
        self.inner().state()
    }

    /// See [`Ledger::changed`].
    async fn changed(&self, since: u64) -> Arc<State> {
        self.inner().changed(since).await
    }

    /// See [`Ledger::propose`].
    async fn propose(&self, command: Command) -> Result<Outcome, ProposeError> {
        self.inner().propose(command).await
    }

    /// See [`Ledger::read_barrier`].
    async fn read_barrier(&self) -> Result<(), BarrierError> {
        self.inner().read_barrier().await
    }

    /// See [`Ledger::report`].
    async fn report(&self, version: u64) -> Result<(), BarrierError> {
        self.inner().report(version).await
    }

    /// See [`Ledger::payload`].
    async fn payload(&self, chunk: ChunkId) -> Result<Bytes, PayloadError> {
        self.inner().payload(chunk).await
    }
}

/// The ledger that comes out.
#[derive(Debug, Clone)]
pub struct Around<T>(pub T);

impl<T> Deref for Around<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

#[async_trait]
impl<T: Interpose> Ledger for Around<T> {
    fn me(&self) -> PeerLife {
        self.0.inner().me()
    }

    fn state(&self) -> Arc<State> {
        self.0.state()
    }

    async fn changed(&self, since: u64) -> Arc<State> {
        self.0.changed(since).await
    }

    async fn propose(&self, command: Command) -> Result<Outcome, ProposeError> {
        self.0.propose(command).await
    }

    async fn read_barrier(&self) -> Result<(), BarrierError> {
        self.0.read_barrier().await
    }

    async fn report(&self, version: u64) -> Result<(), BarrierError> {
        self.0.report(version).await
    }

    fn reports(&self) -> Reports {
        self.0.inner().reports()
    }

    async fn reported(&self, since: u64) {
        self.0.inner().reported(since).await;
    }

    async fn payload(&self, chunk: ChunkId) -> Result<Bytes, PayloadError> {
        self.0.payload(chunk).await
    }

    fn rows(&self) -> Arc<dyn Rows> {
        self.0.inner().rows()
    }

    fn now(&self) -> Timestamp {
        self.0.inner().now()
    }

    fn leadership(&self) -> Leadership {
        self.0.inner().leadership()
    }

    fn members(&self) -> Vec<Member> {
        self.0.inner().members()
    }

    fn disk_low(&self) -> bool {
        self.0.inner().disk_low()
    }
}
