//! A disk that forgets, tears and fails, the same way each time for the same seed.
//!
//! ```text
//!   write ─► cache ─ sync ─► durable          a file's bytes, twice
//!   rename ─► names ─ sync_dir ─► durable     a directory's names, twice
//!
//!   crash: durable, and of the calls since the last sync whatever the mode lets through
//! ```
//!
//! The model is meaner than real disks, not kinder:
//!
//! - Nothing is durable before its sync, not the length of a file, and not a name before the sync
//!   of its directory; syncing a new file does not save its name. Made directories are names too.
//! - Calls since the sync survive a crash in any combination ([`Crash::Random`]), and a write
//!   in parts of 512 bytes or cut at any byte ([`Crash::Torn`]). What survives is laid down in
//!   order: a later write to the same place is never undone by an earlier one.
//! - A write through the cache makes durable what it writes, and nothing else. It can tear. One
//!   past the cache waits for its sync like any other.
//! - A failed sync drops what it was to save: reads still show it, no later sync saves it.
//! - Every call can be made to fail by its number, and from one number on all do: the power cut.
//!   Writes are short now and then if asked for.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard};

use base::Rng;
use persist::{Access, File, Guard, Kind, Past, Storage, Through, Trouble};

/// A simulated disk; clones are the same disk.
#[derive(Clone)]
pub struct SimDisk {
    world: Arc<Mutex<World>>,
}

/// What a crash leaves of the calls that were not synced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Crash {
    /// Nothing.
    Drop,
    /// The first so many of each file, and of the names.
    Prefix,
    /// Any of them.
    Random,
    /// Any of them, and of a write any of its sectors, or a front part that ends at any byte.
    Torn,
    /// All of them: the process died and the machine did not.
    Process,
}

impl Crash {
    pub const ALL: [Crash; 5] = [
        Crash::Drop,
        Crash::Prefix,
        Crash::Random,
        Crash::Torn,
        Crash::Process,
    ];
}

/// How a call fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// No room.
    Full,
    /// The device fails. If the call was a sync, what it was to save is lost.
    Device,
    /// This call and all later ones: there is no power.
    PowerCut,
}

struct World {
    files: BTreeMap<u64, SimFile>,
    names: Names,
    durable_names: Names,
    /// Changes of names since the sync of a directory that they touch.
    changes: Vec<Change>,
    next_file: u64,
    calls: u64,
    faults: BTreeMap<u64, Fault>,
    is_off: bool,
    capacity_bytes: u64,
    short_writes: Option<Rng>,
    writes_through: bool,
    locks: BTreeSet<PathBuf>,
    /// Each call by name, if asked for.
    journal: Option<Vec<String>>,
}

type Names = BTreeMap<PathBuf, Node>;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Node {
    Directory,
    File(u64),
}

#[derive(Clone, Default)]
struct SimFile {
    cache: Vec<u8>,
    durable: Vec<u8>,
    unsynced: Vec<Op>,
}

#[derive(Clone)]
enum Op {
    Write(u64, Vec<u8>),
    SetLen(u64),
}

#[derive(Clone)]
enum Change {
    Add(PathBuf, Node),
    Rename(PathBuf, PathBuf),
    Remove(PathBuf),
}

struct SimHandle {
    disk: SimDisk,
    id: u64,
    path: PathBuf,
    is_writable: bool,
}

struct SimGuard {
    disk: SimDisk,
    dir: PathBuf,
}

const SECTOR_BYTES: usize = 512;

impl SimDisk {
    /// An empty disk with one durable directory.
    pub fn new(dir: &Path) -> SimDisk {
        let names: Names = [(dir.to_owned(), Node::Directory)].into();
        let world = World {
            files: BTreeMap::new(),
            durable_names: names.clone(),
            names,
            changes: Vec::new(),
            next_file: 0,
            calls: 0,
            faults: BTreeMap::new(),
            is_off: false,
            capacity_bytes: u64::MAX,
            short_writes: None,
            writes_through: true,
            locks: BTreeSet::new(),
            journal: None,
        };
        SimDisk {
            world: Arc::new(Mutex::new(world)),
        }
    }

    /// Calls so far. Reads count too.
    pub fn calls(&self) -> u64 {
        self.world().calls
    }

    /// Makes the call of this number fail.
    pub fn fail_at(&self, call: u64, fault: Fault) {
        self.world().faults.insert(call, fault);
    }

    /// No planned failure any more.
    pub fn forgive(&self) {
        self.world().faults.clear();
    }

