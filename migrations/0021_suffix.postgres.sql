-- Suffixes of the values of string parameters, for `:contains`: what contains a text begins with it somewhere. They take
-- the place of letters in threes. What a vault holds must be indexed again: see `index_generation`.
drop table idx_letter;
create table idx_suffix (
  p      integer not null,
  suffix text collate "C" not null,         -- folded, its first 12 letters; empty: of values that are longer than is kept
  res    bigint not null,
  primary key (p, suffix, res)
);
create index idx_suffix_forward on idx_suffix (res);

-- Words, a row each: an inverted index gives all resources with a word at once, this one those of a word in the order of
-- resources, and a page ends where it is full.
drop table idx_word;
create table idx_word (
  word bigint not null,                     -- type, place and word as a number: eight bytes of their SHA-256
  res  bigint not null,
  primary key (word, res)
);
-- leads from a resource to its words when it is indexed again, which is seldom: their rows lie together
create index idx_word_forward on idx_word using brin (res) with (autosummarize = on);
