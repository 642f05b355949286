package rest

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/wayli-app/fluxbase/internal/testkit"
	"github.com/wayli-app/fluxbase/loadtest/worker"
)

const (
	connections = 32
	rounds      = 4
	users       = 1000
)

// comparison is one line of the table: the same work by a floor and by the gateway.
type comparison struct {
	name           string
	floor, gateway shot
	// target is the least ratio that is aimed at; zero for none.
	target float64
	// same tells that both answer the same JSON.
	same bool
}

// BenchmarkRatio alternates load on both servers, over the same database, and reports the medians and their ratio.
func BenchmarkRatio(b *testing.B) {
	floorDir := setting("FLUXBASE_BENCH_FLOOR", "../../../shared/bench/floor")
	if _, err := os.Stat(floorDir); err != nil {
		b.Skip("no floor server: name its folder in FLUXBASE_BENCH_FLOOR")
	}
	seconds, err := strconv.Atoi(setting("FLUXBASE_BENCH_SECONDS", "5"))
	require.NoError(b, err)
	snapshot := testkit.Project(b, false)
	fill(b, snapshot, filepath.Join(floorDir, "items.sql"))
	floor := startFloor(b, floorDir, snapshot)
	own := startOwnFloor(b, adminURL(b, snapshot))
	gateway := worker.Start(b, snapshot)
	headers := map[string]string{"Host": snapshot.GetRef() + ".localhost", "apikey": testkit.ProjectKeys(b, snapshot).Publishable}
	tokens := make([]string, users)
	for i := range tokens {
		tokens[i] = testkit.UserToken(b, snapshot, map[string]any{"sub": fmt.Sprintf("00000000-0000-4000-8000-%012d", i)})
	}
	var lines []string
	for _, c := range comparisons(floor, own, gateway, headers, tokens) {
		b.Run(strings.ReplaceAll(c.name, " ", "_"), func(b *testing.B) {
			if want, got := c.floor.send(b), c.gateway.send(b); c.same {
				require.JSONEq(b, want, got) // so that the ratio compares like with like
				require.Contains(b, got, "item ")
			}
			load(b, c.floor, 1)
			load(b, c.gateway, 2)
			var floors, gateways []float64
			var onFloor, onGateway work
			for range rounds {
				floors = append(floors, onFloor.during(func() float64 { return load(b, c.floor, seconds) }, seconds))
				gateways = append(gateways, onGateway.during(func() float64 { return load(b, c.gateway, seconds) }, seconds))
			}
			f, g := median(floors), median(gateways)
			b.Logf("%s: floor %.0f (%s), gateway %.0f (%s)", c.name, floors, onFloor, gateways, onGateway)
			b.ReportMetric(f, "floor/s")
			b.ReportMetric(g, "gateway/s")
			b.ReportMetric(g/f, "ratio")
			aim := "-"
			if c.target > 0 {
				aim = fmt.Sprintf("%.2f", c.target)
			}
			lines = append(lines, fmt.Sprintf("| %-28s | %7.0f | %9.0f | %5.2f | %6s |", c.name, f, g, g/f, aim))
		})
	}
	fmt.Printf("\n| what                         | floor/s | gateway/s | ratio | target |\n| --- | ---: | ---: | ---: | ---: |\n%s\n", strings.Join(lines, "\n"))
}

func comparisons(floor, own, gateway string, headers map[string]string, tokens []string) []comparison {
	read := func(name, floorPath, path string, target float64) []comparison {
		c := comparison{name: name, target: target, same: true,
			floor:   shot{method: http.MethodGet, url: floor + floorPath},
			gateway: shot{method: http.MethodGet, url: gateway + path, headers: headers}}
		other := c
		other.name += ", 1000 users"
		other.gateway.tokens = tokens
		if target > 0 {
			other.target = 0.75
		}
		return []comparison{c, other}
	}
	out := read("one row", "/rls/one?id=77", "/rest/v1/items?id=eq.77", 0.85)
	out = append(out, read("list of 20", "/rls/list?id=500", "/rest/v1/items?id=gt.500&order=id&limit=20", 0.85)...)
	embeds := read("embed, two levels", "", "/rest/v1/items?select=id,name,notes(id,body,author:authors(name))&id=gt.77&order=id&limit=10", 0)
	for i := range embeds {
		embeds[i].floor.url = own + "/embed?id=77"
	}
	out = append(out, embeds...)
	writing := map[string]string{"Content-Type": "application/json", "Prefer": "return=minimal"}
	for k, v := range headers {
		writing[k] = v
	}
	for _, rows := range []int{1, 1000} {
		list := make([]string, rows)
		for i := range list {
			list[i] = fmt.Sprintf(`{"name":"new item %d","price":%d}`, i, i)
		}
		body := "[" + strings.Join(list, ",") + "]"
		name := "insert of one row"
		if rows > 1 {
			name = fmt.Sprintf("insert of %d rows", rows)
		}
		out = append(out, comparison{name: name,
			floor:   shot{method: http.MethodPost, url: own + "/insert", body: body},
			gateway: shot{method: http.MethodPost, url: gateway + "/rest/v1/items", headers: writing, body: body}})
	}
	return out
}

func setting(name, otherwise string) string {
	if v := os.Getenv(name); v != "" {
		return v
	}
	return otherwise
}

func median(list []float64) float64 {
	slices.Sort(list)
	return (list[len(list)/2] + list[(len(list)-1)/2]) / 2
}
