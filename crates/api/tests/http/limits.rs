//! What a request may ask of the server, and what happens to one that asks for more.

use std::{
    io::Write as _,
    thread,
    time::{Duration, Instant},
};

use api::Limits;
use auth::Mode;

use crate::wire::{Expected, Hospital, Reply, request};

fn impatient() -> Limits {
    Limits {
        header_timeout: Duration::from_secs(1),
        body_idle_timeout: Duration::from_millis(400),
        body_timeout: Duration::from_secs(2),
        body_bytes_max: 10_000,
        bundle_bytes_max: 20_000,
        ..Limits::default()
    }
}

#[test]
fn long_bodies_are_refused_before_they_are_read() {
    let hospital = Hospital::with(Mode::Open, impatient());
    let announced =
        b"POST /fhir/Patient HTTP/1.1\r\nHost: x\r\nContent-Length: 1099511627776\r\n\r\n{";
    assert_eq!(hospital.raw(announced).issue(), "too-long");
    let long = format!(r#"{{"resourceType":"Patient","language":"{}"}}"#, "a".repeat(12_000));
    let refused = hospital.post("/fhir/Patient", &long);
    assert_eq!((refused.status, refused.issue()), (413, "too-long"));
    assert_eq!(hospital.post("/fhir/", &long).status, 400, "the base takes longer bodies");
    let chunk = format!("{:x}\r\n{}\r\n", 4096, " ".repeat(4096));
    let head = "POST /fhir/Patient HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n";
    let chunked = hospital.raw(format!("{head}{}0\r\n\r\n", chunk.repeat(4)).as_bytes());
    assert_eq!((chunked.status, chunked.issue()), (413, "too-long"));
}

#[test]
fn long_heads_are_refused() {
    let hospital = Hospital::open();
    let url = hospital.get(&format!("/fhir/Patient?name={}", "a".repeat(17 << 10)));
    assert_eq!((url.status, url.issue()), (414, "too-long"));
    let value = "a".repeat(8 << 10);
    let headers: Vec<(&str, &str)> =
        ["A", "B", "C", "D", "E"].map(|name| (name, value.as_str())).into();
    let headers = hospital.ask("GET /fhir/metadata", &headers, b"");
    assert_eq!((headers.status, headers.issue()), (431, "too-long"));
    let names: Vec<String> = (0..101).map(|n| format!("X-{n}")).collect();
    let many: Vec<(&str, &str)> = names.iter().map(|name| (name.as_str(), "1")).collect();
    assert_eq!(hospital.ask("GET /fhir/metadata", &many, b"").status, 431);
}

#[test]
fn framing_that_can_be_read_in_two_ways_is_refused() {
    let hospital = Hospital::open();
    let smuggled = "0\r\n\r\nGET /fhir/Patient HTTP/1.1\r\nHost: x\r\n\r\n";
    for lengths in [
        "Content-Length: 4\r\nTransfer-Encoding: chunked\r\n",
        "Transfer-Encoding: chunked\r\nContent-Length: 4\r\n",
        "Content-Length: 4\r\nContent-Length: 5\r\n",
        "Content-Length: +4\r\n",
    ] {
        let head = format!("POST /fhir/Patient HTTP/1.1\r\nHost: x\r\n{lengths}\r\n{smuggled}");
        assert_eq!(hospital.raw(head.as_bytes()).status, 400, "{lengths}");
    }
}

#[test]
fn slow_heads_run_out_of_time() {
    let hospital = Hospital::with(Mode::Open, impatient());
    let mut stream = hospital.connect();
    stream.write_all(b"GET /fhir/metadata HTTP/1.1\r\nHost:").unwrap();
    let started = Instant::now();
    assert_eq!(Reply::read(&mut stream, Expected::Body).status, 408);
    assert!(started.elapsed() < Duration::from_secs(5));
}

#[test]
fn slow_bodies_run_out_of_time_even_when_they_drip() {
    let hospital = Hospital::with(Mode::Open, impatient());
    let mut whole =
        request("POST /fhir/Patient", &[("Content-Type", "application/json")], &[b' '; 100]);
    whole.truncate(whole.len() - 100);
    for drips in [0, 40] {
        let mut stream = hospital.connect();
        stream.write_all(&whole).unwrap();
        let mut dripping = stream.try_clone().unwrap();
        let drip = thread::spawn(move || {
            for _ in 0..drips {
                if dripping.write_all(b" ").is_err() {
                    break;
                }
                thread::sleep(Duration::from_millis(100));
            }
        });
        let started = Instant::now();
        let reply = Reply::read(&mut stream, Expected::Body);
        assert_eq!((reply.status, reply.issue()), (408, "timeout"), "{drips} drips");
        assert!(started.elapsed() < Duration::from_secs(3), "{drips} drips");
        assert_eq!(reply.header("connection"), Some("close"));
        drip.join().unwrap();
    }
}

#[test]
fn bodies_that_break_off_are_refused() {
    let hospital = Hospital::open();
    let head = "POST /fhir/Patient HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n";
    let broken = hospital.raw(format!("{head}zz\r\n{{}}").as_bytes());
    assert_eq!(broken.status, 400);
}

#[test]
fn an_overloaded_server_says_when_to_come_back() {
    let full = Hospital::with(Mode::Open, Limits { in_flight_max: 0, ..Limits::default() });
    let refused = full.get("/fhir/Patient/1");
    assert_eq!((refused.status, refused.issue()), (503, "transient"));
    assert_eq!(refused.header("retry-after"), Some("1"));
    assert_eq!(full.get("/health/live").status, 200);

    let narrow = Hospital::with(Mode::Open, Limits { held_bytes_max: 1000, ..Limits::default() });
    let chunk = format!("{:x}\r\n{}\r\n", 2000, " ".repeat(2000));
    let head = "POST /fhir/Patient HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n";
    let refused = narrow.raw(format!("{head}{chunk}0\r\n\r\n").as_bytes());
    assert_eq!((refused.status, refused.issue()), (503, "transient"));
    assert_eq!(narrow.post("/fhir/Patient", r#"{"resourceType":"Patient"}"#).status, 201);
}
