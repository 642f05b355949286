package catalog

import (
	"regexp"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/oauth2"
)

// definitions are the providers of setting.Providers.
var definitions = []Definition{
	{
		Name: "apple", Base: "https://appleid.apple.com", Auth: "{base}/auth/authorize", Token: "{base}/auth/token", Style: oauth2.AuthStyleInParams,
		Scopes: []string{"email", "name"}, Params: map[string]string{"response_mode": "form_post"}, FormPost: true,
		OIDC: &OIDC{Issuers: []string{"https://appleid.apple.com"}, Keys: "{base}/auth/keys", Code: true, Nonce: true,
			read: fields("sub=sub", verifiedBy("email_verified"), appleClaims)},
	},
	{
		Name: "azure", Base: "https://login.microsoftonline.com/common", Hosted: true, Auth: "{base}/oauth2/v2.0/authorize", Token: "{base}/oauth2/v2.0/token",
		Style: oauth2.AuthStyleInParams, Scopes: []string{"openid"}, PKCE: true,
		OIDC: &OIDC{Code: true, Nonce: true, Tenants: true, read: fields("sub=sub name=name full_name=name preferred_username=preferred_username", azureClaims)},
	},
	{
		Name: "bitbucket", Base: "https://bitbucket.org", API: "https://api.bitbucket.org/2.0", Auth: "{base}/site/oauth2/authorize", Token: "{base}/site/oauth2/access_token",
		User: "{api}/user", Emails: "{api}/user/emails", Style: oauth2.AuthStyleInHeader, Scopes: []string{"account", "email"},
		read: fields("sub=uuid name=display_name full_name=display_name picture=links|avatar|href avatar_url=links|avatar|href"),
		emails: func(p *Profile, r Raw) {
			for _, e := range r.list("values") {
				p.add(e.String("email"), e.Bool("is_confirmed"), e.Bool("is_primary"))
			}
		},
	},
	{
		Name: "discord", Base: "https://discord.com/api", Auth: "{base}/oauth2/authorize", Token: "{base}/oauth2/token", User: "{api}/users/@me",
		Style: oauth2.AuthStyleInParams, Scopes: []string{"email", "identify"}, PKCE: true,
		read: fields("sub=id full_name=username", verifiedBy("verified"), custom("global_name"), discordNames),
	},
	{
		Name: "facebook", Base: "https://www.facebook.com", API: "https://graph.facebook.com", Auth: "{base}/dialog/oauth", Token: "{api}/oauth/access_token",
		User: "{api}/me?fields=email,first_name,last_name,name,picture", Style: oauth2.AuthStyleInParams, Scopes: []string{"email"}, ProofOfSecret: true,
		read: fields("sub=id nickname=name slug=name picture=picture|data|url avatar_url=picture|data|url", fullName("first_name", "last_name"), alwaysVerified("email")),
		OIDC: &OIDC{Issuers: []string{"https://www.facebook.com", "https://limited.facebook.com"}, Keys: "https://limited.facebook.com/.well-known/oauth/openid/jwks/",
			read: fields("sub=sub name=name full_name=name picture=picture avatar_url=picture", alwaysVerified("email"))},
	},
	{
		Name: "figma", Base: "https://www.figma.com", API: "https://api.figma.com", Auth: "{base}/oauth", Token: "{api}/v1/oauth/token", User: "{api}/v1/me",
		Style: oauth2.AuthStyleInHeader, Scopes: []string{"current_user:read"}, PKCE: true,
		read: fields("sub=id name=handle full_name=handle avatar_url=img_url", alwaysVerified("email")),
	},
	{
		Name: "github", Base: "https://github.com", API: "https://api.github.com", Hosted: true, HostedAPI: "/api/v3", Auth: "{base}/login/oauth/authorize",
		Token: "{base}/login/oauth/access_token", User: "{api}/user", Emails: "{api}/user/emails", Style: oauth2.AuthStyleInParams, Scopes: []string{"user:email"}, PKCE: true,
		Headers: map[string]string{"Accept": "application/vnd.github+json"},
		read:    fields("sub=id name=name full_name=name preferred_username=login user_name=login avatar_url=avatar_url"),
		emails: func(p *Profile, r Raw) {
			for _, e := range r.list("") {
				p.add(e.String("email"), e.Bool("verified"), e.Bool("primary"))
			}
		},
	},
	{
		Name: "gitlab", Base: "https://gitlab.com", Hosted: true, Auth: "{base}/oauth/authorize", Token: "{base}/oauth/token", User: "{base}/api/v4/user",
		Style: oauth2.AuthStyleInParams, Scopes: []string{"read_user"}, PKCE: true, Issuer: "{base}",
		read: fields("sub=id name=name full_name=name user_name=username preferred_username=username picture=avatar_url avatar_url=avatar_url",
			func(p *Profile, r Raw) { p.add(r.String("email"), r.String("confirmed_at") != "", true) }),
	},
	{
		Name: "google", Base: "https://accounts.google.com", Auth: "{base}/o/oauth2/v2/auth", Token: "https://oauth2.googleapis.com/token",
		Style: oauth2.AuthStyleInParams, Scopes: []string{"openid", "email", "profile"}, PKCE: true,
		OIDC: &OIDC{Issuers: []string{"https://accounts.google.com", "accounts.google.com"}, Keys: "https://www.googleapis.com/oauth2/v3/certs", Code: true, Nonce: true,
			read: fields("sub=sub name=name full_name=name picture=picture avatar_url=picture", verifiedBy("email_verified"), custom("hd"))},
	},
	{
		Name: "kakao", Base: "https://kauth.kakao.com", API: "https://kapi.kakao.com", Auth: "{base}/oauth/authorize", Token: "{base}/oauth/token", User: "{api}/v2/user/me",
		Style: oauth2.AuthStyleInParams, Scopes: []string{"account_email", "profile_image", "profile_nickname"},
		read: fields(`sub=id name=kakao_account|profile|nickname full_name=kakao_account|profile|nickname preferred_username=kakao_account|profile|nickname
			user_name=kakao_account|profile|nickname avatar_url=kakao_account|profile|profile_image_url`,
			func(p *Profile, r Raw) {
				p.add(r.String("kakao_account|email"), r.Bool("kakao_account|is_email_valid") && r.Bool("kakao_account|is_email_verified"), true)
			}),
		OIDC: &OIDC{Issuers: []string{"https://kauth.kakao.com"}, Keys: "{base}/.well-known/jwks.json",
			read: fields("sub=sub name=nickname preferred_username=nickname picture=picture avatar_url=picture", verifiedBy("email_verified"))},
	},
	{
		Name: "keycloak", Hosted: true, HostedOnly: true, Auth: "{base}/protocol/openid-connect/auth", Token: "{base}/protocol/openid-connect/token",
		User: "{base}/protocol/openid-connect/userinfo", Style: oauth2.AuthStyleInParams, Scopes: []string{"openid", "profile", "email"}, PKCE: true, Issuer: "{base}",
		read: fields("sub=sub name=name full_name=name", verifiedBy("email_verified")),
		OIDC: &OIDC{Issuers: []string{"{base}"}, Keys: "{base}/protocol/openid-connect/certs", Code: true, Nonce: true,
			read: fields("sub=sub name=name full_name=name", verifiedBy("email_verified"))},
	},
	{
		Name: "linkedin_oidc", Base: "https://www.linkedin.com", Auth: "{base}/oauth/v2/authorization", Token: "{base}/oauth/v2/accessToken",
		Style: oauth2.AuthStyleInParams, Scopes: []string{"openid", "email", "profile"},
		OIDC: &OIDC{Issuers: []string{"https://www.linkedin.com/oauth", "https://www.linkedin.com"}, Keys: "{base}/oauth/openid/jwks", Code: true,
			read: fields("sub=sub given_name=given_name family_name=family_name picture=picture", fullName("given_name", "family_name"),
				localeOf, verifiedBy("email_verified"))},
	},
	{
		Name: "notion", Base: "https://api.notion.com", Auth: "{base}/v1/oauth/authorize", Token: "{base}/v1/oauth/token", User: "{api}/v1/users/me",
		Style: oauth2.AuthStyleInHeader, Params: map[string]string{"owner": "user"}, Headers: map[string]string{"Notion-Version": "2022-06-28"},
		read: fields("sub=bot|owner|user|id name=bot|owner|user|name full_name=bot|owner|user|name picture=bot|owner|user|avatar_url avatar_url=bot|owner|user|avatar_url",
			// An account at Notion begins with a code that is sent to its address, or with a proof of Google or Apple.
			alwaysVerified("bot|owner|user|person|email")),
	},
	{
		Name: "slack_oidc", Base: "https://slack.com", API: "https://slack.com/api", Auth: "{base}/openid/connect/authorize", Token: "{api}/openid.connect.token",
		User: "{api}/openid.connect.userInfo", Style: oauth2.AuthStyleInParams, Scopes: []string{"openid", "profile", "email"},
		read: slack, OIDC: &OIDC{Issuers: []string{"https://slack.com"}, Keys: "{base}/openid/connect/keys", Code: true, Nonce: true, read: slack},
	},
	{
		Name: "spotify", Base: "https://accounts.spotify.com", API: "https://api.spotify.com/v1", Auth: "{base}/authorize", Token: "{base}/api/token", User: "{api}/me",
		Style: oauth2.AuthStyleInHeader, Scopes: []string{"user-read-email"}, PKCE: true,
		read: fields("sub=id name=display_name full_name=display_name picture=images|0|url avatar_url=images|0|url", neverVerified("email")),
	},
	{
		Name: "twitch", Base: "https://id.twitch.tv", API: "https://api.twitch.tv", Auth: "{base}/oauth2/authorize", Token: "{base}/oauth2/token", User: "{api}/helix/users",
		Style: oauth2.AuthStyleInParams, Scopes: []string{"user:read:email"}, Headers: map[string]string{"Client-Id": "{client_id}"},
		read: func(r Raw) Profile {
			found := r.list("data")
			if len(found) != 1 {
				return Profile{}
			}
			return twitch(found[0])
		},
	},
	x("twitter"),
	x("x"),
	{
		Name: "zoom", Base: "https://zoom.us", API: "https://api.zoom.us/v2", Auth: "{base}/oauth/authorize", Token: "{base}/oauth/token", User: "{api}/users/me",
		Style: oauth2.AuthStyleInHeader, PKCE: true,
		read: fields("sub=id picture=pic_url avatar_url=pic_url", fullName("first_name", "last_name"), func(p *Profile, r Raw) {
			// Who signs in to Zoom by Facebook (0), Google (1) or Apple (24) has an address that those have verified; a password's is confirmed or not.
			p.add(r.String("email"), r.Bool("verified") || slices.Contains([]string{"0", "1", "24"}, r.String("login_type")), true)
		}),
	},
}

