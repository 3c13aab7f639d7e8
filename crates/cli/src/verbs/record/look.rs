//! `cairn record get`, and looks into the past.

use crate::editing::Place;
use crate::exit::Failure;
use crate::holding::Holding;
use crate::host::Host;
use crate::record_ref;
use crate::render::RecordView;
use cairn_model::{Timestamp, Version};
use cairn_relay::past::Moment;

/// When something is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum At {
    /// Now.
    Now,
    /// At a moment of the ledger, which only the relay has.
    Past(Moment),
}

impl At {
    /// Reads a version or a time.
    pub(super) fn read(text: Option<&str>) -> Result<At, Failure> {
        let Some(text) = text else { return Ok(At::Now) };
        if let Ok(version) = text.parse() {
            return Ok(At::Past(Moment::Version(Version(version))));
        }
        let whole_day = format!("{text}T00:00:00Z");
        let time: Result<Timestamp, _> = text
            .parse()
            .or_else(|error| whole_day.parse().map_err(|_| error));
        let time = time.map_err(|error| {
            Failure::usage(format!(
                "--as-of takes a version such as 250, or a time: {error}"
            ))
        })?;
        Ok(At::Past(Moment::Time(time)))
    }

    /// Looks at what there was then.
    pub(super) async fn look<R: Send + 'static>(
        self,
        host: &Host,
        look: impl FnOnce(&dyn Holding) -> Result<R, Failure> + Send + 'static,
    ) -> Result<R, Failure> {
        let moment = match self {
            At::Now => return Place::from(host).look(look).await?,
            At::Past(moment) => moment,
        };
        let Host::Relay(relay) = host else {
            return Err(Failure::usage(
                "only the relay has the past: run this in the relay's directory (--dir)",
            ));
        };
        relay
            .look_back(move |past| {
                let now = past.version();
                match moment {
                    Moment::Version(version) if version > now => Err(Failure::not_found(format!(
                        "the ledger ends at version {now}; there is no version {version}"
                    ))),
                    _ => {
                        let past = past.as_of(moment)?;
                        if past.definition().number == 0 {
                            return Err(Failure::not_found(
                                "nothing was there yet at that moment: the ledger begins later; `cairn log show --from 1` says when",
                            ));
                        }
                        look(&past)
                    }
                }
            })
            .await?
    }
}

/// Shows one record.
pub(super) async fn get(
    host: &Host,
    reference: String,
    as_of: Option<String>,
) -> Result<RecordView, Failure> {
    let at = At::read(as_of.as_deref())?;
    at.look(host, move |holding| {
        let record = record_ref::find(holding, &reference)?;
        Ok(RecordView::of(holding, &record)?)
    })
    .await
}
