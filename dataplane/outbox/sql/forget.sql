-- Failures that everybody had a month to read.
delete from outbox where failed_at < now() - interval '30 days'
