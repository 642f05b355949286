select parts_under_way($1) > 0
