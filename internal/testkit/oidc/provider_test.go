package oidc_test

import (
	"context"
	"net/http"
	"net/url"
	"testing"

	library "github.com/coreos/go-oidc/v3/oidc"
	"github.com/stretchr/testify/require"
	"golang.org/x/oauth2"

	"github.com/wayli-app/fluxbase/internal/testkit/oidc"
)

const back = "https://client.example/callback"

func client(t *testing.T, p *oidc.Provider) (*library.Provider, *oauth2.Config) {
	t.Helper()
	found, err := library.NewProvider(t.Context(), p.URL)
	require.NoError(t, err)
	return found, &oauth2.Config{ClientID: oidc.ClientID, ClientSecret: oidc.ClientSecret, RedirectURL: back, Endpoint: found.Endpoint(), Scopes: []string{"openid"}}
}

func TestAnotherClientLibraryTakesTheProvider(t *testing.T) {
	t.Parallel()
	p := oidc.New(t)
	p.Redirects(back)
	p.Add(oidc.User{Subject: "ada", Claims: map[string]any{"email": "ada@example.com"}})
	found, config := client(t, p)
	verifier := oauth2.GenerateVerifier()
	for _, how := range [][]oauth2.AuthCodeOption{
		{oauth2.S256ChallengeOption(verifier), library.Nonce("n")},
		{oauth2.S256ChallengeOption(verifier), library.Nonce("n"), oauth2.SetAuthURLParam("login_hint", "ada")},
		{oauth2.S256ChallengeOption(verifier), library.Nonce("n"), oauth2.SetAuthURLParam("response_mode", "form_post")},
	} {
		came := p.SignIn(t, config.AuthCodeURL("a state", how...), "ada")
		require.Equal(t, back, came.Address)
		require.Equal(t, "a state", came.Fields.Get("state"))
		token, err := config.Exchange(t.Context(), came.Fields.Get("code"), oauth2.VerifierOption(verifier))
		require.NoError(t, err)
		id, err := found.Verifier(&library.Config{ClientID: oidc.ClientID}).Verify(t.Context(), token.Extra("id_token").(string))
		require.NoError(t, err)
		require.Equal(t, "ada", id.Subject)
		require.Equal(t, "n", id.Nonce)
		require.NoError(t, id.VerifyAccessToken(token.AccessToken))
		info, err := found.UserInfo(t.Context(), oauth2.StaticTokenSource(token))
		require.NoError(t, err)
		require.Equal(t, "ada@example.com", info.Email)

		_, err = config.Exchange(t.Context(), came.Fields.Get("code"), oauth2.VerifierOption(verifier))
		require.ErrorContains(t, err, "invalid_grant", "a code is used once")
		renewed, err := config.TokenSource(t.Context(), &oauth2.Token{RefreshToken: token.RefreshToken}).Token()
		require.NoError(t, err)
		require.NotEqual(t, token.AccessToken, renewed.AccessToken)
		_, err = config.TokenSource(t.Context(), &oauth2.Token{RefreshToken: token.RefreshToken}).Token()
		require.ErrorContains(t, err, "invalid_grant", "and so is a refresh token")
	}
}

func TestTheProviderIsStrict(t *testing.T) {
	t.Parallel()
	p := oidc.New(t)
	p.Redirects(back)
	p.Add(oidc.User{Subject: "ada"})
	_, config := client(t, p)
	verifier := oauth2.GenerateVerifier()
	for name, change := range map[string]func(c *oauth2.Config) string{
		"another secret":   func(c *oauth2.Config) string { c.ClientSecret = "x"; return verifier },
		"another client":   func(c *oauth2.Config) string { c.ClientID = "x"; return verifier },
		"another address":  func(c *oauth2.Config) string { c.RedirectURL = "https://evil.example"; return verifier },
		"another verifier": func(*oauth2.Config) string { return oauth2.GenerateVerifier() },
		"no verifier":      func(*oauth2.Config) string { return "" },
	} {
		code := p.SignIn(t, config.AuthCodeURL("s", oauth2.S256ChallengeOption(verifier)), "ada").Fields.Get("code")
		changed := *config
		proof := change(&changed)
		_, err := changed.Exchange(t.Context(), code, oauth2.VerifierOption(proof))
		require.Error(t, err, name)
	}
	for _, query := range []url.Values{
		{"client_id": {"x"}, "redirect_uri": {back}, "response_type": {"code"}},
		{"client_id": {oidc.ClientID}, "redirect_uri": {back + "/more"}, "response_type": {"code"}},
	} {
		r, err := http.NewRequestWithContext(context.Background(), http.MethodGet, p.URL+"/authorize?"+query.Encode(), nil)
		require.NoError(t, err)
		answer, err := http.DefaultTransport.RoundTrip(r)
		require.NoError(t, err)
		require.NoError(t, answer.Body.Close())
		require.Equal(t, http.StatusBadRequest, answer.StatusCode)
	}
}
