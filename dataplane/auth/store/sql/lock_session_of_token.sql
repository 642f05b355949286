-- Whoever refreshes a session holds its row, so that two requests with one token take turns.
select s.id, s.user_id from sessions s
where s.id = (select r.session_id from refresh_tokens r where r.token = $1)
for update
