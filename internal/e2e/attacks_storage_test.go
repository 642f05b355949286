package e2e

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/wayli-app/fluxbase/internal/id"
)

// fileScene is a scene with files. In the victim's project there are two users: Vic, whose files these are, and Mal, who is hostile. The attacker's project is
// hostile too, its owner included.
type fileScene struct {
	*scene
	vic, mal     string // ids
	vicToken     string
	malToken     string
	key, secret  string // an access key of the attacker's project
	signer       *http.Client
	before       string
	victimSigned string // a signed URL of Vic's file, as Vic gave it to a friend
}

// fileAttack is one attempt at somebody else's files.
type fileAttack struct {
	name string
	try  func(t *testing.T, s *fileScene) string
}

// TestStorageAttacks tries what a hostile user of an app, a hostile project and its owner could try against files, in both isolations. After each attempt
// the victim's rows and bytes are what they were.
func TestStorageAttacks(t *testing.T) {
	t.Parallel()
	in := install(t)
	outcomes := map[bool]map[string]string{}
	for _, shared := range []bool{false, true} {
		outcomes[shared] = map[string]string{}
		s := newFileScene(t, in, shared)
		for _, a := range fileAttacks() {
			t.Run(isolationName(shared)+"/"+a.name, func(t *testing.T) {
				outcomes[shared][a.name] = a.try(t, s)
				require.Equal(t, s.before, s.state(t), "the victim's files are not what they were")
			})
		}
	}
	t.Log(fileAttackTable(outcomes))
}

func fileAttacks() []fileAttack {
	var all []fileAttack
	for _, some := range [][]fileAttack{
		pathFileAttacks(), bodyFileAttacks(), projectFileAttacks(), tokenFileAttacks(), usedTokenAttacks(), uploadTokenAttacks(), policyFileAttacks(), browserFileAttacks(), headerFileAttacks(), rangeFileAttacks(),
		bombFileAttacks(), tusFileAttacks(), tusSizeAttacks(), tusNameAttacks(), s3FileAttacks(), replayFileAttacks(), ownerFileAttacks(), brokenPolicyAttacks(), brokenProjectAttacks(),
	} {
		all = append(all, some...)
	}
	return all
}

func fileAttackTable(outcomes map[bool]map[string]string) string {
	var out strings.Builder
	fmt.Fprintf(&out, "\n%-100s | %-34s | %s\n%s\n", "attack on files", "isolation database", "isolation schema", strings.Repeat("-", 170))
	for i, a := range fileAttacks() {
		fmt.Fprintf(&out, "%3d %-96s | %-34s | %s\n", i+1, a.name, outcomes[false][a.name], outcomes[true][a.name])
	}
	return out.String()
}

// mostOfVictim is the largest file of the victim's project.
const mostOfVictim = 1 << 20

func newFileScene(t *testing.T, in *installation, shared bool) *fileScene {
	t.Helper()
	s := &fileScene{scene: newScene(t, in, shared), signer: in.reaching()}
	s.victim.set(t, map[string]string{"storage.file_size_limit": fmt.Sprint(mostOfVictim), "auth.rate_limit.sign_in_sign_ups": "10000"})
	s.asOwner(t, s.victim, func(conn *pgx.Conn) {
		_, err := conn.Exec(t.Context(), s.victim.physical(`
			create policy "all in folders of one's own" on {storage}.objects to authenticated
				using (({storage}.foldername(name))[1] = (select auth.uid())::text) with check (({storage}.foldername(name))[1] = (select auth.uid())::text);
			create policy "buckets" on {storage}.buckets for select to authenticated using (true)`))
		require.NoError(t, err)
	})
	s.vicToken = signUpAt(t, s.victim.pathURL, s.victim.publishable, "vic."+id.NewRef()+"@example.com")
	s.malToken = signUpAt(t, s.victim.pathURL, s.victim.publishable, "mal."+id.NewRef()+"@example.com")
	s.vic, s.mal = subject(t, s.vicToken), subject(t, s.malToken)
	s.key, s.secret = s.attacker.accessKey(t)
	for bucket, public := range map[string]bool{"vault": false, "open": true, "a": false} {
		for _, p := range []*project{s.victim, s.attacker} {
			s.done(t, request{method: "POST", host: s.hostOf(p), path: "/storage/v1/bucket", key: p.secret, body: fmt.Sprintf(`{"id":%q,"name":%[1]q,"public":%t}`, bucket, public)})
		}
	}
	for name, kind := range map[string]string{"vault/{V}/secret.txt": "text/plain", "vault/{V}/pic.png": "image/png", "a/b/c": "text/plain", "open/{V}/seen.txt": "text/plain"} {
		s.done(t, s.asVic(request{method: "POST", path: "/storage/v1/object/" + name, kind: kind, body: "{MARK} of " + name}).byService(name == "a/b/c", s.victim))
	}
	s.done(t, request{method: "POST", path: "/storage/v1/object/vault/own.txt", key: s.attacker.secret, kind: "text/plain", body: "the attacker's own"})
	for _, bucket := range []string{"vault", "open"} {
		s.done(t, s.asMal(request{method: "POST", path: "/storage/v1/object/" + bucket + "/{M}/mine.txt", kind: "text/plain", body: "mine"}))
	}
	s.victimSigned = s.signed(t, s.asVic(request{}), "vault/{V}/secret.txt", 3600)
	s.before = s.state(t)
	require.Contains(t, s.before, "secret.txt")
	return s
}

