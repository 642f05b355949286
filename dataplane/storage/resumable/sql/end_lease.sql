delete from leases where id = $1
