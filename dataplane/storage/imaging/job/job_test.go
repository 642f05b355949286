package job_test

import (
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/require"

	"github.com/wayli-app/fluxbase/dataplane/storage/imaging/job"
)

func TestPlansStayWithinTheSourceAndTheBox(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(1, 2))
	for range 20_000 {
		w, h := 1+random.IntN(9000), 1+random.IntN(5000)
		r := job.Recipe{Width: random.IntN(2501), Height: random.IntN(2501), Resize: []job.Resize{job.Cover, job.Contain, job.Fill}[random.IntN(3)]}
		p := r.Plan(w, h)
		require.Positive(t, p.CropWidth)
		require.Positive(t, p.CropHeight)
		require.LessOrEqual(t, p.CropWidth, p.Width)
		require.LessOrEqual(t, p.CropHeight, p.Height)
		require.LessOrEqual(t, p.Width, w)
		require.LessOrEqual(t, p.Height, h)
		if r.Width > 0 {
			require.LessOrEqual(t, p.CropWidth, r.Width)
		}
		if r.Height > 0 {
			require.LessOrEqual(t, p.CropHeight, r.Height)
		}
		if r.Resize != job.Fill {
			require.InDelta(t, float64(w)/float64(h), float64(p.Width)/float64(p.Height), float64(w)/float64(h)/float64(min(p.Width, p.Height))+0.5)
		}
	}
}

func TestFormatsAreNegotiated(t *testing.T) {
	t.Parallel()
	cases := []struct {
		accept string
		avif   bool
		want   job.Format
	}{
		{"", true, job.Origin},
		{"*/*", true, job.Origin},
		{"image/*", true, job.Origin},
		{"image/webp", false, job.WebP},
		{"text/html, IMAGE/WebP ;q=0.5", false, job.WebP},
		{"image/avif,image/webp", false, job.WebP},
		{"image/avif,image/webp", true, job.AVIF},
		{"image/avif;q=0,image/webp", true, job.WebP},
		{"image/webp;q=0.0", false, job.Origin},
		{"image/webp;q=nonsense", false, job.Origin},
		{"image/webpage", false, job.Origin},
	}
	for _, c := range cases {
		require.Equal(t, c.want, job.Asked{}.Recipe(c.accept, c.avif).Format, "%q", c.accept)
		require.Equal(t, job.Origin, job.Asked{Format: job.Origin}.Recipe(c.accept, c.avif).Format)
	}
}

func TestRecipesOfOneNameMakeTheSame(t *testing.T) {
	t.Parallel()
	require.Equal(t, "webp", job.Asked{Resize: job.Fill}.Recipe("image/webp", false).String(), "without a size there is nothing to resize")
	require.Equal(t, "50x0-cover-q30-origin", job.Asked{Width: 50, Quality: 30}.Recipe("", false).String())
	require.Equal(t, job.Asked{Width: 50}.Recipe("", false), job.Asked{Width: 50, Resize: job.Cover, Format: job.Origin}.Recipe("", false))
}