    /// Room for so many bytes in all files.
    pub fn set_capacity(&self, bytes: u64) {
        self.world().capacity_bytes = bytes;
    }

    /// Does this disk know [`File::write_through`]? It does unless told otherwise.
    pub fn set_writes_through(&self, knows: bool) {
        self.world().writes_through = knows;
    }

    /// From now on some writes take only a part.
    pub fn shorten_writes(&self, seed: u64) {
        self.world().short_writes = Some(Rng::new(seed));
    }

    /// Writes down each call from now on; see [`SimDisk::journal`].
    pub fn keep_journal(&self) {
        self.world().journal = Some(Vec::new());
    }

    pub fn journal(&self) -> Vec<String> {
        self.world().journal.clone().unwrap_or_default()
    }

    /// The disk as the next start finds it. This one goes on as if nothing had happened.
    pub fn crash(&self, seed: u64, mode: Crash) -> SimDisk {
        let mut rng = Rng::new(seed);
        let world = self.world();
        let mut names = world.durable_names.clone();
        for change in survivors(&world.changes, &mut rng, mode) {
            apply(change, &mut names);
        }
        // A name in a directory whose own name is lost is lost with it.
        let is_reachable = |path: &Path| {
            let mut above = path.ancestors().skip(1);
            let parent = above.next();
            parent.is_none_or(|dir| world.is_root(path) || names.contains_key(dir))
        };
        let names: Names = names
            .iter()
            .filter(|(path, _)| is_reachable(path))
            .map(|(path, node)| (path.clone(), *node))
            .collect();
        let mut files = BTreeMap::new();
        for (id, file) in &world.files {
            let mut bytes = file.durable.clone();
            for op in survivors(&file.unsynced, &mut rng, mode) {
                lay_down(op, &mut bytes, &mut rng, mode);
            }
            // A killed process leaves the kernel's memory, also of what a failed sync gave up.
            let cache = if mode == Crash::Process {
                file.cache.clone()
            } else {
                bytes.clone()
            };
            let (durable, unsynced) = match mode {
                Crash::Process => (file.durable.clone(), file.unsynced.clone()),
                _ => (bytes, Vec::new()),
            };
            let file = SimFile {
                cache,
                durable,
                unsynced,
            };
            files.insert(*id, file);
        }
        let (durable_names, changes) = match mode {
            Crash::Process => (world.durable_names.clone(), world.changes.clone()),
            _ => (names.clone(), Vec::new()),
        };
        let after = World {
            files,
            names,
            durable_names,
            changes,
            next_file: world.next_file,
            calls: 0,
            faults: BTreeMap::new(),
            is_off: false,
            capacity_bytes: world.capacity_bytes,
            short_writes: world.short_writes.clone(),
            writes_through: world.writes_through,
            locks: BTreeSet::new(),
            journal: None,
        };
        SimDisk {
            world: Arc::new(Mutex::new(after)),
        }
    }

    /// What a file holds now.
    pub fn contents(&self, path: &Path) -> Option<Vec<u8>> {
        let world = self.world();
        match world.names.get(path)? {
            Node::File(id) => Some(world.files[id].cache.clone()),
            Node::Directory => None,
        }
    }

    /// Puts a durable file where there may have been another, for tests of damage.
    pub fn put(&self, path: &Path, bytes: &[u8]) {
        let mut world = self.world();
        let id = world.new_file();
        let file = world.files.get_mut(&id).expect("just made");
        file.cache = bytes.to_vec();
        file.durable = bytes.to_vec();
        world.names.insert(path.to_owned(), Node::File(id));
        world.durable_names.insert(path.to_owned(), Node::File(id));
    }

    /// Removes a file durably.
    pub fn take_away(&self, path: &Path) {
        let mut world = self.world();
        world.names.remove(path);
        world.durable_names.remove(path);
    }

    /// All files, sorted by name.
    pub fn files(&self) -> Vec<PathBuf> {
        let world = self.world();
        let files = world
            .names
            .iter()
            .filter(|(_, node)| matches!(node, Node::File(_)));
        files.map(|(path, _)| path.clone()).collect()
    }

    fn world(&self) -> MutexGuard<'_, World> {
        self.world
            .lock()
            .expect("no test panics inside of the disk")
    }
}

