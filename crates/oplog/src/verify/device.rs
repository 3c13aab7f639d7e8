//! A device's own log, checked.

use super::{Summary, VerifyFault, whole};
use crate::archive::{Frame, Reader};
use crate::bundle::{LogHead, Parsed, Verified};
use cairn_model::{LogId, OrganizationId, PublicKey};
use std::io::Read;

/// Checks a device log, bundle by bundle, generation by generation.
#[derive(Debug)]
pub struct DeviceVerifier {
    organization: OrganizationId,
    key: PublicKey,
    log: LogId,
    head: LogHead,
    bundles: u64,
    operations: u64,
}

impl DeviceVerifier {
    /// Of the log of the device with this key.
    pub fn new(organization: OrganizationId, key: PublicKey) -> DeviceVerifier {
        let log = LogId {
            device: key.device(),
            generation: 0,
        };
        DeviceVerifier {
            organization,
            key,
            log,
            head: LogHead::genesis(&organization, &log),
            bundles: 0,
            operations: 0,
        }
    }

    /// Checks the next bundle; gives it back verified. After a fault the log is
    /// refused as a whole.
    pub fn bundle(&mut self, bundle: &[u8]) -> Result<Verified, VerifyFault> {
        let position = self.bundles + 1;
        let not_genuine = |fault| VerifyFault::Bundle { position, fault };
        let parsed = Parsed::parse(bundle).map_err(not_genuine)?;
        let (log, device) = (parsed.log(), self.key.device());
        if log.device != device {
            return Err(VerifyFault::OtherDevice {
                position,
                log,
                device,
            });
        }
        let bundle = parsed.verify(&self.organization, &self.key);
        let bundle = whole(position, bundle.map_err(not_genuine)?)?;
        if log.generation > self.log.generation {
            self.log = log;
            self.head = LogHead::genesis(&self.organization, &log);
        }
        self.continues(position, &bundle)?;
        self.head = bundle.head();
        self.bundles = position;
        self.operations += bundle.slots().len() as u64;
        Ok(bundle)
    }

    /// What the log holds.
    pub fn finish(self) -> Summary {
        Summary {
            entries: self.bundles,
            operations: self.operations,
            devices: 1,
            duplicates: 0,
            equivocations: 0,
            head: self.head.head,
        }
    }

    fn continues(&self, position: u64, bundle: &Verified) -> Result<(), VerifyFault> {
        let (log, expected, found) = (bundle.log(), self.head.sequence + 1, bundle.first());
        if log == self.log && found > expected {
            return Err(VerifyFault::Gap {
                position,
                log,
                expected,
                found,
            });
        }
        if log == self.log && found == expected && bundle.previous() == self.head.head {
            Ok(())
        } else {
            Err(VerifyFault::Discontinued { position, log })
        }
    }
}

/// Checks the rest of a device's archive.
pub(super) fn verify<R: Read>(
    organization: OrganizationId,
    key: PublicKey,
    archive: &mut Reader<R>,
) -> Result<Summary, VerifyFault> {
    let mut verifier = DeviceVerifier::new(organization, key);
    while let Some(frame) = archive.next_frame()? {
        let Frame::Bundle(bundle) = frame else {
            unreachable!("the reader gives a device log's frames")
        };
        verifier.bundle(&bundle)?;
    }
    Ok(verifier.finish())
}
