//! Files into a vault and back.
