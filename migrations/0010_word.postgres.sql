-- What is written waits in a list before it goes into an inverted index, and every search reads that list from its
-- start: 4 MiB unless told, which takes a search longer than all the rest.
alter index idx_word_inverted set (gin_pending_list_limit = 128);   -- KiB
