package room

import (
	"encoding/base64"
	"strconv"
)

// A request may reach two owners of a room: the first one handled it, stored what came of it, and
// died before the reply was heard. So the room stores its last replies to requests that changed
// something, and answers one that comes again as it did then.
//
// A request to stand up needs no such memory: it can be done twice.

// maxReplies is how many replies are remembered for each player. A player who waits for more
// replies than that when the owner dies may see the oldest requests done twice.
const maxReplies = 4

// reply is how a request was answered. It is written once and stored with every save, so it is kept as
// it is stored, too: encoding the replies anew each time was a tenth of a game server's work.
type reply struct {
	request uint64
	Message
	stored []byte
}

func newReply(request uint64, m Message) reply {
	b := strconv.AppendUint([]byte(`{"request":`), request, 10)
	b = strconv.AppendUint(append(b, `,"op":`...), uint64(m.Op), 10)
	b = base64.StdEncoding.AppendEncode(append(b, `,"body":"`...), m.Body)
	return reply{request: request, Message: m, stored: append(b, `"}`...)}
}

// answered is the request that is being handled, if its reply is to be remembered. Zero: none is.
type answering struct {
	player  *Player
	request uint64
}

// answer handles a request that changes something by do, or repeats its answer where it was handled
// before. Where do fails, nothing has changed and nothing is remembered.
func (t *Table) answer(p *Player, in Input, do func() error) {
	if in.Again && in.Request != 0 {
		for _, r := range p.replies {
			if r.request == in.Request {
				t.Tell(p, r.Message, in.Request)
				return
			}
		}
	}
	changes, queued := t.changes, len(t.queue)
	t.change()
	if t.record != nil && in.Request != 0 {
		t.answering = answering{player: p, request: in.Request}
	}
	err := do()
	t.answering = answering{}
	if err == nil {
		return
	}
	if t.changes == changes+1 && len(t.queue) == queued {
		t.changes = changes // a refusal has nothing to wait for
	}
	if s := p.session; s != nil {
		t.refuse(s, err, in.Request)
	}
}

// note remembers a message to p if it is the reply that is being waited for: the first message that
// echoes the request.
func (t *Table) note(p *Player, m Message, request uint64) {
	if request == 0 || t.answering.request != request || t.answering.player != p {
		return
	}
	t.answering = answering{}
	if len(p.replies) >= maxReplies {
		p.replies = append(p.replies[:0], p.replies[1:]...)
	}
	p.replies = append(p.replies, newReply(request, m))
}
