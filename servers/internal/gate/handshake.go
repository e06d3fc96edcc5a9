package gate

import (
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/gobwas/ws"

	"croupier/servers/wire"
)

// ServeHTTP lets a player in: everything that can be refused is refused before the connection is
// upgraded or anything of ours is allocated for it. Answers name the next step, never the token.
func (g *Gate) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path != "/" {
		http.NotFound(w, r)
		return
	}
	refuse := func(status int, why string) {
		g.metrics.refused.WithLabelValues(http.StatusText(status)).Inc()
		g.log.Info("player refused", "from", r.RemoteAddr, "status", status, "why", why)
		http.Error(w, why, status)
	}
	claims, err := g.config.Keys.Verify(tokenOf(r))
	switch {
	case err != nil:
		w.Header().Set("WWW-Authenticate", "Bearer")
		refuse(http.StatusUnauthorized, err.Error())
		return
	case !strings.EqualFold(r.Header.Get("Upgrade"), "websocket"):
		w.Header().Set("Upgrade", "websocket")
		refuse(http.StatusUpgradeRequired, "this is a WebSocket endpoint")
		return
	case !g.originAllowed(r):
		refuse(http.StatusForbidden, "pages of this origin may not connect: see --origins")
		return
	case g.table.len() >= g.config.MaxSessions, !g.admit():
		w.Header().Set("Retry-After", "1")
		refuse(http.StatusServiceUnavailable, "no free place at this gate: try again")
		return
	}
	defer g.work.Done()
	conn, buffered, _, err := ws.HTTPUpgrader{Timeout: g.config.HandshakeTimeout, Header: g.greeting}.Upgrade(r, w)
	if err != nil {
		g.metrics.refused.WithLabelValues("upgrade").Inc()
		g.log.Info("player refused", "from", r.RemoteAddr, "why", err)
		if conn != nil {
			conn.Close()
		}
		return
	}
	tcp, ok := conn.(*net.TCPConn)
	if !ok {
		g.log.Error("connection is not TCP: end TLS in front of the gate")
		conn.Close()
		return
	}
	var early []byte // frames that came along with the request
	if n := buffered.Reader.Buffered(); n > 0 {
		early = make([]byte, n)
		buffered.Read(early) //nolint:errcheck // it is in memory
	}
	g.start(tcp, claims.User, early)
}

// tokenOf finds the token: in the header, or in the query as the published format has it.
func tokenOf(r *http.Request) string {
	if scheme, value, ok := strings.Cut(r.Header.Get("Authorization"), " "); ok && strings.EqualFold(scheme, "Bearer") {
		return strings.TrimSpace(value)
	}
	return r.URL.Query().Get("token")
}

// originAllowed keeps pages of foreign sites from connecting in a player's browser. Programs send
// no Origin, and are not browsers.
func (g *Gate) originAllowed(r *http.Request) bool {
	origin := r.Header.Get("Origin")
	if origin == "" || slices.Contains(g.config.Origins, "*") || slices.Contains(g.config.Origins, origin) {
		return true
	}
	u, err := url.Parse(origin)
	return err == nil && strings.EqualFold(u.Host, r.Host)
}

// start begins a session on an upgraded connection.
func (g *Gate) start(conn *net.TCPConn, user int64, early []byte) {
	out, err := newOutlet(conn, g.work.Go)
	if err != nil {
		conn.Close()
		return
	}
	conn.SetWriteBuffer(kernelBacklog) //nolint:errcheck // else the kernel's default bounds it, at some megabytes
	conn.SetDeadline(time.Time{})      //nolint:errcheck // a dead connection is noticed when it is read
	s := &session{gate: g, number: g.sessions.Add(1), user: user, conn: conn, raw: out.raw, out: out, rest: early, allowed: g.config.Burst, refilled: time.Now()}
	s.seen.Store(g.clock.Load())
	g.metrics.opened.Inc()
	if !g.table.add(s, g.config.MaxPerUser) {
		s.close(wire.CloseTooMany, "the user has too many connections")
	}
	if g.draining.Load() { // perhaps too late for sendAway to find it in the table
		s.close(wire.CloseGoingAway, goesAway)
	}
	g.work.Go(s.serve)
}
