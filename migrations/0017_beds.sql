-- What is expected is told from what was: how long people stayed, and how long requests waited.
create index bed_claim_ended on bed_claim (ended_at) where state = 'ended';

-- Decisions are kept for a time, and what they rest on as long as they are.
alter table bed_decision add column roster_id text;
create index bed_decision_by_time on bed_decision (decided);
create index bed_decision_of_roster on bed_decision (roster_id) where roster_id is not null;
