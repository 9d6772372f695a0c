//! The pages for what phones share and for what belongs to one of them.

use super::office::send;
use super::*;
use crate::pairing::Visit;

async fn listed(ground: &Ground) -> String {
    let registry = Registry::builtin().unwrap();
    let brand = registry.brands().find(|brand| brand.makes_files() && brand.models().next().is_some()).unwrap();
    let mut draft = draft("805ec0123456");
    draft["brand"] = json!(brand.id);
    draft["model"] = json!(brand.models().next().unwrap().0);
    assert_eq!(ground.post("phones", &draft).await.status, StatusCode::CREATED);
    brand.id.clone()
}

#[tokio::test]
async fn settings_are_set_and_unset_by_form() {
    let ground = Ground::new().await;
    listed(&ground).await;
    let browser = ground.claim().await;
    let page = "/phones/805ec0123456/settings";
    let set = ground.submit(&browser, page, "do=set&name=screen.title&value=%3Cb%3EHall").await;
    assert_eq!(set.header("location"), "/phones/805ec0123456/settings?done=set", "{}", set.text);
    ground.submit(&browser, page, "do=set&name=access.admin_password&value=hunter2-admin").await;
    ground.submit(&browser, page, "do=put-key&position=2&module=0&kind=blf&number=202&label=Yard&line=1").await;
    let shown = ground.browse(&browser, page).await;
    assert!(shown.text.contains("&lt;b&gt;Hall") && shown.text.contains("access.admin_password"), "{}", shown.text);
    assert!(shown.text.contains("Yard") && !shown.text.contains("hunter2"));
    let wrong = ground.submit(&browser, page, "do=set&name=access.user_password&value=hunter2%0A").await;
    assert_eq!(wrong.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(!wrong.text.contains("hunter2"), "a secret is not shown again");
    let wrong = ground.submit(&browser, page, "do=set&name=regional.language&value=german").await;
    assert!(wrong.text.contains("value=\"german\""), "{}", wrong.text);
    ground.submit(&browser, page, "do=unset&name=screen.title").await;
    ground.submit(&browser, page, "do=drop-key&position=2&module=0").await;
    let stored = ground.store.phones().remove(0);
    assert_eq!((stored.settings.get("screen.title"), stored.settings.keys.len()), (None, 0));
}

/// What a browser would send of the form of this id: what stands in its fields.
fn fields(page: &str, id: &str) -> String {
    let form = page.split_once(&format!("id=\"{id}\"")).unwrap_or_else(|| panic!("no form {id}: {page}")).1;
    let attribute = |tag: &str, name: &str| {
        let value = tag.split_once(&format!(" {name}=\""))?.1.split('"').next()?;
        Some(value.replace("&quot;", "\"").replace("&#x2f;", "/"))
    };
    let mut list = String::new();
    let mut fields = String::new();
    for tag in form.split("</form>").next().unwrap_or_default().split('<') {
        let tag = tag.split('>').next().unwrap_or_default();
        let field = match tag.split(' ').next() {
            Some("input") => attribute(tag, "name").zip(attribute(tag, "value")),
            Some("select") => {
                list = attribute(tag, "name").unwrap();
                None
            }
            Some("option") if tag.ends_with(" selected") => Some(list.clone()).zip(attribute(tag, "value")),
            _ => None,
        };
        if let Some((name, value)) = field.filter(|(name, _)| name != "csrf") {
            fields += &format!("&{name}={value}");
        }
    }
    fields
}

#[tokio::test]
async fn a_key_is_saved_with_all_that_it_had() {
    let ground = Ground::new().await;
    listed(&ground).await;
    let browser = ground.claim().await;
    let key = |position: u16, label: &str| {
        let pick_up = "**202";
        json!({ "position": position, "kind": "blf", "value": "202", "label": label, "extension": pick_up })
    };
    let own = json!({ "put_keys": [key(2, "Yard")] });
    assert_eq!(send(&ground, "PATCH", "phones/805ec0123456/settings", &own).await.status, StatusCode::OK);
    let of_all = json!({ "put_keys": [key(3, "Yard")] });
    assert_eq!(send(&ground, "PATCH", "organisations/Branch/settings", &of_all).await.status, StatusCode::OK);
    for (position, typed, label) in [(2, "", "Yard"), (3, "", "Yard"), (2, "&label=Court", "Court")] {
        let page = ground.browse(&browser, &format!("/phones/805ec0123456/edit?module=0&key={position}")).await;
        let form = format!("do=put-key{typed}{}", fields(&page.text, "key"));
        let saved = ground.submit(&browser, "/phones/805ec0123456/edit", &form).await;
        assert_eq!(saved.status, StatusCode::SEE_OTHER, "{form}: {}", saved.text);
        let stored = ground.store.phones().remove(0);
        let stored = stored.settings.keys.iter().find(|key| key.position == position).unwrap();
        assert_eq!(serde_json::to_value(stored).unwrap(), key(position, label), "{form}");
    }
}

#[tokio::test]
async fn files_are_shown_and_passwords_revealed_on_record() {
    let ground = Ground::new().await;
    listed(&ground).await;
    let browser = ground.claim().await;
    let password = Write::PutSecret { key: Store::PASSWORD_KEY.into(), value: Secret::new("a long random text") };
    ground.store.commit(vec![password]).await.unwrap();
    let files = ground.browse(&browser, "/phones/805ec0123456/files").await;
    let at = files.text.find("files?file=").map(|at| &files.text[at..]).unwrap_or_else(|| panic!("{}", files.text));
    let name = at["files?file=".len()..].split('"').next().unwrap().replace("&#x2f;", "/");
    let one = ground.browse(&browser, &format!("/phones/805ec0123456/files?file={name}")).await;
    assert!(one.status == StatusCode::OK && one.text.contains("<pre"), "{}", one.text);
    assert!(!one.text.contains(test_data::PASSWORD));
    let revealed = ground.submit(&browser, "/phones/805ec0123456/reveal", "whose=admin").await;
    assert!(revealed.text.contains("That it was shown is on record"), "{}", revealed.text);
    ground.event(|event| matches!(event.reason, Reason::PasswordRevealed { .. })).await;
}

#[tokio::test]
async fn who_waits_is_adopted_by_one_button() {
    let ground = Ground::new().await;
    let browser = ground.claim().await;
    let visit = Visit {
        mac: "805ec0aa0001".parse().unwrap(),
        brand: None,
        model: Some("<X1>"),
        firmware: None,
        address: Some([10, 66, 0, 50].into()),
        in_place: false,
        door: Door::Http,
        asked: "/p/x.cfg",
    };
    ground.admin.0.facts.pairing.note(&visit, ground.admin.0.clock.now().wall);
    let overview = ground.browse(&browser, "/").await;
    assert!(overview.text.contains("&lt;X1&gt;") && overview.text.contains("/waiting/805ec0aa0001/adopt"));
    let adopted = ground.submit(&browser, "/waiting/805ec0aa0001/adopt", "").await;
    assert_eq!(adopted.header("location"), "/phones/805ec0aa0001?done=adopted", "{}", adopted.text);
    ground.submit(&browser, "/pairing", "do=open").await;
    assert!(ground.browse(&browser, "/").await.text.contains("End it now"));
    ground.submit(&browser, "/pairing", "do=close").await;
    assert!(ground.browse(&browser, "/").await.text.contains("for 10 minutes"));
}

#[tokio::test]
async fn groups_books_and_another_device() {
    let ground = Ground::new().await;
    let brand = listed(&ground).await;
    let browser = ground.claim().await;
    let made = ground.submit(&browser, "/groups", "name=Sales").await;
    assert!(made.header("location").starts_with("/groups/"), "{}", made.text);
    let group = ground.browse(&browser, made.header("location")).await;
    assert!(group.text.contains("group Sales") && group.text.contains("Nothing is set here"), "{}", group.text);
    let twice = ground.submit(&browser, "/groups", "name=Sales").await;
    assert!(twice.status == StatusCode::CONFLICT && twice.text.contains("What phones share"));
    ground.submit(&browser, "/groups", &format!("name=All+of+them&brand={brand}")).await;
    ground.submit(&browser, "/phones/805ec0123456/group", "group=Sales").await;
    let phone = ground.browse(&browser, "/phones/805ec0123456").await;
    assert!(phone.text.contains(">Sales</a>") && !phone.text.contains(">All of them</option>"), "{}", phone.text);

    let book = ground.submit(&browser, "/books", "book-name=Company").await.header("location").to_owned();
    let refused = ground.submit(&browser, &book, "do=fill&list=name%3Bnumber%0AHall%3B%0A").await;
    assert!(refused.text.contains("row 2") && refused.text.contains("Hall;"), "{}", refused.text);
    ground.submit(&browser, &book, "do=fill&list=name%3Bnumber%0AHall%3B201%0A").await;
    assert!(ground.browse(&browser, &book).await.text.contains("<td>Hall</td>"));
    assert!(ground.browse(&browser, "/shared").await.text.contains("Company"));
    assert_eq!(ground.submit(&browser, &book, "do=remove").await.header("location"), "/shared?done=book-removed");

    let asked = ground.submit(&browser, "/phones/805ec0123456/replace", "do=check&mac=805ec0aa0001").await;
    assert!(asked.text.contains("takes the place of"), "{}", asked.text);
    let done = ground.submit(&browser, "/phones/805ec0123456/replace", "do=replace&mac=805ec0aa0001").await;
    assert_eq!(done.header("location"), "/phones/805ec0aa0001?done=replaced", "{}", done.text);
    let forged = Request::post("/phones/805ec0aa0001/release").header("cookie", &browser.cookie);
    assert_eq!(ground.call(BROWSER, forged, "do=go").await.status, StatusCode::FORBIDDEN);
    ground.submit(&browser, "/phones/805ec0aa0001/release", "do=go").await;
    assert!(ground.browse(&browser, "/phones/805ec0aa0001").await.text.contains("It is to be let go"));
}

#[tokio::test]
async fn mail_is_set_by_form_and_what_is_wrong_stands_beside_it() {
    let ground = Ground::new().await;
    let browser = ground.claim().await;
    assert!(ground.browse(&browser, "/settings").await.text.contains("Nobody is mailed to yet."));
    let form =
        "do=mail&mail-host=mx.lan&mail-security=tls&mail-user=box&mail-password=hunter2-mail&mail-from=box%40a.example";
    let wrong = ground.submit(&browser, "/settings", &format!("{form}&mail-to=nobody")).await;
    assert_eq!(wrong.status, StatusCode::UNPROCESSABLE_ENTITY);
    for text in ["nobody: This is no mail address.", "value=\"mx.lan\"", "id=\"mail-server\" open"] {
        assert!(wrong.text.contains(text), "{text} is not in {}", wrong.text);
    }
    assert!(!wrong.text.contains("hunter2"));
    let set = ground.submit(&browser, "/settings", &format!("{form}&mail-to=desk%40a.example")).await;
    assert_eq!(set.header("location"), "/settings?done=changed", "{}", set.text);
    let shown = ground.browse(&browser, "/settings").await.text;
    assert!(shown.contains("are mailed to desk@a.example by mx.lan.") && shown.contains("placeholder=\"•"), "{shown}");
    assert!(!shown.contains("hunter2"), "a password is never shown");
}
