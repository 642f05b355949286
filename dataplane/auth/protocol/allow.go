package protocol

import (
	"fmt"
	"net"
	"net/url"
	"regexp"
	"strings"
	"unicode/utf8"

	"github.com/wayli-app/fluxbase/internal/setting"
)

// AllowedRedirect returns the address when links may lead there, else site_url. Addresses of site_url's origin are allowed, and those that match one of
// redirect_urls. Characters beyond ASCII are escaped in what is returned.
func AllowedRedirect(values setting.Values, address string) string {
	site := setting.Get[string](values, "auth.site_url")
	if address == "" {
		return site
	}
	if escaped, ok := allowed(site, setting.Get[[]string](values, "auth.redirect_urls"), address); ok {
		return escaped
	}
	return site
}

// refusedSchemes run what is in the address, or show what the browser keeps.
var refusedSchemes = map[string]bool{"javascript": true, "data": true, "vbscript": true, "blob": true, "file": true, "filesystem": true, "about": true,
	"view-source": true}

// allowed judges an address as browsers read it. What they read in another way than net/url, or could, is refused: that is what tricks are made of.
func allowed(site string, patterns []string, address string) (string, bool) {
	address, ok := escapeUnicode(address)
	if !ok || len(address) > 2048 {
		return "", false
	}
	to, err := url.Parse(address)
	if err != nil || !plainURL(to) {
		return "", false
	}
	if own, err := url.Parse(site); err == nil && sameOrigin(own, to) {
		return address, true
	}
	normal := normalURL(to)
	for _, p := range patterns {
		if known := compiled(p); known != nil && known.matches(normal) {
			return address, true
		}
	}
	return "", false
}

// escapeUnicode escapes what is beyond ASCII as browsers do, and refuses control characters, spaces and backslashes, which browsers drop or change.
func escapeUnicode(address string) (string, bool) {
	if !utf8.ValidString(address) {
		return "", false
	}
	var b strings.Builder
	for i := range len(address) {
		switch c := address[i]; {
		case c <= ' ' || c == '\\' || c == 0x7f || c == '"' || c == '<' || c == '>' || c == '`':
			return "", false
		case c > '~':
			fmt.Fprintf(&b, "%%%02X", c)
		default:
			b.WriteByte(c)
		}
	}
	return b.String(), true
}

var (
	hostForm = regexp.MustCompile(`^([A-Za-z0-9._-]*|\[[0-9A-Fa-f:.]+\])(:[0-9]{1,5})?$`)
	// Dots and slashes that are escaped in a path, which some read as if they were not; and control characters.
	escapedForm = regexp.MustCompile(`(?i)%(2e|2f|5c|0[0-9a-f]|1[0-9a-f]|7f)`)
)

// plainURL reports whether everyone reads the address in the same way.
func plainURL(to *url.URL) bool {
	scheme := strings.ToLower(to.Scheme)
	if scheme == "" || refusedSchemes[scheme] || to.User != nil || to.Opaque != "" || !hostForm.MatchString(to.Host) {
		return false
	}
	// Browsers find a host in https:/evil.example, https:///evil.example and the like.
	if web := scheme == "http" || scheme == "https" || scheme == "ws" || scheme == "wss" || scheme == "ftp"; web && to.Hostname() == "" {
		return false
	}
	path := to.EscapedPath()
	if escapedForm.MatchString(path) {
		return false
	}
	for segment := range strings.SplitSeq(path, "/") {
		if segment == "." || segment == ".." {
			return false
		}
	}
	return true
}

// normalURL is what patterns are compared with: without the fragment and a default port, with a path, and scheme and host in lower case.
func normalURL(to *url.URL) string {
	out := strings.ToLower(to.Scheme) + ":"
	if to.Host != "" || !to.OmitHost {
		out += "//" + withoutDefaultPort(strings.ToLower(to.Scheme), strings.ToLower(to.Host))
	}
	if out += to.EscapedPath(); to.Path == "" && to.Host != "" {
		out += "/"
	}
	if to.RawQuery != "" || to.ForceQuery {
		out += "?" + to.RawQuery
	}
	return out
}

func withoutDefaultPort(scheme, host string) string {
	switch scheme {
	case "http":
		return strings.TrimSuffix(host, ":80")
	case "https":
		return strings.TrimSuffix(host, ":443")
	}
	return host
}

// sameOrigin compares scheme, host and port. On the machine itself ports do not matter: there apps are developed.
func sameOrigin(own, to *url.URL) bool {
	scheme := strings.ToLower(to.Scheme)
	if to.Host == "" || !strings.EqualFold(own.Scheme, to.Scheme) {
		return false
	}
	if strings.EqualFold(withoutDefaultPort(scheme, strings.ToLower(own.Host)), withoutDefaultPort(scheme, strings.ToLower(to.Host))) {
		return true
	}
	return strings.EqualFold(own.Hostname(), to.Hostname()) && loopback(own.Hostname())
}

func loopback(host string) bool {
	ip := net.ParseIP(host)
	return strings.EqualFold(host, "localhost") || ip != nil && ip.IsLoopback()
}