// x is X with OAuth 2.0, by its old name too.
func x(name string) Definition {
	return Definition{
		Name: name, Base: "https://x.com", API: "https://api.x.com", Auth: "{base}/i/oauth2/authorize", Token: "{api}/2/oauth2/token",
		User:  "{api}/2/users/me?user.fields=id,name,username,confirmed_email,profile_image_url,url,created_at",
		Style: oauth2.AuthStyleInHeader, PKCE: true, Scopes: []string{"users.email", "tweet.read", "users.read", "offline.access"},
		read: fields(`sub=data|id name=data|name full_name=data|name preferred_username=data|username user_name=data|username
			picture=data|profile_image_url avatar_url=data|profile_image_url website=data|url`, alwaysVerified("data|confirmed_email"), func(p *Profile, r Raw) {
			if name := r.String("data|username"); name != "" {
				p.Claims["profile"] = "https://x.com/" + name
			}
			if made := r.String("data|created_at"); made != "" {
				p.Claims["custom_claims"] = map[string]any{"created_at": made}
			}
		}),
	}
}

var twitch = fields("sub=id name=login full_name=login nickname=display_name slug=display_name picture=profile_image_url avatar_url=profile_image_url",
	alwaysVerified("email"), custom("broadcaster_type", "description", "type", "offline_image_url", "view_count"))

