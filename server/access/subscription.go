package access

import (
	"context"
	"sync/atomic"

	"github.com/millpond-dev/millpond"
	"github.com/millpond-dev/millpond/server/stream"
)

// Subscription is a [stream.Subscription] that counts for an identity until it is closed. It does not embed it: each way to
// close it has to pass here.
type Subscription struct {
	cursor  *stream.Subscription
	quotas  *quotas
	subject string
	closed  atomic.Bool
}

// Start is [stream.Subscription.Start].
func (s *Subscription) Start() stream.Start { return s.cursor.Start() }

// Next is [stream.Subscription.Next].
func (s *Subscription) Next(ctx context.Context, maxBytes int) (millpond.Batch, error) {
	return s.cursor.Next(ctx, maxBytes)
}

// NextPiece is [stream.Subscription.NextPiece].
func (s *Subscription) NextPiece(ctx context.Context, maxBytes int) (stream.Piece, error) {
	return s.cursor.NextPiece(ctx, maxBytes)
}

// Close is [stream.Subscription.Close].
func (s *Subscription) Close() {
	s.cursor.Close()
	s.release()
}

// CloseBecause is [stream.Subscription.CloseBecause].
func (s *Subscription) CloseBecause(reason millpond.DisconnectReason) {
	s.cursor.CloseBecause(reason)
	s.release()
}

func (s *Subscription) release() {
	if s.closed.CompareAndSwap(false, true) {
		s.quotas.unsubscribe(s.subject)
	}
}
