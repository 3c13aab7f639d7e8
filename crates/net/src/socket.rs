//! Sockets that do not mark packets for congestion notification (ECN).
//!
//! A receiver of marked packets answers with three counters in every
//! acknowledgement: 15 bytes for one live edit in a young session and twice
//! that in an old one, of 600 it may cost. What they buy is an earlier hint on
//! the few paths that give it; loss tells the same a moment later. QUIC
//! settings have no switch for it, so the marks are left off here.

use std::io::{self, IoSliceMut};
use std::net::{SocketAddr, UdpSocket};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use quinn::udp::{RecvMeta, Transmit};
use quinn::{AsyncUdpSocket, Runtime, TokioRuntime, UdpPoller};

/// A socket that leaves packets unmarked.
pub(crate) fn unmarked(socket: UdpSocket) -> io::Result<Arc<dyn AsyncUdpSocket>> {
    let inner = TokioRuntime.wrap_udp_socket(socket)?;
    Ok(Arc::new(UnmarkedSocket { inner }))
}

#[derive(Debug)]
struct UnmarkedSocket {
    inner: Arc<dyn AsyncUdpSocket>,
}

impl AsyncUdpSocket for UnmarkedSocket {
    fn create_io_poller(self: Arc<Self>) -> Pin<Box<dyn UdpPoller>> {
        Arc::clone(&self.inner).create_io_poller()
    }

    fn try_send(&self, transmit: &Transmit<'_>) -> io::Result<()> {
        self.inner.try_send(&Transmit {
            ecn: None,
            ..transmit.clone()
        })
    }

    fn poll_recv(
        &self,
        context: &mut Context<'_>,
        buffers: &mut [IoSliceMut<'_>],
        meta: &mut [RecvMeta],
    ) -> Poll<io::Result<usize>> {
        self.inner.poll_recv(context, buffers, meta)
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.inner.local_addr()
    }

    fn max_transmit_segments(&self) -> usize {
        self.inner.max_transmit_segments()
    }

    fn max_receive_segments(&self) -> usize {
        self.inner.max_receive_segments()
    }

    fn may_fragment(&self) -> bool {
        self.inner.may_fragment()
    }
}
