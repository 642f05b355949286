// Package devstack is what `fluxbase dev` and the tests run on when they are given nothing: a real PostgreSQL as a child
// process, Redis and an object store in this process, generated secrets.
package devstack