// byService makes a request the secret key's.
func (r request) byService(yes bool, p *project) request {
	if yes {
		r.key, r.bearer = p.secret, ""
	}
	return r
}

// asVic, asMal and asAnon are requests to the victim's project, of Vic, Mal or nobody.
func (s *fileScene) asVic(r request) request {
	r.host, r.key, r.bearer = s.hostOf(s.victim), s.victim.publishable, s.vicToken
	return r
}

func (s *fileScene) asMal(r request) request {
	r.host, r.key, r.bearer = s.hostOf(s.victim), s.victim.publishable, s.malToken
	return r
}

func (s *fileScene) asAnon(r request) request {
	r.host, r.key = s.hostOf(s.victim), s.victim.publishable
	return r
}

// names puts the users' ids into a text: {V} and {M}.
func (s *fileScene) names(text string) string {
	return strings.NewReplacer("{V}", s.vic, "{M}", s.mal).Replace(text)
}

func (s *fileScene) request(t *testing.T, r request) answer {
	t.Helper()
	r.path, r.body = s.names(r.path), s.names(r.body)
	for i, header := range r.headers {
		r.headers[i] = s.names(header)
	}
	for {
		got := s.send(t, r)
		if got.status != http.StatusTooManyRequests {
			return got
		}
		wait(t, got.header) // there are very many attempts, and they are not against the limit
	}
}

// done sends a request that succeeds.
func (s *fileScene) done(t *testing.T, r request) answer {
	t.Helper()
	got := s.request(t, r)
	require.Less(t, got.status, 300, "%s %s\n%s", r.method, r.path, got.body)
	return got
}

// refused sends a request that must not succeed, nor tell a word of the victim's files.
func (s *fileScene) refused(t *testing.T, r request, statuses ...int) string {
	t.Helper()
	got := s.request(t, r)
	require.NotContains(t, got.body, s.mark)
	require.Contains(t, statuses, got.status, "%s %s\n%s", r.method, s.names(r.path), got.body)
	return strings.TrimSpace(fmt.Sprintf("%d %s", got.status, got.code()))
}

// signed makes a signed URL and returns its path and token: /object/sign/…?token=….
func (s *fileScene) signed(t *testing.T, as request, name string, seconds int) string {
	t.Helper()
	as.method, as.path, as.body = "POST", "/storage/v1/object/sign/"+name, fmt.Sprintf(`{"expiresIn":%d}`, seconds)
	var out struct {
		URL string `json:"signedURL"`
	}
	require.NoError(t, json.Unmarshal([]byte(s.done(t, as).body), &out))
	require.NotEmpty(t, out.URL)
	return out.URL
}

// uploadToken makes a token of a signed upload.
func (s *fileScene) uploadToken(t *testing.T, as request, name string) string {
	t.Helper()
	as.method, as.path, as.body = "POST", "/storage/v1/object/upload/sign/"+name, "{}"
	var out struct{ Token string }
	require.NoError(t, json.Unmarshal([]byte(s.done(t, as).body), &out))
	require.NotEmpty(t, out.Token)
	return out.Token
}

// tokenOf takes the token out of a signed URL.
func tokenOf(t *testing.T, address string) string {
	t.Helper()
	u, err := url.Parse(address)
	require.NoError(t, err)
	token := u.Query().Get("token")
	require.NotEmpty(t, token)
	return token
}

// changedClaims are the claims of a token, changed.
func changedClaims(t *testing.T, token string, change map[string]any) string {
	t.Helper()
	raw, err := base64.RawURLEncoding.DecodeString(strings.Split(token, ".")[1])
	require.NoError(t, err)
	claims := map[string]any{}
	require.NoError(t, json.Unmarshal(raw, &claims))
	for key, value := range change {
		claims[key] = value
	}
	encoded, err := json.Marshal(claims)
	require.NoError(t, err)
	return base64.RawURLEncoding.EncodeToString(encoded)
}

// state is every row and all bytes of the victim's project but Mal's own.
func (s *fileScene) state(t *testing.T) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	conn, err := pgx.Connect(ctx, s.in.postgres.URL(s.database(s.victim)))
	require.NoError(t, err)
	defer func() { _ = conn.Close(context.Background()) }()
	var out strings.Builder
	stored, err := s.in.store.stored(ctx, s.victim)
	require.NoError(t, err)
	rows, err := conn.Query(ctx, s.victim.physical(`
		select coalesce(o.version, ''), (to_jsonb(o) - 'last_accessed_at')::text || coalesce(b.size::text, 'lost') || coalesce(b.removing_at::text, '')
		from {storage}.objects o left join {storage}.blobs b using (version) where o.owner_id is distinct from $1 order by o.bucket_id, o.name`), s.mal)
	require.NoError(t, err)
	var version, row string
	_, err = pgx.ForEachRow(rows, []any{&version, &row}, func() error {
		fmt.Fprintf(&out, "%s %s\n", row, stored["objects/"+version])
		return nil
	})
	require.NoError(t, err)
	rows, err = conn.Query(ctx, s.victim.physical(`select to_jsonb(b)::text from {storage}.buckets b order by id`))
	require.NoError(t, err)
	_, err = pgx.ForEachRow(rows, []any{&row}, func() error { out.WriteString(row + "\n"); return nil })
	require.NoError(t, err)
	return out.String()
}
