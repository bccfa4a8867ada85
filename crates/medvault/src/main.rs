//! medvault
fn main() {}
