//! Who is below whom.

use crate::definition::{Definition, Hierarchy, Right};
use std::collections::BTreeMap;

/// The hierarchy of an organization: steps upward, from users or from
/// positions, by the numbers of both in the order of their names.
#[derive(Debug, Clone, Default)]
pub(super) struct Chain {
    levels: u8,
    /// Above each user: the number of the manager, or of the user's position.
    above: Vec<Option<u32>>,
    /// Above each position, where the hierarchy is of positions.
    positions: Option<Vec<Option<u32>>>,
    /// The users that a manager is directly above, or who hold a position.
    users_under: BTreeMap<u32, Vec<u32>>,
    positions_under: BTreeMap<u32, Vec<u32>>,
}

impl Chain {
    pub(super) fn of(definition: &Definition) -> Chain {
        let (levels, by_position) = match definition.hierarchy {
            Hierarchy::None => return Chain::default(),
            Hierarchy::Manager(levels) => (levels, false),
            Hierarchy::Position(levels) => (levels, true),
        };
        let logins = numbers(definition.users.keys());
        let names = numbers(definition.positions.keys());
        let above = |user: &crate::User| {
            if by_position {
                names.get(user.position.as_ref()?.as_str()).copied()
            } else {
                logins.get(user.manager.as_ref()?.as_str()).copied()
            }
        };
        let above: Vec<Option<u32>> = definition.users.values().map(above).collect();
        let positions = by_position.then(|| {
            let positions = definition.positions.values();
            let parent = |position: &crate::definition::Position| {
                names.get(position.parent.as_ref()?.as_str()).copied()
            };
            positions.map(parent).collect::<Vec<Option<u32>>>()
        });
        Chain {
            levels,
            users_under: under(&above),
            positions_under: positions.as_deref().map(under).unwrap_or_default(),
            above,
            positions,
        }
    }

    /// How many levels down a right reaches.
    fn levels_of(&self, right: Right) -> u8 {
        match right {
            Right::Read => self.levels,
            Right::Write | Right::Append => self.levels.min(1),
            Right::Create | Right::Delete | Right::Assign | Right::Share => 0,
        }
    }

    /// Whether `user` is below `superior` as far as a right reaches.
    pub(super) fn is_below(&self, user: u32, superior: u32, right: Right) -> bool {
        let levels = self.levels_of(right);
        let above = |number: u32| self.above.get(number as usize).copied().flatten();
        if levels == 0 {
            return false;
        }
        match &self.positions {
            None => climbs(user, superior, levels, above),
            Some(positions) => match (above(user), above(superior)) {
                (Some(position), Some(goal)) => climbs(position, goal, levels, |number| {
                    positions.get(number as usize).copied().flatten()
                }),
                _ => false,
            },
        }
    }

    /// Everybody below `superior` as far as a right reaches.
    pub(super) fn below(&self, superior: u32, right: Right) -> Vec<u32> {
        let levels = self.levels_of(right);
        if levels == 0 {
            return Vec::new();
        }
        if self.positions.is_none() {
            return descend(superior, levels, &self.users_under);
        }
        let Some(own) = self.above.get(superior as usize).copied().flatten() else {
            return Vec::new();
        };
        let positions = descend(own, levels, &self.positions_under);
        let holders = positions
            .iter()
            .filter_map(|position| self.users_under.get(position));
        holders.flatten().copied().collect()
    }
}

fn numbers<'a>(names: impl Iterator<Item = &'a String>) -> BTreeMap<&'a str, u32> {
    names
        .zip(0..)
        .map(|(name, number)| (name.as_str(), number))
        .collect()
}

fn under(above: &[Option<u32>]) -> BTreeMap<u32, Vec<u32>> {
    let mut under: BTreeMap<u32, Vec<u32>> = BTreeMap::new();
    for (below, above) in (0..).zip(above) {
        if let Some(above) = above {
            under.entry(*above).or_default().push(below);
        }
    }
    under
}

fn climbs(from: u32, goal: u32, levels: u8, above: impl Fn(u32) -> Option<u32>) -> bool {
    let mut at = Some(from);
    (0..levels).any(|_| {
        at = at.and_then(&above);
        at == Some(goal)
    })
}

fn descend(from: u32, levels: u8, under: &BTreeMap<u32, Vec<u32>>) -> Vec<u32> {
    let mut found = Vec::new();
    let mut level = vec![from];
    for _ in 0..levels {
        let next = level.iter().filter_map(|above| under.get(above));
        level = next.flatten().copied().collect();
        if level.is_empty() {
            break;
        }
        found.extend(&level);
    }
    found
}
