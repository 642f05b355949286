-- Old rows of usage_minute are found by their time, to be removed. They were written in its order.

set local lock_timeout = '2s';

create index usage_minute_time on usage_minute using brin (minute);
