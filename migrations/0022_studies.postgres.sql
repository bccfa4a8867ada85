-- Who asked a study is the person, whatever application they used: user/[login], or client/[id] where no person asked. The
-- application stands beside it.
alter table research_query add column client text not null default '';
update research_query
set    client = split_part(bearer, chr(10), 2),
       bearer = case when split_part(bearer, chr(10), 1) = '' then 'client/' || split_part(bearer, chr(10), 2)
                else 'user/' || split_part(bearer, chr(10), 1) end;
create index research_query_of_bearer on research_query (bearer, asked);
-- What got no answer is not kept any more: nothing is counted or compared with it.
delete from research_query where outcome = 'refused';
