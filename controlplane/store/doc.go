// Package store is the control database's SQL: queries/*.sql, compiled by sqlc.
package store
