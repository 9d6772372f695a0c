//! What is uploaded to the box: pictures, brand folders, authorities and certificates.

use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;
use std::pin::pin;

use futures_util::poll;

use super::office::{listed, send};
use super::*;
use crate::admin::call::Form;
use crate::model::{Organisation, Resource};
use crate::store::samples;

async fn put_resource(ground: &Ground, query: &str, bytes: &[u8]) -> Answered {
    let request = Request::put(format!("/api/v1/resources?{query}")).header("host", "box.lan");
    let request = request.body(Full::new(Bytes::from(bytes.to_vec()))).unwrap();
    let (head, body) = ground.admin.answer(request, Origin::Local).await.into_parts();
    let text = String::from_utf8(body.collect().await.unwrap().to_bytes().to_vec()).unwrap();
    Answered { status: head.status, headers: head.headers, text }
}

#[tokio::test]
async fn no_more_pictures_and_sounds_are_taken_than_a_backup_holds() {
    let ground = Ground::new().await;
    let put = async |name: &str| put_resource(&ground, &format!("name={name}&kind=xml"), b"<Menu/>").await;
    assert_eq!(put("first.xml").await.status, StatusCode::CREATED);
    let first = ground.store.resources().remove(0);
    let size = crate::backup::MOST_RESOURCES - 2 * first.size;
    let large = Resource { organisation: first.organisation, size, ..samples::resource(1) };
    ground.store.commit(vec![Write::PutResource { resource: large, expect: Some(0) }]).await.unwrap();
    assert_eq!(put("second.xml").await.status, StatusCode::CREATED, "there is just room for it");
    let refused = put("third.xml").await;
    assert_eq!((refused.status, refused.code().as_str()), (StatusCode::CONFLICT, "no-room"), "{}", refused.text);
    assert_eq!(put("first.xml").await.status, StatusCode::CREATED, "in place of one of its size");
    assert_eq!(ground.store.resources().len(), 3);
}

#[tokio::test]
async fn a_wallpaper_that_is_no_picture_is_refused() {
    let ground = Ground::new().await;
    let put = async |query: &str, bytes: &[u8]| put_resource(&ground, query, bytes).await;
    let picture = crate::admin::files::genuine::tests::png(480, 272);
    let wallpaper = "name=branch.png&kind=wallpaper";
    let refused = put(wallpaper, b"<html>not a picture</html>").await;
    assert_eq!(refused.json()["errors"][0]["field"], "file", "{}", refused.text);
    assert_eq!(ground.store.resources(), []);
    let broken = put("name=menu.xml&kind=xml", b"<Menu><Item></Menu>").await;
    assert!(broken.json()["detail"].as_str().unwrap().contains("line 1"), "{}", broken.text);
    let kept = put(wallpaper, &picture).await;
    assert_eq!((kept.status, &kept.json()["size"]), (StatusCode::CREATED, &json!(picture.len())), "{}", kept.text);
    let sum = ground.store.resources()[0].sha256;
    assert_eq!(ground.depot.resource(&sum).unwrap().as_deref(), Some(picture.as_slice()));
    let other = crate::admin::files::genuine::tests::png(320, 240);
    assert_eq!(put(wallpaper, &other).await.json()["version"], 2, "in place of the one of that name");
    assert_eq!(ground.depot.resource(&sum).unwrap(), None);
    assert_eq!(put("name=../x.png&kind=wallpaper", &picture).await.json()["errors"][0]["field"], "name");
    assert_eq!(send(&ground, "DELETE", "resources/branch.png", &json!({})).await.status, StatusCode::OK);
    assert_eq!(ground.store.resources(), []);
}

async fn another_organisation(ground: &Ground) -> Organisation {
    let organisation = samples::organisation(2);
    let write = Write::PutOrganisation { organisation: organisation.clone(), expect: Some(0) };
    ground.store.commit(vec![write]).await.unwrap();
    organisation
}

/// The files that hold the bytes of pictures and sounds.
fn kept(ground: &Ground) -> Vec<PathBuf> {
    let files = std::fs::read_dir(ground._directory.path().join("resources")).unwrap();
    files.map(|entry| entry.unwrap().path()).collect()
}

