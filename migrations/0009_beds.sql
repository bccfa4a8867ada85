-- Beds: who has which. A bed is free exactly if no live claim names it; Location, Encounter and Task show the
-- claim and never decide. Times are milliseconds since 1970.

create table bed_claim (
  id           text   not null primary key,
  bed_id       text   not null,               -- Location.id
  task_id      text,                          -- the request that is served, if one is
  encounter_id text,                          -- the stay
  patient_id   text,
  role         text   not null default 'current' check (role in ('current', 'next')),
  state        text   not null check (state in ('held', 'planned', 'occupied', 'turnover', 'blocked', 'ended')),
  stage        text   not null default '',    -- of turnover: dirty, infectious or cleaning
  starts_at    bigint not null,
  hold_until   bigint,
  ended_at     bigint,
  end_reason   text,
  check ((state = 'held') = (hold_until is not null)),
  check ((state = 'ended') = (ended_at is not null))
);
-- the two rules that nothing gets around: one claim a bed, one bed (and one next bed) a patient
create unique index bed_claim_one_per_bed on bed_claim (bed_id) where state <> 'ended';
create unique index bed_claim_one_per_patient on bed_claim (patient_id, role)
  where state in ('held', 'planned', 'occupied');
-- whose claims these are
create index bed_claim_of_encounter on bed_claim (encounter_id) where state <> 'ended';
create index bed_claim_of_task on bed_claim (task_id);
-- what expires next
create index bed_claim_until on bed_claim (hold_until) where state = 'held';

-- Locations that are beds, and when they or their claims last changed.
create table bed (
  id      text    not null primary key,       -- Location.id
  is_gone integer not null default 0,
  changed bigint  not null
);
create index bed_changed on bed (changed);

-- The queue: requests that were made by $request-bed. A Task shows one.
create table bed_request (
  task_id    text   not null primary key,
  order_id   text   not null,                 -- ServiceRequest.id
  patient_id text   not null,
  state      text   not null check (state in ('queued', 'paused', 'served', 'closed')),
  changed    bigint not null,
  details    text   not null                  -- JSON: what the plan needs to know of it
);
create index bed_request_changed on bed_request (changed);
create index bed_request_of_order on bed_request (order_id);
-- a patient waits once
create unique index bed_request_one_per_patient on bed_request (patient_id) where state in ('queued', 'paused');

-- Decisions with everything that went into them, so that they can be made again.
create table bed_decision (
  id      text   not null primary key,
  decided bigint not null,
  record  text   not null                     -- JSON
);

-- Answers to operations that carried an Idempotency-Key: a repeat gets the same.
create table kept_answer (
  name     text    not null primary key,      -- who asked where under which key
  request  text    not null,                  -- a digest of what was asked
  status   integer not null,
  body     text    not null,
  location text    not null,
  answered bigint  not null
);
create index kept_answer_by_time on kept_answer (answered);
