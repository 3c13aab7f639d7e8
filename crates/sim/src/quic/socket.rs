//! A UDP socket of the simulated network, as QUIC sees one.
//!
//! A fault of the link never becomes an error here: errors of a socket end
//! QUIC's endpoint, and real links only lose.

use super::fabric::{Arrived, Name};
use super::site::Shared;
use quinn::udp::{RecvMeta, Transmit};
use quinn::{AsyncUdpSocket, UdpPoller};
use std::io::{self, IoSliceMut};
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

/// A socket.
#[derive(Debug)]
pub(super) struct SimSocket {
    site: Shared,
    name: Name,
}

impl SimSocket {
    pub(super) fn new(site: Shared, name: Name) -> SimSocket {
        SimSocket { site, name }
    }
}

impl Drop for SimSocket {
    fn drop(&mut self) {
        let reader = self.site.fabric().close(self.name);
        drop(reader);
    }
}

/// Always ready: what a link cannot take is lost.
#[derive(Debug)]
struct Ready;

impl UdpPoller for Ready {
    fn poll_writable(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

impl AsyncUdpSocket for SimSocket {
    fn create_io_poller(self: Arc<Self>) -> Pin<Box<dyn UdpPoller>> {
        Box::pin(Ready)
    }

    fn try_send(&self, transmit: &Transmit<'_>) -> io::Result<()> {
        self.site
            .send(self.name, transmit.destination, transmit.contents);
        Ok(())
    }

    fn poll_recv(
        &self,
        context: &mut Context<'_>,
        buffers: &mut [IoSliceMut<'_>],
        meta: &mut [RecvMeta],
    ) -> Poll<io::Result<usize>> {
        let mut count = 0;
        for (buffer, meta) in buffers.iter_mut().zip(meta) {
            // A reader that is replaced is let go of outside the lock.
            let read = self.site.fabric().read(self.name, context.waker());
            match read {
                Ok(arrived) => *meta = put(arrived, buffer),
                Err(_) => break,
            }
            count += 1;
        }
        match count {
            0 => Poll::Pending,
            count => Poll::Ready(Ok(count)),
        }
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        Ok(self.name.address)
    }

    fn may_fragment(&self) -> bool {
        false
    }
}

fn put((from, bytes): Arrived, buffer: &mut IoSliceMut<'_>) -> RecvMeta {
    let length = bytes.len().min(buffer.len());
    buffer[..length].copy_from_slice(&bytes[..length]);
    RecvMeta {
        addr: from,
        len: length,
        stride: length,
        ..RecvMeta::default()
    }
}
