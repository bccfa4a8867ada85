-- Later pages of a search show what was changed since the first one where it stood then. Both indexes are written
-- by changes only, not by what comes new.

-- what was changed, and when
create index resource_changed on resource (type, updated, res) where version > 1;

-- the version that a resource had at a commit
create index history_at_commit on history (res, commit_no, version);
