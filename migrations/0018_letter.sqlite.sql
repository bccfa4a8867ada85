-- Letters lie among the words of SQLite's full-text index, which gives them in the order of resources: nothing changes.
select 1;
