//! Tickets: one string each.

use crate::file::{Group, Read, check, shown, words};
use crate::sample::{MORNING, ORGANIZATION, RELAY, secret};
use cairn_proto::Ticket;

#[test]
fn tickets_read_as_they_did() {
    let ticket = Ticket {
        address: "relay.example:4433".into(),
        relay: secret(RELAY).public(),
        organization: ORGANIZATION,
        secret: [0x5e; 16],
        expires: MORNING,
    };
    let text = ticket.to_string();
    let read = |bytes: &[u8]| {
        let text = std::str::from_utf8(bytes).map_err(words)?;
        let ticket: Ticket = text.parse().map_err(words)?;
        let says = shown(&ticket);
        let again = ticket.to_string().into_bytes();
        Ok(Read { says, again })
    };
    let changed = format!("{}{}", &text[..20], text[20..].replacen('A', "B", 1));
    let typed = format!("{} \n{}", &text[..20].to_lowercase(), &text[20..]);
    let group = Group::new("tickets", read)
        .with(serde_json::json!({"text": text}))
        .valid("as issued", text.as_bytes())
        .valid("as typed, in lower case and on two lines", typed)
        .invalid("TICKET-1", "something else", "hello")
        .invalid("TICKET-3", "with a letter changed", changed)
        .invalid("TICKET-3", "cut short", &text.as_bytes()[..text.len() - 8])
        .invalid("TICKET-3", "nothing but the prefix", "CAIRN1");
    check(
        "tickets.json",
        "Tickets. The bytes are those of the text, in ASCII.",
        vec![group],
    );
}
