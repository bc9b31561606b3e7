//! `miroir node`: the embedded search node.

use std::net::TcpListener;

use miroir_engine::ServeError;

use crate::config::{NodeConfig, NodeFlags};
use crate::exit::Exit;
use crate::logging;
use crate::peer::signalled;
use crate::pidfile::PidFile;

/// Runs until it is stopped.
pub(crate) fn run(flags: NodeFlags) -> Result<(), Exit> {
    let config = NodeConfig::read(&flags)?;
    logging::start(config.log_format, &config.log)?;
    let address = config.http_addr;
    let listener = TcpListener::bind(address).map_err(|error| {
        Exit::Configuration(format!("cannot listen on {address}: {error}: choose another address"))
    })?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let runtime = runtime.map_err(|error| Exit::Failed(error.to_string()))?;
    let pid_dir = config.pid_dir.as_deref();
    let pid = pid_dir.map(PidFile::write).transpose().map_err(|error| Exit::Disk(error.to_string()))?;
    let engine = miroir_engine::Config::new(config.dir(), config.master_key.clone());
    let served = runtime.block_on(async {
        listener.set_nonblocking(true)?;
        let listener = tokio::net::TcpListener::from_std(listener)?;
        tracing::info!(%address, dir = %config.dir().display(), "node started");
        miroir_engine::serve(listener, engine, signalled()).await
    });
    drop(pid);
    served.map_err(|error| match error {
        ServeError::InUse(_) => Exit::Directory(error.to_string()),
        _ => Exit::Disk(error.to_string()),
    })
}
