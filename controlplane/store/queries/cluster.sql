-- name: InsertCluster :one
insert into cluster (id, name, host, port, ssl_mode, admin_url_sealed, version, capacity)
values ($1, $2, $3, $4, $5, $6, $7, $8)
on conflict (name) do nothing
returning *;

-- name: CountClusters :one
select count(*) from cluster;

-- name: LockClusters :exec
select pg_advisory_xact_lock(hashtextextended('fluxbase/clusters', 0));

-- name: ListClusters :many
select sqlc.embed(cluster), (select count(*) from project p where p.cluster_id = cluster.id and p.status <> 'purged') as project_count
from cluster
where cluster.name > @after
order by cluster.name
limit @max_rows;

-- name: GetCluster :one
select sqlc.embed(cluster), (select count(*) from project p where p.cluster_id = cluster.id and p.status <> 'purged') as project_count
from cluster
where cluster.name = $1;

-- name: ClusterAdminURL :one
select admin_url_sealed from cluster where id = $1;

-- name: SetClusterDraining :execrows
update cluster set draining = $2 where name = $1;

-- name: RoomiestCluster :one
select c.id from cluster c
left join project p on p.cluster_id = c.id and p.status <> 'purged'
where not c.draining
group by c.id, c.capacity, c.name
having count(p.id) < c.capacity
order by c.capacity - count(p.id) desc, c.name
limit 1;