/// Waits until something is so that another thread does.
fn becomes(so: impl Fn() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(20);
    while !so() {
        assert!(Instant::now() < deadline, "it does not become so");
        std::thread::sleep(Duration::from_millis(1));
    }
}

#[tokio::test]
async fn bytes_that_are_put_while_their_last_holder_goes_stay() {
    let ground = Ground::new().await;
    let elsewhere = another_organisation(&ground).await;
    assert_eq!(put_resource(&ground, "name=first.xml&kind=xml", b"<Menu/>").await.status, StatusCode::CREATED);
    let first = ground.store.resources().remove(0);
    let file = kept(&ground).remove(0);
    let inode = || file.metadata().map(|about| about.ino()).ok();
    let before = inode();
    let said = Form::parse(&format!("name=second.xml&kind=xml&organisation={}", elsewhere.name));
    let mut put = pin!(ground.admin.put_resource(&said, b"<Menu/>".to_vec(), Origin::Local));
    assert!(poll!(&mut put).is_pending());
    // Its file is there, and nothing is committed yet.
    becomes(|| inode() != before);
    let mut remove = pin!(ground.admin.remove_resource(&first, Origin::Local));
    let removed = tokio::time::timeout(Duration::from_millis(500), &mut remove).await;
    put.await.unwrap();
    match removed {
        Ok(removed) => removed.unwrap(),
        Err(_) => remove.await.unwrap(),
    }
    let second = ground.store.resources();
    assert_eq!(second.iter().map(|resource| resource.name.as_str()).collect::<Vec<_>>(), ["second.xml"]);
    assert_eq!(ground.depot.resource(&second[0].sha256).unwrap().as_deref(), Some(&b"<Menu/>"[..]));
    ground.admin.remove_resource(&second[0], Origin::Local).await.unwrap();
    assert_eq!(kept(&ground), Vec::<PathBuf>::new());
}

#[tokio::test]
async fn bytes_of_what_is_not_stored_or_was_replaced_do_not_stay() {
    let ground = Ground::new().await;
    let elsewhere = another_organisation(&ground).await;
    let said = Form::parse(&format!("name=menu.xml&kind=xml&organisation={}", elsewhere.name));
    let mut put = pin!(ground.admin.put_resource(&said, b"<Menu/>".to_vec(), Origin::Local));
    assert!(poll!(&mut put).is_pending());
    becomes(|| kept(&ground).iter().any(|file| file.extension().is_none()));
    // Its organisation goes before it is stored.
    ground.store.commit(vec![Write::DeleteOrganisation(elsewhere.id)]).await.unwrap();
    assert_eq!(put.await.unwrap_err().code, "not-possible");
    assert_eq!(kept(&ground), Vec::<PathBuf>::new());

    let put = async |bytes: &[u8]| put_resource(&ground, "name=menu.xml&kind=xml", bytes).await.status;
    assert_eq!(put(b"<Menu/>").await, StatusCode::CREATED);
    let seen = ground.store.resources().remove(0);
    assert_eq!(put(b"<Menu></Menu>").await, StatusCode::CREATED);
    assert_eq!(ground.store.resources()[0].id, seen.id);
    ground.admin.remove_resource(&seen, Origin::Local).await.unwrap();
    assert_eq!((ground.store.resources(), kept(&ground)), (Vec::new(), Vec::new()));
    assert_eq!(ground.admin.remove_resource(&seen, Origin::Local).await.unwrap_err().code, "resource-unknown");
}

#[tokio::test]
async fn a_folder_is_tried_before_it_is_put_in_force() {
    let ground = Ground::new().await;
    let (_, brand, _) = listed(&ground).await;
    let folder = crate::brands::Folder::built_in().into_iter().find(|folder| folder.id == brand).unwrap();
    let (name, text) = folder.files.iter().find(|(name, _)| name.starts_with("templates/")).unwrap();
    let attempt = async |text: &str| {
        let trial = json!({ "brand": brand, "files": { name.as_str(): text } });
        ground.post("overlays/try", &trial).await
    };
    assert_eq!(attempt(text).await.status, StatusCode::OK);
    let endless =
        format!("{{% for a in range(99999) %}}{{% for b in range(99999) %}}x{{% endfor %}}{{% endfor %}}{text}");
    for (bad, said) in [(endless.as_str(), "fuel"), ("{{ nothing_of_this_name }}", "line 1"), ("{% for", "line 1")] {
        let refused = attempt(bad).await;
        assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
        let detail = refused.json()["detail"].as_str().unwrap().to_owned();
        assert!(detail.contains(said) && detail.contains(name.as_str()), "{detail}");
    }
    assert_eq!(ground.get("overlays").await.json()["overlays"], json!([]));
}

