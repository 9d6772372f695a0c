//! What a phone announces and never sends, or sends when it is no phone of the list any more.

use std::convert::Infallible;
use std::time::Duration;

use block66::http::Peer;
use block66::model::{Phone, Reason};
use block66::store::Write;
use http_body_util::StreamBody;
use hyper::body::{Bytes, Frame};
use hyper::{Request, StatusCode};

use crate::ground::{BOX, DESK, Ground, ask, mac};

#[tokio::test]
async fn a_file_that_never_comes_is_not_waited_for_without_end() {
    let mut ground = Ground::new().await;
    let never = StreamBody::new(futures_util::stream::pending::<Result<Frame<Bytes>, Infallible>>());
    let request = Request::put(format!("/p/toy{}.log", mac(1).plain())).body(never).unwrap();
    let peer = Peer { address: DESK.into(), local: BOX.into(), tls: false, certificate: None };
    // The minute that a phone has passes at once where nothing else is to be done.
    tokio::time::pause();
    let answer = tokio::time::timeout(Duration::from_secs(61), ground.provision.answer(request, peer)).await;
    tokio::time::resume();
    assert_eq!(answer.expect("it is waited for").status(), StatusCode::BAD_REQUEST);
    ground.told(&Reason::HttpMalformed { what: "its file took too long".into() }).await;
    assert_eq!(ground.depot.uploads(ground.phone(1).id).unwrap(), []);
}

#[tokio::test]
async fn a_file_that_comes_when_its_phone_is_gone_is_nobodys() {
    let peer = Peer { address: DESK.into(), local: BOX.into(), tls: false, certificate: None };
    for replaced in [false, true] {
        let mut ground = Ground::new().await;
        let (store, phone) = (ground.store.clone(), ground.phone(1));
        let id = phone.id;
        let write = match replaced {
            true => Write::PutPhone { phone: Phone { mac: mac(9), ..phone }, expect: None },
            false => Write::DeletePhone(id),
        };
        // Asked for once it is decided that the phone may send it.
        let late = futures_util::stream::once(async move {
            store.commit(vec![write]).await.unwrap();
            Ok::<_, Infallible>(Frame::data(Bytes::from_static(b"x")))
        });
        let path = format!("/p/toy{}.log", mac(1).plain());
        let request = Request::put(&path).body(StreamBody::new(late)).unwrap();
        let answer = ground.provision.answer(request, peer).await;
        let unlisted = ground.get(ask(&path).plain().send("PUT", "x")).await;
        assert_eq!((answer.status(), unlisted.status), (StatusCode::UNAUTHORIZED, StatusCode::UNAUTHORIZED));
        ground.told(&Reason::NoCredentials).await;
        assert_eq!(ground.depot.uploads(id).unwrap(), [], "replaced: {replaced}");
    }
}
