//! The space-time diagram: what each host does and suffers, and what travels
//! between devices and relay.

mod travel;

use super::Part;
use super::bundled::{Flight, Mark, Span, bundled_flights, bundled_marks, bundled_spans};
use super::recorder::place;
use super::words;
use crate::host::Host;
use crate::schedule::{Action, DiskFault, Fault};
use crate::time::{MILLISECOND, VirtualTime, span_to_text};
use crate::trace::{Event, Message, What};
use crate::world::View;
use serde::Serialize;
use std::collections::{BTreeMap, VecDeque};

/// A clock that is off by less than this, in milliseconds, is right.
const CLOCK_OFF: i64 = 1_000;

/// Spans that end when the world is healed, without a word of their own.
const HEALED: [&str; 4] = ["clock", "paused", "full", "slow"];
/// Spans that a machine's end ends.
const OF_MACHINE: [&str; 2] = ["session", "paused"];

/// Messages one way, oldest first, and which flights they are.
type UnderWay = VecDeque<(Message, Option<usize>)>;

/// What is drawn, while it happens.
pub(super) struct Diagram {
    part: Part,
    spans: Vec<Span>,
    open: BTreeMap<(usize, &'static str), (u64, String)>,
    marks: Vec<Mark>,
    flights: Vec<Flight>,
    /// Messages on their way, by session and whether to the relay: which flight
    /// they are, if it is drawn.
    under_way: BTreeMap<(u64, bool), UnderWay>,
    sessions: BTreeMap<u64, u32>,
    /// Whether a device is out of reach by its own way, not by a fault.
    away: BTreeMap<u32, bool>,
    /// What the schedule said last, in words.
    said: String,
    /// Requests that wait for their answer: their marks.
    asked: BTreeMap<u64, usize>,
    /// Dials in vain since the last session: since when, and how many.
    vain: BTreeMap<usize, (u64, u64)>,
    healed: Option<u64>,
}

/// What is drawn, in the end.
#[derive(Serialize)]
pub(super) struct Drawn {
    from: u64,
    until: u64,
    healed: Option<u64>,
    spans: Vec<Span>,
    marks: Vec<Mark>,
    flights: Vec<Flight>,
    notes: Vec<String>,
}

impl Diagram {
    pub(super) fn new(part: Part) -> Diagram {
        Diagram {
            part,
            spans: Vec::new(),
            open: BTreeMap::new(),
            marks: Vec::new(),
            flights: Vec::new(),
            under_way: BTreeMap::new(),
            sessions: BTreeMap::new(),
            away: BTreeMap::new(),
            said: String::new(),
            asked: BTreeMap::new(),
            vain: BTreeMap::new(),
            healed: None,
        }
    }

    /// Takes in an event.
    pub(super) fn see(&mut self, event: &Event, view: &View<'_>) {
        let at = event.at.0;
        match (&event.what, event.host) {
            (What::Scheduled { entry }, _) => self.scheduled(at, *entry, view),
            (What::Healed { core }, _) => self.heal(at, core, view.devices().count() + 1),
            (what, Some(host)) if !self.travels(event.at, host, what) => {
                self.happens(event.at, host, what);
            }
            _ => {}
        }
    }

    fn scheduled(&mut self, at: u64, entry: u32, view: &View<'_>) {
        let Some(entry) = view.schedule().entries.get(entry as usize) else {
            return;
        };
        self.said = words::of_action(&entry.action);
        match &entry.action {
            Action::Online { device } => {
                self.away.insert(*device, false);
            }
            Action::Offline { device } | Action::HangUp { device } => {
                self.away.insert(*device, true);
            }
            Action::Fault { fault } => self.silent_fault(at, fault),
            _ => {}
        }
    }

    /// Faults that no event of their own follows.
    fn silent_fault(&mut self, at: u64, fault: &Fault) {
        match fault {
            Fault::Backup { host } => {
                let words = "what it has stored is copied aside".to_owned();
                self.mark(at, place(*host), "backup", words);
            }
            Fault::Slow {
                device,
                factor,
                lasts,
            } => {
                let words = format!("messages take {factor} times as long");
                self.lasting(at, *lasts, Host::Device(*device), "slow", words);
            }
            Fault::Disk {
                host,
                disk: DiskFault::Slow { factor, lasts },
            } => {
                let words = format!("storage takes {factor} times as long");
                self.lasting(at, *lasts, *host, "slow", words);
            }
            _ => {}
        }
    }

    fn lasting(&mut self, at: u64, lasts: u64, host: Host, kind: &'static str, words: String) {
        self.add_span(place(host), kind, at, at.saturating_add(lasts), words);
    }

