//! The rows of table `resource`: new ones, replaced ones, and those that are only referenced or contained.

use std::{borrow::Cow, collections::BTreeMap};

use fhir_model::ResourceType;
use sea_orm::sqlx::{self, PgConnection, Row as _};

use super::{
    columns::Known,
    news,
    numbers::{self, Numbers},
};
use crate::{body, tx::Delta};

/// Numbers of these resources, as far as they have one.
pub(super) async fn look<'k>(
    connection: &mut PgConnection,
    wanted: impl Iterator<Item = &'k (ResourceType, Cow<'k, str>)>,
    known: &mut Known,
) -> Result<(), sqlx::Error> {
    let (types, ids): (Vec<i16>, Vec<&str>) =
        wanted.map(|(ty, id)| (i16::from(ty.number()), &**id)).unzip();
    if types.is_empty() {
        return Ok(());
    }
    let rows = sqlx::query(
        "select res, type, id
         from   resource
         where  (type, id) in (select * from unnest($1::smallint[], $2::text[]))",
    )
    .bind(&types)
    .bind(&ids)
    .fetch_all(connection)
    .await?;
    learn(known, &rows)
}

/// Columns of rows to be inserted.
#[derive(Debug, Default)]
struct New<'a> {
    numbers: Vec<i64>,
    types: Vec<i16>,
    ids: Vec<&'a str>,
    versions: Vec<i32>,
    updated: Vec<i64>,
    methods: Vec<i16>,
    bodies: Vec<Option<Vec<u8>>>,
}

/// First versions, and rows for what is referenced and was never heard of. All of them in one statement and in
/// the order of their keys, so that two transactions that refer to each other's new resources never wait for
/// each other. What somebody else inserted meanwhile is not known after it.
pub(super) async fn insert(
    connection: &mut PgConnection,
    (numbers, commit_no): (&Numbers, i64),
    deltas: &[Delta],
    referenced: &[(ResourceType, &str)],
    known: &mut Known,
) -> Result<(), sqlx::Error> {
    let first = deltas.iter().filter(|delta| delta.change.replaces.is_none());
    let mut rows: BTreeMap<(ResourceType, &str), Option<&Delta>> =
        referenced.iter().map(|key| (*key, None)).collect();
    rows.extend(first.map(|delta| {
        let key = &delta.change.key;
        ((key.resource_type, key.id.as_str()), Some(delta))
    }));
    if rows.is_empty() {
        return Ok(());
    }
    let mut new = New::default();
    for ((ty, id), delta) in rows {
        new.numbers.push(numbers.next());
        new.types.push(i16::from(ty.number()));
        new.ids.push(id);
        new.versions.push(delta.map_or(0, |_| 1));
        new.updated.push(delta.map_or(0, |delta| delta.updated.millis()));
        new.methods.push(delta.map_or(0, |delta| delta.change.method.number()));
        new.bodies.push(delta.and_then(|delta| delta.body.as_deref().map(body::pack)));
    }
    let first = deltas.iter().filter(|delta| delta.change.replaces.is_none());
    let told = news::told(first.map(|delta| &delta.change.key.resource_type));
    let insert = format!(
        "{}
         insert into resource (res, type, id, version, updated, method, body, commit_no)
         select n.*, case n.version when 0 then 0 else $8 end
         from   unnest($1::bigint[], $2::smallint[], $3::text[], $4::int[], $5::bigint[],
                       $6::smallint[], $7::bytea[])
                as n (res, type, id, version, updated, method, body)
         -- somebody may have referred to it before it came
         on conflict (type, id) do update
         set version = 1, updated = excluded.updated, commit_no = excluded.commit_no,
             method = excluded.method, body = excluded.body
         where resource.version = 0
           and excluded.version = 1
         returning res, type, id",
        news::telling("$9", "$10")
    );
    let rows = sqlx::query(sqlx::AssertSqlSafe(insert))
        .bind(&new.numbers)
        .bind(&new.types)
        .bind(&new.ids)
        .bind(&new.versions)
        .bind(&new.updated)
        .bind(&new.methods)
        .bind(&new.bodies)
        .bind(commit_no)
        .bind(&told)
        .bind(numbers::time(commit_no))
        .fetch_all(connection)
        .await?;
    learn(known, &rows)
}

