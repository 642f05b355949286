select bytes from used()
