-- What searches find by. `p` is the number of a (resource type, search parameter); tables are clustered
-- the way they are asked, a row holds nothing else.

-- A negative `p` in idx_token holds Reference.identifier of the reference parameter `-p`.

-- code systems and identifier systems, as small numbers; 0 stands for none
create table token_system (
  sys integer primary key,
  uri text collate "C" not null unique
);

create table idx_token (
  p    integer not null,
  code text collate "C" not null,
  res  bigint  not null,
  sys  integer not null,
  primary key (p, code, res, sys)
);

create table idx_reference (
  p      integer not null,
  target bigint  not null,                  -- resource.res of what is referenced
  res    bigint  not null,
  primary key (p, target, res)
);
create index idx_reference_forward on idx_reference (res, p, target);

create table idx_date (
  p   integer not null,
  lo  bigint  not null,                     -- microseconds since 1970
  hi  bigint  not null,
  res bigint  not null,
  primary key (p, lo, hi, res)
);
create index idx_date_forward on idx_date (res, p, lo, hi);

create table idx_string (
  p      integer not null,
  folded text collate "C" not null,                  -- without case and accents
  res    bigint  not null,
  exact  text collate "C" not null,                  -- as written; empty where that is the folded text
  primary key (p, folded, res, exact)
);

create table idx_number (
  p     integer not null,
  value double precision    not null,
  res   bigint  not null,
  primary key (p, value, res)
);

create table idx_quantity (
  p     integer not null,
  value double precision    not null,
  code  text collate "C" not null,
  sys   integer not null,
  res   bigint  not null,
  unit  text collate "C" not null,
  primary key (p, value, code, sys, res, unit)
);

-- URIs, and references to what is not of this vault
create table idx_uri (
  p       integer not null,
  uri     text collate "C" not null,
  res     bigint  not null,
  version text collate "C" not null,                -- of a canonical, what follows the bar; else empty
  primary key (p, uri, res, version)
);

-- an element that is there but gives no value to find it by, for example a reference with a display only
create table idx_present (
  p   integer not null,
  res bigint  not null,
  primary key (p, res)
);
