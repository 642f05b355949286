package password

import (
	"context"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/wayli-app/fluxbase/dataplane/auth/protocol"
	"github.com/wayli-app/fluxbase/dataplane/directory"
	"github.com/wayli-app/fluxbase/internal/fault"
	"github.com/wayli-app/fluxbase/internal/setting"
)

// maxPassword is what bcrypt reads; it would ignore the rest.
const maxPassword = 72

// Why a password is weak, as clients know it.
const (
	weakLength     = "length"
	weakCharacters = "characters"
	weakBreached   = "pwned"
)

const (
	lower   = "abcdefghijklmnopqrstuvwxyz"
	upper   = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
	digits  = "0123456789"
	symbols = "!@#$%^&*()_+-=[]{};'\\:\"|<>?,./`~"
)

// required are the alphabets that each value of auth.password_required_characters asks one character of.
var required = map[string][]string{
	"letters_digits":                     {lower + upper, digits},
	"lower_upper_letters_digits":         {lower, upper, digits},
	"lower_upper_letters_digits_symbols": {lower, upper, digits, symbols},
}

// Rules say which passwords a project takes.
type Rules struct{ breaches *breaches }

// NewRules makes rules that look breached passwords up through a client.
func NewRules(client Doer) *Rules { return &Rules{newBreaches(client)} }

// Check refuses new passwords that the project does not take. No transaction may be open: the look-up of breached ones asks another server.
func (r *Rules) Check(ctx context.Context, p *directory.Project, password string) error {
	if password == "" {
		return protocol.ErrValidation("Signup requires a valid password")
	}
	if len(password) > maxPassword {
		return protocol.ErrValidation("Password cannot be longer than %d bytes", maxPassword)
	}
	reasons, messages, err := r.weak(ctx, p, password)
	if err != nil && setting.Get[bool](p.Settings, "auth.password_breached_fail_closed") {
		return fault.Wrap(err, fault.Unavailable, "PASSWORD_CHECK_UNAVAILABLE", "The password cannot be checked now. Try again shortly.")
	}
	if len(reasons) > 0 {
		return protocol.ErrWeakPassword(strings.Join(reasons, ","), "%s", strings.Join(messages, " "))
	}
	return nil
}

// Weak tells why a password that is in use would not be taken any more, or nil.
func (r *Rules) Weak(ctx context.Context, p *directory.Project, password string) *protocol.WeakPassword {
	reasons, messages, _ := r.weak(ctx, p, password) // what cannot be looked up says nothing against it
	if len(reasons) == 0 {
		return nil
	}
	return &protocol.WeakPassword{Message: strings.Join(messages, " "), Reasons: reasons}
}

func (r *Rules) weak(ctx context.Context, p *directory.Project, password string) (reasons, messages []string, err error) {
	add := func(reason, message string) { reasons, messages = append(reasons, reason), append(messages, message) }
	if least := int(setting.Get[int64](p.Settings, "auth.password_min_length")); utf8.RuneCountInString(password) < least {
		add(weakLength, fmt.Sprintf("Password should be at least %d characters.", least))
	}
	sets := required[setting.Get[string](p.Settings, "auth.password_required_characters")]
	for _, set := range sets {
		if !strings.ContainsAny(password, set) {
			add(weakCharacters, "Password should contain at least one character of each: "+strings.Join(sets, ", ")+".")
			break
		}
	}
	if len(reasons) > 0 || !setting.Get[bool](p.Settings, "auth.password_breached_check") {
		return reasons, messages, nil
	}
	known, err := r.breaches.known(ctx, setting.Get[string](p.Settings, "auth.password_breached_url"), password)
	if known {
		add(weakBreached, "Password is known to be weak and easy to guess, please choose a different one.")
	}
	return reasons, messages, err
}

// Fits tells that a password can be hashed as ours are. Imported ones may be longer.
func Fits(password string) bool { return len(password) <= maxPassword }
