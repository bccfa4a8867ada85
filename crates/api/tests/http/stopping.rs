//! The end: what is in flight is finished, what idles is let go.

use std::{
    io::Write as _,
    thread,
    time::{Duration, Instant},
};

use crate::wire::{Expected, Hospital, Reply, request};

#[test]
fn a_request_in_flight_is_answered_and_an_idle_connection_does_not_hold_the_server() {
    let mut hospital = Hospital::open();
    let mut idle = hospital.connect();
    idle.write_all(&request("GET /health/live", &[], b"")).unwrap();
    assert_eq!(Reply::read(&mut idle, Expected::Body).status, 200);

    let mut busy = hospital.connect();
    let whole = request(
        "POST /fhir/Patient",
        &[("Content-Type", "application/json")],
        br#"{"resourceType":"Patient"}"#,
    );
    let (first, rest) = whole.split_at(whole.len() - 5);
    busy.write_all(first).unwrap();
    thread::sleep(Duration::from_millis(200));
    let started = Instant::now();
    hospital.tell_to_stop();
    thread::sleep(Duration::from_millis(200));
    busy.write_all(rest).unwrap();
    assert_eq!(Reply::read(&mut busy, Expected::Body).status, 201);
    hospital.wait();
    assert!(started.elapsed() < Duration::from_secs(10));
}
