//! Starting and stopping an engine.

use std::fs::{self, File, TryLockError};
use std::future::Future;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::sync_channel;
use std::time::Duration;

use axum::serve::ListenerExt;
use tokio::net::TcpListener;

use crate::batch;
use crate::config::Config;
use crate::engine::Engine;
use crate::error::ApiError;
use crate::routes;

/// What the directory's data was written by: the layout of the store, and the engine whose indexes these are.
const FORMAT: &str = "miroir-engine 1 milli 1.15.1\n";

/// Wait for searches that still read an index when the engine stops.
const CLOSING: Duration = Duration::from_secs(10);

/// Why an engine could not start, or stopped.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// Another process uses the directory.
    #[error("the directory {} is in use by another process", .0.display())]
    InUse(PathBuf),
    /// The directory holds something else, or another version's data.
    #[error("the directory {} holds other data ({found:?}); this engine reads {FORMAT:?}", .path.display())]
    OtherData {
        /// The directory.
        path: PathBuf,
        /// What its format file says.
        found: String,
    },
    /// The disk or the network refused.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// The stored data cannot be read.
    #[error("the data cannot be read: {0}")]
    Corrupt(String),
}

impl From<ApiError> for ServeError {
    fn from(error: ApiError) -> Self {
        match error.code.as_ref() {
            "io_error" | "no_space_left_on_device" | "too_many_open_files" => {
                Self::Io(io::Error::other(error.message))
            }
            _ => Self::Corrupt(error.message),
        }
    }
}

/// Serves the engine in `config.db_path` on `listener` until `shutdown` is ready. A batch that runs then is abandoned; it
/// runs again at the next start.
///
/// # Errors
/// When the directory is in use, holds other data, or cannot be read or written.
pub async fn serve(
    listener: TcpListener,
    config: Config,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> Result<(), ServeError> {
    let _lock = lock(&config.db_path)?;
    let (wake, signals) = sync_channel(1);
    let engine = Arc::new(Engine::open(config, wake)?);
    let batches = std::thread::Builder::new().name("batches".to_owned()).spawn({
        let engine = engine.clone();
        move || batch::run(&engine, &signals)
    })?;

    let listener = listener.tap_io(|stream| {
        // Answers are small: waiting to fill a packet would cost 40 ms each.
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "TCP_NODELAY refused");
        }
    });
    let served = axum::serve(listener, routes::router(engine.clone())).with_graceful_shutdown(shutdown).await;

    engine.stop();
    let closed = tokio::task::spawn_blocking(move || {
        let joined = batches.join();
        close(engine);
        joined
    });
    if closed.await.map_err(io::Error::other)?.is_err() {
        return Err(ServeError::Corrupt("the thread of the batches panicked".to_owned()));
    }
    Ok(served?)
}

/// Closes the environments, so that this process may open the directory again.
fn close(engine: Arc<Engine>) {
    let Some(engine) = Arc::into_inner(engine) else { return };
    let store = engine.store.env.clone();
    engine.indexes.close(CLOSING);
    drop(engine);
    if !store.prepare_for_closing().wait_timeout(CLOSING) {
        tracing::warn!("the store is still in use");
    }
}

/// Takes the directory for this process.
fn lock(dir: &Path) -> Result<File, ServeError> {
    fs::create_dir_all(dir)?;
    let file = File::options().create(true).truncate(false).write(true).open(dir.join("lock"))?;
    match file.try_lock() {
        Ok(()) => (),
        Err(TryLockError::WouldBlock) => return Err(ServeError::InUse(dir.to_owned())),
        Err(TryLockError::Error(error)) => return Err(error.into()),
    }
    let format = dir.join("FORMAT");
    match fs::read_to_string(&format) {
        Ok(found) if found == FORMAT => (),
        Ok(found) => return Err(ServeError::OtherData { path: dir.to_owned(), found }),
        Err(error) if error.kind() == io::ErrorKind::NotFound => write_format(dir, &format)?,
        Err(error) => return Err(error.into()),
    }
    Ok(file)
}

/// Marks a new directory. One that already holds files is not taken for ours.
fn write_format(dir: &Path, format: &Path) -> Result<(), ServeError> {
    for entry in fs::read_dir(dir)? {
        let name = entry?.file_name();
        if name != "lock" && name != "FORMAT.new" && name != "pid" && name != "config.toml" {
            let found = name.to_string_lossy().into_owned();
            return Err(ServeError::OtherData { path: dir.to_owned(), found });
        }
    }
    let new = dir.join("FORMAT.new");
    fs::write(&new, FORMAT)?;
    File::open(&new)?.sync_all()?;
    fs::rename(&new, format)?;
    Ok(File::open(dir)?.sync_all()?)
}
