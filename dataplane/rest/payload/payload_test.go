package payload_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"runtime"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/require"

	"github.com/wayli-app/fluxbase/dataplane/rest/payload"
	"github.com/wayli-app/fluxbase/dataplane/rest/query"
)

func read(body, mediaType string, o payload.Options) (*payload.Body, error) {
	return payload.Read(strings.NewReader(body), query.MediaType{Type: mediaType}, o)
}

func TestJSONIsReadObjectByObject(t *testing.T) {
	t.Parallel()
	for body, want := range map[string]payload.Body{
		`{"a":1,"b":{"c":[1,2]}}`:                {Object: true, Rows: 1, Keys: []string{"a", "b"}, Uniform: true},
		` [ {"a":1} , {"a":2} ] `:                {Array: true, Rows: 2, Keys: []string{"a"}, Uniform: true},
		`[{"a":1,"b":2},{"b":1,"a":2}]`:          {Array: true, Rows: 2, Keys: []string{"a", "b"}, Uniform: true},
		`[{"a":1,"b":2},{"b":1,"b":2}]`:          {Array: true, Rows: 2, Keys: []string{"a", "b"}},
		`[{"a":1},{"a":1,"b":2}]`:                {Array: true, Rows: 2, Keys: []string{"a"}},
		`[{"a":1,"b":2},{"a":1}]`:                {Array: true, Rows: 2, Keys: []string{"a", "b"}},
		`[{"a":1},{"b":1}]`:                      {Array: true, Rows: 2, Keys: []string{"a"}},
		`[{},{}]`:                                {Array: true, Rows: 2, Uniform: true},
		`[]`:                                     {Array: true, Uniform: true},
		`{}`:                                     {Object: true, Rows: 1, Uniform: true},
		`{"a":1,"a":2}`:                          {Object: true, Rows: 1, Keys: []string{"a"}, Uniform: true},
		`[{"a":1,"b":1},{"a":1,"a":1,"b":2}]`:    {Array: true, Rows: 2, Keys: []string{"a", "b"}, Uniform: true},
		`[{"\u00e9":1},{"é":2}]`:                 {Array: true, Rows: 2, Keys: []string{"é"}, Uniform: true},
		`[{"a":1},2]`:                            {Rows: 1, Keys: []string{"a"}},
		`[1,2]`:                                  {},
		`"text"`:                                 {},
		`null`:                                   {},
		`-1.50e+400`:                             {},
		`[{"a":123456789012345678901234567890}]`: {Array: true, Rows: 1, Keys: []string{"a"}, Uniform: true},
		`{"a":"\ud83d\ude00 \\ \" \u0000"}`:      {Object: true, Rows: 1, Keys: []string{"a"}, Uniform: true},
		strings.Repeat("[", 999) + `{}` + strings.Repeat("]", 999): {},
	} {
		b, err := read(body, "", payload.Options{})
		require.NoError(t, err, body)
		require.Equal(t, strings.TrimSpace(body), string(b.JSON), "what was sent is what is bound")
		require.Equal(t, "application/json", b.Type)
		require.Equal(t, []any{want.Array, want.Object, want.Rows, want.Keys, want.Uniform}, []any{b.Array, b.Object, b.Rows, b.Keys, b.Uniform}, body)
	}
}

func TestNamedColumnsAreCounted(t *testing.T) {
	t.Parallel()
	o := payload.Options{Columns: []string{"a", "b", "é", "a"}}
	b, err := read(`[{"a":1,"x":2},{"a":null,"b":1,"b":2},{"\u00e9":1,"y":{"b":1}}]`, "application/json", o)
	require.NoError(t, err)
	require.True(t, b.Array)
	require.Equal(t, 3, b.Rows)
	require.Equal(t, []int{2, 1, 1, 0}, b.Present, "of a column named twice the first counts")
	b, err = read("a,c\n1,2\n3,4\n", "text/csv", o)
	require.NoError(t, err)
	require.Equal(t, []int{2, 0, 0, 2}, b.Present)
	b, err = read("b=1&b=2", "application/x-www-form-urlencoded", o)
	require.NoError(t, err)
	require.Equal(t, []int{0, 1, 0, 0}, b.Present)
}

