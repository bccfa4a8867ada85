-- Search parameters are data: what SearchParameter resources define, and the work of indexing for them.

-- One row a resource type that a SearchParameter resource was ever for. Rows stay when the parameter is gone, so
-- that its number is never used again: rows of the index tables cannot change their meaning.
create table search_parameter (
  p          integer  not null primary key, -- above 1,000,000
  id         text     not null,             -- of the SearchParameter resource
  type       smallint not null,             -- the type whose resources it finds, see ResourceType::number
  code       text     not null,             -- its name in queries
  url        text     not null,
  kind       text     not null,             -- token, date, ...
  expression text     not null,             -- FHIRPath
  targets    text     not null,             -- of a reference: names of types, a blank between
  components text     not null,             -- of a composite: URL, U+001F, expression, U+001E of each part
  state      smallint not null,             -- 1 being indexed, 2 ready, 3 its index rows are being removed, 4 gone
  since      bigint   not null,             -- in this state, milliseconds since 1970
  from_res   bigint   not null,             -- being indexed: resources up to this number are done
  done       bigint   not null,             -- how many these were
  total      bigint   not null              -- of so many; -1: not counted yet
);

-- Indexing again what is there. One row a request, or an upgrade.
create table reindex_job (
  job        integer  not null primary key,
  type       smallint not null,             -- 0: everything
  from_res   bigint   not null,             -- resources up to this number are done
  done       bigint   not null,             -- how many these were
  total      bigint   not null,             -- of so many; -1: not counted yet
  started    bigint   not null,             -- milliseconds since 1970
  finished   bigint,                        -- null: not yet
  generation integer  not null              -- of the rows that are written, see the setting index_generation
);

-- grows with every change of what is extracted; who writes compares it with what he knows
insert into setting (name, value) values ('parameter_epoch', '0');
