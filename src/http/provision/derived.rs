use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::rendition::Rendition;
use crate::brands::Content;
use crate::model::{Id, Phone, Policy};

/// What follows from documents alone, kept while they stay as they are: the policy for a phone, and files as they were
/// made. Who may have a file is never kept: that is decided anew for each request.
///
/// Everything here names the version of the phone and of what phones share that it was made from, read before it was
/// made. When either changes it is out of date, whatever the change was. It takes bounded room, and none on the disk;
/// the bytes of files are wiped when they leave.
#[derive(Default)]
pub(super) struct Derived(Mutex<Kept>);

/// Which file it is, of those that may be made from the same documents. All that its bytes depend on besides those and
/// what never changes while the program runs stands here.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Which {
    /// Whose; `None` for a file that is the same for all.
    pub(super) phone: Option<Id>,
    /// Folder name of the brand whose template makes it.
    pub(super) brand: String,
    /// The name as asked: templates may repeat parts of it.
    pub(super) asked: String,
    pub(super) content: Content,
    /// The box's address as the phone sees it.
    pub(super) host: IpAddr,
    /// Where the image is that the phone is to take next.
    pub(super) firmware: Option<String>,
}

/// What a thing was made from: the version of the phone, 0 without one, and of all that phones share.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Versions {
    pub(super) phone: u64,
    pub(super) shared: u64,
}

#[derive(Default)]
struct Kept {
    policies: HashMap<Id, (Versions, Policy)>,
    files: HashMap<Which, File>,
    /// Bytes of all files.
    size: usize,
    clock: u64,
}

struct File {
    versions: Versions,
    made: Arc<Rendition>,
    used: u64,
}

impl Derived {
    /// Phones whose policy is kept.
    const POLICIES: usize = 1024;
    /// Files that are kept, and bytes of them.
    const FILES: usize = 256;
    const BYTES: usize = 4 << 20;

    /// The policy for a phone.
    pub(super) fn policy(&self, phone: &Phone, shared: u64, settle: impl FnOnce() -> Policy) -> Policy {
        let versions = Versions { phone: phone.version, shared };
        if let Some((of, policy)) = self.kept().policies.get(&phone.id)
            && *of == versions
        {
            return *policy;
        }
        let policy = settle();
        let mut kept = self.kept();
        if kept.policies.len() >= Self::POLICIES && !kept.policies.contains_key(&phone.id) {
            kept.policies.clear();
        }
        kept.policies.insert(phone.id, (versions, policy));
        policy
    }

    /// The file that was made from documents of these versions, if it is at hand.
    pub(super) fn file(&self, which: &Which, versions: Versions) -> Option<Arc<Rendition>> {
        let mut kept = self.kept();
        kept.clock += 1;
        let clock = kept.clock;
        let file = kept.files.get_mut(which)?;
        if file.versions != versions {
            kept.forget(which);
            return None;
        }
        file.used = clock;
        Some(Arc::clone(&file.made))
    }

    /// Keeps a file; those that nobody asked for the longest make room.
    pub(super) fn keep(&self, which: Which, versions: Versions, made: &Arc<Rendition>) {
        let mut kept = self.kept();
        kept.forget(&which);
        let size = made.bytes.len();
        if size > Self::BYTES / 16 {
            return;
        }
        while kept.files.len() >= Self::FILES || kept.size + size > Self::BYTES {
            let oldest = kept.files.iter().min_by_key(|(_, file)| file.used).map(|(which, _)| which.clone());
            let Some(oldest) = oldest else { return };
            kept.forget(&oldest);
        }
        kept.size += size;
        let used = kept.clock;
        kept.files.insert(which, File { versions, made: Arc::clone(made), used });
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Kept {
    fn forget(&mut self, which: &Which) {
        if let Some(file) = self.files.remove(which) {
            self.size = self.size.saturating_sub(file.made.bytes.len());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::brands::Rendered;
    use crate::model::Timestamp;

    fn which(number: u128) -> Which {
        Which {
            phone: Some(Id::new(Timestamp::from_secs(1), number)),
            brand: "toy".into(),
            asked: "toy.txt".into(),
            content: Content::Full,
            host: [10, 66, 0, 1].into(),
            firmware: None,
        }
    }

    fn made(size: usize) -> Arc<Rendition> {
        let rendered = Rendered { bytes: vec![b'x'; size], content_type: "text/plain".into(), resources: Vec::new() };
        Arc::new(Rendition::of(rendered, None, "toy.txt"))
    }

    const FIRST: Versions = Versions { phone: 1, shared: 1 };

    #[test]
    fn a_file_is_good_for_the_versions_that_it_was_made_from() {
        let derived = Derived::default();
        for changed in [Versions { phone: 2, ..FIRST }, Versions { shared: 2, ..FIRST }] {
            derived.keep(which(1), FIRST, &made(10));
            assert!(derived.file(&which(1), FIRST).is_some());
            assert!(derived.file(&Which { content: Content::FirstContact, ..which(1) }, FIRST).is_none());
            let upgrade = Which { firmware: Some("http://10.66.0.1/p/toy.bin".into()), ..which(1) };
            assert!(derived.file(&upgrade, FIRST).is_none(), "it is told of an image");
            assert!(derived.file(&which(1), changed).is_none());
            assert!(derived.file(&which(1), FIRST).is_none(), "what is out of date is gone at once");
        }
        assert_eq!(derived.kept().size, 0);
    }

    #[test]
    fn number_and_bytes_are_bounded_and_those_asked_for_stay() {
        let derived = Derived::default();
        for number in 0..2000 {
            derived.keep(which(number), FIRST, &made(10));
            assert!(derived.file(&which(0), FIRST).is_some());
        }
        assert_eq!(derived.kept().files.len(), Derived::FILES);
        for number in 0..100 {
            derived.keep(which(number), FIRST, &made(200_000));
        }
        let kept = derived.kept();
        assert!(kept.size <= Derived::BYTES && kept.size > Derived::BYTES / 2, "{}", kept.size);
        assert_eq!(kept.size, kept.files.values().map(|file| file.made.bytes.len()).sum::<usize>());
        drop(kept);
        derived.keep(which(1), FIRST, &made(1_000_000));
        assert!(derived.file(&which(1), FIRST).is_none(), "one that is too large is not kept");
    }
}
