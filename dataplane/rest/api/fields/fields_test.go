package fields

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/wayli-app/fluxbase/dataplane/rest/catalog"
)

func relation() *catalog.Relation {
	return &catalog.Relation{Name: "t", Kind: "r", Keys: []catalog.Key{{Primary: true, Columns: []string{"id"}}}, Columns: []*catalog.Column{
		{Name: "id", Type: "bigint", Base: "bigint", NotNull: true, HasDefault: true},
		{Name: "made", Type: "integer", Base: "integer", Generated: true},
		{Name: "name", Type: "character varying(5)", Base: "character varying", MaxLength: 5, NotNull: true},
		{Name: "small", Type: "smallint", Base: "smallint"}, {Name: "price", Type: "numeric(10,2)", Base: "numeric"},
		{Name: "ok", Type: "boolean", Base: "boolean"}, {Name: "at", Type: "timestamp with time zone", Base: "timestamp with time zone"},
		{Name: "uid", Type: "uuid", Base: "uuid"}, {Name: "meta", Type: "jsonb", Base: "jsonb", JSON: true},
		{Name: "mood", Type: "public.mood", Base: "public.mood", Enum: []string{"sad", "happy"}},
		{Name: "tags", Type: "text[]", Base: "text[]", Array: true}, {Name: "ints", Type: "integer[]", Base: "integer[]", Array: true},
		{Name: "odd", Type: "public.odd", Base: "public.odd"},
	}}
}

func TestCheckRows(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ body, field, message string }{
		{`{"name":"x","id":5,"small":-32768,"price":1.5e3,"ok":false,"at":"2026-01-01","uid":"5a3f6a3e-1e0a-4a4e-8a55-0d6b0b6c5b11","meta":[1,{}],"mood":"sad","tags":["a",null],"ints":[1,[2]],"odd":{"x":1}}`, "", ""},
		{`{"name":"x","id":"9223372036854775807","price":"NaN","ok":"yes","tags":"{a,b}","small":null,"mood":null}`, "", ""},
		{`{"name":"x","price":"1.50","id":0}`, "", ""},
		{`{"name":"ééééé"}`, "", ""},
		{`{"name":"x","nope":1}`, "nope", "There is no such column."},
		{`{"name":"x","U_id":1}`, "U_id", `There is no such column; "uid" is one.`},
		{`{"name":"x","made":1}`, "made", "The database makes it: it cannot be given."},
		{`{"name":"toolong"}`, "name", "It is longer than 5 characters."},
		{`{"name":5}`, "name", "It must be a string."},
		{`{"name":"x","id":"five"}`, "id", "It must be a whole number."},
		{`{"name":"x","id":1.5}`, "id", "It must be a whole number."},
		{`{"name":"x","id":9223372036854775808}`, "id", "It is out of the range of bigint."},
		{`{"name":"x","small":32768}`, "small", "It is out of the range of smallint."},
		{`{"name":"x","small":[1]}`, "small", "It must be a whole number."},
		{`{"name":"x","small":true}`, "small", "It must be a whole number."},
		{`{"name":"x","price":"cheap"}`, "price", "It must be a number."},
		{`{"name":"x","price":{}}`, "price", "It must be a number."},
		{`{"name":"x","ok":1}`, "ok", "It must be true or false."},
		{`{"name":"x","ok":"maybe"}`, "ok", "It must be true or false."},
		{`{"name":"x","uid":"123"}`, "uid", "It must be a UUID."},
		{`{"name":"x","at":5}`, "at", "It must be a string."},
		{`{"name":"x","mood":"angry"}`, "mood", "It must be one of sad, happy."},
		{`{"name":"x","mood":5}`, "mood", "It must be one of sad, happy."},
		{`{"name":"x","tags":"a"}`, "tags", "It must be an array."},
		{`{"name":"x","ints":[1,"x"]}`, "ints", "Its element 1 is wrong: It must be a whole number."},
		{`[{"name":"x"},{"name":"y","small":"z"}]`, "1.small", "It must be a whole number."},
	} {
		t.Run(c.body, func(t *testing.T) {
			t.Parallel()
			got, err := Check(relation(), []byte(c.body), true)
			require.NoError(t, err)
			if c.field == "" {
				require.Empty(t, got.Wrong)
				require.Empty(t, got.Lacking)
				return
			}
			require.Equal(t, Errors{{c.field, c.message}}, got.Wrong)
			require.Error(t, got.Err())
		})
	}
}

func TestMissingFieldsWaitForTheDatabase(t *testing.T) {
	t.Parallel()
	got, err := Check(relation(), []byte(`[{"small":1},{"name":null}]`), true)
	require.NoError(t, err)
	require.NoError(t, got.Err(), "a trigger may set it")
	require.Equal(t, Errors{{"0.name", Required}, {"1.name", Required}}, got.Lacking)
	got, err = Check(relation(), []byte(`{"small":"x"}`), true)
	require.NoError(t, err)
	var f Errors
	require.ErrorAs(t, got.Err(), &f)
	require.Len(t, f, 2, "with others they are named at once")
	got, err = Check(relation(), []byte(`{"small":1}`), false)
	require.NoError(t, err)
	require.Empty(t, got.Lacking, "a change needs not name it")
}

func TestCheckRowsBounds(t *testing.T) {
	t.Parallel()
	for _, body := range []string{``, `5`, `"x"`, `[1]`, `{"a":}`, `[{},`, `{} {}`, `[{}]x`} {
		_, err := Check(relation(), []byte(body), true)
		require.Error(t, err, body)
	}
	many := []byte("{")
	for i := range 200_000 {
		many = append(many, `"k`...)
		many = append(many, json.Number(string(rune('a'+i%26)))...)
		many = append(many, `":1,`...)
	}
	many = append(many[:len(many)-1], '}')
	got, err := Check(relation(), many, true)
	require.NoError(t, err)
	require.LessOrEqual(t, len(got.Wrong), maxErrors)
}

// FuzzCheck holds that any body is read or refused, and that what is read holds together.
func FuzzCheck(f *testing.F) {
	for _, seed := range []string{`{"name":"x","id":5}`, `[{"name":1},{"tags":["a",[null]]}]`, `[{"ints":[1e99]},5]`, `{"uid":"{","at":null`, `{"mood":"sad","odd":{"a":[]}}`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		for _, fresh := range []bool{true, false} {
			got, err := Check(relation(), body, fresh)
			if err != nil {
				continue
			}
			require.LessOrEqual(t, len(got.Wrong), maxErrors)
			if got.Err() == nil {
				require.True(t, json.Valid(body))
				for _, c := range got.Columns {
					require.NotNil(t, relation().Column(c))
				}
			}
		}
	})
}
