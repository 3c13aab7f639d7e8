//! A git repository, read and nothing else.
//!
//! Only files of the repository's own folder are opened: refs, the object
//! store, and the list of commits at which a shallow clone ends. Its
//! configuration, attributes and hooks are never looked at, so that nothing in
//! it can name a program to run.

mod refs;

use crate::ImportFault;
use crate::cache::Cache;
use gix_hash::ObjectId;
use gix_object::{CommitRef, Find, Kind, TagRef, TreeRefIter};
use gix_odb::pack::cache::DecodeEntry;
use gix_odb::store::init::Options;
use gix_odb::{Handle, Header};
use std::collections::{BTreeMap, HashSet};
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::Arc;

/// Bytes of a commit, a tree or a tag.
const OBJECT_BYTES_MAX: u64 = 64 * 1024 * 1024;
/// Bytes that are taken at once because a pack says so.
const PACKED_BYTES_MAX: usize = 512 * 1024 * 1024;
/// Bytes of objects that others are packed against.
const DELTA_CACHE_BYTES: usize = 96 * 1024 * 1024;
/// Bytes of trees.
const TREE_CACHE_BYTES: usize = 64 * 1024 * 1024;
/// Tags of tags.
const TAGS_MAX: usize = 10;

/// A repository and where it is.
pub(crate) struct Repository {
    /// Its own folder, for messages.
    path: PathBuf,
    objects: Handle,
    buffer: Vec<u8>,
    trees: Cache<ObjectId, Rc<Vec<TreeEntry>>>,
    cut: HashSet<ObjectId>,
}

/// What is in a folder.
pub(crate) struct TreeEntry {
    pub(crate) name: Vec<u8>,
    pub(crate) kind: EntryKind,
    pub(crate) id: ObjectId,
}

/// What can be in a folder. Links and submodules count for nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum EntryKind {
    File,
    Folder,
}

/// A commit as it is stored.
pub(crate) struct StoredCommit {
    pub(crate) tree: ObjectId,
    pub(crate) parents: Vec<ObjectId>,
    pub(crate) author: Vec<u8>,
    pub(crate) bot: bool,
    pub(crate) time: i64,
    pub(crate) recorded: i64,
    /// Whether what it follows was left behind.
    pub(crate) cut: bool,
}

/// A file's content.
pub(crate) enum Blob {
    Bytes(Vec<u8>),
    TooLarge(u64),
}

/// Where a repository's history ends.
pub(crate) struct Tips {
    /// The newest commit of the branch that is its own.
    pub(crate) head: Option<ObjectId>,
    /// All, that one too.
    pub(crate) all: Vec<ObjectId>,
}

impl Repository {
    /// Opens the repository in this folder.
    pub(crate) fn open(path: &Path) -> Result<Repository, ImportFault> {
        let folder = folder_of(path)?;
        let unusable = |reason: String| ImportFault::Repository {
            path: path.to_owned(),
            reason,
        };
        let objects = own_objects(&folder).map_err(unusable)?;
        let cut = cut_commits(&folder).map_err(unusable)?;
        let options = Options {
            alloc_limit_bytes: Some(PACKED_BYTES_MAX),
            ..Options::default()
        };
        let mut objects = gix_odb::at_opts(objects, gix_hash::Kind::Sha1, None, options)
            .map_err(|error| unusable(format!("its objects cannot be read: {error}")))?;
        objects.set_pack_cache(|| Box::new(Deltas(Cache::new(DELTA_CACHE_BYTES))));
        Ok(Repository {
            path: folder,
            objects,
            buffer: Vec::new(),
            trees: Cache::new(TREE_CACHE_BYTES),
            cut,
        })
    }

    /// The commits that refs name: of branches, tags, what remotes had, and
    /// proposed changes; not of their trial merges, stashes and notes.
    pub(crate) fn tips(&mut self) -> Result<Tips, ImportFault> {
        let refs = refs::read(&self.path).map_err(|reason| ImportFault::Repository {
            path: self.path.clone(),
            reason,
        })?;
        let head = match refs.head {
            Some(id) => self.peeled(id)?,
            None => None,
        };
        let mut all: BTreeMap<ObjectId, ()> = head.iter().map(|id| (*id, ())).collect();
        for id in refs.others {
            all.extend(self.peeled(id)?.map(|id| (id, ())));
        }
        Ok(Tips {
            head,
            all: all.into_keys().collect(),
        })
    }

