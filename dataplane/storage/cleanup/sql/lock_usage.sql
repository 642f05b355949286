select from usage_total for update -- as fold_usage does