/// Rows for what is contained: the container's number, type and id of each. Only who writes the container
/// writes these.
pub(super) async fn insert_contained(
    connection: &mut PgConnection,
    numbers: &Numbers,
    contained: &[(i64, ResourceType, &str)],
    known: &mut Known,
) -> Result<(), sqlx::Error> {
    if contained.is_empty() {
        return Ok(());
    }
    let new: Vec<i64> = contained.iter().map(|_| numbers.next()).collect();
    let containers: Vec<i64> = contained.iter().map(|(container, ..)| *container).collect();
    let types: Vec<i16> = contained.iter().map(|(_, ty, _)| i16::from(ty.number())).collect();
    let ids: Vec<&str> = contained.iter().map(|(.., id)| *id).collect();
    let rows = sqlx::query(
        "insert into resource (res, container, type, id, version, updated, commit_no, method)
         select *, 0, 0, 0, 0
         from   unnest($1::bigint[], $2::bigint[], $3::smallint[], $4::text[])
         returning res, type, id",
    )
    .bind(&new)
    .bind(&containers)
    .bind(&types)
    .bind(&ids)
    .fetch_all(connection)
    .await?;
    learn(known, &rows)
}

/// Forgets what is no longer contained.
pub(super) async fn delete_contained(
    connection: &mut PgConnection,
    gone: &[i64],
) -> Result<(), sqlx::Error> {
    if gone.is_empty() {
        return Ok(());
    }
    let delete = "delete from resource where res = any($1) and container is not null";
    sqlx::query(delete).bind(gone).execute(connection).await.map(drop)
}

/// Later versions; what they replace becomes history.
pub(super) async fn replace(
    connection: &mut PgConnection,
    deltas: &[Delta],
    commit_no: i64,
    known: &mut Known,
) -> Result<(), sqlx::Error> {
    let mut replaced = Vec::new();
    let (mut versions, mut updated, mut methods, mut bodies) = (vec![], vec![], vec![], vec![]);
    for delta in deltas {
        let Some(head) = &delta.change.replaces else { continue };
        let key = &delta.change.key;
        known.insert((key.resource_type, key.id.clone()), head.res);
        replaced.push(head.res);
        versions.push(i32::try_from(delta.version).unwrap_or(i32::MAX));
        updated.push(delta.updated.millis());
        methods.push(delta.change.method.number());
        bodies.push(delta.body.as_deref().map(body::pack));
    }
    if replaced.is_empty() {
        return Ok(());
    }
    let later = deltas.iter().filter(|delta| delta.change.replaces.is_some());
    let told = news::told(later.map(|delta| &delta.change.key.resource_type));
    let keep = format!(
        "{}
         insert into history (res, version, type, id, updated, commit_no, method, body)
         select res, version, type, id, updated, commit_no, method, body
         from   resource
         where  res = any($1)
           and  version > 0",
        news::telling("$2", "$3")
    );
    sqlx::query(sqlx::AssertSqlSafe(keep))
        .bind(&replaced)
        .bind(&told)
        .bind(numbers::time(commit_no))
        .execute(&mut *connection)
        .await?;
    sqlx::query(
        "update resource r
         set    version = n.version, updated = n.updated, method = n.method, body = n.body,
                commit_no = $6
         from   unnest($1::bigint[], $2::int[], $3::bigint[], $4::smallint[], $5::bytea[])
                as n (res, version, updated, method, body)
         where  r.res = n.res",
    )
    .bind(&replaced)
    .bind(&versions)
    .bind(&updated)
    .bind(&methods)
    .bind(&bodies)
    .bind(commit_no)
    .execute(connection)
    .await
    .map(drop)
}

/// Takes rows of (res, type, id) in.
fn learn(known: &mut Known, rows: &[sqlx::postgres::PgRow]) -> Result<(), sqlx::Error> {
    for row in rows {
        let number: i16 = row.try_get(1)?;
        let ty = u8::try_from(number).ok().and_then(ResourceType::from_number);
        let ty = ty.ok_or_else(|| sqlx::Error::Protocol("unknown resource type".to_owned()))?;
        known.insert((ty, row.try_get(2)?), row.try_get(0)?);
    }
    Ok(())
}
