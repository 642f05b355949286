// Package storage measures the storage of a worker beside the object store that it keeps files in, in one run: the same S3 client, once through
// Fluxbase and once straight at the store.
package storage
