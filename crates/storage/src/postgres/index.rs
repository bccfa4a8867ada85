//! All index rows of a transaction in one statement: a round trip, whatever their number.

use sea_orm::sqlx::{self, PgConnection};

use super::columns::Columns;

const ADD: &str = "-- each array is a column; rows that are there already stay
with token as (
  insert into idx_token (p, code, sys, res)
  select * from unnest($1::int[], $2::text[], $3::int[], $4::bigint[])
  on conflict do nothing
), reference as (
  insert into idx_reference (p, target, res)
  select * from unnest($5::int[], $6::bigint[], $7::bigint[])
  on conflict do nothing
), date as (
  insert into idx_date (p, lo, hi, res)
  select * from unnest($8::int[], $9::bigint[], $10::bigint[], $11::bigint[])
  on conflict do nothing
), string as (
  insert into idx_string (p, folded, exact, res)
  select * from unnest($12::int[], $13::text[], $14::text[], $15::bigint[])
  on conflict do nothing
), number as (
  insert into idx_number (p, value, res)
  select * from unnest($16::int[], $17::float8[], $18::bigint[])
  on conflict do nothing
), quantity as (
  insert into idx_quantity (p, value, code, sys, unit, res)
  select * from unnest($19::int[], $20::float8[], $21::text[], $22::int[], $23::text[], $24::bigint[])
  on conflict do nothing
), uri as (
  insert into idx_uri (p, uri, version, res)
  select * from unnest($25::int[], $26::text[], $27::text[], $28::bigint[])
  on conflict do nothing
)
insert into idx_present (p, res)
select * from unnest($29::int[], $30::bigint[])
on conflict do nothing";

const REMOVE: &str = "-- each array is a column
with token as (
  delete from idx_token i
  using  unnest($1::int[], $2::text[], $3::int[], $4::bigint[]) as o (p, code, sys, res)
  where  (i.p, i.code, i.sys, i.res) = (o.p, o.code, o.sys, o.res)
), reference as (
  delete from idx_reference i
  using  unnest($5::int[], $6::bigint[], $7::bigint[]) as o (p, target, res)
  where  (i.p, i.target, i.res) = (o.p, o.target, o.res)
), date as (
  delete from idx_date i
  using  unnest($8::int[], $9::bigint[], $10::bigint[], $11::bigint[]) as o (p, lo, hi, res)
  where  (i.p, i.lo, i.hi, i.res) = (o.p, o.lo, o.hi, o.res)
), string as (
  delete from idx_string i
  using  unnest($12::int[], $13::text[], $14::text[], $15::bigint[]) as o (p, folded, exact, res)
  where  (i.p, i.folded, i.exact, i.res) = (o.p, o.folded, o.exact, o.res)
), number as (
  delete from idx_number i
  using  unnest($16::int[], $17::float8[], $18::bigint[]) as o (p, value, res)
  where  (i.p, i.value, i.res) = (o.p, o.value, o.res)
), quantity as (
  delete from idx_quantity i
  using  unnest($19::int[], $20::float8[], $21::text[], $22::int[], $23::text[], $24::bigint[])
         as o (p, value, code, sys, unit, res)
  where  (i.p, i.value, i.code, i.sys, i.unit, i.res) = (o.p, o.value, o.code, o.sys, o.unit, o.res)
), uri as (
  delete from idx_uri i
  using  unnest($25::int[], $26::text[], $27::text[], $28::bigint[]) as o (p, uri, version, res)
  where  (i.p, i.uri, i.version, i.res) = (o.p, o.uri, o.version, o.res)
)
delete from idx_present i
using  unnest($29::int[], $30::bigint[]) as o (p, res)
where  (i.p, i.res) = (o.p, o.res)";

/// Adds index rows.
pub(super) async fn add(
    connection: &mut PgConnection,
    columns: &Columns,
) -> Result<(), sqlx::Error> {
    run(ADD, connection, columns).await
}

/// Takes index rows out.
pub(super) async fn remove(
    connection: &mut PgConnection,
    columns: &Columns,
) -> Result<(), sqlx::Error> {
    run(REMOVE, connection, columns).await
}

async fn run(
    sql: &'static str,
    connection: &mut PgConnection,
    columns: &Columns,
) -> Result<(), sqlx::Error> {
    let Columns { token, reference, date, string, number, quantity, uri, present } = columns;
    sqlx::query(sql)
        .bind(&token.0)
        .bind(&token.1)
        .bind(&token.2)
        .bind(&token.3)
        .bind(&reference.0)
        .bind(&reference.1)
        .bind(&reference.2)
        .bind(&date.0)
        .bind(&date.1)
        .bind(&date.2)
        .bind(&date.3)
        .bind(&string.0)
        .bind(&string.1)
        .bind(&string.2)
        .bind(&string.3)
        .bind(&number.0)
        .bind(&number.1)
        .bind(&number.2)
        .bind(&quantity.0)
        .bind(&quantity.1)
        .bind(&quantity.2)
        .bind(&quantity.3)
        .bind(&quantity.4)
        .bind(&quantity.5)
        .bind(&uri.0)
        .bind(&uri.1)
        .bind(&uri.2)
        .bind(&uri.3)
        .bind(&present.0)
        .bind(&present.1)
        .execute(connection)
        .await
        .map(drop)
}
