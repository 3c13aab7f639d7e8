//! `cairn record follow` and `unfollow`.

use super::edit::EditedView;
use super::left;
use crate::editing::Place;
use crate::exit::{Exit, Failure};
use crate::host::Host;
use crate::record_ref;
use cairn_agent::{Agent, RecordEdit, RecordEditKind};
use cairn_model::{RecordId, TypeId};

/// Keeps a record offline whatever the profiles say, or no longer.
pub(super) async fn follow(
    host: &Host,
    reference: String,
    keep: bool,
) -> Result<EditedView, Failure> {
    let device = host.device()?;
    let found = device.look(move |agent| find(agent, &reference)).await?;
    let Named {
        id,
        record_type,
        type_name,
        title,
    } = found?;
    let kind = match keep {
        true => RecordEditKind::Follow,
        false => RecordEditKind::Unfollow,
    };
    let edit = RecordEdit {
        record: Some(id),
        record_type,
        kind,
        base: None,
    };
    let edited = Place::from(host).edit(vec![edit]).await?;
    let done = match keep {
        true => "followed; it stays on this device, or comes with the next sync",
        false => "no longer followed; profiles alone decide from the next sync on",
    };
    Ok(EditedView {
        id: id.to_string(),
        record_type: type_name,
        title,
        done: done.to_owned(),
        version: edited.version.map(|version| version.0),
        sequence: edited.sequence,
    })
}

/// A record that is here, was here, or is somewhere.
struct Named {
    id: RecordId,
    record_type: TypeId,
    type_name: String,
    title: String,
}

fn find(agent: &Agent, reference: &str) -> Result<Named, Failure> {
    let missing = match record_ref::find(agent, reference) {
        Ok(record) => {
            let of_type = record_ref::type_of(agent, &record)?;
            return Ok(Named {
                id: record.id,
                record_type: record.record_type,
                type_name: of_type.name.clone(),
                title: record.title(of_type),
            });
        }
        Err(error) => Failure::from(error),
    };
    if missing.exit != Exit::NotFound {
        return Err(missing);
    }
    let types = &agent.directory().definition.types;
    if let Some((id, left)) = left::find(agent, reference)? {
        let of_type = types.get(&left.record_type);
        return Ok(Named {
            id,
            record_type: left.record_type,
            type_name: of_type.map_or_else(String::new, |of_type| of_type.name.clone()),
            title: left.title.clone(),
        });
    }
    let elsewhere = reference.split_once(':').and_then(|(type_name, id)| {
        let of_type = agent.directory().definition.type_named(type_name)?;
        Some((id.parse::<RecordId>().ok()?, of_type))
    });
    match elsewhere {
        Some((id, of_type)) => Ok(Named {
            id,
            record_type: of_type.id,
            type_name: of_type.name.clone(),
            title: id.to_string(),
        }),
        None => Err(Failure::not_found(format!(
            "{}; one that never was on this device is named by its type and whole id, such as work_order:019e818d-94ae-78b8-894e-a3b5979f6db8",
            missing.message
        ))),
    }
}