var slack = fields("sub=https://slack.com/user_id name=name full_name=name picture=picture avatar_url=picture", verifiedBy("email_verified"),
	custom("https://slack.com/team_id"), func(p *Profile, r Raw) {
		if p.Subject == "" {
			p.Subject = r.String("sub")
		}
	})

func appleClaims(p *Profile, r Raw) {
	kept := map[string]any{}
	if r["is_private_email"] != nil {
		kept["is_private_email"] = r.Bool("is_private_email")
	}
	if r["auth_time"] != nil {
		kept["auth_time"] = r["auth_time"]
	}
	p.Claims["custom_claims"] = kept
}

// Name reads the name that Apple posts at a user's first sign-in. It is what the browser says, so nothing but a name is taken.
func (p *Profile) Name(posted Raw) {
	name := strings.TrimSpace(posted.String("name|firstName") + " " + posted.String("name|lastName"))
	if name != "" {
		p.Claims["name"], p.Claims["full_name"] = name, name
	}
}

func localeOf(p *Profile, r Raw) {
	p.Claims["locale"] = r.String("locale")
	if language := r.String("locale|language"); language != "" {
		p.Claims["locale"] = strings.Trim(language+"-"+r.String("locale|country"), "-")
	}
}

func discordNames(p *Profile, r Raw) {
	name, number := r.String("username"), r.String("discriminator")
	p.Claims["name"] = name + "#" + number
	avatar := "https://cdn.discordapp.com/embed/avatars/0.png"
	switch hash := r.String("avatar"); {
	case strings.HasPrefix(hash, "a_"):
		avatar = "https://cdn.discordapp.com/avatars/" + r.String("id") + "/" + hash + ".gif"
	case hash != "":
		avatar = "https://cdn.discordapp.com/avatars/" + r.String("id") + "/" + hash + ".png"
	default:
		if n, err := strconv.Atoi(number); err == nil && n > 0 {
			avatar = "https://cdn.discordapp.com/embed/avatars/" + strconv.Itoa(n%5) + ".png"
		}
	}
	p.Claims["picture"], p.Claims["avatar_url"] = avatar, avatar
}

