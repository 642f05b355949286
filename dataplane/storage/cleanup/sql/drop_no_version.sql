delete from objects where (octet_length(version) = 53) is not true
