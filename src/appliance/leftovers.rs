//! What is on the disk of things that are gone: they went as the power did, or were never stored.

use std::collections::BTreeSet;

use crate::depot::Depot;
use crate::store::Store;

/// Forgets what phones sent that are gone, and the bytes of pictures and sounds that are. To be called before anything
/// new is kept.
pub(super) fn forget(depot: &Depot, store: &Store) {
    // A store that was put back may not know the newest of them, or be exchanged for what was there before.
    if store.gaps().is_some() {
        return;
    }
    if let Err(error) = depot.forget_gone(|phone| store.has_phone(phone)) {
        tracing::warn!(%error, "what phones sent that are gone could not be deleted");
    }
    let sums: BTreeSet<[u8; 32]> = store.resources().into_iter().map(|resource| resource.sha256).collect();
    if let Err(error) = depot.forget_resources(|sum| sums.contains(sum)) {
        tracing::warn!(%error, "pictures and sounds that are gone could not be deleted");
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::brands::Registry;
    use crate::firmware::Library;
    use crate::journal::Journal;
    use crate::model::{Id, Resource, Timestamp};
    use crate::store::{GAPS, Key, Write, samples};
    use crate::sys::clock::Clock;

    #[tokio::test]
    async fn what_is_gone_is_forgotten_once_the_store_misses_nothing() {
        let directory = tempfile::tempdir().unwrap();
        let (store, _) = Store::open(samples::options(directory.path(), Clock::new(Timestamp::default()))).unwrap();
        let depot = Depot::open(directory.path(), Key::new(&[7; 32]), Default::default()).unwrap();
        let (sha256, gone) = (depot.put_resource(b"logo").unwrap(), depot.put_resource(b"nobody's").unwrap());
        let phone = Id::from_bytes([1; 16]);
        depot.keep(phone, "calls.xml", "text/xml", b"<calls/>", Timestamp::default(), || true).unwrap();
        let resource = Resource { sha256, ..samples::resource(1) };
        let writes = vec![
            Write::PutOrganisation { organisation: samples::organisation(1), expect: None },
            Write::PutResource { resource, expect: None },
            Write::PutSetting { key: GAPS.into(), value: 0.into() },
        ];
        store.commit(writes).await.unwrap();
        forget(&depot, &store);
        assert!(depot.resource(&gone).unwrap().is_some() && depot.uploads(phone).unwrap().len() == 1);
        store.commit(vec![Write::DeleteSetting(GAPS.into())]).await.unwrap();
        forget(&depot, &store);
        assert_eq!(depot.resource(&sha256).unwrap().as_deref(), Some(&b"logo"[..]));
        assert_eq!((depot.resource(&gone).unwrap(), depot.uploads(phone).unwrap()), (None, Vec::new()));
    }

    #[tokio::test]
    async fn images_that_a_restored_store_does_not_know_stay_for_an_undo() {
        let directory = tempfile::tempdir().unwrap();
        let clock = Clock::new(Timestamp::default());
        let (store, _) = Store::open(samples::options(directory.path(), clock.clone())).unwrap();
        let (journal, _running) = Journal::open(store.clone()).unwrap();
        let registry = Arc::new(Registry::builtin().unwrap());
        let at = directory.path().join("firmware");
        let open = || Library::open(&at, (store.clone(), journal.clone(), clock.clone()), registry.clone()).unwrap();
        open();
        let uploaded = at.join("images").join("66".repeat(32));
        let arriving = ["download-0", "upload-0"].map(|name| at.join("arriving").join(name));
        for path in arriving.iter().chain([&uploaded]) {
            std::fs::write(path, b"image").unwrap();
        }
        store.commit(vec![Write::PutSetting { key: GAPS.into(), value: 0.into() }]).await.unwrap();
        assert_eq!((open().used(), arriving.each_ref().map(|path| path.exists())), (5, [true, false]));
        store.commit(vec![Write::DeleteSetting(GAPS.into())]).await.unwrap();
        assert_eq!((open().used(), arriving.each_ref().map(|path| path.exists())), (0, [false, false]));
        assert!(!uploaded.exists());
    }
}
