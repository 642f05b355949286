package rest

import (
	"context"
	"fmt"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	directoryv1 "github.com/wayli-app/fluxbase/internal/gen/fluxbase/directory/v1"
	"github.com/wayli-app/fluxbase/internal/testkit"
	"github.com/wayli-app/fluxbase/loadtest/worker"
)

// related is what the embed reads besides the floor's own table: for each of the first thousand items five notes, each with an author.
const related = `
create table authors (id bigint primary key, name text not null);
create table notes (id bigserial primary key, item_id bigint not null references items, author_id bigint not null references authors, body text not null);
insert into authors select i, 'author ' || i from generate_series(1, 50) i;
insert into notes (item_id, author_id, body) select i % 1000 + 1, i % 50 + 1, 'note ' || i from generate_series(1, 5000) i;
create index on notes (item_id);
alter table authors enable row level security;
alter table notes enable row level security;
create policy authors_read on authors for select to anon, authenticated using (true);
create policy notes_read on notes for select to anon, authenticated using (true);
grant select on authors, notes to anon, authenticated;
analyze authors, notes`

// fill makes the tables that all servers read, as the project's owner.
func fill(b *testing.B, s *directoryv1.Snapshot, file string) {
	sql, err := os.ReadFile(file)
	require.NoError(b, err)
	conn, err := pgx.Connect(b.Context(), databaseURL(s, s.GetPlacement().GetOwner()))
	require.NoError(b, err)
	defer func() { require.NoError(b, conn.Close(context.Background())) }()
	for _, text := range []string{string(sql), related} {
		_, err = conn.PgConn().Exec(b.Context(), text).ReadAll()
		require.NoError(b, err)
	}
}

func databaseURL(s *directoryv1.Snapshot, login *directoryv1.Login) string {
	p := s.GetPlacement()
	return fmt.Sprintf("postgres://%s:%s@%s:%d/%s?sslmode=disable", login.GetUser(), login.GetPassword(), p.GetHost(), p.GetPort(), p.GetDatabase())
}

// adminURL is the project's database as the server's admin.
func adminURL(b *testing.B, s *directoryv1.Snapshot) string {
	admin, err := url.Parse(testkit.AdminURL(b))
	require.NoError(b, err)
	admin.Path = "/" + s.GetPlacement().GetDatabase()
	return admin.String()
}

// startFloor builds and starts the floor server, logged in as the server's admin: it prepares its statements before it
// assumes a role.
func startFloor(b *testing.B, dir string, s *directoryv1.Snapshot) string {
	binary := filepath.Join(b.TempDir(), "floor")
	build := exec.Command("go", "build", "-o", binary, ".")
	build.Dir, build.Env = dir, append(os.Environ(), "GOFLAGS=-mod=mod -buildvcs=false")
	out, err := build.CombinedOutput()
	require.NoError(b, err, string(out))
	addr := worker.FreeAddress(b)
	server := exec.Command(binary)
	server.Env = append(os.Environ(), "DATABASE_URL="+adminURL(b, s), "ADDR="+addr)
	server.Stderr = os.Stderr
	require.NoError(b, server.Start())
	b.Cleanup(func() { _ = server.Process.Kill(); _ = server.Wait() })
	require.Eventually(b, func() bool {
		c, err := net.Dial("tcp", addr)
		if err == nil {
			_ = c.Close()
		}
		return err == nil
	}, 10*time.Second, 10*time.Millisecond)
	return "http://" + addr
}
