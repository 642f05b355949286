with flows as (
    delete from flow_state where user_id = $1::uuid
)
delete from users where id = $1::uuid
