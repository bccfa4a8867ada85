-- Which transactions changed resources of which types, so that what somebody found out a moment ago is known to hold
-- still: asked for with the statement that reads what is to be judged. Rows go after an hour.
create table gate_change (
  xid  xid8     not null,                     -- compared with the snapshot on which somebody looked
  type smallint not null,
  at   bigint   not null                      -- milliseconds since 1970
);
create index gate_change_xid on gate_change (xid, type);
