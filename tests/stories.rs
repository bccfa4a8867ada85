//! The stories.

/// Makes of each function `fn name(house: &House)` a test on SQLite and one on PostgreSQL.
macro_rules! stories {
    ($($name:ident),+ $(,)?) => {
        mod sqlite {
            $(#[test] fn $name() { super::$name(crate::house::House::on(crate::house::On::Sqlite)); })+
        }
        mod postgres {
            $(#[test] fn $name() { super::$name(crate::house::House::on(crate::house::On::Postgres)); })+
        }
    };
}

/// The same on the servers that ask for tokens.
macro_rules! smart_stories {
    ($($name:ident),+ $(,)?) => {
        mod sqlite {
            $(#[test] fn $name() { super::$name(crate::house::House::smart_on(crate::house::On::Sqlite)); })+
        }
        mod postgres {
            $(#[test] fn $name() { super::$name(crate::house::House::smart_on(crate::house::On::Postgres)); })+
        }
    };
}

mod auth;
mod beds;
mod binaries;
mod conditions;
mod consents;
mod cosign;
mod everything;
mod gate;
mod history;
mod official_examples;
mod one_resource;
mod operations;
mod patching;
mod rates;
mod refusals;
mod research;
mod search_answers;
mod search_cases;
mod search_codes;
mod search_parameters;
mod search_places;
mod search_values;
mod searching;
mod transactions;
