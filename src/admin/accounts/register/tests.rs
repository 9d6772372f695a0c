use super::*;

fn account(number: u8, name: &str, role: Role) -> Account {
    Account {
        id: Id::new(Timestamp::from_secs(1), number.into()),
        version: 1,
        name: name.into(),
        role,
        password: Secret::new(format!("hash of {name}")),
        factor: None,
        created: Timestamp::from_secs(1),
    }
}

fn token(name: &str, text: &str, expires: Option<Timestamp>) -> Token {
    Token {
        id: Id::new(Timestamp::from_secs(2), 1),
        name: name.into(),
        scope: Scope::Read,
        digest: digest_of(text),
        by: Register::CONSOLE.into(),
        answers: None,
        created: Timestamp::from_secs(2),
        expires,
    }
}

#[test]
fn tokens_end_with_the_account_that_answers_for_them() {
    let mut register = Register::founded(&Secret::new("first"));
    let [anna, bert] = [account(2, "anna", Role::Administrator), account(3, "bert", Role::Administrator)];
    let of = |name: &str, scope, answers| Token {
        id: Id::new(Timestamp::from_secs(3), name.len() as u128),
        scope,
        answers,
        ..token(name, name, None)
    };
    for account in [&anna, &bert] {
        register.add(account.clone()).unwrap();
    }
    let deploy = of("deploy", Scope::Administer, register.answers(anna.id));
    register.add_token(deploy.clone()).unwrap();
    // One that a token of hers made is hers as well, also when that token is gone.
    register.add_token(of("graph", Scope::Read, register.answers(deploy.id))).unwrap();
    register.add_token(of("berts", Scope::Administer, register.answers(bert.id))).unwrap();
    register.add_token(of("here", Scope::Administer, None)).unwrap();
    let names = |tokens: &[Token]| tokens.iter().map(|token| token.name.clone()).collect::<Vec<_>>();
    assert_eq!(register.revoke_of(anna.id, Some(Role::Administrator)), []);
    assert_eq!(names(&register.revoke_of(anna.id, Some(Role::Operator))), ["deploy"]);
    assert_eq!(names(&register.revoke_of(anna.id, None)), ["graph"]);
    assert_eq!(names(&register.tokens), ["berts", "here"]);
}

#[test]
fn a_token_of_an_older_release_belongs_to_whom_its_maker_was_called() {
    let mut register = Register::founded(&Secret::new("first"));
    register.add(account(2, "anna", Role::Administrator)).unwrap();
    register.add(account(3, "console", Role::Administrator)).unwrap();
    for (name, by) in [("one", "anna"), ("two", "console"), ("three", "somebody who is gone")] {
        register.add_token(Token { by: by.into(), ..token(name, name, None) }).unwrap();
    }
    // Her namesake came later than this one.
    let early = Token { by: "anna".into(), created: Timestamp::default(), ..token("four", "four", None) };
    register.add_token(early).unwrap();
    let read = Register::read(Some(&register.write()), Some(&Secret::new("first"))).unwrap();
    let anna = read.account("anna").unwrap().id;
    assert_eq!(read.tokens.iter().map(|token| token.answers).collect::<Vec<_>>(), [Some(anna), None, None, None],);
    assert_eq!(Register::read(Some(&read.write()), Some(&Secret::new("first"))).unwrap(), read);
}

#[test]
fn a_box_with_a_password_alone_has_an_administrator() {
    let password = Secret::new("$argon2id$old");
    let register = Register::read(None, Some(&password)).unwrap();
    assert_eq!(register, Register::founded(&password));
    let founder = register.account("ADMIN").unwrap();
    assert_eq!((founder.role, &founder.password), (Role::Administrator, &password));
    assert_eq!(Register::read(None, None).unwrap(), Register::default());
}

