//! References: to resources of this vault, to URLs, to a whole hierarchy.

use search::{ReferenceTest, Version, Way};

use super::text;
use crate::find::{
    range::{Kind, Range},
    statement::{Sql, sql},
};

/// With so many types a target is looked up in one go.
const TYPES_FEW: usize = 8;

pub(super) fn condition(test: &ReferenceTest) -> Sql {
    match test {
        ReferenceTest::Local { ty, id } => {
            sql("@.target = ", []).with(resource(i64::from(ty.number()), id))
        }
        ReferenceTest::Id { types, id } => {
            let types: Vec<i64> = types.iter().map(|ty| i64::from(ty.number())).collect();
            let of_type =
                if types.is_empty() { Sql::always() } else { Sql::one_of("t.type", &types) };
            sql("exists (select 1 from resource t where t.res = @.target and ", [])
                .with(Sql::all([of_type, sql("t.id = ?", [(&**id).into()])]))
                .then(")")
        }
        ReferenceTest::Url { url, version } => url_is(url, version),
        ReferenceTest::Hierarchy { .. } => sql("@.target in ", []).with(hierarchy(test)),
    }
}

pub(super) fn ranges(test: &ReferenceTest) -> Vec<Range> {
    let fixed = |seek| Range::fixed("idx_reference", "target", Kind::Integer, seek).once();
    let spread = |seek| Range::spread("idx_reference", "target", Kind::Integer, seek).once();
    match test {
        ReferenceTest::Local { .. } => vec![fixed(condition(test))],
        ReferenceTest::Id { types, id } if (1..=TYPES_FEW).contains(&types.len()) => {
            let of = |ty: &fhir_model::ResourceType| resource(i64::from(ty.number()), id);
            types.iter().map(|ty| fixed(sql("@.target = ", []).with(of(ty)))).collect()
        }
        ReferenceTest::Id { types, id } => {
            // by type: type and id together are the key
            let every = fhir_model::ResourceType::all();
            let types = if types.is_empty() { every } else { types };
            let types = Sql::list(types.iter().map(|ty| i64::from(ty.number())));
            let targets = sql("@.target in (select t.res from resource t where t.id = ", [])
                .bind(&**id)
                .then(" and t.type in ")
                .with(types)
                .then(")");
            vec![spread(targets).among_own(condition(test))]
        }
        ReferenceTest::Url { url, version } => {
            vec![Range::fixed("idx_uri", "uri", Kind::Text, url_is(url, version))]
        }
        ReferenceTest::Hierarchy { .. } => {
            let among_own = sql("@.target + 0 in ", []).with(hierarchy(test));
            vec![spread(condition(test)).among_own(among_own)]
        }
    }
}

fn resource(ty: i64, id: &str) -> Sql {
    sql("(select t.res from resource t where t.type = ? and t.id = ?)", [ty.into(), id.into()])
}

fn url_is(url: &str, version: &Version) -> Sql {
    let url = sql("@.uri = ?", [url.into()]);
    let version = match version {
        Version::Any => Sql::always(),
        Version::Is(version) => sql("@.version = ?", [(&**version).into()]),
        Version::Of(None) => sql("@.version = ''", []),
        Version::Of(Some(version)) => sql("@.version in ('', ?)", [(&**version).into()]),
        Version::Below(start) => Sql::any([
            sql("@.version = ?", [(&**start).into()]),
            text::starts_with("@.version", &format!("{start}.")),
        ]),
    };
    Sql::all([url, version])
}

/// A resource with all that it is part of, or that are part of it; whoever is met twice counts once, so a
/// circle ends.
fn hierarchy(test: &ReferenceTest) -> Sql {
    let ReferenceTest::Hierarchy { ty, id, part_of, way } = test else { return Sql::never() };
    let ty = i64::from(ty.number());
    let (next, link) = match way {
        Way::Above => ("h.target", "h.res"),
        Way::Below => ("h.res", "h.target"),
    };
    let step = format!(
        "(with recursive kin (res) as (\n  select t.res from resource t where t.type = ? and t.id = ?\n  \
         union\n  select {next} from kin join idx_reference h on h.p = ? and {link} = kin.res\n  \
         join resource t on t.res = {next} and t.type = ?\n) select res from kin)"
    );
    let part_of = i64::from(part_of.number());
    sql(step, [ty.into(), (&**id).into(), part_of.into(), ty.into()])
}
