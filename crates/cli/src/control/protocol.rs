//! What a command line and a running process say to each other over the
//! socket in its directory: length-prefixed JSON frames of bounded size.

use crate::exit::Failure;
use crate::verbs::{
    conflict, device, export, import, issue, log, org, profile, record, relay, sample,
};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use std::io;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

/// Bytes of one frame. Verbs that may say more do it in several commands.
pub(crate) const FRAME_BYTES_MAX: usize = 16 * 1024 * 1024;

/// This program's version: both ends must have the same.
pub(crate) const PROGRAM: &str = env!("CARGO_PKG_VERSION");

/// What shall be done. One variant for each noun.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) enum Command {
    /// See [`relay`].
    Relay(relay::RelayCommand),
    /// See [`device`].
    Device(device::DeviceCommand),
    /// See [`record`].
    Record(record::RecordCommand),
    /// See [`conflict`].
    Conflict(conflict::ConflictCommand),
    /// See [`issue`].
    Issue(issue::IssueCommand),
    /// See [`import`].
    Import(import::ImportCommand),
    /// See [`export`].
    Export(export::ExportCommand),
    /// See [`log`].
    Log(log::LogCommand),
    /// See [`org`].
    Org(org::OrgCommand),
    /// See [`profile`].
    Profile(profile::ProfileCommand),
    /// See [`sample`].
    Sample(sample::SampleCommand),
}

/// What became of it. The variant is the command's.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) enum Answer {
    /// To [`Command::Relay`].
    Relay(relay::RelayAnswer),
    /// To [`Command::Device`].
    Device(device::DeviceAnswer),
    /// To [`Command::Record`].
    Record(record::RecordAnswer),
    /// To [`Command::Conflict`].
    Conflict(conflict::ConflictAnswer),
    /// To [`Command::Issue`].
    Issue(issue::IssueAnswer),
    /// To [`Command::Import`].
    Import(import::ImportAnswer),
    /// To [`Command::Export`].
    Export(export::ExportAnswer),
    /// To [`Command::Log`].
    Log(log::LogAnswer),
    /// To [`Command::Org`].
    Org(org::OrgAnswer),
    /// To [`Command::Profile`].
    Profile(profile::ProfileAnswer),
    /// To [`Command::Sample`].
    Sample(sample::SampleAnswer),
}

/// A frame to the running process.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Request {
    /// The asking program's version.
    pub(crate) program: String,
    /// What shall be done.
    pub(crate) command: Command,
}

/// A frame from the running process.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) enum Response {
    /// It goes on.
    Progress(Step),
    /// It ended.
    Ended(Result<Answer, Failure>),
}

/// How far long work has come.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Step {
    /// What is being done.
    pub(crate) what: String,
    /// How much of it.
    pub(crate) done: u64,
    /// Of how much, where that is known.
    pub(crate) total: Option<u64>,
    /// Whether it is said even where no bar is shown, because it takes long.
    pub(crate) aloud: bool,
}

/// Why a frame could not be exchanged.
#[derive(Debug, thiserror::Error)]
pub(crate) enum FrameError {
    /// The connection failed, or ended inside a frame.
    #[error("the connection to the running process broke: {0}")]
    Broken(#[from] io::Error),
    /// Over [`FRAME_BYTES_MAX`].
    #[error("a message of {0} bytes is over the limit of {FRAME_BYTES_MAX}; ask for less at once")]
    TooLarge(usize),
    /// Not what was expected.
    #[error(
        "the message cannot be read ({0}); the running process may be of another version: restart it"
    )]
    Unreadable(#[from] serde_json::Error),
}

/// Writes one frame.
pub(crate) async fn write_frame(
    to: &mut (impl AsyncWrite + Unpin),
    message: &impl Serialize,
) -> Result<(), FrameError> {
    let bytes = serde_json::to_vec(message)?;
    if bytes.len() > FRAME_BYTES_MAX {
        return Err(FrameError::TooLarge(bytes.len()));
    }
    to.write_all(&(bytes.len() as u32).to_be_bytes()).await?;
    to.write_all(&bytes).await?;
    Ok(to.flush().await?)
}

/// Reads one frame's bytes; `None` at the end of the connection.
pub(crate) async fn read_bytes(
    from: &mut (impl AsyncRead + Unpin),
) -> Result<Option<Vec<u8>>, FrameError> {
    let mut length = [0; 4];
    if from.read(&mut length[..1]).await? == 0 {
        return Ok(None);
    }
    from.read_exact(&mut length[1..]).await?;
    let length = u32::from_be_bytes(length) as usize;
    if length > FRAME_BYTES_MAX {
        return Err(FrameError::TooLarge(length));
    }
    let mut bytes = Vec::new();
    from.take(length as u64).read_to_end(&mut bytes).await?;
    if bytes.len() < length {
        return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into());
    }
    Ok(Some(bytes))
}

/// Reads one frame; `None` at the end of the connection.
pub(crate) async fn read_frame<T: DeserializeOwned>(
    from: &mut (impl AsyncRead + Unpin),
) -> Result<Option<T>, FrameError> {
    match read_bytes(from).await? {
        Some(bytes) => Ok(Some(serde_json::from_slice(&bytes)?)),
        None => Ok(None),
    }
}
