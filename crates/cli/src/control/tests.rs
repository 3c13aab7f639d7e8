//! The socket's two ends against each other, and against frames that nobody
//! should send.

use super::client::Client;
use super::protocol::{
    FRAME_BYTES_MAX, FrameError, PROGRAM, Request, Response, read_bytes, read_frame, write_frame,
};
use super::server::{Server, converse};
use super::{Answer, Command};
use crate::exit::{Exit, Failure};
use crate::host::{Host, RelayHost};
use crate::settings::RelaySettings;
use crate::verbs::device::DeviceCommand;
use crate::verbs::org::OrgCommand;
use crate::verbs::relay::{RelayAnswer, RelayCommand};
use cairn_model::OrganizationId;
use cairn_net::RelayService;
use cairn_oplog::SecretKey;
use cairn_oplog::memory::MemoryStorage;
use cairn_proto::Era;
use cairn_relay::Relay;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixListener;
use std::sync::Arc;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};

async fn relay() -> (RelayService, Host) {
    let organization = OrganizationId([1; 16]);
    let relay = Relay::open(
        SecretKey::from_seed(&[2; 32]),
        organization,
        Arc::new(MemoryStorage::new()),
        Era([1; 16]),
    )
    .unwrap();
    let service = RelayService::start(relay, None).await.unwrap();
    let settings = RelaySettings {
        organization,
        listen: "127.0.0.1:4433".into(),
        address: None,
    };
    let host = RelayHost {
        handle: service.handle(),
        settings: Arc::new(settings),
        listening: None,
    };
    (service, Host::Relay(host))
}

/// What the server says to `bytes`, and how it ends the conversation.
async fn say(bytes: &[u8]) -> (Vec<Response>, Result<(), FrameError>) {
    let (_service, host) = relay().await;
    let (mut ours, theirs) = duplex(64 * 1024);
    let answering = tokio::spawn(async move { converse(theirs, &host).await });
    ours.write_all(bytes).await.unwrap();
    ours.shutdown().await.unwrap();
    (responses(&mut ours).await, answering.await.unwrap())
}

async fn responses(ours: &mut DuplexStream) -> Vec<Response> {
    let mut all = Vec::new();
    while let Some(response) = read_frame(ours).await.unwrap() {
        all.push(response);
    }
    all
}

fn framed(body: &[u8]) -> Vec<u8> {
    let mut bytes = (body.len() as u32).to_be_bytes().to_vec();
    bytes.extend_from_slice(body);
    bytes
}

fn refusal(responses: &[Response]) -> &Failure {
    match responses {
        [Response::Ended(Err(failure))] => failure,
        other => panic!("one refusal was expected, not {other:?}"),
    }
}

#[tokio::test]
async fn a_command_is_done_and_answered() {
    let request = Request {
        program: PROGRAM.into(),
        command: Command::Relay(RelayCommand::Devices),
    };
    let (responses, end) = say(&framed(&serde_json::to_vec(&request).unwrap())).await;
    assert!(end.is_ok());
    match responses.as_slice() {
        [Response::Ended(Ok(Answer::Relay(RelayAnswer::Devices(rows))))] => {
            assert!(rows.is_empty())
        }
        other => panic!("the list of devices was expected, not {other:?}"),
    }
}

#[tokio::test]
async fn frames_that_cannot_be_read_are_refused_in_words() {
    for body in [
        &b""[..],
        b"{",
        b"null",
        b"\xff\xfe",
        b"{\"program\":7}",
        b"{\"command\":{}}",
    ] {
        let (responses, end) = say(&framed(body)).await;
        assert!(end.is_ok());
        assert_eq!(refusal(&responses).exit, Exit::Usage);
    }
    let unknown = format!("{{\"program\":\"{PROGRAM}\",\"command\":{{\"Nothing\":1}}}}");
    let (responses, _) = say(&framed(unknown.as_bytes())).await;
    assert!(refusal(&responses).message.contains("another version"));
}

