//! Which files that may hold records changed from one commit to another.

use crate::ImportFault;
use crate::patterns::{Patterns, Progress};
use crate::repository::{EntryKind, Repository, TreeEntry};
use gix_hash::ObjectId;
use std::cmp::Ordering;
use std::collections::BTreeSet;
use std::rc::Rc;

/// Folders in each other.
const DEPTH_MAX: usize = 256;

/// A file that changed.
pub(crate) struct FileChange {
    pub(crate) path: String,
    pub(crate) old: Option<ObjectId>,
    pub(crate) new: Option<ObjectId>,
}

/// The files of a repository that fit some patterns.
pub(crate) struct Files<'a> {
    pub(crate) repository: &'a mut Repository,
    patterns: &'a Patterns,
    /// Paths that are no UTF-8 and were left out.
    pub(crate) unreadable: BTreeSet<Vec<u8>>,
}

/// A folder on the way down.
struct Folder {
    path: String,
    progress: Progress,
    depth: usize,
}

impl<'a> Files<'a> {
    pub(crate) fn new(repository: &'a mut Repository, patterns: &'a Patterns) -> Files<'a> {
        Files {
            repository,
            patterns,
            unreadable: BTreeSet::new(),
        }
    }

    /// What differs between two trees, by path.
    pub(crate) fn changes(
        &mut self,
        old: Option<ObjectId>,
        new: ObjectId,
    ) -> Result<Vec<FileChange>, ImportFault> {
        let mut changes = Vec::new();
        let root = Folder {
            path: String::new(),
            progress: self.patterns.start(),
            depth: 0,
        };
        self.compare(&root, old, Some(new), &mut changes)?;
        Ok(changes)
    }

    fn compare(
        &mut self,
        folder: &Folder,
        old: Option<ObjectId>,
        new: Option<ObjectId>,
        changes: &mut Vec<FileChange>,
    ) -> Result<(), ImportFault> {
        if old == new {
            return Ok(());
        }
        if folder.depth > DEPTH_MAX {
            return Err(ImportFault::TooDeep { most: DEPTH_MAX });
        }
        let (old, new) = (self.entries(old)?, self.entries(new)?);
        let (mut old, mut new) = (old.iter().peekable(), new.iter().peekable());
        loop {
            let order = match (old.peek(), new.peek()) {
                (None, None) => return Ok(()),
                (Some(_), None) => Ordering::Less,
                (None, Some(_)) => Ordering::Greater,
                (Some(old), Some(new)) => old.name.cmp(&new.name),
            };
            let old = if order.is_le() { old.next() } else { None };
            let new = if order.is_ge() { new.next() } else { None };
            self.entry(folder, old, new, changes)?;
        }
    }

    fn entries(&mut self, tree: Option<ObjectId>) -> Result<Rc<Vec<TreeEntry>>, ImportFault> {
        match tree {
            Some(tree) => self.repository.tree(tree),
            None => Ok(Rc::default()),
        }
    }

    /// Compares what has one name.
    fn entry(
        &mut self,
        folder: &Folder,
        old: Option<&TreeEntry>,
        new: Option<&TreeEntry>,
        changes: &mut Vec<FileChange>,
    ) -> Result<(), ImportFault> {
        let id = |entry: Option<&TreeEntry>, kind| {
            entry
                .filter(|entry| entry.kind == kind)
                .map(|entry| entry.id)
        };
        let files = [old, new].map(|entry| id(entry, EntryKind::File));
        let folders = [old, new].map(|entry| id(entry, EntryKind::Folder));
        if files[0] == files[1] && folders[0] == folders[1] {
            return Ok(());
        }
        let Some(bytes) = old.or(new).map(|entry| &entry.name) else {
            return Ok(());
        };
        let name = &*String::from_utf8_lossy(bytes);
        let progress = self.patterns.enter(&folder.progress, name);
        if name.as_bytes() != bytes.as_slice() {
            if self.patterns.fits(&progress) || self.patterns.may_hold(&progress) {
                let path = [folder.path.as_bytes(), bytes.as_slice()].concat();
                self.unreadable.insert(path);
            }
            return Ok(());
        }
        if folders[0] != folders[1] && self.patterns.may_hold(&progress) {
            let below = Folder {
                path: format!("{}{name}/", folder.path),
                progress: progress.clone(),
                depth: folder.depth + 1,
            };
            self.compare(&below, folders[0], folders[1], changes)?;
        }
        if files[0] != files[1] && self.patterns.fits(&progress) {
            changes.push(FileChange {
                path: format!("{}{name}", folder.path),
                old: files[0],
                new: files[1],
            });
        }
        Ok(())
    }

    /// The file at a path of a tree.
    pub(crate) fn at(
        &mut self,
        tree: ObjectId,
        path: &str,
    ) -> Result<Option<ObjectId>, ImportFault> {
        let mut here = (EntryKind::Folder, tree);
        for name in path.split('/') {
            if here.0 != EntryKind::Folder {
                return Ok(None);
            }
            let entries = self.repository.tree(here.1)?;
            let found =
                entries.binary_search_by(|entry| entry.name.as_slice().cmp(name.as_bytes()));
            match found {
                Ok(place) => here = (entries[place].kind, entries[place].id),
                Err(_) => return Ok(None),
            }
        }
        Ok((here.0 == EntryKind::File).then_some(here.1))
    }
}
