-- What an upload writes is in a folder of its own, whose lease lasts as long: when both are over, cleanup removes what was left there.
insert into leases (id, worker, ends_at) values ($1, 'resumable', $2::timestamptz + interval '1 hour')
