//! How a door ends.

use super::PATIENCE;
use crate::{
    config,
    exit::Exit,
    http::{Door, start},
};
use axum::Router;
use std::{net::TcpListener, thread, time::Instant};
use topology::engine::status::{Status, board};

fn opened(name: &'static str, routes: impl Future<Output = Router> + Send + 'static) -> Door {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    start(name, &config::load(None, []).unwrap(), listener, routes).unwrap()
}

#[test]
fn a_door_whose_server_panics_is_not_ready_and_a_reason_to_stop() {
    let door = opened("panics", async { panic!("a defect") });
    let deadline = Instant::now() + PATIENCE;
    while !door.has_ended() {
        assert!(Instant::now() < deadline, "it serves");
        thread::yield_now();
    }
    assert_eq!(board()["panics"], Status::Ended);
    let error = anyhow::Error::from(door.close().unwrap_err());
    assert_eq!((Exit::of(&error), error.to_string().starts_with("panics: ")), (Exit::Stopped, true), "{error}");
}

#[test]
fn a_door_that_is_told_to_end_is_no_failure() {
    let door = opened("is told", async { Router::new() });
    assert_eq!(board()["is told"], Status::Ready);
    assert!(!door.has_ended());
    door.close().unwrap();
    assert_eq!(board()["is told"], Status::Ended);
}
