-- Three letters in a row of the values of string parameters, for `:contains`. They lay among the words, whose inverted
-- index gives all resources with them at once; here those of a parameter come in the order of resources, and a page ends
-- where it is full. What a vault holds must be indexed again: see `index_generation`.
create table idx_letter (
  p       integer not null,
  letters text collate "C" not null,        -- folded; empty: of values with more letters than are kept
  res     bigint not null,
  primary key (p, letters, res)
);
create index idx_letter_forward on idx_letter (res);
