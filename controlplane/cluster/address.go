package cluster

import (
	"net/url"
	"slices"
	"strconv"
)

// address is what workers need to reach a server.
type address struct {
	host    string
	port    int
	sslMode string
}

var sslModes = []string{"disable", "allow", "prefer", "require", "verify-ca", "verify-full"}

// parseURL reads the parts of an admin URL. The error never quotes the URL: it holds a password.
func parseURL(raw string) (address, error) {
	u, err := url.Parse(raw)
	if err != nil || (u.Scheme != "postgres" && u.Scheme != "postgresql") || u.Hostname() == "" || u.User == nil {
		return address{}, invalid("admin_url", "The admin URL must be of the form postgres://user:password@host:port/postgres.")
	}
	out := address{host: u.Hostname(), port: 5432, sslMode: u.Query().Get("sslmode")}
	if u.Port() != "" {
		if out.port, err = strconv.Atoi(u.Port()); err != nil || out.port < 1 || out.port > 65535 {
			return address{}, invalid("admin_url", "The admin URL's port must be from 1 to 65535.")
		}
	}
	if out.sslMode == "" {
		out.sslMode = "prefer"
	}
	if !slices.Contains(sslModes, out.sslMode) {
		return address{}, invalid("admin_url", "The admin URL's sslmode is none that Postgres knows.")
	}
	return out, nil
}
