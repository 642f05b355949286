delete from objects where version is null
