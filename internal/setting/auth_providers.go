package setting

import (
	"errors"
	"strings"
)

// Provider is a place where users have accounts already.
type Provider struct {
	// Name is what clients call it, Title what people do.
	Name, Title string
	// Hosted tells that a project may name another address of it: a server of its own, or a part of the provider.
	Hosted bool
}

// Providers are those that a project may switch on; any other is a custom provider.
var Providers = []Provider{
	{"apple", "Apple", false}, {"azure", "Microsoft", true}, {"bitbucket", "Bitbucket", false}, {"discord", "Discord", false},
	{"facebook", "Facebook", false}, {"figma", "Figma", false}, {"github", "GitHub", true}, {"gitlab", "GitLab", true},
	{"google", "Google", false}, {"kakao", "Kakao", false}, {"keycloak", "Keycloak", true}, {"linkedin_oidc", "LinkedIn", false}, {"notion", "Notion", false},
	{"slack_oidc", "Slack", false}, {"spotify", "Spotify", false}, {"twitch", "Twitch", false}, {"twitter", "Twitter", false},
	{"x", "X", false}, {"zoom", "Zoom", false},
}

func authProviderSettings() []Definition {
	var out []Definition
	for _, p := range Providers {
		key := "auth.external." + p.Name + "."
		out = append(out,
			flag(key+"enabled", false, "Whether users sign in with "+p.Title+"."),
			list(key+"client_id", "Client ids at "+p.Title+": the first is used to sign in, all are taken as audiences of ID tokens.", checkClientIDs),
			secret(key+"secret", "Client secret at "+p.Title+"."),
			flag(key+"skip_nonce_check", false, "Whether ID tokens of "+p.Title+" may lack the nonce. For apps on iOS only: it makes replay possible."),
			flag(key+"email_optional", false, "Whether users without an email address at "+p.Title+" may sign in."))
		if p.Hosted {
			out = append(out, word(key+"url", "", "Address of the "+p.Title+" server. Empty for the public one.", checkOptionalURL))
		}
	}
	return out
}

func checkClientIDs(v any) error {
	if len(v.([]string)) > 50 {
		return errors.New("name 50 client ids at most")
	}
	for _, id := range v.([]string) {
		if id == "" || len(id) > 512 || strings.IndexFunc(id, func(c rune) bool { return c <= ' ' || c > '~' }) >= 0 {
			return errors.New("a client id is a word of up to 512 letters, digits and signs")
		}
	}
	return nil
}
