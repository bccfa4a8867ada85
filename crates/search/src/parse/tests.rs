//! What queries mean and why they are refused, as tables.
