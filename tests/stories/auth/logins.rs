//! Logins: who tries passwords is slowed down, and nobody learns which logins there are.

use super::{
    PASSWORD, a_patient,
    app::{App, Kind},
    browser::{Browser, Form},
};
use crate::house::{House, unique};

smart_stories!(
    who_tries_passwords_is_slowed_down,
    nobody_learns_which_logins_there_are,
    an_account_without_a_password_or_after_its_end_is_shut,
    pages_protect_themselves,
);

fn who_tries_passwords_is_slowed_down(house: &House) {
    let (login, _) = a_patient(house);
    let mut browser = Browser::new(house);
    let page = browser.get("/auth/login").expect(200);
    let statuses: Vec<u16> =
        (0..14).map(|n| browser.log_in(&page, &login, &format!("wrong {n}")).status).collect();
    assert!(statuses.contains(&429), "{statuses:?}");
    assert_eq!(statuses[..5], [401; 5]);
    // the right one has to wait as well, or the wait would tell
    let waits = browser.log_in(&page, &login, PASSWORD);
    assert_eq!(waits.status, 429);
    assert!(waits.header("Retry-After").parse::<u64>().unwrap() > 0);
    // somebody else does not
    let (other, _) = a_patient(house);
    browser.log_in(&page, &other, PASSWORD).expect(200);
}

fn nobody_learns_which_logins_there_are(house: &House) {
    let (login, _) = a_patient(house);
    let mut browser = Browser::new(house);
    let page = browser.get("/auth/login").expect(200);
    let wrong = browser.log_in(&page, &login, "wrong password").expect(401);
    let nobody = browser.log_in(&page, &unique("nobody"), "wrong password").expect(401);
    assert_eq!(wrong.text, nobody.text);
    let stranger = unique("stranger");
    let statuses: Vec<u16> =
        (0..14).map(|_| browser.log_in(&page, &stranger, "wrong password").status).collect();
    assert!(statuses.contains(&429), "{statuses:?}");
}

fn an_account_without_a_password_or_after_its_end_is_shut(house: &House) {
    let login = unique("bare");
    house.medvault(&["user", "add", "--login", &login, "--role", "auditor"]);
    let mut browser = Browser::new(house);
    let page = browser.get("/auth/login").expect(200);
    browser.log_in(&page, &login, "").expect(401);
    browser.log_in(&page, &login, "anything at all").expect(401);
    house.account(&login, "auditor", &[]);
    browser.log_in(&page, &login, PASSWORD).expect(200);
    let page = browser.get("/auth/manage").expect(200);
    assert!(page.text.contains(&login));
    house.medvault(&["user", "expire", &login]);
    let page = browser.get("/auth/manage").expect(200);
    browser.log_in(&page, &login, PASSWORD).expect(401);
}

fn pages_protect_themselves(house: &House) {
    let app = App::new(house, Kind::Public);
    let mut browser = Browser::new(house);
    for path in ["/auth/login", "/auth/manage", "/auth/launch", "/auth/device"] {
        let page = browser.get(path).expect(200);
        let policy = page.header("Content-Security-Policy");
        assert!(policy.contains("default-src 'none'") && policy.contains("frame-ancestors 'none'"));
        assert_eq!(page.header("X-Frame-Options"), "DENY");
        assert_eq!(page.header("Referrer-Policy"), "no-referrer");
        assert!(page.header("Cache-Control").contains("no-store"));
        // every field has its label
        for id in ["login", "password"] {
            assert!(
                page.text.contains(&format!("for=\"{id}\""))
                    && page.text.contains(&format!("id=\"{id}\""))
            );
        }
    }
    browser.get("/auth/style.css").expect(200);
    let page = browser.get(&app.request("launch/patient patient/*.rs", &[])).expect(200);
    assert!(page.header("Content-Security-Policy").contains("form-action 'self'"));
    assert_eq!(Form::of(&page, "/auth/login").value("login"), Some(""));
    let evil = browser.get(&app.request("\"><script>alert(1)</script>", &[]));
    assert!(!evil.text.contains("<script"));
}
