-- name: ListPlans :many
select * from plan order by position;

-- name: GetPlan :one
select * from plan where name = $1;
