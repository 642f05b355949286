-- What the project's files take now.
select bytes, blobs from used()
