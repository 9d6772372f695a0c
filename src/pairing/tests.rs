use super::*;
use crate::model::{Login, Organisation, Policy, Secret};
use crate::store::samples;
use crate::sys::clock::Clock;

const NOW: Timestamp = Timestamp::from_secs(1_790_000_000);

fn mac(last: u8) -> Mac {
    Mac::new([0x80, 0x5e, 0xc0, 0, 0, last])
}

fn organisation() -> Organisation {
    Organisation {
        id: Id::new(NOW, 1),
        version: 0,
        origin: Id::new(NOW, 9),
        name: "branch".into(),
        login: Login { user: "branch".into(), password: Secret::new("password") },
        policy: Policy::default(),
        settings: Settings::default(),
        created: NOW,
    }
}

async fn pairing(directory: &std::path::Path) -> Pairing {
    let (store, _) = Store::open(samples::options(directory, Clock::new(NOW))).unwrap();
    store.commit(vec![Write::PutOrganisation { organisation: organisation(), expect: None }]).await.unwrap();
    Pairing::new(store, Id::new(NOW, 9))
}

fn visit(mac: Mac, in_place: bool) -> Visit<'static> {
    Visit {
        mac,
        brand: Some("toy"),
        model: Some("X1"),
        firmware: None,
        address: Some([10, 66, 0, 50].into()),
        in_place,
        door: Door::Http,
        asked: "/p/x",
    }
}

fn window(until: Timestamp, users: &[&str]) -> Window {
    let line = |user: &&str| FreeLine {
        user: (*user).into(),
        auth_user: None,
        password: format!("secret-{user}"),
        display: format!("Desk {user}"),
        server: "pbx.example".into(),
    };
    let organisation = organisation().id;
    Window {
        opened: Some(NOW),
        until,
        organisation,
        group: None,
        free_lines: users.iter().map(line).collect(),
        guests: 3,
    }
}

#[tokio::test]
async fn lines_are_given_once_each_and_then_guests_come_without_any() {
    let directory = tempfile::tempdir().unwrap();
    let pairing = pairing(directory.path()).await;
    assert_eq!(pairing.adopt_by_itself(mac(1), NOW).await.unwrap(), None, "no window is open");
    let until = NOW.plus(Window::USUAL);
    pairing.open(&window(until, &["201", "202"])).await.unwrap();
    let adopted = futures_util::future::join_all((1..=4).map(|last| pairing.adopt_by_itself(mac(last), NOW))).await;
    let mut users: Vec<Option<String>> = adopted
        .into_iter()
        .map(|adopted| adopted.unwrap().unwrap().phone.lines.first().map(|line| line.user.clone()))
        .collect();
    users.sort();
    assert_eq!(users, [None, None, Some("201".into()), Some("202".into())]);
    assert!(pairing.adopt_by_itself(mac(1), NOW).await.is_err(), "it is on the list already");
    assert_eq!(pairing.adopt_by_itself(mac(5), until).await.unwrap(), None, "the window is over");
    assert!(pairing.adopt_by_itself(mac(5), NOW).await.unwrap().unwrap().closed, "the third of three guests");
    assert_eq!(pairing.window(NOW), None);
    assert_eq!(pairing.adopt_by_itself(mac(6), NOW).await.unwrap(), None, "it takes nobody any more");
    pairing.open(&window(until, &[])).await.unwrap();
    pairing.close().await.unwrap();
    assert_eq!(pairing.window(NOW), None);
}

#[tokio::test]
async fn a_window_outlives_the_process_and_no_clock_keeps_it_open() {
    let directory = tempfile::tempdir().unwrap();
    let first = pairing(directory.path()).await;
    first.open(&window(NOW.plus(Window::USUAL), &["201"])).await.unwrap();
    first.0.store.close();
    drop(first);
    let pairing = pairing(directory.path()).await;
    assert_eq!(pairing.window(NOW).unwrap().free_lines.len(), 1);
    assert_eq!(pairing.window(Timestamp::from_secs(NOW.secs() - 61)), None, "the clock was put back");
    assert!(pairing.window(Timestamp::from_secs(NOW.secs() - 60)).is_some(), "a little");
    pairing.forget_closed(Timestamp::from_secs(NOW.secs() - 100_000));
    assert!(pairing.window(NOW).is_some(), "one that is open stays");
    let over = NOW.plus(Window::USUAL);
    assert_eq!(pairing.adopt_by_itself(mac(9), over).await.unwrap(), None);
    pairing.0.store.commit(Vec::new()).await.unwrap();
    assert_eq!(pairing.window(NOW), None, "one that was over does not open again");
}

#[tokio::test]
async fn who_waits_is_adopted_as_what_it_said_it_is() {
    let directory = tempfile::tempdir().unwrap();
    let pairing = pairing(directory.path()).await;
    pairing.note(&visit(mac(1), true), NOW);
    pairing.note(&Visit { model: Some("Forged\n"), brand: None, ..visit(mac(1), false) }, NOW);
    pairing.note(&visit(mac(2), false), NOW.plus(std::time::Duration::from_secs(5)));
    let waiting = pairing.waiting();
    assert_eq!(waiting.iter().map(|waiting| waiting.mac).collect::<Vec<_>>(), [mac(2), mac(1)]);
    assert_eq!(waiting[1].model.as_deref(), Some("X1"), "whoever speaks from elsewhere changes nothing");
    let place = Place { organisation: organisation().id, group: None, name: None, lines: Vec::new() };
    let phone = pairing.adopt(mac(1), place, NOW).await.unwrap();
    assert_eq!((phone.name.as_str(), phone.brand.as_deref()), ("X1 80:5e:c0:00:00:01", Some("toy")));
    assert_eq!(pairing.waiting().len(), 1);
}

#[test]
fn a_flood_takes_bounded_room_and_pushes_out_nobody_who_is_in_place() {
    let mut known = waiting::Known::default();
    known.note(&visit(mac(1), true), NOW);
    for number in 0..3000_u32 {
        let [_, a, b, c] = number.to_be_bytes();
        known.note(&visit(Mac::new([0x02, 0, 0, a, b, c]), false), NOW.plus(std::time::Duration::from_secs(1)));
    }
    assert_eq!(known.latest().len(), 1024);
    assert!(known.of(mac(1)).is_some());
}
