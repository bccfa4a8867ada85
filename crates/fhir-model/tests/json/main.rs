//! JSON in and out: the official examples, every kind of fault, hostile input, identity.

#[cfg(test)]
mod examples;
#[cfg(test)]
mod faults;
#[cfg(test)]
mod hostile;
#[cfg(test)]
mod mutations;
#[cfg(test)]
mod stamping;
#[cfg(test)]
mod trees;
