//! The vault's own small tables.

use fhir_model::Outcome;
use sea_orm::sqlx::{
    self, Column as _, PgPool, Row as _, TypeInfo as _,
    postgres::{PgColumn, PgRow},
};

use super::{query::bound, trouble};
use crate::{
    parameters::{self, Parameters},
    row::{Cell, Row},
};

/// The search parameters that are kept.
pub(super) async fn kept(pool: &PgPool) -> Result<Parameters, Outcome> {
    let ask = parameters::all();
    let found = bound(&ask).fetch_all(pool).await.map_err(|error| trouble(&error))?;
    let rows: Result<Vec<Row>, sqlx::Error> = found.iter().map(row).collect();
    parameters::load(&rows.map_err(|error| trouble(&error))?)
}

/// A row, as it comes from the driver.
pub(super) fn row(row: &PgRow) -> Result<Row, sqlx::Error> {
    let cell = |column: &PgColumn| {
        let at = column.ordinal();
        let integer = |value: Option<i64>| value.map_or(Cell::Null, Cell::Integer);
        Ok(match column.type_info().name() {
            "INT2" => integer(row.try_get::<Option<i16>, _>(at)?.map(i64::from)),
            "INT4" => integer(row.try_get::<Option<i32>, _>(at)?.map(i64::from)),
            "INT8" => integer(row.try_get(at)?),
            _ => row.try_get::<Option<String>, _>(at)?.map_or(Cell::Null, Cell::Text),
        })
    };
    row.columns().iter().map(cell).collect::<Result<_, sqlx::Error>>().map(Row)
}
