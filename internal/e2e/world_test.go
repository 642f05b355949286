package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	controlplanev1 "github.com/wayli-app/fluxbase/internal/gen/fluxbase/controlplane/v1"
	"github.com/wayli-app/fluxbase/internal/testkit/mailserver"
	"github.com/wayli-app/fluxbase/internal/testkit/oidc"
)

// world is what projects reach outside of Fluxbase: a mail server, and an HTTP server that takes text messages and hands on to scripts what came in. It
// has an address of its own, the only private one that workers may reach.
type world struct {
	address string
	mail    *mailserver.Server
	people  *oidc.Provider
	url     string
	server  *http.Server

	mu      sync.Mutex
	texts   map[string][]string
	arrived chan struct{}
}

// worldAddress is one of this machine's that nothing else of the tests has.
func worldAddress() string {
	if runtime.GOOS == "linux" {
		return "127.0.0.2"
	}
	return "127.0.0.1" // others have but one
}

func newWorld() (_ *world, err error) {
	w := &world{address: worldAddress(), texts: map[string][]string{}, arrived: make(chan struct{})}
	if w.mail, err = mailserver.Start(w.address); err != nil {
		return nil, err
	}
	if w.people, err = oidc.Start(w.address); err != nil {
		return nil, err
	}
	listener, err := (&net.ListenConfig{}).Listen(context.Background(), "tcp", net.JoinHostPort(w.address, "0"))
	if err != nil {
		return nil, err
	}
	w.url = "http://" + listener.Addr().String()
	mux := http.NewServeMux()
	mux.HandleFunc("GET /mail", w.nextMail)
	mux.HandleFunc("GET /text", w.nextText)
	mux.HandleFunc("POST /texts", w.takeText)
	mux.HandleFunc("POST /person", w.addPerson)
	mux.HandleFunc("GET /id_token", w.idToken)
	w.server = &http.Server{Handler: mux, ReadHeaderTimeout: 10 * time.Second}
	go func() { _ = w.server.Serve(listener) }()
	return w, nil
}

func (w *world) close() {
	w.mail.Close()
	w.people.Close()
	_ = w.server.Close()
}

// environment lets workers trust the mail server and reach the world.
func (w *world) environment(dir string) (map[string]string, error) {
	file := filepath.Join(dir, "world.pem")
	if err := os.WriteFile(file, w.mail.Certificate, 0o644); err != nil {
		return nil, err
	}
	return map[string]string{"FLUXBASE_EGRESS_ALLOW": w.address, "SSL_CERT_FILE": file}, nil
}

const textSecret = "v1,whsec_d29ybGQgb2YgdGhlIHRlc3RzLCBsb25nIGVub3VnaA=="

// settings have a project send its mail and text messages to the world.
func (w *world) settings() map[string]string {
	return map[string]string{
		"auth.smtp.host": quoted(w.address), "auth.smtp.port": strconv.Itoa(w.mail.Port), "auth.smtp.user": quoted(w.mail.User),
		"auth.smtp.password": quoted(w.mail.Password), "auth.smtp.sender_address": quoted("no-reply@app.example.com"),
		"auth.sms.provider": quoted("http"), "auth.sms.http.url": quoted(w.url + "/texts"), "auth.sms.http.secret": quoted(textSecret),
	}
}

func quoted(s string) string {
	encoded, _ := json.Marshal(s) // a string
	return string(encoded)
}

func (w *world) nextMail(rw http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), 25*time.Second)
	defer cancel()
	m, err := w.mail.Next(ctx, r.URL.Query().Get("to"))
	if err != nil {
		http.Error(rw, err.Error(), http.StatusGatewayTimeout)
		return
	}
	_ = json.NewEncoder(rw).Encode(m)
}

func (w *world) takeText(rw http.ResponseWriter, r *http.Request) {
	var in struct{ To, Text string }
	if json.NewDecoder(r.Body).Decode(&in) != nil || r.Header.Get("Webhook-Signature") == "" {
		http.Error(rw, "not signed", http.StatusUnauthorized)
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	to := strings.TrimPrefix(in.To, "+")
	w.texts[to] = append(w.texts[to], in.Text)
	close(w.arrived)
	w.arrived = make(chan struct{})
}

func (w *world) nextText(rw http.ResponseWriter, r *http.Request) {
	to := r.URL.Query().Get("to")
	end := time.After(25 * time.Second)
	for {
		w.mu.Lock()
		if got := w.texts[to]; len(got) > 0 {
			w.texts[to] = got[1:]
			w.mu.Unlock()
			_ = json.NewEncoder(rw).Encode(map[string]string{"text": got[0]})
			return
		}
		arrived := w.arrived
		w.mu.Unlock()
		select {
		case <-arrived:
		case <-end:
			http.Error(rw, fmt.Sprintf("no message came to %s", to), http.StatusGatewayTimeout)
			return
		case <-r.Context().Done():
			return
		}
	}
}

// addPerson gives somebody an account at the identity provider, who is signed in there under the same name as the address.
func (w *world) addPerson(_ http.ResponseWriter, r *http.Request) {
	email := r.URL.Query().Get("email")
	w.people.Add(oidc.User{Subject: email, Claims: map[string]any{"email": email, "email_verified": true, "name": "Person"}})
}

// idToken is what the identity provider would sign for the project.
func (w *world) idToken(rw http.ResponseWriter, r *http.Request) {
	claims := map[string]any{"iss": w.people.URL, "aud": oidc.ClientID, "iat": time.Now().Unix(), "exp": time.Now().Add(time.Hour).Unix()}
	if err := json.Unmarshal([]byte(r.URL.Query().Get("claims")), &claims); err != nil {
		http.Error(rw, err.Error(), http.StatusBadRequest)
		return
	}
	_, _ = fmt.Fprint(rw, w.people.IDToken(claims))
}

// script are the variables that tell a script of the world.
func (w *world) script(in *installation) []string {
	return []string{"GATE=" + in.url, "WORLD=" + w.url, "OIDC_ISSUER=" + w.people.URL, "OIDC_CLIENT=" + oidc.ClientID, "OIDC_SECRET=" + oidc.ClientSecret}
}

// set changes settings of a project, by lists that are merged.
func (p *project) set(t *testing.T, settings ...map[string]string) {
	t.Helper()
	values := map[string]string{}
	for _, list := range settings {
		for key, value := range list {
			values[key] = value
		}
	}
	_, err := p.owner.projects.UpdateSettings(t.Context(), &controlplanev1.UpdateSettingsRequest{Ref: p.ref, Values: values})
	require.NoError(t, err)
}
