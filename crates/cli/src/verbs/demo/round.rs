//! One round: a world from scratch, the story, and what became of it.

use super::cast::Who;
use super::load;
use super::props::Props;
use super::scene::Scene;
use super::sight::{self, Aftermath};
use super::world::World;
use crate::exit::Failure;
use cairn_agent::Request;
use cairn_model::text::{self, SourceFile};
use cairn_model::{Definition, Granularity};
use serde::Serialize;
use std::path::{Path, PathBuf};
use std::time::Instant;

/// The built-in organization it happens in.
pub(super) const TEMPLATE: &str = "field-service";
/// The name of the directory of Jonas's second phone.
const NEW_PHONE: &str = "jonas-new";

/// The rules of a round.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub(super) struct Rules {
    /// The organization's conflict policy.
    pub(super) policy: &'static str,
    /// What counts as one thing when edits are concurrent.
    pub(super) granularity: Granularity,
}

impl Rules {
    /// Every round's, in order.
    pub(super) fn all() -> impl Iterator<Item = Rules> {
        ["client-wins", "server-wins", "flag"]
            .into_iter()
            .flat_map(|policy| {
                [Granularity::Field, Granularity::Record].map(|granularity| Rules {
                    policy,
                    granularity,
                })
            })
    }

    /// `field` or `record`.
    pub(super) fn by(self) -> &'static str {
        match self.granularity {
            Granularity::Field => "field",
            Granularity::Record => "record",
        }
    }

    /// The folder of the round.
    pub(super) fn folder(self) -> String {
        format!("{}-{}", self.policy, self.by())
    }
}

/// Where the records come from.
#[derive(Debug, Clone)]
pub(super) enum Source {
    /// The built-in sample.
    Sample,
    /// Tables in a folder, by a mapping.
    Tables {
        /// The folder.
        data: PathBuf,
        /// The mapping.
        mapping: PathBuf,
    },
}

/// What a round came to.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Round {
    /// Its rules.
    #[serde(flatten)]
    pub(super) rules: Rules,
    /// What became of each scene.
    pub(super) scenes: Vec<Aftermath>,
    /// The digest of the relay, and of each device.
    pub(super) digests: Vec<Digest>,
    /// Whether they are all the same.
    pub(super) agree: bool,
    /// Operations made while the links were cut, and what they brought about.
    pub(super) operations: u64,
    /// Bytes between the devices and the relay from the cut on, headers included.
    pub(super) bytes: u64,
    /// Milliseconds from the first who came back until all agreed.
    pub(super) milliseconds: u64,
}

/// What somebody's records come to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Digest {
    /// Whose.
    pub(super) of: &'static str,
    /// The digest.
    pub(super) digest: String,
}

/// What there is before the story begins.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Opening {
    /// The organization's name.
    pub(super) organization: String,
    /// Record types in use.
    pub(super) record_types: usize,
    /// Records loaded.
    pub(super) records: usize,
    /// Work orders among them.
    pub(super) work_orders: usize,
    /// Where the first relay listened.
    pub(super) relay: String,
    /// Milliseconds to make the first relay and its devices, enrol and load
    /// them, and sync.
    pub(super) milliseconds: u64,
    /// The story, scene by scene.
    pub(super) story: Vec<(&'static str, String)>,
}

/// A world that is ready for the story.
pub(super) struct Stage {
    world: World,
    props: Props,
    rules: Rules,
}

