//! Who asks too often is told when to come back, and others are not in their way.

use serde_json::json;

use crate::house::House;

/// How often each is asked.
const TRIES: usize = 60;

#[test]
fn who_asks_too_often_is_told_when_to_come_back() {
    let house = House::start_with(
        &["--auth", "smart"],
        &[
            ("MEDVAULT__LIMITS__READS_PER_S", "2"),
            ("MEDVAULT__LIMITS__WRITES_PER_S", "1"),
            ("MEDVAULT__LIMITS__PUBLIC_PER_S", "3"),
            ("MEDVAULT__LIMITS__AUTH_PER_S", "1"),
            ("MEDVAULT__LIMITS__FORWARDED", "on"),
        ],
    );
    let token = |scope| house.medvault(&["token", "--scope", scope, "--client", "hasty"]);
    house.medvault(&["client", "add", "--id", "hasty", "--redirect-uri", "https://app.example/x"]);
    let other = house.medvault(&["token", "--scope", "system/*.cruds"]);
    // a client of no organization sees what everybody sees
    let hasty = token("system/Organization.rs");
    let ask = |token: &str, method, path: &str, body: &str| {
        house.send(method, path, &[("Authorization", &format!("Bearer {token}"))], body)
    };
    let reads: Vec<u16> =
        (0..TRIES).map(|_| ask(&hasty, "GET", "/Organization", "").status).collect();
    assert_eq!(reads[..10], [200; 10]);
    assert_eq!(*reads.last().unwrap(), 429);
    let refused = ask(&hasty, "GET", "/Organization", "");
    assert_eq!(refused.status, 429);
    assert_eq!(refused.json()["resourceType"], "OperationOutcome");
    assert_eq!(refused.json()["issue"][0]["code"], "throttled");
    assert!(refused.headers["retry-after"].to_str().unwrap().parse::<u64>().unwrap() >= 1);
    // somebody else is not held up, and writes are counted for themselves
    ask(&other, "GET", "/Organization", "").expect(200);
    let organization = json!({"resourceType": "Organization", "name": "Ward"}).to_string();
    let writes: Vec<u16> =
        (0..TRIES).map(|_| ask(&other, "POST", "/Organization", &organization).status).collect();
    assert_eq!(writes[..5], [201; 5]);
    assert_eq!(*writes.last().unwrap(), 429);
    // without a token it counts by address; a proxy says which
    let from = |address: &str| {
        house.send("GET", "/Organization", &[("X-Forwarded-For", address)], "").status
    };
    let all: Vec<u16> = (0..TRIES).map(|_| from("192.0.2.1")).collect();
    assert_eq!(*all.last().unwrap(), 429);
    assert_eq!(from("192.0.2.2"), 200);
    assert_eq!(from("192.0.2.2, 192.0.2.1"), 429);
    // the authorization server
    let address = format!("{}/auth/token", house.issuer());
    let form = [("Content-Type", "application/x-www-form-urlencoded")];
    let mut last = house.send("POST", &address, &form, "grant_type=password");
    for _ in 0..TRIES {
        last = house.send("POST", &address, &form, "grant_type=password");
    }
    assert_eq!(last.status, 429);
    assert_eq!(last.json()["error"], "slow_down");
    assert!(last.headers["retry-after"].to_str().unwrap().parse::<u64>().unwrap() >= 1);
    // looking at a page is not logging in
    house.send("GET", &format!("{}/auth/login", house.issuer()), &[], "").expect(200);
}
