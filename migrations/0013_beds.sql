-- What decisions about one request rest on: all beds and the whole queue as they once were, and what happened since,
-- turn by turn. Kept once for all decisions that a process makes from it.
create table bed_roster (
  id    text   not null primary key,
  taken bigint not null,
  begun text   not null                       -- JSON
);
create table bed_turn (
  roster_id text   not null,
  number    bigint not null,                  -- from 1
  turn      text   not null,                  -- JSON
  primary key (roster_id, number)
);