impl Stage {
    /// Makes relay and devices, loads the records, and has everybody sync.
    pub(super) async fn set(
        rules: Rules,
        folder: &Path,
        source: &Source,
    ) -> Result<(Stage, Opening), Failure> {
        let start = Instant::now();
        let mut world = World::begin(folder, definition(rules)?).await?;
        match source {
            Source::Sample => load::sample(&world).await?,
            Source::Tables { data, mapping } => load::tables(&world, data, mapping).await?,
        }
        for who in Who::ALL {
            world.hand_out(who, who.device(), who.login()).await?;
        }
        let milliseconds = start.elapsed().as_millis() as u64;
        let props = world
            .host
            .look(|relay| Props::choose(relay.state()))
            .await??;
        let orders = props
            .definition
            .type_named("work_order")
            .map(|record_type| record_type.id);
        let (records, work_orders) = world
            .host
            .look(move |relay| {
                (
                    sight::count(relay.state(), None),
                    sight::count(relay.state(), orders),
                )
            })
            .await?;
        let opening = Opening {
            organization: props.definition.name.clone(),
            record_types: props.definition.types.len(),
            records,
            work_orders,
            relay: world.address.clone(),
            milliseconds,
            story: Scene::ALL
                .map(|scene| (scene.name(), scene.told(&props)))
                .into(),
        };
        Ok((
            Stage {
                world,
                props,
                rules,
            },
            opening,
        ))
    }

    /// Lets it happen; ends the world afterwards.
    pub(super) async fn play(mut self) -> Result<Round, Failure> {
        let before = self
            .world
            .host
            .look(|relay| relay.state().version())
            .await?;
        let traffic = self.world.traffic().await;
        self.part().await?;
        let start = Instant::now();
        self.meet_again().await?;
        let milliseconds = start.elapsed().as_millis() as u64;

        let mut scenes = Vec::new();
        for scene in Scene::ALL {
            scenes.push(sight::look(scene, &self.props, &self.world).await?);
        }
        let digests = self.digests().await?;
        let after = self
            .world
            .host
            .look(|relay| relay.state().version())
            .await?;
        let bytes = self.world.traffic().await - traffic;
        self.world.end().await;
        Ok(Round {
            rules: self.rules,
            scenes,
            agree: digests
                .iter()
                .all(|digest| digest.digest == digests[0].digest),
            digests,
            operations: after.0 - before.0,
            bytes,
            milliseconds,
        })
    }

    /// Everybody's link is cut, and the day goes on.
    async fn part(&mut self) -> Result<(), Failure> {
        for person in &self.world.people {
            person.leave().await?;
        }
        for scene in Scene::ALL {
            for (who, edit) in scene.edits(&self.props) {
                self.world
                    .person(who)?
                    .host
                    .handle
                    .request(Request::Edit(vec![edit]))
                    .await?;
            }
        }
        self.world.revoke(Who::Jonas).await
    }

    /// They come back one after another; the lost phone turns up, and Jonas
    /// has a new one.
    async fn meet_again(&mut self) -> Result<(), Failure> {
        for person in &self.world.people {
            person.come_back().await?;
        }
        for person in &self.world.revoked {
            person.hand_in().await?;
        }
        self.world
            .hand_out(Who::Jonas, "Jonas's new phone", NEW_PHONE)
            .await?;
        self.world.agree().await
    }

    async fn digests(&self) -> Result<Vec<Digest>, Failure> {
        let relay = self.world.host.look(|relay| relay.state().digest()).await?;
        let mut digests = vec![Digest {
            of: "relay",
            digest: relay.to_string(),
        }];
        for person in &self.world.people {
            let digest = person.host.look(|agent| agent.digest()).await??;
            digests.push(Digest {
                of: person.who.name(),
                digest: digest.to_string(),
            });
        }
        Ok(digests)
    }
}

/// The template under the rules of a round.
pub(super) fn definition(rules: Rules) -> Result<Definition, Failure> {
    let files: Vec<SourceFile> = text::template(TEMPLATE).unwrap_or_default();
    let read = text::parse(&files, &Definition::default(), &cairn_policy::ids());
    let template = read.map_err(|faults| {
        Failure::usage(format!("the template `{TEMPLATE}` is wrong: {}", faults[0]))
    })?;
    Ok(Definition {
        policy: rules.policy.to_owned(),
        granularity: rules.granularity,
        ..template
    })
}
