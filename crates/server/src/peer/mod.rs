//! `miroir peer`: one production peer.
//!
//! The order of a start: addresses, disk, Raft, then what stands on it. A peer answers HTTP from the beginning; what
//! needs a leader waits for one there, and `/_miroir/ready` says when it can be had.

mod announce;
mod nodes;
mod parts;
mod world;

use std::future::Future;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;

use miroir_consensus::{Config, Failure, Peer, StartError, Timing};
use miroir_wire::Secret;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

use crate::config::{PeerConfig, PeerFlags};
use crate::exit::Exit;
use crate::logging;
use crate::pidfile::PidFile;

/// How long requests may take to end once this peer stops. Who sends slower than that is cut off, as by a crash.
const GRACE: Duration = Duration::from_secs(3);

/// Runs until it is stopped or fails.
pub(crate) fn run(flags: PeerFlags) -> Result<(), Exit> {
    let config = PeerConfig::read(&flags)?;
    logging::start(config.log_format, &config.log)?;
    let metrics = parts::metrics()?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let runtime = runtime.map_err(|error| Exit::Failed(error.to_string()))?;
    let ended = runtime.block_on(peer(config, metrics));
    // What is left is what was cut off.
    runtime.shutdown_background();
    ended
}

async fn peer(config: PeerConfig, metrics: parts::Metrics) -> Result<(), Exit> {
    let nodes = nodes::read(&config.nodes)?;
    let (http, grpc) = (listen(config.http)?, listen(config.grpc)?);
    let started = Peer::start(consensus(&config)?).await.map_err(not_started)?;
    let _pid = PidFile::write(&config.data_dir).map_err(|error| disk(&config, &error))?;
    let peer = Arc::new(started);
    let parts = parts::Parts::new(&peer, &config, metrics)?;
    peer.serve(grpc, parts.grpc()).map_err(|error| Exit::Failed(error.to_string()))?;

    let (stop, stopping) = watch::channel(false);
    let stopped = move || {
        let mut stopping = stopping.clone();
        async move { drop(stopping.wait_for(|stop| *stop).await) }
    };
    let work = tokio::spawn(parts.work(nodes, stopped()));
    let serve = tokio::spawn(serve(http, parts.http(), stopped()));
    tracing::info!(name = config.name, http = %config.http, grpc = %config.grpc, "peer started");

    if config.master_key.is_none() {
        tracing::warn!(
            "there is no master key: whoever reaches this peer may read, write and delete everything"
        );
    }
    let announced = tokio::spawn(announce::announce(Arc::clone(&peer), config.clone()));
    let ended = tokio::select! {
        () = signalled() => Ok(()),
        failure = peer.failed() => Err(failed(failure)),
        refused = refused(announced) => Err(refused),
    };
    stop.send_replace(true);
    // Leadership goes at once: who forwards to this peer meanwhile finds the next leader.
    let answered = tokio::time::timeout(GRACE, async { tokio::join!(work, serve) });
    if let ((), Err(_)) = tokio::join!(peer.shutdown(), answered) {
        tracing::warn!("requests that did not end in time are cut off");
    }
    ended
}

fn consensus(config: &PeerConfig) -> Result<Config, Exit> {
    Ok(Config {
        data_dir: config.data_dir.clone(),
        name: config.name.clone(),
        advertised: config.reached_at(),
        initial_peers: config.initial_peers.0.clone(),
        secret: Secret::new(&config.secret()?).map_err(Exit::configuration)?,
        timing: Timing::default(),
        limits: config.limits.disk(),
        platform: Arc::new(miroir_consensus::Os),
    })
}

fn listen(address: SocketAddr) -> Result<TcpListener, Exit> {
    TcpListener::bind(address).map_err(|error| {
        Exit::Configuration(format!("cannot listen on {address}: {error}: choose another address"))
    })
}

async fn serve(
    listener: TcpListener,
    router: axum::Router,
    stopped: impl Future<Output = ()> + Send + 'static,
) -> io::Result<()> {
    listener.set_nonblocking(true)?;
    let listener = tokio::net::TcpListener::from_std(listener)?;
    miroir_http::serve(listener, router, miroir_http::Limits::default(), stopped).await;
    Ok(())
}

/// Ends only when the cluster refuses this peer.
async fn refused(announced: tokio::task::JoinHandle<Result<(), Exit>>) -> Exit {
    match announced.await {
        Ok(Err(exit)) => exit,
        _ => std::future::pending().await,
    }
}

fn not_started(error: StartError) -> Exit {
    Exit::with_code(error.exit_code(), error.to_string())
}

fn failed(failure: Failure) -> Exit {
    Exit::with_code(failure.exit_code(), failure.to_string())
}

fn disk(config: &PeerConfig, error: &io::Error) -> Exit {
    Exit::Disk(format!("{}: {error}", config.data_dir.display()))
}

/// SIGINT or SIGTERM.
pub(crate) async fn signalled() {
    let (Ok(mut interrupt), Ok(mut terminate)) =
        (signal(SignalKind::interrupt()), signal(SignalKind::terminate()))
    else {
        return std::future::pending().await;
    };
    tokio::select! { _ = interrupt.recv() => {}, _ = terminate.recv() => {} }
}
