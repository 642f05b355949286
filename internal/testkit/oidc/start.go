package oidc

import (
	"context"
	"net"
	"net/http"
	"net/http/httptest"
)

// Start starts a provider at an IP address, for more than one test. Close ends it.
func Start(address string) (*Provider, error) {
	listener, err := (&net.ListenConfig{}).Listen(context.Background(), "tcp", net.JoinHostPort(address, "0"))
	if err != nil {
		return nil, err
	}
	p := &Provider{users: map[string]User{}, codes: map[string]*grant{}, access: map[string]*grant{}, refresh: map[string]*grant{}, aliases: map[string]Endpoint{},
		calls: map[string]int{}}
	p.Rotate()
	p.server = httptest.NewUnstartedServer(http.HandlerFunc(p.serve))
	if err := p.server.Listener.Close(); err != nil {
		return nil, err
	}
	p.server.Listener = listener
	p.server.Start()
	p.URL = p.server.URL
	return p, nil
}

// Close ends the provider.
func (p *Provider) Close() {
	p.server.CloseClientConnections()
	p.server.Close()
}