impl World {
    /// Counts a call and lets it fail if that is planned.
    fn call(&mut self, what: &str, path: &Path) -> Result<(), Trouble> {
        if self.is_off {
            return Err(Trouble::new(Kind::Device, path, "there is no power"));
        }
        let number = self.calls;
        self.calls += 1;
        if let Some(journal) = &mut self.journal {
            journal.push(format!("{number} {what} {}", path.display()));
        }
        let fault = self.faults.get(&number).copied();
        let (kind, text) = match fault {
            None => return Ok(()),
            Some(Fault::Full) => (Kind::Full, "no space left"),
            Some(Fault::Device) => (Kind::Device, "input/output error"),
            Some(Fault::PowerCut) => {
                self.is_off = true;
                (Kind::Device, "there is no power")
            }
        };
        Err(Trouble::new(
            kind,
            path,
            format!("cannot {what}: {text} (call {number})"),
        ))
    }

    fn new_file(&mut self) -> u64 {
        self.next_file += 1;
        self.files.insert(self.next_file, SimFile::default());
        self.next_file
    }

    fn is_root(&self, path: &Path) -> bool {
        self.names.keys().next().is_some_and(|root| root == path)
    }

    fn change(&mut self, change: Change) {
        apply(&change, &mut self.names);
        self.changes.push(change);
    }

    fn has_dir(&self, path: &Path) -> bool {
        let dir = path.parent().and_then(|dir| self.names.get(dir));
        dir == Some(&Node::Directory)
    }

    fn used_bytes(&self) -> u64 {
        let named = self.names.values().filter_map(|node| match node {
            Node::File(id) => Some(self.files[id].cache.len() as u64),
            Node::Directory => None,
        });
        named.sum()
    }

    /// How far a file may grow.
    fn room_for(&self, id: u64) -> u64 {
        let free = self.capacity_bytes.saturating_sub(self.used_bytes());
        self.files[&id].cache.len() as u64 + free
    }
}

fn missing(path: &Path) -> Trouble {
    Trouble::new(Kind::Missing, path, "there is no such file")
}

impl Storage for SimDisk {
    fn open(&self, path: &Path, access: Access) -> Result<Box<dyn File>, Trouble> {
        let mut world = self.world();
        world.call("open", path)?;
        let found = world.names.get(path).copied();
        let id = match (found, access) {
            (Some(Node::Directory), _) => {
                return Err(Trouble::new(Kind::System, path, "this is a directory"));
            }
            (Some(Node::File(id)), Access::Read | Access::Write) => id,
            (Some(Node::File(id)), Access::Create) => {
                let file = world.files.get_mut(&id).expect("named");
                file.cache.clear();
                file.unsynced.push(Op::SetLen(0));
                id
            }
            (None, Access::Create) if world.has_dir(path) => {
                let id = world.new_file();
                world.change(Change::Add(path.to_owned(), Node::File(id)));
                id
            }
            (None, _) => return Err(missing(path)),
        };
        Ok(Box::new(SimHandle {
            disk: self.clone(),
            id,
            path: path.to_owned(),
            is_writable: access != Access::Read,
        }))
    }

    fn list(&self, dir: &Path) -> Result<Vec<String>, Trouble> {
        let mut world = self.world();
        world.call("list", dir)?;
        if world.names.get(dir) != Some(&Node::Directory) {
            return Err(missing(dir));
        }
        let inside = world.names.keys().filter(|path| path.parent() == Some(dir));
        let names = inside.filter_map(|path| path.file_name()?.to_str());
        Ok(names.map(str::to_owned).collect())
    }

    fn rename(&self, from: &Path, to: &Path) -> Result<(), Trouble> {
        let mut world = self.world();
        world.call("rename", from)?;
        if !world.names.contains_key(from) || !world.has_dir(to) {
            return Err(missing(from));
        }
        world.change(Change::Rename(from.to_owned(), to.to_owned()));
        Ok(())
    }

    fn remove(&self, path: &Path) -> Result<(), Trouble> {
        let mut world = self.world();
        world.call("remove", path)?;
        if !matches!(world.names.get(path), Some(Node::File(_))) {
            return Err(missing(path));
        }
        world.change(Change::Remove(path.to_owned()));
        Ok(())
    }

    fn create_dir(&self, path: &Path) -> Result<(), Trouble> {
        let mut world = self.world();
        world.call("make the directory", path)?;
        if world.names.contains_key(path) {
            return Err(Trouble::new(Kind::Exists, path, "it is there already"));
        }
        if !world.has_dir(path) {
            return Err(missing(path));
        }
        world.change(Change::Add(path.to_owned(), Node::Directory));
        Ok(())
    }

