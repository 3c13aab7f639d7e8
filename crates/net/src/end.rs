//! How a session ends, and whose doing it was.

use quinn::{ConnectionError, TransportErrorCode, VarInt};

use crate::frame::FrameError;
use crate::identity::{KeyBytes, KeyText, PinnedRelay};
use crate::lane::Lane;

/// Why this side closes a session, as the other side reads it.
///
/// The numbers are part of the protocol; new ones may be added, none reused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CloseCode {
    /// Everything was said and read.
    Finished,
    /// The peer broke a rule of the transport or of the messages on it.
    Violation,
    /// The relay holds as many sessions as it may. Try again later.
    Full,
    /// The relay is shutting down. Try again later.
    Stopping,
    /// The peer may not talk to this relay; the reason says more.
    Refused,
    /// A newer session of the same device took over.
    Superseded,
    /// This side failed. Not the peer's fault; try again later.
    Failed,
    /// A code this version does not know.
    Unknown(u64),
}

impl CloseCode {
    /// The number on the wire.
    pub fn number(self) -> u64 {
        match self {
            Self::Finished => 0,
            Self::Violation => 1,
            Self::Full => 2,
            Self::Stopping => 3,
            Self::Refused => 4,
            Self::Superseded => 5,
            Self::Failed => 6,
            Self::Unknown(number) => number,
        }
    }

    /// What a number on the wire means.
    pub fn from_number(number: u64) -> Self {
        match number {
            0 => Self::Finished,
            1 => Self::Violation,
            2 => Self::Full,
            3 => Self::Stopping,
            4 => Self::Refused,
            5 => Self::Superseded,
            6 => Self::Failed,
            _ => Self::Unknown(number),
        }
    }

    pub(crate) fn wire(self) -> VarInt {
        VarInt::from_u64(self.number()).unwrap_or(VarInt::MAX)
    }
}

/// An error and what it came from, for a person.
pub fn in_words(error: &dyn std::error::Error) -> String {
    let mut words = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        words.push_str(": ");
        words.push_str(&cause.to_string());
        source = cause.source();
    }
    words
}

/// How a session ended or why it never began. Nothing here loses data: what
/// was not acknowledged is still in the device's log and is sent again.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SessionEnd {
    /// The peer had nothing more to say and has read everything.
    #[error("the peer ended the session")]
    Finished,
    /// The peer closed with a code and, usually, words.
    #[error("the peer closed the session ({code:?}): {reason}")]
    ClosedByPeer {
        /// Its code.
        code: CloseCode,
        /// Its words.
        reason: String,
    },
    /// This side closed.
    #[error("the session was closed on this side")]
    ClosedHere,
    /// The network or the peer went silent.
    #[error(
        "nothing was heard from the peer; it is off or the network does not reach it. Work continues locally and is sent when it answers again"
    )]
    Silent,
    /// The peer no longer knows the session, most likely because it restarted.
    #[error("the peer no longer knows this session, as after a restart; connect again")]
    Forgotten,
    /// Another relay answered than the one in the ticket.
    #[error(
        "the relay's key is not the one this device was enrolled with: expected {}, met {}. Either the address now leads to another relay, or someone is in between. Check the address; if the relay was set up anew, enrol this device with a new ticket",
        KeyText(expected),
        KeyText(met)
    )]
    WrongRelayKey {
        /// The key in the ticket.
        expected: KeyBytes,
        /// The key of whoever answered.
        met: KeyBytes,
    },
    /// The peer wants another kind of key, or none was presented to it.
    #[error("the peer did not accept the key it was shown: {detail}")]
    KeyNotAccepted {
        /// What TLS said.
        detail: String,
    },
    /// The peer speaks another protocol or version.
    #[error(
        "the peer does not speak `cairn/1`: check the address, and update whichever side is older"
    )]
    NoCommonProtocol,
    /// The peer refuses connections for now.
    #[error("the relay accepts no more connections for now; try again later")]
    Busy,
    /// The peer broke the framing rules.
    #[error("the peer broke the framing of the {lane} lane")]
    Framing {
        /// Where.
        lane: Lane,
        /// How.
        #[source]
        source: FrameError,
    },
    /// The peer broke the rules about lanes.
    #[error("the peer broke the rules of a session: {0}")]
    Lanes(&'static str),
    /// QUIC or TLS failed in a way no honest peer on a working network causes.
    #[error("the connection failed: {detail}")]
    Broken {
        /// What QUIC said.
        detail: String,
    },
}

/// TLS alerts that are told apart (RFC 8446 §6).
mod alert {
    pub(super) const BAD_CERTIFICATE: u8 = 42;
    pub(super) const UNSUPPORTED_CERTIFICATE: u8 = 43;
    pub(super) const ACCESS_DENIED: u8 = 49;
    pub(super) const CERTIFICATE_REQUIRED: u8 = 116;
    pub(super) const NO_APPLICATION_PROTOCOL: u8 = 120;
}

impl SessionEnd {
    /// Reads QUIC's account of the end. `pinned` is the relay this side
    /// expected, if this side is a device.
    pub(crate) fn read(error: ConnectionError, pinned: Option<&PinnedRelay>) -> Self {
        match error {
            ConnectionError::LocallyClosed => Self::ClosedHere,
            ConnectionError::TimedOut => Self::Silent,
            ConnectionError::Reset => Self::Forgotten,
            ConnectionError::VersionMismatch => Self::NoCommonProtocol,
            ConnectionError::ApplicationClosed(close) => Self::read_close(
                CloseCode::from_number(close.error_code.into_inner()),
                &close.reason,
            ),
            ConnectionError::ConnectionClosed(close) => {
                Self::read_code(close.error_code, close.to_string(), None)
            }
            ConnectionError::TransportError(error) => {
                Self::read_code(error.code, error.to_string(), pinned)
            }
            ConnectionError::CidsExhausted => Self::Broken {
                detail: "this process holds too many connections".to_owned(),
            },
        }
    }

    fn read_close(code: CloseCode, reason: &[u8]) -> Self {
        match code {
            CloseCode::Finished => Self::Finished,
            CloseCode::Full => Self::Busy,
            CloseCode::Violation
            | CloseCode::Stopping
            | CloseCode::Refused
            | CloseCode::Superseded
            | CloseCode::Failed
            | CloseCode::Unknown(_) => Self::ClosedByPeer {
                code,
                reason: String::from_utf8_lossy(reason).into_owned(),
            },
        }
    }

    fn read_code(code: TransportErrorCode, detail: String, pinned: Option<&PinnedRelay>) -> Self {
        let is = |alert| code == TransportErrorCode::crypto(alert);
        if is(alert::ACCESS_DENIED)
            && let Some(pinned) = pinned
            && let Some(met) = pinned.refused()
        {
            let expected = pinned.expected();
            return Self::WrongRelayKey { expected, met };
        }
        if is(alert::NO_APPLICATION_PROTOCOL) {
            return Self::NoCommonProtocol;
        }
        if [
            alert::BAD_CERTIFICATE,
            alert::UNSUPPORTED_CERTIFICATE,
            alert::CERTIFICATE_REQUIRED,
        ]
        .into_iter()
        .any(is)
        {
            return Self::KeyNotAccepted { detail };
        }
        if code == TransportErrorCode::CONNECTION_REFUSED {
            return Self::Busy;
        }
        Self::Broken { detail }
    }
}
