//! The asking end of the socket.

use super::protocol::{
    Answer, Command, FrameError, PROGRAM, Request, Response, Step, read_frame, write_frame,
};
use crate::exit::Failure;
use std::io;
use std::path::Path;
use tokio::net::UnixStream;

/// A connection to the process that holds a directory.
pub(crate) struct Client {
    stream: UnixStream,
}

impl Client {
    /// Connects, if a process listens there.
    pub(crate) async fn connect(socket: &Path) -> Result<Option<Client>, Failure> {
        match UnixStream::connect(socket).await {
            Ok(stream) => Ok(Some(Client { stream })),
            Err(error)
                if matches!(
                    error.kind(),
                    io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused
                ) =>
            {
                Ok(None)
            }
            Err(error) => Err(Failure::storage(format!(
                "{} cannot be opened: {error}",
                socket.display()
            ))),
        }
    }

    /// Has one command executed there.
    pub(crate) async fn run(
        &mut self,
        command: Command,
        mut watch: impl FnMut(Step),
    ) -> Result<Answer, Failure> {
        let request = Request {
            program: PROGRAM.to_owned(),
            command,
        };
        write_frame(&mut self.stream, &request)
            .await
            .map_err(broken)?;
        loop {
            match read_frame::<Response>(&mut self.stream)
                .await
                .map_err(broken)?
            {
                Some(Response::Progress(step)) => watch(step),
                Some(Response::Ended(outcome)) => return outcome,
                None => {
                    return Err(Failure::storage(
                        "the running process ended before it answered; try again",
                    ));
                }
            }
        }
    }
}

fn broken(error: FrameError) -> Failure {
    match error {
        FrameError::TooLarge(_) => Failure::usage(error),
        FrameError::Broken(_) | FrameError::Unreadable(_) => Failure::storage(error),
    }
}
