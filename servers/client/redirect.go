package client

import (
	"context"
	"slices"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// ownerTrailer names the game server that owns the room, in the answer of one that does not.
const ownerTrailer = "croupier-owner"

// mostHops bounds how often one SIT_DOWN is sent on before it counts as failed: as often as there
// are servers, twice, as the room may move meanwhile.
func (l *directLink) mostHops() int { return 2 * len(l.client.target.addresses) }

// redirected says whether a stream ended because its server does not own the room, and there is
// another server to ask.
func (l *directLink) redirected(s *stay, err error) bool {
	return owner(s, err) != "" && len(l.client.target.addresses) > 1 && s.hops < l.mostHops()
}

// owner is the server that a stream's end names as the owner of its room; empty: none.
func owner(s *stay, err error) string {
	if status.Code(err) != codes.Unavailable {
		return ""
	}
	if names := s.stream.Trailer().Get(ownerTrailer); len(names) > 0 {
		return names[0]
	}
	return ""
}

// goOn makes the next connection lead to the owner of the room, where it is known and allowed.
func (l *directLink) goOn(s *stay, err error) error {
	typed := streamError(err)
	if i := slices.Index(l.client.target.addresses, owner(s, err)); i >= 0 {
		l.client.turn = i
		if broken, ok := typed.(*StreamError); ok {
			broken.moved = true
		}
	}
	return typed
}

// hop takes a stay on to the server that owns the room: to the address that was named, if it is one
// of those that the client was given, else to the next one of these.
func (l *directLink) hop(s *stay) error {
	addresses := l.client.target.addresses
	next := slices.Index(addresses, s.stream.Trailer().Get(ownerTrailer)[0])
	l.mu.Lock()
	if next < 0 {
		next = l.at + 1
	}
	l.mu.Unlock()
	ctx, cancel := context.WithTimeout(l.ctx, l.client.options.DialTimeout)
	defer cancel()
	target := l.client.target.at(next)
	conn, err := dialGame(ctx, l.client, target.address())
	if err != nil {
		return &dialError{target, err}
	}
	l.mu.Lock()
	if l.over || l.stay != nil { // closed, or the program asked for another place meanwhile
		l.mu.Unlock()
		conn.Close()
		return nil
	}
	old := l.conn
	l.conn, l.at = conn, next
	l.mu.Unlock()
	old.Close()
	return l.open(s.sit, s.hops+1)
}
