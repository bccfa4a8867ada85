-- The resources themselves: what is current, and what was.

-- One row a resource that is stored or referenced. `res` is its number inside the vault: references,
-- chains and index rows are joins of integers, and a reference to what is not here yet resolves later.
create table resource (
  res       integer primary key,
  type      integer not null,               -- number of the resource type, see ResourceType::number
  id        text    not null,
  version   integer not null,               -- 0: referenced, never stored
  updated   integer not null,               -- meta.lastUpdated, milliseconds since 1970
  commit_no integer not null,               -- which commit wrote this version
  method    integer not null,               -- 1 POST, 2 PUT, 3 DELETE, 4 PATCH
  body      blob,                           -- first byte: how it is packed; null: deleted or never stored
  unique (type, id)
);

-- what a search over a whole type walks
create index resource_live on resource (type, res) where body is not null;
-- what `_lastUpdated` and the history of a type walk
create index resource_by_type_and_time on resource (type, updated, res) where version > 0;
-- what the history of everything walks
create index resource_by_time on resource (updated, res) where version > 0;

-- Versions that a later one replaced.
create table history (
  res       integer not null,
  version   integer not null,
  type      integer not null,
  id        text    not null,
  updated   integer not null,
  commit_no integer not null,
  method    integer not null,
  body      blob,
  primary key (res, version)
);
create index history_by_type_and_time on history (type, updated, res);
create index history_by_time on history (updated, res);
