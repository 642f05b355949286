package catalog

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// view is what Postgres 15 stores of "select b.id, upper(b.name) as up, (select 1) as s, v.no from b, v order by b.at", cut to what matters.
const view = `({QUERY :commandType 1 :rtable ({RTE :alias <> :eref {ALIAS :aliasname old :colnames ("id" "a b" "c\(\{d")} :rtekind 0 :relid 20001 :relkind v}
 {RTE :rtekind 1 :subquery {QUERY :targetList ({TARGETENTRY :expr {VAR :varno 1} :resno 1 :resname x :resorigtbl 7 :resorigcol 7 :resjunk false})}})
 :targetList (
 {TARGETENTRY :expr {VAR :varno 3 :varattno 1 :vartype 23 :location 7} :resno 1 :resname id :ressortgroupref 0 :resorigtbl 20002 :resorigcol 1 :resjunk false}
 {TARGETENTRY :expr {FUNCEXPR :funcid 871 :args ({VAR :varno 3 :varattno 2})} :resno 2 :resname up :ressortgroupref 0 :resorigtbl 0 :resorigcol 0 :resjunk false}
 {TARGETENTRY :expr {SUBLINK :subselect {QUERY :targetList ({TARGETENTRY :expr {CONST :constvalue 4 [ 1 0 0 0 ]} :resno 1 :resorigtbl 8 :resorigcol 8 :resjunk false})}}
  :resno 3 :resname :targetList :ressortgroupref 0 :resorigtbl 0 :resorigcol 0 :resjunk false}
 {TARGETENTRY :expr {VAR :varno 4} :resno 4 :resname a\ \)b :ressortgroupref 0 :resorigtbl 20003 :resorigcol 12 :resjunk false}
 {TARGETENTRY :expr {VAR :varno 3} :resno 5 :resname <> :ressortgroupref 1 :resorigtbl 20002 :resorigcol 5 :resjunk true})
 :override 0 :returningList ({TARGETENTRY :resno 6 :resorigtbl 9 :resorigcol 9 :resjunk false}) :groupClause <>})`

func TestViewTargets(t *testing.T) {
	t.Parallel()
	require.Equal(t, []target{{20002, 1}, {}, {}, {20003, 12}}, viewTargets([]byte(view)))
	require.Empty(t, viewTargets(nil))
	for cut := range view {
		require.LessOrEqual(t, len(viewTargets([]byte(view[:cut]))), 4)
	}
}

func TestJudge(t *testing.T) {
	t.Parallel()
	for tree, want := range map[string]judgment{
		`{OPEXPR :opno 96 :opfuncid 65 :opresulttype 16 :args ({VAR :vartype 23 :vartypmod 20004 :location 99999} {CONST :consttype 23 :constvalue 4 [ 1 0 0 0 ]})}`: {functions: []uint32{65}},
		`{FUNCEXPR :funcid 16400 :funcresulttype 2950 :funccollid 17000}`:                                                                                            {functions: []uint32{16400}},
		`{AGGREF :aggfnoid 16401 :aggtype 23}`:                                     {functions: []uint32{16401}},
		`{WINDOWFUNC :winfnoid 16402}`:                                             {functions: []uint32{16402}},
		`{SCALARARRAYOPEXPR :opno 96 :opfuncid 65 :hashfuncid 16403 :negfuncid 0}`: {functions: []uint32{65, 16403}},
		`{COERCEVIAIO :resulttype 16404}`:                                          {refused: true},
		`{ROWCOMPAREEXPR :opnos (o 16405 97)}`:                                     {refused: true},
		`{CONST :consttype 16406}`:                                                 {refused: true},
		`{RTE :relid 1259 }`:                                                       {refused: true},
		`{COERCETODOMAIN :resulttype 23}`:                                          {refused: true},
		`{NEXTVALUEEXPR :seqid 5}`:                                                 {refused: true},
	} {
		var got judgment
		got.judge([]byte(tree))
		require.Equal(t, want, got, tree)
	}
}

func FuzzTree(f *testing.F) {
	f.Add(view)
	f.Add(`{FUNCEXPR :funcid 16400 :x "a\\`)
	f.Fuzz(func(t *testing.T, tree string) {
		require.LessOrEqual(t, len(viewTargets([]byte(tree))), 1664)
		var j judgment
		j.judge([]byte(tree))
		if strings.Contains(tree, ":funcid 16400 ") && !strings.Contains(tree, `\`) {
			require.True(t, j.refused || len(j.functions) > 0)
		}
	})
}

func TestTexts(t *testing.T) {
	t.Parallel()
	for text, want := range map[string][]string{
		`{}`: nil, ``: nil, `{a}`: {"a"}, `{a,b}`: {"a", "b"}, `{"a,b","c\"d\\e",""}`: {"a,b", `c"d\e`, ""}, `{NULL,"NULL"}`: {"", "NULL"}, `{"`: {""}, `{a`: {"a"}, `{"a\`: {`a\`},
	} {
		require.Equal(t, want, row{[]byte(text)}.texts(0), text)
	}
	require.Equal(t, []uint32{23, 25}, row{[]byte("23 25")}.oids(0))
	require.Equal(t, []uint32{23, 4294967295}, row{[]byte("{23,4294967295}")}.oids(0))
	require.Nil(t, row{nil}.oids(0))
}

func FuzzTexts(f *testing.F) {
	f.Add([]byte(`{"a,b",c,NULL}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		require.LessOrEqual(t, len(row{text}.texts(0)), len(text))
	})
}
