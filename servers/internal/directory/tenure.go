package directory

// A Tenure is the ownership of one room by this server, from a Claim until Close, Abandon or ErrLost.
type Tenure struct{}

// Key is the room.
func (t *Tenure) Key() Key { return Key{} }

// Epoch of this ownership: larger than that of every earlier one of the room.
func (t *Tenure) Epoch() uint64 { return 0 }

// Revision of the last write that is known to be stored. It is what a successor's Claim has to name.
func (t *Tenure) Revision() uint64 { return 0 }

// Save stores a snapshot, and calls done once: nil: it is stored; ErrLost: another server owns the room, or its entry is
// gone; any other error: this snapshot cannot be stored (too large, a call out of turn). Outages are waited out. One Save at a
// time. It does not block, and keeps nothing of snapshot. done must not block; it may run before Save returns, on any
// goroutine.
func (t *Tenure) Save(snapshot []byte, done func(error)) {}

// Close deletes the entry, after a Save that is under way, and calls done as Save does. Nothing can be saved afterwards.
func (t *Tenure) Close(done func(error)) {}

// Abandon ends the tenure here and leaves the entry as it is: the room was given away. What is under way is answered with ErrLost.
func (t *Tenure) Abandon() {}