#[test]
fn what_is_written_is_read_and_a_password_set_by_an_older_release_counts() {
    let mut register = Register::founded(&Secret::new("first"));
    register.add(account(2, "anna", Role::Administrator)).unwrap();
    register.add(account(3, "otto", Role::Operator)).unwrap();
    let factor = Factor::new(Secret::new("JBSWY3DP"), &[Secret::new("AAAA-BBBB")]);
    let otto = register.account("otto").unwrap().id;
    register.change(otto, |account| account.factor = Some(factor)).unwrap();
    register.add_token(token("grafana", "b66_secret", Some(Timestamp::from_secs(9)))).unwrap();
    let kept = register.write();
    assert_eq!(Register::read(Some(&kept), Some(&Secret::new("first"))).unwrap(), register);
    let later = Register::read(Some(&kept), Some(&Secret::new("second"))).unwrap();
    assert_eq!(later.founder().unwrap().password.expose(), "second");
    assert_eq!(later.account("anna").unwrap().password.expose(), "hash of anna");
    assert!(Register::read(Some(&Secret::new("{}")), None).is_err());
    assert!(!kept.expose().contains("b66_secret") && !kept.expose().contains("AAAA"));
}

#[test]
fn there_is_always_an_administrator() {
    let mut register = Register::founded(&Secret::new("first"));
    let founder = register.founder().unwrap().id;
    let last = Refusal::LastAdministrator("admin".into());
    assert_eq!(register.remove(founder), Err(last.clone()));
    assert_eq!(register.change(founder, |account| account.role = Role::Viewer), Err(last));
    let anna = account(2, "anna", Role::Administrator);
    register.add(anna.clone()).unwrap();
    register.remove(founder).unwrap();
    assert_eq!(register.founder(), Some(&anna));
}

#[test]
fn names_are_one_persons_and_versions_count() {
    let mut register = Register::founded(&Secret::new("first"));
    assert_eq!(register.add(account(2, "Admin", Role::Viewer)), Err(Refusal::Taken("Admin".into())));
    let anna = account(2, "anna", Role::Viewer);
    register.add(anna.clone()).unwrap();
    assert_eq!(register.change(anna.id, |_| {}).unwrap().version, 1, "nothing was changed");
    assert_eq!(register.change(anna.id, |account| account.role = Role::Operator).unwrap().version, 2);
    let taken = register.change(anna.id, |account| account.name = "ADMIN".into());
    assert_eq!(taken, Err(Refusal::Taken("ADMIN".into())));
    for name in ["anna", "a.b-c_d@e", "Jörg"] {
        assert!(is_name(name), "{name}");
    }
    for name in ["", "token grafana", "a\nb", "<b>", &"x".repeat(33)] {
        assert!(!is_name(name), "{name}");
    }
}

#[test]
fn tokens_end_and_are_known_by_their_digest_alone() {
    let mut register = Register::default();
    register.add_token(token("grafana", "b66_one", Some(Timestamp::from_secs(100)))).unwrap();
    assert!(register.token("b66_one", Timestamp::from_secs(99)).is_some());
    assert!(register.token("b66_one", Timestamp::from_secs(100)).is_none());
    assert!(register.token("b66_two", Timestamp::from_secs(99)).is_none());
    let digest = digest_of("b66_one");
    assert!(register.token(&digest, Timestamp::from_secs(99)).is_none(), "what is kept lets nobody in");
    assert_eq!(register.revoke("Grafana").unwrap().called(), "token grafana");
    assert_eq!(register.revoke("grafana"), Err(Refusal::UnknownToken("grafana".into())));
}

#[test]
fn a_code_on_paper_is_good_once() {
    let mut factor = Factor::new(Secret::new("x"), &[Secret::new("7KQM-2XHD"), Secret::new("AAAA-2222")]);
    assert!(!factor.spend("7KQM-2XHE"));
    assert!(factor.spend(" 7kqm 2xhd "));
    assert!(!factor.spend("7KQM-2XHD"));
    assert_eq!(factor.recovery.len(), 1);
}
