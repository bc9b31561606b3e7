//! `miroir dev`: a whole cluster on one machine, as child processes on loopback.
//!
//! It writes each child's configuration, starts them, waits until all is up, and stops them when it is stopped. It
//! never restarts a child: whoever kills one to see what happens wants to see it. What is needed to start one by hand
//! is in `dev.json`; secrets are in the children's own files (mode 0600), never in an argument.

mod children;
mod demo;
mod files;
mod flags;
mod manifest;
mod ready;
mod shape;
mod show;

use rustix::fs::{FlockOperation, flock};
use tokio::signal::unix::{SignalKind, signal};

use crate::exit::Exit;
pub(crate) use flags::DevFlags;

use children::Children;
use shape::{Member, Shape};

/// Runs until it is stopped, or cannot start.
pub(crate) fn run(flags: DevFlags) -> Result<(), Exit> {
    let dir = files::create_dir(&flags.data_dir)?;
    let lock = std::fs::File::create(dir.join("lock")).map_err(|error| files::failed(&dir, error))?;
    if flock(&lock, FlockOperation::NonBlockingLockExclusive).is_err() {
        return Err(Exit::Directory(format!(
            "{} is in use by another `miroir dev`: stop that one, or choose another --data-dir",
            dir.display()
        )));
    }
    let shape = Shape::settle(&dir, &flags)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.map_err(|error| Exit::Failed(error.to_string()))?.block_on(cluster(&dir, &flags, &shape))
}

async fn cluster(dir: &std::path::Path, flags: &DevFlags, shape: &Shape) -> Result<(), Exit> {
    let members = shape::members(dir, flags, shape)?;
    files::refuse_running(&members)?;
    shape::refuse_taken_ports(&members)?;
    shape.keep(dir)?;
    files::write(dir, flags, shape, &members)?;
    let mut children = Children::default();
    let ended = serve(dir, flags, shape, &members, &mut children).await;
    // However it ended, nothing that was started is left.
    manifest::remove(dir);
    children.stop(&members).await;
    ended
}

/// Starts the children and waits until they are to stop.
async fn serve(
    dir: &std::path::Path,
    flags: &DevFlags,
    shape: &Shape,
    members: &[Member],
    children: &mut Children,
) -> Result<(), Exit> {
    children.start(members)?;
    tokio::select! {
        ready = ready(members, flags, children) => ready?,
        () = stopped() => return Err(Exit::Failed("stopped before the cluster was ready".to_owned())),
    }
    manifest::write(dir, members, children)?;
    show::ready(members, flags.master_key.as_deref(), shape);
    let stopped = stopped();
    tokio::pin!(stopped);
    tokio::select! {
        () = &mut stopped => {}
        () = children.watch(members) => stopped.await,
    }
    eprintln!("stopping");
    Ok(())
}

/// Waits until all is up, and loads what was asked for.
async fn ready(members: &[Member], flags: &DevFlags, children: &mut Children) -> Result<(), Exit> {
    let key = flags.master_key.as_deref();
    ready::wait(members, key, children).await?;
    if flags.demo {
        demo::load(&format!("http://{}", flags.http), key).await?;
    }
    Ok(())
}

/// Ctrl-C, or SIGTERM.
async fn stopped() {
    let (Ok(mut interrupt), Ok(mut terminate)) =
        (signal(SignalKind::interrupt()), signal(SignalKind::terminate()))
    else {
        return std::future::pending().await;
    };
    tokio::select! { _ = interrupt.recv() => {}, _ = terminate.recv() => {} }
}
