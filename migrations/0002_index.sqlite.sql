-- What searches find by. `p` is the number of a (resource type, search parameter); tables are clustered
-- the way they are asked, a row holds nothing else.

-- A negative `p` in idx_token holds Reference.identifier of the reference parameter `-p`.

-- code systems and identifier systems, as small numbers; 0 stands for none
create table token_system (
  sys integer primary key,
  uri text    not null unique
);

create table idx_token (
  p    integer not null,
  code text    not null,
  res  integer not null,
  sys  integer not null,
  primary key (p, code, res, sys)
) without rowid;

create table idx_reference (
  p      integer not null,
  target integer not null,                  -- resource.res of what is referenced
  res    integer not null,
  primary key (p, target, res)
) without rowid;
create index idx_reference_forward on idx_reference (res, p, target);

create table idx_date (
  p   integer not null,
  lo  integer not null,                     -- microseconds since 1970
  hi  integer not null,
  res integer not null,
  primary key (p, lo, hi, res)
) without rowid;
create index idx_date_forward on idx_date (res, p, lo, hi);

create table idx_string (
  p      integer not null,
  folded text    not null,                  -- without case and accents
  res    integer not null,
  exact  text    not null,                  -- as written; empty where that is the folded text
  primary key (p, folded, res, exact)
) without rowid;

create table idx_number (
  p     integer not null,
  value real    not null,
  res   integer not null,
  primary key (p, value, res)
) without rowid;

create table idx_quantity (
  p     integer not null,
  value real    not null,
  code  text    not null,
  sys   integer not null,
  res   integer not null,
  unit  text    not null,
  primary key (p, value, code, sys, res, unit)
) without rowid;

-- URIs, and references to what is not of this vault
create table idx_uri (
  p       integer not null,
  uri     text    not null,
  res     integer not null,
  version text    not null,                -- of a canonical, what follows the bar; else empty
  primary key (p, uri, res, version)
) without rowid;

-- an element that is there but gives no value to find it by, for example a reference with a display only
create table idx_present (
  p   integer not null,
  res integer not null,
  primary key (p, res)
) without rowid;