    /// The commit that a ref or tag means, if it means one.
    fn peeled(&mut self, mut id: ObjectId) -> Result<Option<ObjectId>, ImportFault> {
        for _ in 0..TAGS_MAX {
            match self.load(id, OBJECT_BYTES_MAX)? {
                Some(Kind::Commit) => return Ok(Some(id)),
                Some(Kind::Tag) => {
                    let tag = TagRef::from_bytes(&self.buffer, gix_hash::Kind::Sha1);
                    id = tag.map_err(|error| broken(id, &error))?.target();
                }
                // A tag may be of a tree or a file, and those have no history.
                Some(Kind::Tree | Kind::Blob) | None => return Ok(None),
            }
        }
        Ok(None)
    }

    pub(crate) fn commit(&mut self, id: ObjectId) -> Result<StoredCommit, ImportFault> {
        self.load_whole(id, Kind::Commit)?;
        let commit = CommitRef::from_bytes(&self.buffer, gix_hash::Kind::Sha1)
            .map_err(|error| broken(id, &error))?;
        let author = commit.author().map_err(|error| broken(id, &error))?.trim();
        let committer = commit.committer();
        let recorded = committer.map_err(|error| broken(id, &error))?.seconds();
        let cut = self.cut.contains(&id);
        let parents = match cut {
            true => Vec::new(),
            false => commit.parents().collect(),
        };
        Ok(StoredCommit {
            tree: commit.tree(),
            parents,
            author: author.email.to_ascii_lowercase(),
            bot: is_bot(author.name) || is_bot(author.email),
            time: author.seconds(),
            recorded,
            cut,
        })
    }

    /// What is in a folder, by name.
    pub(crate) fn tree(&mut self, id: ObjectId) -> Result<Rc<Vec<TreeEntry>>, ImportFault> {
        if let Some(tree) = self.trees.get(&id) {
            return Ok(tree);
        }
        self.load_whole(id, Kind::Tree)?;
        let mut entries = Vec::new();
        for entry in TreeRefIter::from_bytes(&self.buffer, gix_hash::Kind::Sha1) {
            let entry = entry.map_err(|error| broken(id, &error))?;
            let kind = match entry.mode {
                mode if mode.is_tree() => EntryKind::Folder,
                mode if mode.is_blob() => EntryKind::File,
                _ => continue,
            };
            entries.push(TreeEntry {
                name: entry.filename.to_vec(),
                kind,
                id: entry.oid.to_owned(),
            });
        }
        // Git sorts folders as if their names ended in a slash.
        entries.sort_by(|a, b| a.name.cmp(&b.name));
        let weight = self.buffer.len() + entries.len() * size_of::<TreeEntry>();
        let entries = Rc::new(entries);
        self.trees.put(id, entries.clone(), weight);
        Ok(entries)
    }

    /// A file's content, if it is not larger than that.
    pub(crate) fn blob(&mut self, id: ObjectId, bytes_max: u64) -> Result<Blob, ImportFault> {
        let size = self.size(id)?;
        if size > bytes_max {
            return Ok(Blob::TooLarge(size));
        }
        match self.load(id, bytes_max)? {
            Some(Kind::Blob) => Ok(Blob::Bytes(self.buffer.clone())),
            _ => Err(broken(id, &"it is no file")),
        }
    }

    fn size(&mut self, id: ObjectId) -> Result<u64, ImportFault> {
        let header = self.objects.try_header(&id);
        let header = header.map_err(|error| broken(id, &error))?;
        header.map(|h| h.size()).ok_or(ImportFault::Missing { id })
    }

    /// Takes an object into the buffer. `None`: it is too large.
    fn load(&mut self, id: ObjectId, bytes_max: u64) -> Result<Option<Kind>, ImportFault> {
        if self.size(id)? > bytes_max {
            return Ok(None);
        }
        let found = self.objects.try_find(&id, &mut self.buffer);
        let found = found.map_err(|error| broken(id, &error))?;
        let kind = found.map(|object| object.kind);
        kind.map(Some).ok_or(ImportFault::Missing { id })
    }

    fn load_whole(&mut self, id: ObjectId, kind: Kind) -> Result<(), ImportFault> {
        match self.load(id, OBJECT_BYTES_MAX)? {
            Some(found) if found == kind => Ok(()),
            Some(found) => Err(broken(
                id,
                &format!("it is a {found}, and should be a {kind}"),
            )),
            None => Err(broken(
                id,
                &format!("it is larger than {OBJECT_BYTES_MAX} bytes"),
            )),
        }
    }
}

fn broken(id: ObjectId, reason: &dyn std::fmt::Display) -> ImportFault {
    ImportFault::Broken {
        id,
        reason: reason.to_string(),
    }
}