#[tokio::test]
async fn authorities_and_certificates_are_checked_before_they_are_kept() {
    let ground = Ground::new().await;
    let send = async |path: &str, text: &str| {
        ground.call(Origin::Local, Request::post(format!("/api/v1/trust/{path}")), text).await
    };
    let key = rcgen::KeyPair::generate().unwrap();
    let own = rcgen::CertificateParams::new(vec!["phones.example".to_owned()]).unwrap().self_signed(&key).unwrap();
    let mut authority = rcgen::CertificateParams::new(Vec::new()).unwrap();
    authority.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    let authority = authority.self_signed(&key).unwrap().pem();
    assert_eq!(send("authorities", "no certificate").await.code(), "certificate-unusable");
    assert_eq!(send("certificates", &own.pem()).await.code(), "certificate-unusable", "without its key");
    let kept = send("authorities", &authority).await.json();
    assert_eq!(kept["authorities"].as_array().unwrap().len(), 1, "{kept}");
    assert_eq!(send("authorities", &authority).await.json()["authorities"].as_array().unwrap().len(), 1, "once");
    let bundle = own.pem() + &key.serialize_pem();
    let kept = send("certificates", &bundle).await;
    assert_eq!(kept.json()["certificates"][0]["names"], json!(["phones.example"]));
    assert!(!kept.text.contains("PRIVATE"));
    let sum = kept.json()["authorities"][0]["sha256"].as_str().unwrap().replace(':', "").to_lowercase();
    let request = Request::delete(format!("/api/v1/trust/authorities/{sum}"));
    assert_eq!(ground.call(Origin::Local, request, "").await.json()["authorities"], json!([]));
}

#[tokio::test]
async fn changes_of_one_list_at_the_same_moment_are_all_made() {
    const AT_ONCE: usize = 10;
    // No more are taken.
    const COLLECTORS: usize = crate::outlets::Settings::MOST;
    let ground = Ground::new().await;
    let browser = ground.claim().await;
    let key = rcgen::KeyPair::generate().unwrap();
    let authority = |number: usize| {
        let mut authority = rcgen::CertificateParams::new(Vec::new()).unwrap();
        authority.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        authority.distinguished_name.push(rcgen::DnType::CommonName, format!("Authority {number}"));
        authority.self_signed(&key).unwrap().pem()
    };
    let own = |number: usize| {
        let own = rcgen::CertificateParams::new(vec![format!("phones{number}.example")]).unwrap();
        own.self_signed(&key).unwrap().pem() + &key.serialize_pem()
    };
    let post = |path: &'static str, text: String| {
        let ground = &ground;
        async move { ground.call(Origin::Local, Request::post(format!("/api/v1/trust/{path}")), &text).await.status }
    };
    let authorities = (0..AT_ONCE).map(|number| post("authorities", authority(number)));
    let certificates = (0..AT_ONCE).map(|number| post("certificates", own(number)));
    let done = futures_util::future::join_all(authorities).await;
    assert_eq!(done, [StatusCode::OK; AT_ONCE]);
    let done = futures_util::future::join_all(certificates).await;
    assert_eq!(done, [StatusCode::OK; AT_ONCE]);
    let collect = |number: usize| {
        let (ground, browser) = (&ground, &browser);
        let form = format!("do=add-collector&host=logs{number}.example.net&transport=udp&port=");
        async move { ground.submit(browser, "/settings", &form).await.status }
    };
    let done = futures_util::future::join_all((0..COLLECTORS).map(collect)).await;
    assert_eq!(done, [StatusCode::SEE_OTHER; COLLECTORS]);
    let listed = async |path: &str, list: &str| ground.get(path).await.json()[list].as_array().map(Vec::len);
    assert_eq!(listed("trust", "authorities").await, Some(AT_ONCE));
    assert_eq!(listed("trust", "certificates").await, Some(AT_ONCE));
    assert_eq!(listed("outlets", "syslog").await, Some(COLLECTORS));
}
