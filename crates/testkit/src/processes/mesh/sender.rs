//! Which process opened a connection of loopback.
//!
//! The kernel is asked for that one socket. Its table in `/proc/net/tcp` tells the same, but to read it takes tens of
//! milliseconds once it has thousands of rows, and connections that closed a minute ago are rows too.

use std::fs;
use std::io;
use std::net::Ipv4Addr;

use netlink_packet_core::{NLM_F_REQUEST, NetlinkHeader, NetlinkMessage, NetlinkPayload};
use netlink_packet_sock_diag::SockDiagMessage;
use netlink_packet_sock_diag::constants::{AF_INET, IPPROTO_TCP};
use netlink_packet_sock_diag::inet::{ExtensionFlags, InetRequest, SocketId, StateFlags};
use netlink_sys::protocols::NETLINK_SOCK_DIAG;
use netlink_sys::{Socket, SocketAddr};

/// That of these processes which has a connection from one port of loopback to another; nothing when none of them has.
/// Fails when the kernel does not tell.
pub(super) fn find(from: u16, to: u16, processes: &[Option<u32>]) -> io::Result<Option<usize>> {
    let Some(inode) = inode(from, to)? else { return Ok(None) };
    let socket = format!("socket:[{inode}]");
    Ok(processes.iter().position(|pid| pid.is_some_and(|pid| has(pid, &socket))))
}

/// What names the socket in the file system.
fn inode(from: u16, to: u16) -> io::Result<Option<u32>> {
    let mut socket = Socket::new(NETLINK_SOCK_DIAG)?;
    socket.bind_auto()?;
    socket.connect(&SocketAddr::new(0, 0))?;
    socket.send(&question(from, to), 0)?;
    let (answer, _) = socket.recv_from_full()?;
    let answer = NetlinkMessage::<SockDiagMessage>::deserialize(&answer)
        .map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error.to_string()))?;
    match answer.payload {
        NetlinkPayload::InnerMessage(SockDiagMessage::InetResponse(found)) => Ok(Some(found.header.inode)),
        NetlinkPayload::Error(error) if error.to_io().kind() == io::ErrorKind::NotFound => Ok(None),
        NetlinkPayload::Error(error) => Err(error.to_io()),
        other => Err(io::Error::new(io::ErrorKind::InvalidData, format!("{other:?}"))),
    }
}

fn question(from: u16, to: u16) -> Vec<u8> {
    let socket_id = SocketId {
        source_port: from,
        destination_port: to,
        source_address: Ipv4Addr::LOCALHOST.into(),
        destination_address: Ipv4Addr::LOCALHOST.into(),
        // Any.
        cookie: [0xff; 8],
        ..SocketId::new_v4()
    };
    let request = InetRequest {
        family: AF_INET,
        protocol: IPPROTO_TCP,
        extensions: ExtensionFlags::empty(),
        states: StateFlags::all(),
        socket_id,
    };
    let mut header = NetlinkHeader::default();
    header.flags = NLM_F_REQUEST;
    let mut packet = NetlinkMessage::new(header, SockDiagMessage::InetRequest(request).into());
    packet.finalize();
    let mut bytes = vec![0; packet.buffer_len()];
    packet.serialize(&mut bytes);
    bytes
}

fn has(pid: u32, socket: &str) -> bool {
    let Ok(files) = fs::read_dir(format!("/proc/{pid}/fd")) else { return false };
    files.flatten().any(|file| fs::read_link(file.path()).is_ok_and(|link| link.as_os_str() == socket))
}

#[cfg(test)]
mod tests {
    use std::net::{TcpListener, TcpStream};

    use super::*;

    #[test]
    fn a_connection_is_known_by_its_process() {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let to = listener.local_addr().expect("an address").port();
        let client = TcpStream::connect(("127.0.0.1", to)).expect("a connection");
        let from = client.local_addr().expect("an address").port();
        let here = Some(std::process::id());
        let ask = |from, processes: &[Option<u32>]| find(from, to, processes).expect("the kernel tells");
        assert_eq!(ask(from, &[None, here]), Some(1));
        assert_eq!(ask(from, &[None, Some(1)]), None);
        drop((client, listener));
        assert_eq!(ask(from, &[here]), None, "nobody's any more");
    }
}
