//! After the rounds: a record leaves a device, says why, and is asked back.

use super::cast::Who;
use super::load;
use super::props::{Entry, Props};
use super::round::{Rules, Source, definition};
use super::world::World;
use crate::clock::now;
use crate::editing::Place;
use crate::exit::Failure;
use cairn_agent::{RecordEditKind, Request};
use cairn_model::definition::{Filter, Profile, ProfileType};
use cairn_model::{Definition, Granularity};
use serde::Serialize;
use std::path::Path;

/// Work orders that technicians hold.
const HELD: &str = "record.status != \"cancelled\"";

/// How a record left a device, and came back.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Departure {
    /// What people call it.
    pub(super) record: String,
    /// What the profile gives, as it is written.
    pub(super) gives: &'static str,
    /// Records on the device before.
    pub(super) held: usize,
    /// What the device says of it, after it left.
    pub(super) device_says: String,
    /// What `cairn profile explain` says of it.
    pub(super) explained: Vec<String>,
    /// Whether it is there again, because it is followed.
    pub(super) came_back: bool,
}

/// Lets it happen on a relay and a device of their own.
pub(super) async fn play(folder: &Path, source: &Source) -> Result<Departure, Failure> {
    let rules = Rules {
        policy: "flag",
        granularity: Granularity::Field,
    };
    let mut world = World::begin(folder, with_profile(definition(rules)?)).await?;
    match source {
        Source::Sample => load::sample(&world).await?,
        Source::Tables { data, mapping } => load::tables(&world, data, mapping).await?,
    }
    let who = Who::Callum;
    world.hand_out(who, who.device(), who.login()).await?;
    let props = world
        .host
        .look(|relay| Props::choose(relay.state()))
        .await??;
    let (order, record) = (&props.planned, props.planned.record);
    let device = world.person(who)?.host.clone();
    let held = device.look(|agent| agent.status().records).await?;

    let cancel = props.update(order, &[("status", Entry::Value("cancelled"))]);
    let relay = Place::Relay(world.host.handle.clone());
    relay.edit(vec![cancel]).await?;
    world.agree().await?;
    let left = device.look(move |agent| agent.left(record).cloned());
    let left = left.await?;
    let explain = move |relay: &cairn_relay::Relay| relay.explain(now(), who.login(), record);
    let explanation = world.host.look(explain).await?;

    let follow = props.edit(order, RecordEditKind::Follow);
    device.handle.request(Request::Edit(vec![follow])).await?;
    world.person(who)?.come_back().await?;
    let came_back = device.look(move |agent| agent.record(record)).await??;
    let departure = Departure {
        record: order.called.clone(),
        gives: HELD,
        held,
        device_says: left.map(|left| left.words()).unwrap_or_default(),
        explained: explanation
            .because
            .into_iter()
            .map(|because| because.words)
            .collect(),
        came_back: came_back.is_some(),
    };
    world.end().await;
    Ok(departure)
}

/// Technicians hold some work orders, and nothing else.
fn with_profile(mut definition: Definition) -> Definition {
    let mut profile = Profile::new("Field technicians");
    profile.members.users.insert(Who::Callum.login().to_owned());
    if let Some(order) = definition.type_named("work_order") {
        let rule = ProfileType::new(Filter::Where(HELD.to_owned()));
        profile.types.insert(order.id, rule);
    }
    definition.profiles.insert("technician".to_owned(), profile);
    definition
}
