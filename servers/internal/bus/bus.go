// Package bus connects to NATS, and can be the NATS server itself.
package bus

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"os"
	"regexp"
	"strings"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"
)

// Dial connects, and stays connected for ever: a connection that is lost is made again. urls are one or several, separated by
// commas. name is what operators see. The credentials come from the environment: NATS_TOKEN, or NATS_CREDS, a file; what a URL
// itself carries goes before. It waits for the first connection until ctx ends.
//
// While the connection is lost, publishing fails at once instead of being kept for later: who publishes knows better what
// is still true afterwards.
func Dial(ctx context.Context, urls, name string, log *slog.Logger) (*nats.Conn, error) {
	opts := []nats.Option{
		nats.Name(name),
		nats.MaxReconnects(-1),
		nats.ReconnectWait(100 * time.Millisecond),
		nats.ReconnectJitter(100*time.Millisecond, 100*time.Millisecond),
		nats.ReconnectBufSize(-1),
		nats.Timeout(2 * time.Second),
		// A server that says nothing for two intervals is taken for lost: a partition, where no socket is closed.
		nats.PingInterval(time.Second),
		nats.MaxPingsOutstanding(2),
		nats.FlusherTimeout(2 * time.Second),
		// A refusal (a token that was changed) may be set right while this process lives.
		nats.IgnoreAuthErrorAbort(),
		nats.DisconnectErrHandler(func(_ *nats.Conn, err error) {
			if err != nil {
				log.Warn("the connection to NATS is lost; it is being made again", "err", err)
			}
		}),
		nats.ReconnectHandler(func(c *nats.Conn) {
			log.Info("connected to NATS again", "server", c.ConnectedUrlRedacted())
		}),
		nats.ErrorHandler(complain(log)),
	}
	token, creds := os.Getenv("NATS_TOKEN"), os.Getenv("NATS_CREDS")
	switch {
	case token != "" && creds != "":
		return nil, errors.New("connect to NATS: both NATS_TOKEN and NATS_CREDS are set; unset one of them")
	case token != "":
		opts = append(opts, nats.Token(token))
	case creds != "":
		if _, err := os.Stat(creds); err != nil {
			return nil, fmt.Errorf("connect to NATS: the credentials of NATS_CREDS: %w", err)
		}
		opts = append(opts, nats.UserCredentials(creds))
	}
	return dial(ctx, urls, log, opts)
}

// complain logs what NATS says is wrong. A refusal comes with every try to connect, seven a second: it is said
// once a minute, with the next step.
func complain(log *slog.Logger) nats.ErrHandler {
	var said atomic.Int64 // when, in ns since 1970
	return func(_ *nats.Conn, sub *nats.Subscription, err error) {
		switch {
		case sub != nil:
			log.Error("NATS", "err", err, "subject", sub.Subject)
		case !passing(err):
			now, last := time.Now().UnixNano(), said.Load()
			if now-last > int64(time.Minute) && said.CompareAndSwap(last, now) {
				log.Error("NATS refuses this server; trying on: set NATS_TOKEN, or NATS_CREDS, to what NATS was started with, and restart", "err", err)
			}
		default:
			log.Error("NATS", "err", err)
		}
	}
}

const (
	dialPause = 100 * time.Millisecond // between two tries
	sayEvery  = 600                    // tries: a minute or more
)

func dial(ctx context.Context, urls string, log *slog.Logger, opts []nats.Option) (*nats.Conn, error) {
	began := time.Now()
	for tries := 0; ; tries++ {
		conn, err := nats.Connect(urls, opts...)
		if err == nil {
			if tries > 0 {
				log.Info("NATS answers", "url", Redact(urls), "after", time.Since(began).Round(time.Second))
			}
			return conn, nil
		}
		if parse := new(url.Error); errors.As(err, &parse) { // its text quotes the URL, secrets and all
			return nil, fmt.Errorf("connect to NATS: %q is no URL: write nats://HOST:4222, and a password in NATS_TOKEN", Redact(urls))
		}
		if !passing(err) {
			return nil, fmt.Errorf("connect to NATS at %s: %w", Redact(urls), err)
		}
		if tries%sayEvery == 0 {
			log.Warn("NATS does not answer; trying on: start it, or correct --nats", "url", Redact(urls), "err", err)
		}
		select {
		case <-ctx.Done():
			return nil, fmt.Errorf("connect to NATS at %s: %w: start it, or correct --nats (%w)", Redact(urls), err, ctx.Err())
		case <-time.After(dialPause):
		}
	}
}

// passing says whether trying again can help.
func passing(err error) bool {
	for _, final := range []error{nats.ErrAuthorization, nats.ErrAuthExpired, nats.ErrAuthRevoked, nats.ErrSecureConnRequired, nats.ErrSecureConnWanted, nats.ErrNkeysNotSupported} {
		if errors.Is(err, final) {
			return false
		}
	}
	return true
}

// nextURL is where a URL begins that follows another one. A comma alone does not say so: it may be part of a secret
// that should have been written %2C.
var nextURL = regexp.MustCompile(`,\s*(nats|tls|ws|wss)://`)

// Redact writes URLs without what they carry of passwords and tokens.
func Redact(urls string) string {
	var list []string
	for rest := urls; rest != ""; {
		one := rest
		if next := nextURL.FindStringIndex(rest); next != nil {
			one, rest = rest[:next[0]], rest[next[0]+1:]
		} else {
			rest = ""
		}
		scheme, host, ok := strings.Cut(strings.TrimSpace(one), "://")
		if !ok {
			scheme, host = "", scheme
		}
		// Everything before the last @ may be a secret, whatever a URL parser thinks of it.
		if at := strings.LastIndexByte(host, '@'); at >= 0 {
			host = "xxxxx@" + host[at+1:]
		}
		if ok {
			host = scheme + "://" + host
		}
		list = append(list, host)
	}
	return strings.Join(list, ",")
}
