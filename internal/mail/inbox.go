package mail

import (
	"context"
	"net/mail"
	"sync"
	"time"

	"github.com/google/uuid"
)

// Received is a message that an inbox keeps.
type Received struct {
	// ID is the inbox's own.
	ID string
	Message
	Time time.Time
}

// Inbox is read by the console of `fluxbase dev`.
type Inbox interface {
	// List returns what is kept, newest first.
	List() []Received
}

// Memory is a Sender that keeps the last messages instead of sending them.
type Memory struct {
	from string

	mu   sync.Mutex
	kept []Received // oldest first
}

// kept messages, at most.
const most = 500

// NewMemory makes an empty inbox. From is the sender of messages that name none.
func NewMemory(from string) *Memory { return &Memory{from: from} }

// Send keeps the message. It refuses what a mail server would.
func (b *Memory) Send(_ context.Context, m Message) error {
	if m.From == "" {
		m.From = b.from
	}
	if _, err := compose(b.from, m); err != nil {
		return err
	}
	if from, err := mail.ParseAddress(m.From); err == nil && m.FromName != "" {
		from.Name = m.FromName
		m.From = from.String()
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.kept = append(b.kept, Received{ID: uuid.NewString(), Message: m, Time: time.Now().UTC()})
	if over := len(b.kept) - most; over > 0 {
		b.kept = append([]Received(nil), b.kept[over:]...)
	}
	return nil
}

// List returns what is kept, newest first.
func (b *Memory) List() []Received {
	b.mu.Lock()
	defer b.mu.Unlock()
	out := make([]Received, len(b.kept))
	for i, m := range b.kept {
		out[len(b.kept)-1-i] = m
	}
	return out
}

var (
	_ Sender = (*Memory)(nil)
	_ Inbox  = (*Memory)(nil)
)
