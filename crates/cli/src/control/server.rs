//! The answering end of the socket, in the process that holds the directory.

use super::Progress;
use super::protocol::{FrameError, PROGRAM, Request, Response, read_bytes, write_frame};
use crate::exit::Failure;
use crate::host::Host;
use crate::verbs;
use serde::Deserialize;
use std::fs::Permissions;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::UnixListener;
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;

/// Command lines served at once; more wait.
const CLIENTS_MAX: usize = 32;

/// The socket, served until dropped.
pub(crate) struct Server {
    path: PathBuf,
    task: JoinHandle<()>,
}

impl Server {
    /// Listens in a directory that this process holds: a socket found there is
    /// one that an ended process left behind.
    pub(crate) fn start(path: &Path, host: Host) -> Result<Server, Failure> {
        let listener = listen(path).map_err(|error| {
            Failure::storage(format!("{} cannot be made: {error}", path.display()))
        })?;
        Ok(Server {
            path: path.to_owned(),
            task: tokio::spawn(serve(listener, host)),
        })
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
        std::fs::remove_file(&self.path).ok();
    }
}

fn listen(path: &Path) -> io::Result<UnixListener> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let listener = UnixListener::bind(path)?;
    std::fs::set_permissions(path, Permissions::from_mode(0o600))?;
    Ok(listener)
}

async fn serve(listener: UnixListener, host: Host) {
    let places = Arc::new(Semaphore::new(CLIENTS_MAX));
    while let Ok(place) = places.clone().acquire_owned().await {
        match listener.accept().await {
            Ok((stream, _)) => {
                let host = host.clone();
                tokio::spawn(async move {
                    if let Err(error) = converse(stream, &host).await {
                        tracing::debug!(%error, "a command line went away");
                    }
                    drop(place);
                });
            }
            Err(error) => {
                tracing::warn!(%error, "the control socket does not accept connections any more");
                return;
            }
        }
    }
}

#[derive(Deserialize)]
struct Envelope {
    program: String,
}

fn read_request(bytes: &[u8]) -> Result<Request, Failure> {
    let unreadable = |error: serde_json::Error| Failure::usage(FrameError::Unreadable(error));
    let envelope: Envelope = serde_json::from_slice(bytes).map_err(unreadable)?;
    if envelope.program != PROGRAM {
        let message = format!(
            "the process that holds the directory is cairn {PROGRAM}, this is cairn {}; restart it with this version",
            envelope.program
        );
        return Err(Failure::usage(message));
    }
    serde_json::from_slice(bytes).map_err(unreadable)
}

/// Serves one connection: command after command.
pub(super) async fn converse(
    mut stream: impl AsyncRead + AsyncWrite + Unpin,
    host: &Host,
) -> Result<(), FrameError> {
    loop {
        let request = match read_bytes(&mut stream).await {
            Ok(Some(bytes)) => read_request(&bytes),
            Ok(None) => return Ok(()),
            Err(error @ FrameError::TooLarge(_)) => {
                let refusal = Response::Ended(Err(Failure::usage(&error)));
                write_frame(&mut stream, &refusal).await?;
                return Err(error);
            }
            Err(error) => return Err(error),
        };
        let outcome = match request {
            Ok(Request { command, .. }) => {
                let (progress, mut steps) = Progress::channel();
                let mut work = std::pin::pin!(verbs::execute(host, command, progress));
                loop {
                    tokio::select! {
                        outcome = &mut work => break outcome,
                        Some(step) = steps.recv() => write_frame(&mut stream, &Response::Progress(step)).await?,
                    }
                }
            }
            Err(failure) => Err(failure),
        };
        match write_frame(&mut stream, &Response::Ended(outcome)).await {
            Err(error @ FrameError::TooLarge(_)) => {
                write_frame(&mut stream, &Response::Ended(Err(Failure::usage(error)))).await?;
            }
            written => written?,
        }
    }
}