    fn heal(&mut self, at: u64, core: &[u32], hosts: usize) {
        self.healed = Some(at);
        for place in 1..hosts {
            let device = place as u32 - 1;
            self.away.insert(device, !core.contains(&device));
        }
        let devices = core.iter().map(|number| Host::Device(*number));
        for host in devices.chain([Host::Relay]) {
            for kind in HEALED {
                self.close(at, place(host), kind);
            }
        }
    }

    /// What happens to a host.
    fn happens(&mut self, time: VirtualTime, host: Host, what: &What) {
        let (at, place) = (time.0, place(host));
        match what {
            What::Requested { request, .. } => {
                let said = self.said.clone();
                if let Some(mark) = self.mark(at, place, "edit", said) {
                    self.asked.insert(*request, mark);
                }
            }
            What::Acknowledged {
                request, sequence, ..
            } => self.answered(
                at,
                *request,
                None,
                &format!("operation {sequence} of its log"),
            ),
            What::Declined { request, words } => {
                self.answered(at, *request, Some("declined"), words);
            }
            What::AdminAsked { what, .. } if what == "set-up" => {}
            What::AdminAsked { what, .. } => {
                let words = match what.as_str() {
                    "ticket" => "the office enrols a device".to_owned(),
                    _ => self.said.clone(),
                };
                self.mark(at, place, "office", words);
            }
            What::AdminAnswered {
                answer: Err(words), ..
            } => {
                self.mark(
                    at,
                    place,
                    "declined",
                    format!("the office is told: {words}"),
                );
            }
            What::Corrupted { .. } => {
                let words = "a message arrived damaged; the session ends".to_owned();
                self.mark(at, place, "damaged", words);
            }
            What::DialFailed => self.dialled_in_vain(at, place),
            What::PersistFailed { words, .. } => {
                self.mark(
                    at,
                    place,
                    "storage",
                    format!("could not be stored: {words}"),
                );
            }
            What::NotStarted { words } => {
                self.mark(at, place, "storage", format!("does not start: {words}"));
                self.open(at, place, "down", format!("does not start: {words}"));
            }
            What::Disk { words } => {
                self.mark(at, place, "storage", words.clone());
                match words.as_str() {
                    "there is no room left" => self.open(at, place, "full", words.clone()),
                    "there is room again" => self.close(at, place, "full"),
                    _ => {}
                }
            }
            What::CaughtUp { cursor } => {
                let words = format!("has everything up to version {cursor}");
                self.mark(at, place, "synced", words);
            }
            What::Compared {
                version,
                device,
                relay,
            } if device != relay => {
                let words = format!("holds something else than the relay at version {version}");
                self.mark(at, place, "broken", words);
            }
            other => self.befalls(at, place, other),
        }
    }

    /// What a machine, its clock, its link and its storage suffer.
    fn befalls(&mut self, at: u64, place: usize, what: &What) {
        match what {
            What::Started => {
                self.close(at, place, "down");
                self.close(at, place, "stopped");
            }
            What::Crashed { lost } => {
                let words = match lost {
                    0 => "crashes".to_owned(),
                    lost => format!("crashes; {lost} unsynced writes are gone"),
                };
                self.mark(at, place, "crash", words);
                self.machine_ends(at, place);
                self.open(at, place, "down", "down after a crash".to_owned());
            }
            What::Stopped => {
                self.machine_ends(at, place);
                self.open(at, place, "stopped", "switched off in order".to_owned());
            }
            What::Paused => self.open(at, place, "paused", "stands still".to_owned()),
            What::Resumed => self.close(at, place, "paused"),
            What::Link { up, down } => self.link(at, place, *up, *down),
            What::Clock { off } => self.clock(at, place, *off),
            What::Restored { from } => {
                let words = format!("is set back to what it had stored at {from}");
                self.mark(at, place, "restored", words);
                self.machine_ends(at, place);
            }
            What::Wiped => {
                let words = "all that it had stored is gone".to_owned();
                self.mark(at, place, "restored", words);
                self.machine_ends(at, place);
            }
            What::StartedOver => {
                let words = "its person gives up what it has from the relay".to_owned();
                self.mark(at, place, "restored", words);
            }
            What::Cloned { of } => {
                let words = format!("begins as a copy of device {of}");
                self.mark(at, place, "restored", words);
            }
            What::Hostile { words } => {
                let words = format!("somebody misuses its key: {words}");
                self.mark(at, place, "hostile", words);
            }
            What::Path { words } => {
                let words = format!("its path {words}");
                self.mark(at, place, "path", words);
            }
            What::Face { words } if words == "honest again" => self.close(at, place, "face"),
            What::Face { words } => {
                let words = format!("the relay is not honest with it: {words}");
                self.open(at, place, "face", words);
            }
            _ => {}
        }
    }