    fn sync_dir(&self, dir: &Path) -> Result<(), Trouble> {
        let mut world = self.world();
        world.call("sync the directory", dir)?;
        let touches = |change: &Change| {
            let is_inside = |path: &Path| path.parent() == Some(dir);
            match change {
                Change::Add(path, _) | Change::Remove(path) => is_inside(path),
                Change::Rename(from, to) => is_inside(from) || is_inside(to),
            }
        };
        let (saved, kept) = world.changes.drain(..).partition(touches);
        world.changes = kept;
        let saved: Vec<Change> = saved;
        saved
            .iter()
            .for_each(|change| apply(change, &mut world.durable_names));
        Ok(())
    }

    fn lock(&self, dir: &Path) -> Result<Box<dyn Guard>, Trouble> {
        let mut world = self.world();
        world.call("lock", dir)?;
        if !world.locks.insert(dir.to_owned()) {
            return Err(Trouble::new(
                Kind::InUse,
                dir,
                "somebody has this directory open",
            ));
        }
        Ok(Box::new(SimGuard {
            disk: self.clone(),
            dir: dir.to_owned(),
        }))
    }

    fn free_bytes(&self, dir: &Path) -> Result<u64, Trouble> {
        let mut world = self.world();
        world.call("ask for free space", dir)?;
        Ok(world.capacity_bytes.saturating_sub(world.used_bytes()))
    }
}

impl File for SimHandle {
    fn read_at(&self, offset: u64, into: &mut [u8]) -> Result<usize, Trouble> {
        let mut world = self.disk.world();
        world.call("read", &self.path)?;
        let bytes = &world.files[&self.id].cache;
        let from = bytes.len().min(offset as usize);
        let len = into.len().min(bytes.len() - from);
        into[..len].copy_from_slice(&bytes[from..from + len]);
        Ok(len)
    }

    fn write_at(&self, offset: u64, bytes: &[u8]) -> Result<usize, Trouble> {
        assert!(self.is_writable && !bytes.is_empty());
        let mut world = self.disk.world();
        let outcome = world.call("write", &self.path);
        let mut len = bytes.len();
        match &outcome {
            Ok(()) => {
                if let Some(rng) = &mut world.short_writes
                    && rng.below(4) == 0
                {
                    len = 1 + rng.below(len as u64) as usize;
                }
            }
            // A write that fails may have done its half.
            Err(_) => len /= 2,
        }
        let room = world.room_for(self.id).saturating_sub(offset);
        let len = len.min(room as usize);
        if len == 0 {
            outcome?;
            // Not a byte of room.
            return Err(Trouble::new(Kind::Full, &self.path, "no space left").at(offset));
        }
        let file = world.files.get_mut(&self.id).expect("open");
        file.apply(Op::Write(offset, bytes[..len].to_vec()));
        outcome.map(|()| len)
    }

    fn write_through(&self, offset: u64, blocks: &[u8]) -> Result<Through, Trouble> {
        assert!(self.is_writable && !blocks.is_empty());
        let mut world = self.disk.world();
        if !world.writes_through {
            return Ok(Through::Unknown);
        }
        let outcome = world.call("write through", &self.path);
        let room = world.room_for(self.id).saturating_sub(offset);
        assert!(room >= blocks.len() as u64, "room was allocated");
        let file = world.files.get_mut(&self.id).expect("open");
        let op = Op::Write(offset, blocks.to_vec());
        match outcome {
            Ok(()) => {
                // What the cache has of these bytes goes first, as in a kernel.
                file.write_back(offset, blocks.len());
                lay_down_whole(&op, &mut file.cache);
                lay_down_whole(&op, &mut file.durable);
                Ok(Through::Durable)
            }
            // It may be there, or parts of it.
            Err(trouble) => {
                file.apply(op);
                Err(trouble)
            }
        }
    }

    fn write_past(&self, offset: u64, blocks: &[u8]) -> Result<Past, Trouble> {
        let mut world = self.disk.world();
        if !world.writes_through {
            return Ok(Past::Unknown);
        }
        let outcome = world.call("write past", &self.path);
        let room = world.room_for(self.id).saturating_sub(offset);
        assert!(room >= blocks.len() as u64, "room was allocated");
        // Until it is synced it is lost, torn and reordered like any other.
        let file = world.files.get_mut(&self.id).expect("open");
        file.apply(Op::Write(offset, blocks.to_vec()));
        outcome.map(|()| Past::Written)
    }

