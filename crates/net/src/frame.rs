//! Frames: how messages are told apart on a stream.
//!
//! A frame is a length and that many bytes. The length is a QUIC variable-length
//! integer (RFC 9000 §16: two bits say how many bytes follow) in its shortest
//! form, so a small message spends one or two bytes on it instead of four. A
//! frame of no bytes is refused: it says nothing and would cost work.
//!
//! [`Decoder`] does no IO and holds all state between calls, so a reader built
//! on it can be cancelled at any await without losing a byte.

use bytes::{Buf, BufMut, Bytes, BytesMut};

use crate::limit::{FRAME_COPY_BYTES_MAX, FRAME_RESERVE_BYTES};

/// What a peer did wrong when framing. Always the peer's fault; the session
/// ends, and nothing acknowledged is affected.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FrameError {
    /// The announced length exceeds the limit of this side.
    #[error("the peer announced a frame of {bytes} bytes; at most {bytes_max} are accepted here")]
    TooLong {
        /// Announced payload bytes.
        bytes: u64,
        /// The limit in force.
        bytes_max: usize,
    },
    /// A frame without payload.
    #[error("the peer sent a frame without content")]
    Empty,
    /// A length in more bytes than it needs.
    #[error("the peer wrote the length {bytes} in a longer form than the format allows")]
    LengthNotShortest {
        /// The length as decoded.
        bytes: u64,
    },
    /// The stream ended inside a frame.
    #[error("the peer's stream ended inside a frame: {missing} more bytes were announced")]
    Truncated {
        /// Bytes that were announced and never came (1 when the length itself
        /// is cut).
        missing: usize,
    },
}

/// Cuts a stream of chunks into frames.
#[derive(Debug)]
pub struct Decoder {
    frame_bytes_max: usize,
    /// Received and not yet looked at.
    chunk: Bytes,
    state: State,
}

#[derive(Debug)]
enum State {
    Length { bytes: [u8; 8], filled: usize },
    Payload { frame: Vec<u8>, length: usize },
}

const BEFORE_LENGTH: State = State::Length {
    bytes: [0; 8],
    filled: 0,
};

impl Decoder {
    /// A decoder at the start of a stream that accepts payloads of up to
    /// `frame_bytes_max` bytes.
    pub fn new(frame_bytes_max: usize) -> Self {
        Self {
            frame_bytes_max,
            chunk: Bytes::new(),
            state: BEFORE_LENGTH,
        }
    }

    /// Takes the next bytes of the stream. Call it only after
    /// [`Decoder::next_frame`] has returned `None`.
    pub fn push(&mut self, chunk: Bytes) {
        assert!(self.chunk.is_empty(), "frames left in the previous chunk");
        self.chunk = chunk;
    }

    /// The next whole frame, or `None` when more bytes are needed.
    pub fn next_frame(&mut self) -> Result<Option<Vec<u8>>, FrameError> {
        while !self.chunk.is_empty() {
            match &mut self.state {
                State::Length { bytes, filled } => {
                    bytes[*filled] = self.chunk.get_u8();
                    *filled += 1;
                    if *filled == length_width(bytes[0]) {
                        let length = checked_length(&bytes[..*filled], self.frame_bytes_max)?;
                        let frame = Vec::with_capacity(length.min(FRAME_RESERVE_BYTES));
                        self.state = State::Payload { frame, length };
                    }
                }
                State::Payload { frame, length } => {
                    let take = self.chunk.len().min(*length - frame.len());
                    frame.extend_from_slice(&self.chunk[..take]);
                    self.chunk.advance(take);
                    if frame.len() == *length {
                        let frame = std::mem::take(frame);
                        self.state = BEFORE_LENGTH;
                        return Ok(Some(frame));
                    }
                }
            }
        }
        // Do not keep a datagram alive for the sake of an empty slice of it.
        self.chunk = Bytes::new();
        Ok(None)
    }

    /// Accepts the end of the stream, which may only come between frames.
    pub fn finish(&self) -> Result<(), FrameError> {
        match &self.state {
            State::Length { filled: 0, .. } => Ok(()),
            State::Length { .. } => Err(FrameError::Truncated { missing: 1 }),
            State::Payload { frame, length } => Err(FrameError::Truncated {
                missing: length - frame.len(),
            }),
        }
    }
}

fn length_width(first: u8) -> usize {
    1 << (first >> 6)
}

fn checked_length(bytes: &[u8], frame_bytes_max: usize) -> Result<usize, FrameError> {
    let first = u64::from(bytes[0] & 0x3f);
    let length = bytes[1..]
        .iter()
        .fold(first, |length, byte| length << 8 | u64::from(*byte));
    if length == 0 && bytes.len() == 1 {
        return Err(FrameError::Empty);
    }
    if bytes.len() != shortest_width(length) {
        return Err(FrameError::LengthNotShortest { bytes: length });
    }
    match usize::try_from(length) {
        Ok(short) if short <= frame_bytes_max => Ok(short),
        _ => Err(FrameError::TooLong {
            bytes: length,
            bytes_max: frame_bytes_max,
        }),
    }
}