    fn machine_ends(&mut self, at: u64, place: usize) {
        OF_MACHINE
            .iter()
            .for_each(|kind| self.close(at, place, kind));
        self.close_vain(at, place);
    }

    fn link(&mut self, at: u64, place: usize, up: bool, down: bool) {
        for kind in ["away", "cut-off", "half"] {
            self.close(at, place, kind);
        }
        let device = place.saturating_sub(1) as u32;
        let away = self.away.get(&device).copied().unwrap_or(true);
        match (up, down) {
            (true, true) => {}
            (false, false) if away => {
                self.open(at, place, "away", "out of reach".to_owned());
            }
            (false, false) => {
                let words = "cut off: nothing passes either way".to_owned();
                self.open(at, place, "cut-off", words);
            }
            (true, false) => {
                let words = "half cut off: it can send, and hears nothing".to_owned();
                self.open(at, place, "half", words);
            }
            (false, true) => {
                let words = "half cut off: it can hear, and not send".to_owned();
                self.open(at, place, "half", words);
            }
        }
    }

    fn clock(&mut self, at: u64, place: usize, off: i64) {
        self.close(at, place, "clock");
        let span = off.unsigned_abs().saturating_mul(MILLISECOND);
        // Nobody reads the seconds of a year.
        let shown = match span_to_text(span) {
            long if long.contains('d') => long.split_inclusive('d').next().map(str::to_owned),
            short => Some(short),
        };
        let shown = shown.unwrap_or_default();
        let words = match off {
            off if off.abs() < CLOCK_OFF => "its clock is right".to_owned(),
            1.. => format!("its clock is {shown} ahead"),
            _ => format!("its clock is {shown} behind"),
        };
        if off.abs() >= CLOCK_OFF {
            self.open(at, place, "clock", words.clone());
        }
        self.mark(at, place, "clock", words);
    }

    fn answered(&mut self, at: u64, request: u64, kind: Option<&'static str>, words: &str) {
        let Some(mark) = self.asked.remove(&request) else {
            return;
        };
        let mark = &mut self.marks[mark];
        let took = span_to_text(at - mark.at);
        match kind {
            None => mark
                .words
                .push_str(&format!(" (safe after {took}: {words})")),
            Some(kind) => {
                mark.kind = kind;
                mark.words.push_str(&format!(" (declined: {words})"));
            }
        }
    }

    fn mark(&mut self, at: u64, host: usize, kind: &'static str, words: String) -> Option<usize> {
        if !self.part.has(VirtualTime(at)) {
            return None;
        }
        self.marks.push(Mark {
            host,
            kind,
            at,
            until: at,
            count: 1,
            words,
        });
        Some(self.marks.len() - 1)
    }

    fn open(&mut self, at: u64, host: usize, kind: &'static str, words: String) {
        self.open.entry((host, kind)).or_insert((at, words));
    }

    fn close(&mut self, at: u64, host: usize, kind: &'static str) {
        if let Some((from, words)) = self.open.remove(&(host, kind)) {
            self.add_span(host, kind, from, at, words);
        }
    }

    fn add_span(&mut self, host: usize, kind: &'static str, from: u64, to: u64, words: String) {
        let first = self.part.from.map_or(0, |from| from.0);
        let last = self.part.until.map_or(u64::MAX, |until| until.0);
        if to > from && to >= first && from <= last {
            self.spans.push(Span {
                host,
                kind,
                from,
                to,
                count: 1,
                words,
            });
        }
    }

    /// Everything that is drawn, bounded.
    pub(super) fn finish(mut self, end: VirtualTime) -> Drawn {
        let vain: Vec<usize> = self.vain.keys().copied().collect();
        vain.into_iter()
            .for_each(|place| self.close_vain(end.0, place));
        while let Some(((host, kind), (from, words))) = self.open.pop_first() {
            self.add_span(host, kind, from, end.0, words);
        }
        let from = self.part.from.map_or(0, |from| from.0);
        let until = self.part.until.map_or(end.0, |until| until.0.min(end.0));
        let length = until.saturating_sub(from).max(1);
        let mut notes = Vec::new();
        let marks = bundled_marks(self.marks, length, &mut notes);
        let flights = bundled_flights(self.flights, length, &mut notes);
        let mut spans = bundled_spans(self.spans, length, &mut notes);
        for span in &mut spans {
            span.to = span.to.min(end.0);
        }
        Drawn {
            from,
            until,
            healed: self.healed,
            spans,
            marks,
            flights,
            notes,
        }
    }
}
