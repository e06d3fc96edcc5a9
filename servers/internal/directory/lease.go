package directory

import (
	"encoding/json"
	"fmt"
)

// A lease is what a server writes of itself every Renewal.
type lease struct {
	Format int    `json:"format"`
	Beat   uint64 `json:"beat"`   // counts this server's renewals: tells a late one from a new one
	Joined uint64 `json:"joined"` // when the bucket was made plus the revision of the first renewal; 0: not known yet
	Server Server `json:"server"`
}

const (
	leaseFormat = 1
	maxLease    = 64 << 10
	maxVacant   = 8
	maxGames    = 256
)

func encodeLease(l lease) ([]byte, error) {
	l.Format = leaseFormat
	b, err := json.Marshal(l)
	if err == nil && len(b) > maxLease {
		err = fmt.Errorf("the lease has %d bytes, more than %d: announce fewer games or vacant rooms", len(b), maxLease)
	}
	return b, err
}

// parseLease reads what another server announced. Fields that are not known are left out, so a newer server may say more.
func parseLease(b []byte) (lease, error) {
	var l lease
	if len(b) > maxLease {
		return lease{}, fmt.Errorf("a lease of %d bytes, more than %d", len(b), maxLease)
	}
	if err := json.Unmarshal(b, &l); err != nil {
		return lease{}, fmt.Errorf("read a lease: %w", err)
	}
	switch s := &l.Server; {
	case l.Format != leaseFormat:
		return lease{}, fmt.Errorf("a lease of format %d, and this program reads %d", l.Format, leaseFormat)
	case s.ID == "" || len(s.ID) > maxID || len(s.Address) > maxText || len(s.Version) > maxText || len(s.Games) > maxGames || len(s.Vacant) > maxGames:
		return lease{}, fmt.Errorf("a lease out of bounds")
	}
	for game, list := range l.Server.Vacant {
		if len(list) > maxVacant {
			l.Server.Vacant[game] = list[:maxVacant]
		}
	}
	return l, nil
}
