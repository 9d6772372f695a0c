//! What a phone announces and never sends.

use std::convert::Infallible;
use std::time::Duration;

use block66::http::Peer;
use block66::model::Reason;
use http_body_util::StreamBody;
use hyper::body::{Bytes, Frame};
use hyper::{Request, StatusCode};

use crate::ground::{BOX, DESK, Ground, mac};

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
