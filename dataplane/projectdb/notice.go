package projectdb

import (
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

const noticeKey = "fluxbase.notice"

// OnNotice gives the notices of a connection that AsOwner opened to fn, from here on.
func OnNotice(conn *pgx.Conn, fn func(*pgconn.Notice)) { conn.PgConn().CustomData()[noticeKey] = fn }

func passNotice(conn *pgconn.PgConn, n *pgconn.Notice) {
	if fn, ok := conn.CustomData()[noticeKey].(func(*pgconn.Notice)); ok {
		fn(n)
	}
}
