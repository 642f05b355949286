select key from renditions where key = any ($1)