func TestBodiesThatAreRefused(t *testing.T) {
	t.Parallel()
	const badJSON = "Empty or invalid json"
	for _, c := range []struct{ name, mediaType, body, message string }{
		{"nothing", "application/json", "", badJSON},
		{"space", "application/json", " \n", badJSON},
		{"what follows", "application/json", `{"a":1},{"a":2}`, badJSON},
		{"another value", "application/json", `{"a":1} {"a":2}`, badJSON},
		{"an open object", "application/json", `{"a":1`, badJSON},
		{"an open array", "application/json", `[{"a":1}`, badJSON},
		{"a comma at the end", "application/json", `[{"a":1},]`, badJSON},
		{"no colon", "application/json", `{"a" 1}`, badJSON},
		{"a bare word", "application/json", `{a:1}`, badJSON},
		{"a number with zero", "application/json", `[01]`, badJSON},
		{"a number without digits", "application/json", `[1.]`, badJSON},
		{"a plus", "application/json", `+1`, badJSON},
		{"not a number", "application/json", `NaN`, badJSON},
		{"an escape", "application/json", `"\x"`, badJSON},
		{"an escape cut short", "application/json", `"\u12"`, badJSON},
		{"an escape at the end", "application/json", `"\`, badJSON},
		{"a line within text", "application/json", "\"a\nb\"", badJSON},
		{"a zero byte", "application/json", "{\"a\":\"\x00\"}", badJSON},
		{"not UTF-8", "application/json", "{\"a\":\"\xff\"}", badJSON},
		{"too deep", "application/json", strings.Repeat("[", 2000) + strings.Repeat("]", 2000), badJSON},
		{"too deep and open", "application/json", strings.Repeat(`{"a":`, 1_000_000), badJSON},
		{"a short line", "text/csv", "a,b\nfoo,bar\nbaz", "All lines must have same number of fields"},
		{"a long line", "text/csv", "a,b\nfoo,bar,baz", "All lines must have same number of fields"},
		{"no header", "text/csv", "\n\n", "Empty or invalid csv"},
		{"an open quote", "text/csv", "a\n\"b", "Empty or invalid csv"},
		{"a quote within", "text/csv", "a\nb\"c", "Empty or invalid csv"},
		{"more after a quote", "text/csv", "a\n\"b\"c", "Empty or invalid csv"},
		{"endless columns", "text/csv", "a" + numbers(5000), "Empty or invalid csv"},
		{"a column twice", "text/csv", "a,a\n1,2", "Empty or invalid csv"},
		{"CSV that is not UTF-8", "text/csv", "a\n\xff", `invalid byte sequence for encoding "UTF8"`},
		{"CSV with a zero byte", "text/csv", "a\n\x00", `invalid byte sequence for encoding "UTF8": 0x00`},
		{"a percent sign", "application/x-www-form-urlencoded", "a=%zz", "Empty or invalid form"},
		{"a form with a zero byte", "application/x-www-form-urlencoded", "a=%00", `invalid byte sequence for encoding "UTF8": 0x00`},
		{"a form that is not UTF-8", "application/x-www-form-urlencoded", "%ff=1", `invalid byte sequence for encoding "UTF8"`},
		{"endless fields", "application/x-www-form-urlencoded", strings.Repeat("a=1&", 20_000), "Empty or invalid form"},
		{"text for a table", "text/plain", "x", "Content-Type not acceptable: text/plain"},
		{"another type", "image/png", "x", "Content-Type not acceptable: image/png"},
	} {
		_, err := read(c.body, c.mediaType, payload.Options{})
		var refusal *query.Error
		require.ErrorAs(t, err, &refusal, c.name)
		require.Equal(t, http.StatusBadRequest, refusal.Status, c.name)
		require.Equal(t, c.message, refusal.Message, c.name)
		require.Contains(t, []string{"PGRST102", "22021"}, refusal.Code, c.name)
	}
}

// numbers is ",a0,a1,…".
func numbers(n int) string {
	var out strings.Builder
	for i := range n {
		out.WriteString(",a" + jsonNumber(i))
	}
	return out.String()
}

func TestKeysAreBounded(t *testing.T) {
	t.Parallel()
	object := `{"a":1` + strings.ReplaceAll(strings.ReplaceAll(numbers(100_000), ",a", `,"a`), `,"a`, `":1,"a`)[2:] + `":1}`
	require.True(t, json.Valid([]byte(object)))
	b, err := read(object, "", payload.Options{})
	require.NoError(t, err)
	require.Len(t, b.Keys, 1700)
	require.True(t, b.Object)
	b, err = read("["+object+","+object+"]", "", payload.Options{})
	require.NoError(t, err)
	require.Equal(t, 2, b.Rows)
}

func TestBodiesOfCalls(t *testing.T) {
	t.Parallel()
	o := payload.Options{Call: true}
	b, err := read("", "", o)
	require.NoError(t, err)
	require.Equal(t, "{}", string(b.JSON), "a call without a body has no arguments")
	require.True(t, b.Object)
	for _, mediaType := range []string{"text/plain", "text/xml", "application/octet-stream"} {
		b, err = read("a body", mediaType, o)
		require.NoError(t, err)
		require.Equal(t, "a body", string(b.Raw))
		require.Nil(t, b.JSON)
	}
	b, err = read("\x00\xff", "application/octet-stream", o)
	require.NoError(t, err)
	require.Equal(t, "\x00\xff", string(b.Raw))
	b, err = read("", "application/octet-stream", o)
	require.NoError(t, err)
	require.NotNil(t, b.Raw, "an empty body is one")
	_, err = read("\xff", "text/plain", o)
	require.ErrorContains(t, err, "invalid byte sequence")
	_, err = read("a\n1", "text/csv", o)
	require.ErrorContains(t, err, "Content-Type not acceptable: text/csv")
	b, err = read("v=hi&w=%C3%A9+x&v=there&&e", "application/x-www-form-urlencoded", o)
	require.NoError(t, err)
	require.Equal(t, []query.Argument{{Name: "v", Value: "hi"}, {Name: "w", Value: "é x"}, {Name: "v", Value: "there"}, {Name: "e"}}, b.Arguments)
}

func TestCSVBecomesJSON(t *testing.T) {
	t.Parallel()
	for body, want := range map[string]string{
		"a,b\nx,NULL\n":                `[{"0":"x","1":null}]`,
		"\ufeffa,b\r\nx,\r\n,\"\"\r\n": `[{"0":"x","1":""},{"0":"","1":""}]`,
		"a\n\"one, two\"\n":            `[{"0":"one, two"}]`,
		"a\n\"a \"\"word\"\"\"\n":      `[{"0":"a \"word\""}]`,
		"a\n\"two\nlines\\\"":          `[{"0":"two\nlines\\"}]`,
		"a\n\n\nx\n\n":                 `[{"0":"x"}]`,
		"a\n\t\x7f":                    `[{"0":"\u0009` + "\x7f" + `"}]`,
		"a":                            `[]`,
		"\"a b\",c\n1,2":               `[{"0":"1","1":"2"}]`,
	} {
		b, err := read(body, "text/csv", payload.Options{})
		require.NoError(t, err, body)
		require.Equal(t, want, string(b.JSON))
		require.True(t, b.Array)
		require.Len(t, b.Fields, len(b.Keys))
	}
	b, err := read("\"a b\",c\n1,2", "text/csv", payload.Options{})
	require.NoError(t, err)
	require.Equal(t, []string{"a b", "c"}, b.Keys)
}

func TestFormsBecomeObjects(t *testing.T) {
	t.Parallel()
	b, err := read("name=John+Doe&note=%22x%22%0A&name=Jane", "application/x-www-form-urlencoded", payload.Options{})
	require.NoError(t, err)
	require.JSONEq(t, `{"name":"Jane","note":"\"x\"\n"}`, string(b.JSON))
	require.Equal(t, []string{"name", "note"}, b.Keys)
	require.True(t, b.Object)
}

func TestTheReaderIsBounded(t *testing.T) {
	t.Parallel()
	o := payload.Options{Limit: 10, Size: 1 << 40}
	_, err := payload.Read(strings.NewReader(`"123456789"`), query.MediaType{}, o)
	var tooLarge *http.MaxBytesError
	require.ErrorAs(t, err, &tooLarge)
	_, err = payload.Read(strings.NewReader(`"12345678"`), query.MediaType{}, o)
	require.NoError(t, err)
	broken := errors.New("the client went away")
	_, err = payload.Read(iotest.ErrReader(broken), query.MediaType{}, payload.Options{})
	require.ErrorIs(t, err, broken)
	_, err = payload.Read(iotest.OneByteReader(strings.NewReader(`{"a":1}`)), query.MediaType{}, payload.Options{Size: 7})
	require.NoError(t, err)
}

// TestMemory holds the memory of a large body to what the body itself needs.
func TestMemory(t *testing.T) {
	row := `{"id":1,"title":"` + strings.Repeat("x", 40) + `","tags":["a","b"],"meta":{"a":{"b":null}}}`
	body := "[" + strings.Repeat(row+",", 100_000) + row + "]"
	for _, o := range []payload.Options{{}, {Columns: []string{"id", "title"}}} {
		o.Size = int64(len(body))
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		b, err := payload.Read(strings.NewReader(body), query.MediaType{}, o)
		runtime.ReadMemStats(&after)
		require.NoError(t, err)
		require.Equal(t, 100_001, b.Rows)
		require.Less(t, after.Mallocs-before.Mallocs, uint64(1000), "objects are looked at, not made")
	}
	csv := "a,b\n" + strings.Repeat("x,y\n", 500_000)
	b, err := read(csv, "text/csv", payload.Options{})
	require.NoError(t, err)
	require.Less(t, len(b.JSON), 5*len(csv))
}

func FuzzJSON(f *testing.F) {
	for _, s := range []string{`{"a":1}`, `[{"a":1},{"a":2}]`, `[{"a":1,"b":2},{"b":1,"a":"\u00e9"}]`, `{"a":1},{"a":2}`, `[1,"x",null,true]`, `-0.1e-5`, "\"\xff\"", `[`, `{"\u0061":1,"a":2}`} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, body string) {
		b, err := read(body, "application/json", payload.Options{})
		trimmed := strings.Trim(body, " \t\r\n")
		require.Equal(t, json.Valid([]byte(trimmed)) && validUTF8(trimmed), err == nil || strings.Count(body, "[")+strings.Count(body, "{") > 1000, "just what is JSON is taken")
		if err != nil {
			return
		}
		var list []map[string]json.RawMessage
		switch {
		case b.Object:
			var one map[string]json.RawMessage
			require.NoError(t, json.Unmarshal(b.JSON, &one))
			list = append(list, one)
		case b.Array:
			require.NoError(t, json.Unmarshal(b.JSON, &list))
		default:
			return
		}
		require.Len(t, list, b.Rows)
		uniform := true
		for _, o := range list {
			for _, k := range b.Keys {
				_, ok := o[k]
				uniform = uniform && ok
			}
			uniform = uniform && len(o) == len(b.Keys)
		}
		require.Equal(t, uniform, b.Uniform)
		named, err := read(body, "application/json", payload.Options{Columns: b.Keys})
		require.NoError(t, err)
		for i, k := range b.Keys {
			n := 0
			for _, o := range list {
				if _, ok := o[k]; ok {
					n++
				}
			}
			require.Equal(t, n, named.Present[i])
		}
	})
}

func validUTF8(s string) bool { return strings.ToValidUTF8(s, "") == s }

func FuzzCSV(f *testing.F) {
	for _, s := range []string{"a,b\n1,NULL\n", "a\n\"x\"\"y\"\r\n", "\"a\nb\"\n1", "a,a\n", "a\n\"", "\ufeffa\nb"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, body string) {
		b, err := read(body, "text/csv", payload.Options{})
		if err != nil {
			return
		}
		var list []map[string]*string
		require.NoError(t, json.Unmarshal(b.JSON, &list))
		require.Len(t, list, b.Rows)
		for _, o := range list {
			require.Len(t, o, len(b.Fields))
		}
		// Written again, it is the same.
		again, err := payload.Read(bytes.NewReader(write(b.Keys, list)), query.MediaType{Type: "text/csv"}, payload.Options{})
		require.NoError(t, err)
		require.Equal(t, string(b.JSON), string(again.JSON))
		require.Equal(t, b.Keys, again.Keys)
	})
}

func write(keys []string, list []map[string]*string) []byte {
	var out bytes.Buffer
	line := func(fields []string) {
		for i, f := range fields {
			if i > 0 {
				out.WriteByte(',')
			}
			out.WriteString(`"` + strings.ReplaceAll(f, `"`, `""`) + `"`)
		}
		out.WriteByte('\n')
	}
	line(keys)
	for _, o := range list {
		fields := make([]string, len(keys))
		for name, v := range o {
			i := slices.Index(names(len(keys)), name)
			if fields[i] = "NULL"; v != nil {
				fields[i] = *v
			}
		}
		line(fields)
	}
	return out.Bytes()
}

func names(n int) []string {
	out := make([]string, n)
	for i := range out {
		out[i] = jsonNumber(i)
	}
	return out
}

func jsonNumber(i int) string {
	b, _ := json.Marshal(i)
	return string(b)
}

func BenchmarkJSON(b *testing.B) {
	row := `{"id":1,"title":"` + strings.Repeat("x", 40) + `","body":"` + strings.Repeat("y", 60) + `"}`
	body := "[" + strings.Repeat(row+",", 999) + row + "]"
	b.SetBytes(int64(len(body)))
	r := strings.NewReader(body)
	for b.Loop() {
		_, _ = r.Seek(0, io.SeekStart)
		_, _ = payload.Read(r, query.MediaType{}, payload.Options{Size: int64(len(body))})
	}
}

// TestALineOfManyFieldsIsNotHeld: a line can have a field for each byte of the body, each of which takes many.
func TestALineOfManyFieldsIsNotHeld(t *testing.T) { // alone: it measures memory
	for _, body := range []string{strings.Repeat("a,", 1<<20) + "b\n1", "a\n" + strings.Repeat("1,", 1<<20)} {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		_, err := read(body, "text/csv", payload.Options{Size: int64(len(body))})
		runtime.ReadMemStats(&after)
		require.Error(t, err)
		require.Less(t, after.TotalAlloc-before.TotalAlloc, uint64(6*len(body)))
	}
}
