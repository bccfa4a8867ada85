-- Emergencies that have a bed before a doctor ordered it: the order that is due, and until when. The Task shows it.
create table bed_order_due (
  encounter_id text   not null primary key,
  task_id      text   not null,               -- the Task that asks for the order
  patient_id   text   not null,
  state        text   not null check (state in ('due', 'overdue', 'given', 'over')),
  due          bigint not null                -- milliseconds since 1970
);
-- what is asked for still
create index bed_order_due_open on bed_order_due (due) where state in ('due', 'overdue');