func TestFilesComeThroughThePipe(t *testing.T) {
	t.Parallel()
	file := bytes.Repeat([]byte("0123456789abcdef"), 20_000)
	away := errors.New("away")
	t.Run("whole", func(t *testing.T) {
		t.Parallel()
		var pipe bytes.Buffer
		require.NoError(t, job.WriteRecipe(&pipe, job.Recipe{Width: 3, Format: job.WebP}))
		read, write := job.SendInput(&pipe, iotest.HalfReader(bytes.NewReader(file)))
		require.NoError(t, errors.Join(read, write))
		recipe, err := job.ReadRecipe(&pipe)
		require.NoError(t, err)
		require.Equal(t, job.Recipe{Width: 3, Format: job.WebP}, recipe)
		got, err := job.ReadInput(iotest.OneByteReader(&pipe))
		require.NoError(t, err)
		require.Equal(t, file, got)
		_, err = job.ReadRecipe(&pipe)
		require.ErrorIs(t, err, io.EOF)
	})
	t.Run("given up, and another after it", func(t *testing.T) {
		t.Parallel()
		var pipe bytes.Buffer
		read, write := job.SendInput(&pipe, io.MultiReader(bytes.NewReader(file), iotest.ErrReader(away)))
		require.ErrorIs(t, read, away)
		require.NoError(t, write)
		_, _ = job.SendInput(&pipe, strings.NewReader("x"))
		_, err := job.ReadInput(&pipe)
		require.ErrorIs(t, err, job.ErrGivenUp)
		got, err := job.ReadInput(&pipe)
		require.NoError(t, err)
		require.Equal(t, "x", string(got))
	})
	t.Run("too large, and another after it", func(t *testing.T) {
		t.Parallel()
		var pipe bytes.Buffer
		_, _ = job.SendInput(&pipe, io.LimitReader(zeros{}, job.MaxInput+1))
		_, _ = job.SendInput(&pipe, strings.NewReader("x"))
		_, err := job.ReadInput(&pipe)
		require.ErrorIs(t, err, job.ErrTooBig)
		got, err := job.ReadInput(&pipe)
		require.NoError(t, err)
		require.Equal(t, "x", string(got))
	})
	t.Run("results", func(t *testing.T) {
		t.Parallel()
		var pipe bytes.Buffer
		require.NoError(t, job.WriteResult(&pipe, job.Result{Code: job.Done, Detail: strings.Repeat("x", 50_000)}, []byte("image")))
		result, err := job.ReadResult(&pipe)
		require.NoError(t, err)
		require.EqualValues(t, 5, result.Size)
		require.Len(t, result.Detail, 1000)
		for _, lie := range []string{"\x00\x00\x00\x0b{\"size\":-1}", "\x00\x00\x00\x13{\"size\":1000000000}", "\xff\xff\xff\xff", "\x00\x00\x00\x02{]"} {
			_, err := job.ReadResult(strings.NewReader(lie))
			require.Error(t, err, lie)
		}
	})
}

type zeros struct{}

func (zeros) Read(b []byte) (int, error) { clear(b); return len(b), nil }

// FuzzPipe feeds the program's end of the pipe what a worker never sends: it must neither panic nor take more than it was given.
func FuzzPipe(f *testing.F) {
	var fine bytes.Buffer
	_ = job.WriteRecipe(&fine, job.Recipe{Width: 1, Format: job.AVIF})
	_, _ = job.SendInput(&fine, strings.NewReader("file"))
	f.Add(fine.Bytes())
	f.Add([]byte("\x00\x00\x00\x02{}\xff\xff\xff\xff"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		in := bytes.NewReader(raw)
		if _, err := job.ReadRecipe(in); err != nil {
			return
		}
		file, err := job.ReadInput(in)
		if err == nil {
			require.LessOrEqual(t, len(file), len(raw))
		}
	})
}

// FuzzAsked reads what strangers put into queries: what is taken is within the bounds, and comes back from a signed URL as it was.
func FuzzAsked(f *testing.F) {
	f.Add("width:50,height:60,resize:fill,quality:30,format:origin", "image/webp")
	f.Add("width:-1", "image/avif;q=0")
	f.Fuzz(func(t *testing.T, text, accept string) {
		asked, err := job.Parse(text)
		if err != nil {
			return
		}
		require.True(t, asked.Width >= 0 && asked.Width <= job.MaxSide && asked.Height >= 0 && asked.Height <= job.MaxSide)
		require.True(t, asked.Quality == 0 || asked.Quality >= job.MinQuality && asked.Quality <= job.MaxQuality)
		again, err := job.Parse(asked.String())
		require.NoError(t, err)
		require.Equal(t, asked.Recipe(accept, true), again.Recipe(accept, true))
		require.Less(t, len(asked.Recipe(accept, true).String()), 64)
	})
}

// FuzzSniff looks at the first bytes of anything.
func FuzzSniff(f *testing.F) {
	f.Add([]byte("\x00\x00\x00\x1cftypavif\x00\x00\x00\x00mif1miafMA1B"))
	f.Add([]byte("RIFF\x00\x00\x00\x00WEBPVP8X"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		if kind := job.Sniff(raw); kind != "" {
			require.NotContains(t, []byte{'<', '%', ' ', '\n', 'P', 'B'}, raw[0], "no text, PDF, archive or bitmap is taken for %s", kind)
		}
	})
}