fn is_bot(name: &[u8]) -> bool {
    let name = name.to_ascii_lowercase();
    let marks: [&[u8]; 3] = [b"[bot]", b"-bot@", b"bot@users.noreply."];
    let marked = |mark: &&[u8]| name.windows(mark.len()).any(|part| part == *mark);
    marks.iter().any(marked) || name.ends_with(b"-bot")
}

/// The folder in which a repository keeps its own things.
fn folder_of(path: &Path) -> Result<PathBuf, ImportFault> {
    let unusable = |reason: &str| ImportFault::Repository {
        path: path.to_owned(),
        reason: reason.to_owned(),
    };
    if !path.exists() {
        return Err(unusable("it is not there"));
    }
    let inner = path.join(".git");
    if inner.is_file() {
        return Err(unusable(
            "it is a work tree or a submodule of another repository (its .git is a file); name that repository",
        ));
    }
    let folder = if inner.is_dir() {
        inner
    } else {
        path.to_owned()
    };
    if folder.join("commondir").exists() {
        return Err(unusable(
            "it belongs to a work tree of another repository; name that repository",
        ));
    }
    let is_repository = folder.join("HEAD").is_file() && folder.join("objects").is_dir();
    match is_repository {
        true => Ok(folder),
        false => Err(unusable(
            "it is no git repository; name the folder of one, bare or with a work tree",
        )),
    }
}

/// The folder of its objects, unless some of them are somewhere else.
fn own_objects(folder: &Path) -> Result<PathBuf, String> {
    let objects = folder.join("objects");
    let alternates = objects.join("info/alternates");
    match fs::symlink_metadata(&alternates) {
        Ok(file) if file.len() > 0 => {
            return Err(
                "it borrows objects from another repository (objects/info/alternates), and nothing outside of it is read; \
                 make it whole with `git repack -a -d` and remove that file, or name a clone of it"
                    .to_owned(),
            );
        }
        Err(error) if error.kind() != ErrorKind::NotFound => {
            return Err(format!("{} cannot be read: {error}", alternates.display()));
        }
        _ => {}
    }
    let parts = [objects.clone(), folder.join("refs")];
    let mut links: Vec<PathBuf> = parts.into_iter().filter(|part| part.is_symlink()).collect();
    for part in [objects.clone(), objects.join("pack")] {
        links.extend(link_in(&part)?);
    }
    if let Some(link) = links.first() {
        return Err(format!(
            "{} is a link, and nothing outside of the repository is read; name a clone of it",
            link.display()
        ));
    }
    Ok(objects)
}

/// A link among what is in a folder.
fn link_in(folder: &Path) -> Result<Option<PathBuf>, String> {
    let said = |error: std::io::Error| format!("{} cannot be read: {error}", folder.display());
    let entries = match fs::read_dir(folder) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        entries => entries.map_err(said)?,
    };
    for entry in entries {
        let entry = entry.map_err(said)?;
        if entry.file_type().map_err(said)?.is_symlink() {
            return Ok(Some(entry.path()));
        }
    }
    Ok(None)
}

/// The commits at which a shallow clone ends.
fn cut_commits(folder: &Path) -> Result<HashSet<ObjectId>, String> {
    let Some(text) = refs::small_file(&folder.join("shallow"))? else {
        return Ok(HashSet::new());
    };
    text.lines()
        .map(|line| refs::object_id(line, "shallow"))
        .collect()
}

/// Objects that others are packed against, by pack and place.
struct Deltas(Cache<(u32, u64), Arc<Delta>>);

struct Delta {
    kind: Kind,
    packed: usize,
    bytes: Vec<u8>,
}

impl DecodeEntry for Deltas {
    fn put(&mut self, pack: u32, place: u64, bytes: &[u8], kind: Kind, packed: usize) {
        let delta = Delta {
            kind,
            packed,
            bytes: bytes.to_vec(),
        };
        self.0.put((pack, place), Arc::new(delta), bytes.len());
    }

    fn get(&mut self, pack: u32, place: u64, out: &mut Vec<u8>) -> Option<(Kind, usize)> {
        let delta = self.0.get(&(pack, place))?;
        out.clear();
        out.extend_from_slice(&delta.bytes);
        Some((delta.kind, delta.packed))
    }
}

#[cfg(test)]
mod tests {
    use super::is_bot;

    #[test]
    fn robots_say_so() {
        for name in [
            "dependabot[bot]",
            "x-bot",
            "12+github-actions[bot]@users.noreply.github.com",
        ] {
            assert!(is_bot(name.as_bytes()), "{name}");
        }
        for name in ["Abbot", "talbot@example.com", "bottom"] {
            assert!(!is_bot(name.as_bytes()), "{name}");
        }
    }
}