    fn sync_data(&self) -> Result<(), Trouble> {
        let mut world = self.disk.world();
        let outcome = world.call("sync", &self.path);
        let is_off = world.is_off;
        let file = world.files.get_mut(&self.id).expect("open");
        match &outcome {
            Ok(()) => {
                for op in std::mem::take(&mut file.unsynced) {
                    lay_down_whole(&op, &mut file.durable);
                }
            }
            Err(_) if is_off => {}
            Err(_) => file.unsynced.clear(),
        }
        outcome
    }

    fn len(&self) -> Result<u64, Trouble> {
        let mut world = self.disk.world();
        world.call("look at", &self.path)?;
        Ok(world.files[&self.id].cache.len() as u64)
    }

    fn set_len(&self, len: u64) -> Result<(), Trouble> {
        let mut world = self.disk.world();
        world.call("change the length of", &self.path)?;
        let file = world.files.get_mut(&self.id).expect("open");
        file.apply(Op::SetLen(len));
        Ok(())
    }

    fn allocate(&self, end: u64) -> Result<(), Trouble> {
        let mut world = self.disk.world();
        world.call("reserve", &self.path)?;
        if end > world.room_for(self.id) {
            return Err(Trouble::new(Kind::Full, &self.path, "no space left"));
        }
        let file = world.files.get_mut(&self.id).expect("open");
        if end > file.cache.len() as u64 {
            file.apply(Op::SetLen(end));
        }
        Ok(())
    }
}

impl Guard for SimGuard {}

impl Drop for SimGuard {
    fn drop(&mut self) {
        if let Ok(mut world) = self.disk.world.lock() {
            world.locks.remove(&self.dir);
        }
    }
}

impl SimFile {
    /// Saves the unsynced writes to any of these bytes, and what became of the length.
    fn write_back(&mut self, offset: u64, len: usize) {
        let touches = |op: &Op| match op {
            Op::Write(at, data) => *at < offset + len as u64 && offset < at + data.len() as u64,
            Op::SetLen(_) => true,
        };
        let (saved, kept): (Vec<_>, Vec<_>) = self.unsynced.drain(..).partition(touches);
        self.unsynced = kept;
        saved
            .iter()
            .for_each(|op| lay_down_whole(op, &mut self.durable));
    }

    fn apply(&mut self, op: Op) {
        lay_down_whole(&op, &mut self.cache);
        self.unsynced.push(op);
    }
}

/// Which of the unsynced ones a crash lets through, in order.
fn survivors<'a, T>(all: &'a [T], rng: &mut Rng, mode: Crash) -> Vec<&'a T> {
    match mode {
        Crash::Drop => Vec::new(),
        Crash::Prefix => {
            let len = rng.below(all.len() as u64 + 1) as usize;
            all[..len].iter().collect()
        }
        Crash::Random | Crash::Torn => all.iter().filter(|_| rng.below(2) == 0).collect(),
        Crash::Process => all.iter().collect(),
    }
}

fn apply(change: &Change, names: &mut Names) {
    match change {
        Change::Add(path, node) => {
            names.insert(path.clone(), *node);
        }
        Change::Rename(from, to) => {
            if let Some(node) = names.remove(from) {
                names.insert(to.clone(), node);
            }
        }
        Change::Remove(path) => {
            names.remove(path);
        }
    }
}

fn lay_down(op: &Op, bytes: &mut Vec<u8>, rng: &mut Rng, mode: Crash) {
    let Op::Write(offset, data) = op else {
        return lay_down_whole(op, bytes);
    };
    if mode != Crash::Torn {
        return lay_down_whole(op, bytes);
    }
    if rng.below(2) == 0 {
        let len = rng.below(data.len() as u64 + 1) as usize;
        return write(bytes, *offset as usize, &data[..len]);
    }
    // Sectors are those of the disk, not those of the write.
    let mut at = 0;
    while at < data.len() {
        let place = *offset as usize + at;
        let len = (SECTOR_BYTES - place % SECTOR_BYTES).min(data.len() - at);
        if rng.below(2) == 0 {
            write(bytes, place, &data[at..at + len]);
        }
        at += len;
    }
}

fn lay_down_whole(op: &Op, bytes: &mut Vec<u8>) {
    match op {
        Op::Write(offset, data) => write(bytes, *offset as usize, data),
        Op::SetLen(len) => bytes.resize(*len as usize, 0),
    }
}

fn write(bytes: &mut Vec<u8>, at: usize, data: &[u8]) {
    let end = at + data.len();
    if bytes.len() < end {
        bytes.resize(end, 0);
    }
    bytes[at..end].copy_from_slice(data);
}

#[cfg(test)]
mod tests;