fn shortest_width(length: u64) -> usize {
    match length {
        0..0x40 => 1,
        0x40..0x4000 => 2,
        0x4000..0x4000_0000 => 4,
        _ => 8,
    }
}

fn put_length(out: &mut BytesMut, length: usize) {
    let length = length as u64;
    match shortest_width(length) {
        1 => out.put_u8(length as u8),
        2 => out.put_u16(0x4000 | length as u16),
        4 => out.put_u32(0x8000_0000 | length as u32),
        _ => out.put_u64(0xc000_0000_0000_0000 | length),
    }
}

/// Appends the stream bytes of `frames` to `chunks`: small payloads are copied
/// side by side so that they share a packet, large ones are passed on as they
/// are.
pub fn encode(frames: impl IntoIterator<Item = Bytes>, chunks: &mut Vec<Bytes>) {
    let mut small = BytesMut::new();
    for frame in frames {
        assert!(!frame.is_empty(), "a frame says something");
        put_length(&mut small, frame.len());
        if frame.len() <= FRAME_COPY_BYTES_MAX {
            small.extend_from_slice(&frame);
        } else {
            chunks.push(small.split().freeze());
            chunks.push(frame);
        }
    }
    if !small.is_empty() {
        chunks.push(small.freeze());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stream(frames: &[&[u8]]) -> Bytes {
        let mut chunks = Vec::new();
        encode(
            frames.iter().map(|f| Bytes::copy_from_slice(f)),
            &mut chunks,
        );
        chunks.concat().into()
    }

    /// Feeds `stream` in pieces of `step` bytes; what comes out, and how it ends.
    fn decode(stream: &[u8], step: usize, max: usize) -> (Vec<Vec<u8>>, Result<(), FrameError>) {
        let mut decoder = Decoder::new(max);
        let mut frames = Vec::new();
        for piece in stream.chunks(step) {
            decoder.push(Bytes::copy_from_slice(piece));
            loop {
                match decoder.next_frame() {
                    Ok(Some(frame)) => frames.push(frame),
                    Ok(None) => break,
                    Err(error) => return (frames, Err(error)),
                }
            }
        }
        (frames, decoder.finish())
    }

    #[test]
    fn frames_survive_any_cut_of_the_stream() {
        let sent: Vec<Vec<u8>> = [1, 63, 64, 2_048, 2_049, 16_383, 16_384, 70_000]
            .iter()
            .map(|&length| (0..length).map(|i| (i % 251) as u8).collect())
            .collect();
        let bytes = stream(&sent.iter().map(Vec::as_slice).collect::<Vec<_>>());
        for step in [1, 2, 3, 7, 1_200, 65_536, bytes.len()] {
            assert_eq!(
                decode(&bytes, step, 70_000),
                (sent.clone(), Ok(())),
                "{step}"
            );
        }
    }

    #[test]
    fn small_frames_share_one_chunk_and_large_ones_are_not_copied() {
        let large = Bytes::from(vec![7; FRAME_COPY_BYTES_MAX + 1]);
        let small = Bytes::from_static(b"ack");
        let mut chunks = Vec::new();
        encode(
            [small.clone(), small.clone(), large.clone(), small],
            &mut chunks,
        );
        assert_eq!(chunks.len(), 3);
        assert_eq!(chunks[0].len(), 4 + 4 + 2, "two frames and the next length");
        assert_eq!(chunks[1].as_ptr(), large.as_ptr());
    }

    #[test]
    fn what_a_peer_may_not_send_is_named() {
        let check = |bytes: &[u8], expected: FrameError| {
            for step in [1, bytes.len()] {
                assert_eq!(decode(bytes, step, 100), (vec![], Err(expected.clone())));
            }
        };
        let too_long = |bytes| FrameError::TooLong {
            bytes,
            bytes_max: 100,
        };
        check(&[0x40, 101], too_long(101));
        check(&[0xff; 8], too_long(0x3fff_ffff_ffff_ffff));
        check(&[0], FrameError::Empty);
        check(&[0x40, 5], FrameError::LengthNotShortest { bytes: 5 });
        check(&[0x80, 0, 0, 0], FrameError::LengthNotShortest { bytes: 0 });
        check(&[0x40], FrameError::Truncated { missing: 1 });
        check(&[3, 1, 2], FrameError::Truncated { missing: 1 });
        check(&[0x40, 100, 1], FrameError::Truncated { missing: 99 });
    }

    #[test]
    fn an_announced_frame_reserves_little_until_it_arrives() {
        let mut decoder = Decoder::new(1 << 29);
        decoder.push(Bytes::from_static(&[0x9f, 0xff, 0xff, 0xff, 1]));
        assert_eq!(decoder.next_frame(), Ok(None));
        let State::Payload { frame, .. } = &decoder.state else {
            panic!("the length is complete");
        };
        assert!(frame.capacity() <= FRAME_RESERVE_BYTES);
    }
}
