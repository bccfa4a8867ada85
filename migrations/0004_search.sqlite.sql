-- The whole search grammar. The index tables are made anew and empty: what a vault of an earlier schema holds
-- must be indexed again, which the setting `index_generation` says.
--
-- `p` names a (resource type, search parameter):
--    1 ..           R4's own parameters
--    1,000,001 ..   those of SearchParameter resources
--    100,000,001 .. the same parameters, of a resource that is contained in another: 100,000,000 more
--    1,000,000,000 .. rows of a composite whose key is that row of composite_key
-- A negative `p` holds something else of the parameter `-p`: see each table.

-- A contained resource has a row, but no body and version 0, so it is never found as one of its own. Its id is
-- `[type]/[id]#[local id]` of what contains it.
alter table resource add column container integer;         -- resource.res of what contains it; null: nothing does
create index resource_container on resource (container) where container is not null;

insert into setting (name, value)
select 'index_generation', '1'                            -- the rows of the first schema
where  exists (select 1 from resource);

drop table idx_token;
drop table idx_reference;
drop table idx_date;
drop table idx_string;
drop table idx_number;
drop table idx_quantity;
drop table idx_uri;
drop table idx_present;

-- Each table is clustered the way it is asked; its forward index leads from a resource to its rows: for sort
-- values, for what is missing, for a second condition. Resources are numbered upwards, so it grows at its end.

-- -p: of a reference parameter its Reference.identifier; of an identifier parameter `[type code]|[value]`
create table idx_token (
  p    integer not null,
  code text not null,
  res  integer not null,
  sys  integer not null,                    -- of token_system, 0: none; NEGATIVE in all rows of one (p, code, res) but one,
                                            -- so that `sys >= 0` gives a resource once. Rows of composites: never negative.
  primary key (p, code, res, sys)
) without rowid;
create index idx_token_forward on idx_token (res, p, code, sys);

create table idx_reference (
  p      integer not null,
  target integer not null,                  -- resource.res of what is referenced, contained or not
  res    integer not null,
  primary key (p, target, res)
) without rowid;
create index idx_reference_forward on idx_reference (res, p, target);

create table idx_date (
  p   integer not null,
  lo  integer not null,                     -- microseconds since 1970
  hi  integer not null,
  res integer not null,
  primary key (p, lo, res, hi)
) without rowid;
-- by the end: `gt`, `ge`, `eb`, and newest first
create index idx_date_end on idx_date (p, hi, res, lo);
create index idx_date_forward on idx_date (res, p, lo, hi);

-- -p: texts of the codes of a token parameter, `exact` empty
create table idx_string (
  p      integer not null,
  folded text not null,                  -- without case and accents
  res    integer not null,
  exact  text not null,                  -- as written; empty where that is the folded text
  primary key (p, folded, res, exact)
) without rowid;
create index idx_string_forward on idx_string (res, p, folded, exact);

create table idx_number (
  p     integer not null,
  value real not null,
  res   integer not null,
  primary key (p, value, res)
) without rowid;
create index idx_number_forward on idx_number (res, p, value);

-- -p: the value in UCUM base units; `code` is the base units, `sys` 0, `unit` empty
create table idx_quantity (
  p     integer not null,
  value real not null,
  code  text not null,
  sys   integer not null,                   -- of token_system, 0: none
  res   integer not null,
  unit  text not null,                   -- as people read it; of a composite of two numbers, the second one
  primary key (p, value, res, code, sys, unit)
) without rowid;
create index idx_quantity_forward on idx_quantity (res, p, value, code, sys, unit);

-- URIs, and references to what is not of this vault
create table idx_uri (
  p       integer not null,
  uri     text not null,
  res     integer not null,
  version text not null,                 -- of a canonical, what follows the bar; else empty
  primary key (p, uri, res, version)
) without rowid;
create index idx_uri_forward on idx_uri (res, p, uri, version);

-- an element that is there but gives no value to find it by, for example a reference with a display only
create table idx_present (
  p   integer not null,
  res integer not null,
  primary key (p, res)
) without rowid;
create index idx_present_forward on idx_present (res, p);

-- The token among the parts of a composite, as a small number `k`. The other part is a row of the table of its
-- kind with `k` for `p` (`-k` in idx_quantity: in UCUM base units).
create table composite_key (
  k    integer primary key,                 -- from 1,000,000,000
  p    integer not null,
  code text not null,
  sys  integer not null,                    -- of token_system, 0: none
  unique (p, code, sys)
);

-- where a Location is, on the unit sphere: x towards 0 0, y towards 90 degrees east, z towards the north pole
create table idx_position (
  p   integer not null,
  x   real not null,
  y   real not null,
  z   real not null,
  res integer not null,
  primary key (p, x, res, y, z)
) without rowid;
create index idx_position_forward on idx_position (res, p, x, y, z);

-- Words of resources, for _text and _content: `rowid` is resource.res, `words` its terms. A term is
-- `[number of the type]_[word]`, of the narrative `[number of the type]n_[word]`. Much quicker to write than a
-- table with a row a word: docs/adr/0009.
create virtual table idx_word using fts5 (
  words,
  content = '',
  contentless_delete = 1,
  detail = none,
  tokenize = "ascii tokenchars '_'"
);
