-- Why something was refused, by the id of what is recorded of it: for who audits, and never part of the AuditEvent
-- itself, which patients read.
create table access_reason (
  id     text not null primary key,
  reason text not null
);
