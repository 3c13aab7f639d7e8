//! What a session costs on the wire, counted and not estimated.

use std::time::Duration;

/// Bytes of an IPv4 and a UDP header, which come with every datagram.
const HEADER_BYTES: u64 = 20 + 8;

/// Counters of one session since it began.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct WireStats {
    /// UDP datagrams sent.
    pub datagrams_sent: u64,
    /// Their payload bytes.
    pub bytes_sent: u64,
    /// UDP datagrams received.
    pub datagrams_received: u64,
    /// Their payload bytes.
    pub bytes_received: u64,
    /// Packets that had to be sent again.
    pub packets_lost: u64,
    /// The current estimate of the path's round trip.
    pub round_trip: Duration,
}

impl WireStats {
    pub(crate) fn of(connection: &quinn::Connection) -> Self {
        let stats = connection.stats();
        Self {
            datagrams_sent: stats.udp_tx.datagrams,
            bytes_sent: stats.udp_tx.bytes,
            datagrams_received: stats.udp_rx.datagrams,
            bytes_received: stats.udp_rx.bytes,
            packets_lost: stats.path.lost_packets,
            round_trip: stats.path.rtt,
        }
    }

    /// The counters of this session and of an earlier one together.
    pub fn plus(self, later: WireStats) -> WireStats {
        WireStats {
            datagrams_sent: self.datagrams_sent + later.datagrams_sent,
            bytes_sent: self.bytes_sent + later.bytes_sent,
            datagrams_received: self.datagrams_received + later.datagrams_received,
            bytes_received: self.bytes_received + later.bytes_received,
            packets_lost: self.packets_lost + later.packets_lost,
            round_trip: later.round_trip,
        }
    }

    /// Bytes on the wire in both directions, IPv4 and UDP headers included.
    pub fn bytes_with_headers(&self) -> u64 {
        let datagrams = self.datagrams_sent + self.datagrams_received;
        self.bytes_sent + self.bytes_received + HEADER_BYTES * datagrams
    }
}
