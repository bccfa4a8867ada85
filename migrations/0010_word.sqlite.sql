-- The inverted index of SQLite has no list that waits: nothing changes.
select 1;
