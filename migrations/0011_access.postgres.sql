-- What was looked at, changed or refused, a narrow row each, as it is written in bulk. A row becomes an AuditEvent
-- under the same id, and goes: at a quiet time, or as soon as somebody asks for what it may answer.

create table access (
  id          text    not null primary key,   -- UUIDv7: rows lie in the order of time
  at          bigint  not null,               -- milliseconds since 1970
  bearer      bigint  not null,               -- access_bearer.digest
  interaction text    not null,               -- read, search-type, create, ...
  outcome     smallint not null,               -- 0 fine, 4 refused, 8 failed
  what        text    not null,               -- Observation/1/_history/2, or empty
  query       text    not null,               -- Observation?code=x, or empty
  why         text    not null,               -- the sentence of a refusal
  request     text    not null,               -- X-Request-Id
  patients    text    not null                -- logical ids with a blank before and after each: who may ask for it
);

-- Who had the token: the same for each use of it.
create table access_bearer (
  digest bigint not null primary key,         -- of what is said
  said   text    not null                     -- JSON
);
