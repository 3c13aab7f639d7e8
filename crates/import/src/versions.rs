//! A map of which every version stays, at the price of what changed.
//!
//! Commits share most of what they hold. Two versions are compared by walking
//! only where they do not share.

use std::array;
use std::rc::Rc;

const WIDTH_LOG: u32 = 4;
const WIDTH: usize = 1 << WIDTH_LOG;
const LEVELS: u32 = 5;

/// How many keys there can be: 0 to one below.
pub(crate) const KEYS_MAX: usize = 1 << (WIDTH_LOG * LEVELS);

/// A version of a map from small numbers.
pub(crate) struct Versions<V> {
    root: Option<Rc<Node<V>>>,
}

enum Node<V> {
    Inner([Option<Rc<Node<V>>>; WIDTH]),
    Leaves([Option<Rc<V>>; WIDTH]),
}

impl<V> Clone for Versions<V> {
    fn clone(&self) -> Self {
        Versions {
            root: self.root.clone(),
        }
    }
}

impl<V> Default for Versions<V> {
    fn default() -> Self {
        Versions { root: None }
    }
}

/// The child of a node of this level under which `key` is. Leaves are level 0.
fn child(key: u32, level: u32) -> usize {
    (key >> (WIDTH_LOG * level)) as usize % WIDTH
}

impl<V> Versions<V> {
    pub(crate) fn get(&self, key: u32) -> Option<&Rc<V>> {
        let mut node = self.root.as_ref()?;
        let mut level = LEVELS - 1;
        loop {
            match &**node {
                Node::Inner(children) => node = children[child(key, level)].as_ref()?,
                Node::Leaves(values) => return values[child(key, level)].as_ref(),
            }
            level -= 1;
        }
    }

    /// Makes this version say `value` for `key`; other versions stay.
    pub(crate) fn set(&mut self, key: u32, value: Rc<V>) {
        assert!((key as usize) < KEYS_MAX, "keys are bounded");
        self.root = Some(changed(self.root.as_deref(), key, value, LEVELS - 1));
    }

    /// Tells every key of which two versions do not hold the same thing, in order.
    pub(crate) fn differences<'a>(
        &'a self,
        other: &'a Versions<V>,
        tell: &mut impl FnMut(u32, Option<&'a Rc<V>>, Option<&'a Rc<V>>),
    ) {
        differences(self.root.as_ref(), other.root.as_ref(), 0, tell);
    }
}

fn changed<V>(node: Option<&Node<V>>, key: u32, value: Rc<V>, level: u32) -> Rc<Node<V>> {
    let at = child(key, level);
    if level == 0 {
        let mut values = match node {
            Some(Node::Leaves(values)) => values.clone(),
            _ => array::from_fn(|_| None),
        };
        values[at] = Some(value);
        return Rc::new(Node::Leaves(values));
    }
    let mut children = match node {
        Some(Node::Inner(children)) => children.clone(),
        _ => array::from_fn(|_| None),
    };
    let below = changed(children[at].as_deref(), key, value, level - 1);
    children[at] = Some(below);
    Rc::new(Node::Inner(children))
}

fn differences<'a, V>(
    left: Option<&'a Rc<Node<V>>>,
    right: Option<&'a Rc<Node<V>>>,
    prefix: u32,
    tell: &mut impl FnMut(u32, Option<&'a Rc<V>>, Option<&'a Rc<V>>),
) {
    let shared = match (left, right) {
        (Some(left), Some(right)) => Rc::ptr_eq(left, right),
        (left, right) => left.is_none() && right.is_none(),
    };
    if shared {
        return;
    }
    for at in 0..WIDTH {
        let key = prefix << WIDTH_LOG | at as u32;
        let inner = |node: Option<&'a Rc<Node<V>>>| match node.map(|node| &**node) {
            Some(Node::Inner(children)) => children[at].as_ref(),
            _ => None,
        };
        let leaf = |node: Option<&'a Rc<Node<V>>>| match node.map(|node| &**node) {
            Some(Node::Leaves(values)) => values[at].as_ref(),
            _ => None,
        };
        differences(inner(left), inner(right), key, tell);
        let (left, right) = (leaf(left), leaf(right));
        let same = match (left, right) {
            (Some(left), Some(right)) => Rc::ptr_eq(left, right),
            (left, right) => left.is_none() && right.is_none(),
        };
        if !same {
            tell(key, left, right);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_version_keeps_what_it_holds() {
        let last = KEYS_MAX as u32 - 1;
        let mut first = Versions::default();
        for key in [0, 17, 4_711, last] {
            first.set(key, Rc::new(key));
        }
        let mut second = first.clone();
        second.set(17, Rc::new(18));
        second.set(99, Rc::new(99));
        let held = |map: &Versions<u32>, key| map.get(key).map(|value| **value);
        assert_eq!(
            [17, 99, last].map(|key| held(&first, key)),
            [Some(17), None, Some(last)]
        );
        assert_eq!(
            [17, 99, last].map(|key| held(&second, key)),
            [Some(18), Some(99), Some(last)]
        );
        let mut told = Vec::new();
        first.differences(&second, &mut |key, old, new| {
            told.push((key, old.map(|v| **v), new.map(|v| **v)));
        });
        assert_eq!(told, [(17, Some(17), Some(18)), (99, None, Some(99))]);
    }
}
