-- $1 hash, $2 until when it is remembered. Some of what need not be remembered any more goes with it.
with past as (
    delete from spent_proofs where hash in (select hash from spent_proofs where expires_at < now() order by expires_at limit 20 for update skip locked)
)
insert into spent_proofs (hash, expires_at) values ($1, $2)
on conflict do nothing
