select fold_usage()
