delete from objects where version = any ($1)
