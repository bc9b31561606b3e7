//! One connection: two readers and two writers, and how it ends.

use bytes::{Bytes, BytesMut};
use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;
use tokio::net::tcp::ReadHalf;
use tokio::sync::{mpsc, watch};
use tokio::time::Instant;

use super::task::Shared;
use super::upward::Upward;
use super::wire::{Reset, Wire};

/// In bytes. With [`PIECES`] it bounds what is under way on a delayed connection.
const PIECE: usize = 16 * 1024;
const PIECES: usize = 64;

/// What arrived, and when.
pub(super) struct Piece {
    pub(super) arrived: Instant,
    pub(super) content: Content,
}

pub(super) enum Content {
    Bytes(Bytes),
    /// The sender said that it is done (a FIN); otherwise it is gone (a reset).
    End {
        clean: bool,
    },
}

/// What one end has sent so far, delivered or not.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Seen {
    pub(super) bytes: u64,
    pub(super) ended: bool,
}

/// Closes a connection with an RST.
pub(super) fn reset(stream: TcpStream) {
    // It fails for a socket that is gone, which needs no reset.
    let _ = stream.set_zero_linger();
}

/// Serves a client until both directions have ended or the connection is reset. `resets` was taken when the client was
/// accepted.
pub(super) async fn serve(mut client: TcpStream, mut resets: watch::Receiver<()>, shared: &Shared) {
    let Ok(mut target) = TcpStream::connect(shared.target).await else { return reset(client) };
    // Without it small pieces wait for acknowledgements; it is no condition for anything.
    let _ = target.set_nodelay(true);
    let ended = tokio::select! {
        ended = pump(&mut client, &mut target, shared) => ended,
        Ok(()) = resets.changed() => Err(Reset),
    };
    if ended.is_err() {
        reset(client);
        reset(target);
    }
}

async fn pump(client: &mut TcpStream, target: &mut TcpStream, shared: &Shared) -> Result<(), Reset> {
    let (client_reads, client_writes) = client.split();
    let (target_reads, target_writes) = target.split();
    let (up_sender, up) = mpsc::channel(PIECES);
    let (down_sender, down) = mpsc::channel(PIECES);
    let (client_seen, from_client) = watch::channel(Seen::default());
    let (target_seen, from_target) = watch::channel(Seen::default());
    let wire_up = Wire::new(target_writes, shared, |link| link.up);
    let wire_down = Wire::new(client_writes, shared, |link| link.down);
    tokio::try_join!(
        read(client_reads, up_sender, client_seen),
        Upward::new(wire_up, shared, from_client, from_target).run(up),
        read(target_reads, down_sender, target_seen),
        downward(wire_down, down),
    )?;
    Ok(())
}

/// Reads ahead of the writer, so that a delay delays without making the link narrow, and the end of a stream is seen
/// while its bytes wait.
async fn read(
    mut from: ReadHalf<'_>,
    to: mpsc::Sender<Piece>,
    seen: watch::Sender<Seen>,
) -> Result<(), Reset> {
    loop {
        let mut buffer = BytesMut::with_capacity(PIECE);
        let read = from.read_buf(&mut buffer).await;
        let ended = !matches!(read, Ok(1..));
        let content =
            if ended { Content::End { clean: read.is_ok() } } else { Content::Bytes(buffer.freeze()) };
        seen.send_modify(|seen| {
            seen.bytes += read.unwrap_or_default() as u64;
            seen.ended = ended;
        });
        if to.send(Piece { arrived: Instant::now(), content }).await.is_err() || ended {
            return Ok(());
        }
    }
}

async fn downward(mut wire: Wire<'_>, mut pieces: mpsc::Receiver<Piece>) -> Result<(), Reset> {
    while let Some(Piece { arrived, content }) = pieces.recv().await {
        match content {
            Content::Bytes(bytes) => wire.pass(bytes, arrived).await?,
            Content::End { clean } => wire.end(clean, arrived).await?,
        }
    }
    Ok(())
}