#[tokio::test]
async fn a_program_of_another_version_is_told_to_restart() {
    let (responses, _) = say(&framed(
        b"{\"program\":\"0.0.1\",\"command\":{\"FromTheFuture\":null}}",
    ))
    .await;
    assert!(refusal(&responses).message.contains("0.0.1"));
}

#[tokio::test]
async fn a_frame_over_the_limit_is_refused_before_it_is_read() {
    let (responses, end) = say(&(FRAME_BYTES_MAX as u32 + 1).to_be_bytes()).await;
    assert!(refusal(&responses).message.contains("limit"));
    assert!(matches!(end, Err(FrameError::TooLarge(_))));
}

#[tokio::test]
async fn a_frame_cut_anywhere_ends_the_conversation_and_nothing_else() {
    let request = Request {
        program: PROGRAM.into(),
        command: Command::Relay(RelayCommand::Devices),
    };
    let whole = framed(&serde_json::to_vec(&request).unwrap());
    for length in 1..whole.len() {
        let (responses, end) = say(&whole[..length]).await;
        assert!(responses.is_empty());
        assert!(matches!(end, Err(FrameError::Broken(_))), "cut at {length}");
    }
}

#[tokio::test]
async fn a_bad_frame_does_not_end_a_conversation() {
    let request = Request {
        program: PROGRAM.into(),
        command: Command::Relay(RelayCommand::Devices),
    };
    let mut bytes = framed(b"nonsense");
    bytes.extend(framed(&serde_json::to_vec(&request).unwrap()));
    let (responses, _) = say(&bytes).await;
    assert!(matches!(
        responses.as_slice(),
        [Response::Ended(Err(_)), Response::Ended(Ok(_))]
    ));
}

#[tokio::test]
async fn a_message_over_the_limit_is_not_sent() {
    let (mut ours, mut theirs) = duplex(1024);
    let error = write_frame(&mut ours, &"x".repeat(FRAME_BYTES_MAX))
        .await
        .unwrap_err();
    assert!(matches!(error, FrameError::TooLarge(_)));
    drop(ours);
    assert!(read_bytes(&mut theirs).await.unwrap().is_none());
}

#[tokio::test]
async fn the_two_ends_meet_in_a_socket_only_the_owner_may_use() {
    let directory = tempfile::tempdir().unwrap();
    let socket = directory.path().join("control.sock");
    assert!(Client::connect(&socket).await.unwrap().is_none());
    drop(UnixListener::bind(&socket).unwrap());
    assert!(
        Client::connect(&socket).await.unwrap().is_none(),
        "nobody listens on a socket left behind"
    );

    let (service, host) = relay().await;
    let server = Server::start(&socket, host).unwrap();
    let mode = std::fs::metadata(&socket).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let mut client = Client::connect(&socket).await.unwrap().unwrap();
    for _ in 0..2 {
        let answer = client
            .run(
                Command::Relay(RelayCommand::Status { digest: true }),
                |_| {},
            )
            .await
            .unwrap();
        assert!(matches!(answer, Answer::Relay(RelayAnswer::Status(_))));
    }
    let failure = client
        .run(Command::Device(DeviceCommand::Sync), |_| {})
        .await
        .unwrap_err();
    assert_eq!(failure.exit, Exit::Usage);
    let failure = client
        .run(Command::Org(OrgCommand::Diff(vec![])), |_| {})
        .await
        .unwrap_err();
    assert!(failure.message.contains("mistake"));
    drop(server);
    assert!(!socket.exists());
    service.stop().await;
}

#[tokio::test]
async fn a_process_that_ends_in_between_is_said_to_have() {
    let directory = tempfile::tempdir().unwrap();
    let socket = directory.path().join("control.sock");
    let listener = tokio::net::UnixListener::bind(&socket).unwrap();
    let ends = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        stream.read_u32().await.unwrap();
    });
    let mut client = Client::connect(&socket).await.unwrap().unwrap();
    let failure = client
        .run(Command::Relay(RelayCommand::Devices), |_| {})
        .await
        .unwrap_err();
    assert_eq!(failure.exit, Exit::Storage);
    ends.await.unwrap();
}
