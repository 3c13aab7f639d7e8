//! Devices whose program is of another version than the relay's.

use super::{Host, Wake, World};
use crate::schedule::Program;
use crate::time::SECOND;
use crate::trace::What;
use cairn_proto::ServerMessage;

impl World {
    /// A device runs another program from now on, until it is updated.
    pub(super) fn run_program(&mut self, device: u32, program: Program, lasts: u64) {
        self.device_mut(device).program = Some(program);
        let words = match program {
            Program::OtherProtocol => "speaks another version of the protocol",
            Program::Older => "is older than what a definition may say by now",
        };
        self.note_program(device, &format!("the program {words}"));
        self.stop(Host::Device(device), SECOND);
        self.after(lasts, Wake::Updated(device));
    }

    /// The device gets the program that the relay has.
    pub(super) fn update_program(&mut self, device: u32) {
        if self.device_mut(device).program.take().is_some() {
            self.note_program(device, "the program is updated");
            self.stop(Host::Device(device), SECOND);
        }
    }

    /// Whether the device and the relay agree on a protocol. As in the shells,
    /// it is decided before a session begins.
    pub(super) fn speaks_with_the_relay(&mut self, device: u32) -> bool {
        if self.device_mut(device).program != Some(Program::OtherProtocol) {
            return true;
        }
        self.note_program(device, "it and the relay speak no common protocol");
        false
    }

    /// Whether the device's program can read a message that is whole.
    pub(super) fn can_read(&mut self, device: u32, message: &ServerMessage) -> bool {
        let is_older = self.device_mut(device).program == Some(Program::Older);
        match message {
            ServerMessage::Directory(part) if is_older && !part.changes.is_empty() => {
                self.note_program(device, "it cannot read the definition");
                false
            }
            _ => true,
        }
    }

    fn note_program(&mut self, device: u32, words: &str) {
        let words = words.to_owned();
        self.note_at(Host::Device(device), What::Program { words });
    }
}
