//! Lanes: the ordered channels inside one session.
//!
//! Frames of one lane arrive in order; lanes do not wait for each other, so a
//! page of a first download never delays an acknowledgement. Each lane is one
//! QUIC stream per direction for the whole session. An unused lane does not
//! exist on the wire and costs no memory, and a used one costs the same bytes
//! per packet as any other, so splitting them is free.
//!
//! | lane | stream | carries |
//! |---|---|---|
//! | control | the one two-way stream, opened by the device | hello, welcome, pokes, bundles up, acknowledgements down |
//! | download | one-way, opened by the relay | pages of images, live changes among them |
//! | files | one-way, opened by either side | file chunks |
//!
//! A one-way stream starts with one byte that names its lane.

use crate::limit::{CONTROL_QUEUE_FRAMES_MAX, DOWNLOAD_QUEUE_FRAMES_MAX, FILES_QUEUE_FRAMES_MAX};

/// Which ordered channel of a session a frame travels on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Lane {
    /// Greetings, pokes, bundles and acknowledgements. First in every packet.
    Control,
    /// Pages of images. The relay sends, the device receives.
    Download,
    /// File chunks, after everything else.
    Files,
}

impl Lane {
    /// Every lane, most urgent first.
    pub const ALL: [Self; 3] = [Self::Control, Self::Download, Self::Files];

    /// The byte that opens a one-way stream of this lane.
    pub(crate) fn tag(self) -> u8 {
        match self {
            Self::Control => 0,
            Self::Download => 1,
            Self::Files => 2,
        }
    }

    /// The lane a one-way stream claims to be, if such a lane exists.
    pub(crate) fn one_way(tag: u8) -> Option<Self> {
        [Self::Download, Self::Files]
            .into_iter()
            .find(|lane| lane.tag() == tag)
    }

    /// QUIC sends waiting bytes of a higher priority first.
    pub(crate) fn priority(self) -> i32 {
        match self {
            Self::Control => 2,
            Self::Download => 1,
            Self::Files => 0,
        }
    }

    /// Frames that may wait to be written.
    pub fn queue_frames_max(self) -> usize {
        match self {
            Self::Control => CONTROL_QUEUE_FRAMES_MAX,
            Self::Download => DOWNLOAD_QUEUE_FRAMES_MAX,
            Self::Files => FILES_QUEUE_FRAMES_MAX,
        }
    }
}

impl std::fmt::Display for Lane {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Control => "control",
            Self::Download => "download",
            Self::Files => "files",
        })
    }
}
