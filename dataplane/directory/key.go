package directory

import (
	"context"
)

// keyName is a key that a project may have, by the hash of its value.
type keyName struct {
	ref  string
	hash [32]byte
}

// WithKey returns the newest snapshot of a project for a request that shows a key which the given one does not know: the
// key may have been made a moment ago. It asks the control plane once for a key, and only so often for a project; else, and
// when the control plane does not answer, it returns what is known.
func (d *Directory) WithKey(ctx context.Context, p *Project, hash [32]byte) *Project {
	if e := d.entry(p.Ref); e != nil {
		if newer := e.state.Load().project; newer.Revision > p.Revision {
			p = newer
		}
	}
	if _, ok := p.Keys[hash]; ok {
		return p
	}
	unknown := keyName{p.Ref, hash}
	if until, ok := d.noKeys.Get(unknown); ok && d.now().Before(until) {
		return p
	}
	found := d.flight.DoChan("key/"+p.Ref+string(hash[:]), func() (any, error) {
		if !d.mayAskForKey(p.Ref) {
			return p, nil
		}
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), keyTimeout)
		defer cancel()
		newest, err := d.fetch(ctx, name{ref: p.Ref})
		if err != nil {
			return p, err
		}
		if _, ok := newest.Keys[hash]; !ok {
			d.noKeys.Add(unknown, d.now().Add(noKeyFor))
		}
		return newest, nil
	})
	select {
	case <-ctx.Done():
		return p
	case r := <-found:
		return r.Val.(*Project)
	}
}

// mayAskForKey keeps those who make keys up from the control plane.
func (d *Directory) mayAskForKey(ref string) bool {
	d.keyMu.Lock()
	defer d.keyMu.Unlock()
	now := d.now()
	next, _ := d.keyAsks.Get(ref)
	if next.Before(now) {
		next = now
	}
	if next = next.Add(keyInterval); next.Sub(now) > keyBurst*keyInterval {
		return false
	}
	d.keyAsks.Add(ref, next)
	return true
}