// PersonalTenant is that of Microsoft's own accounts, whose addresses Microsoft has verified.
const PersonalTenant = "9188040d-6c67-4c5b-b112-36a304b66dad"

// azureClaims takes an address as verified when Microsoft says that the tenant owns its domain (xms_edov), or when the account is a personal one.
// Anyone may write any address into the accounts of their own tenant. Whether the project trusts one tenant is added by Tenant.
func azureClaims(p *Profile, r Raw) {
	p.add(r.String("email"), r.Bool("xms_edov") || r["xms_edov"] == nil && r.String("tid") == PersonalTenant, true)
	kept := map[string]any{}
	for key, value := range r {
		if !slices.Contains(azureOwn, key) {
			kept[key] = value
		}
	}
	p.Claims["custom_claims"] = kept
}

var azureOwn = []string{"aud", "iss", "iat", "nbf", "exp", "c_hash", "at_hash", "aio", "nonce", "rh", "uti", "jti", "ver", "sub", "name", "preferred_username", "email",
	"sid", "login_hint"}

var tenantForm = regexp.MustCompile(`^https://login\.microsoftonline\.com/([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})(?:/v2\.0)?/?$`)

// Tenant returns the tenant that an address of Microsoft names, or "" for one that stands for several.
func Tenant(address string) string {
	if found := tenantForm.FindStringSubmatch(strings.ToLower(address)); found != nil {
		return found[1]
	}
	return ""
}

// TenantIssuer and TenantKeys are those of one tenant at Microsoft.
func TenantIssuer(tenant string) string {
	return "https://login.microsoftonline.com/" + tenant + "/v2.0"
}

// TenantKeys is where a tenant's keys are.
func TenantKeys(tenant string) string {
	return "https://login.microsoftonline.com/" + tenant + "/discovery/v2.0/keys"
}

// TrustTenant takes the address as verified when the project signs in users of one tenant only, and Microsoft does not deny that the tenant
// owns the domain.
func (p *Profile) TrustTenant(claims Raw) {
	if claims["xms_edov"] == nil {
		for i := range p.Emails {
			p.Emails[i].Verified = true
		}
	}
}
