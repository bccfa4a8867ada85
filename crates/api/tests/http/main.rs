//! The server as a client on the wire sees it: a raw TCP connection to a vault on a temporary file.

#![cfg(test)]

mod binaries;
mod codings;
mod headers;
mod limits;
mod negotiation;
mod pages;
mod stopping;
mod wire;
