package bot

import (
	"fmt"
	"time"

	"croupier/loadgen/internal/measure"
	"croupier/loadgen/internal/oracle"
	"croupier/servers/client"
	"croupier/servers/wire"
)

const (
	// answerTime is how long a server may take to answer a request before its connection is given up.
	answerTime = 10 * time.Second

	// farewell is how long a bot that goes waits for the answer to its last request.
	farewell = 3 * time.Second
)

// ask sends a request that was meant for a time, and waits for its answer from then on.
func (b *Bot) ask(what request, meant time.Duration) {
	if b.link == nil || b.cutting {
		return
	}
	var scratch [160]byte
	var message []byte
	switch what {
	case aSeat:
		place := wire.Place{Game: b.config.Game, Room: b.room, Seat: int(b.seat)}
		message = appendMessage(scratch[:0], wire.Command_SIT_DOWN, &wire.SitDown{Place: place.Map()})
	case aRoll:
		message = wire.AppendOpcode(scratch[:0], wire.Command_DICE_SHAKE)
	case toLeave:
		message = wire.AppendOpcode(scratch[:0], wire.Command_STAND_UP)
	case toMove:
		message = appendMessage(scratch[:0], wire.Command_MOVE, &wire.Int32{Value: b.mind.seat(b.seat, b.seats)})
	}
	b.asked, b.askedAt = what, meant
	b.number = b.nextRequest()
	if what == toLeave || what == toMove {
		b.see(oracle.Event{Kind: oracle.Asks, At: b.world.Now(), Request: b.number})
	}
	b.set(answer, answerTime)
	if b.link.Send(wire.AppendMeta(message, 0, 0, b.number)) != nil {
		return // Down follows
	}
	b.world.Sent()
}

func (b *Bot) nextRequest() uint64 {
	b.requests++
	return b.requests
}

// ping asks the room for an answer, at a time that it was meant for.
func (b *Bot) ping(meant time.Duration) {
	if b.link == nil || b.cutting || b.state != Seated && b.state != Watching {
		return
	}
	b.set(pulse, b.mind.untilPing())
	if b.pinged != 0 || b.asked == toLeave {
		return // one at a time; and who leaves may be gone when it comes
	}
	var scratch [32]byte
	b.pinged, b.pingedAt = b.nextRequest(), meant
	message := wire.AppendMeta(wire.AppendOpcode(scratch[:0], wire.Command_PING), 0, 0, b.pinged)
	if b.link.Send(message) != nil {
		return // Down follows
	}
	b.world.Sent()
}

// waited measures how long a request waited that was under way while the room changed its owner: the
// players' blackout where it was handed over, and the time of recovery where the owner had died and the
// room was shown anew.
func (b *Bot) waited(since, at time.Duration) {
	switch {
	case since == 0 || b.moved < since:
	case b.anew >= since:
		b.world.Took(measure.Recovery, b.server, at-since)
	default:
		b.world.Took(measure.Blackout, b.server, at-since)
	}
}

// appendMessage encodes what can always be encoded.
func appendMessage(b []byte, op wire.Command, m wire.WithMeta) []byte {
	return append(wire.AppendOpcode(b, op), wire.MustMarshal(m)...)
}

// answered notes that what was asked for has come, or was refused.
func (b *Bot) answered() {
	b.asked = none
	b.clear(answer)
}

// unanswered gives up a connection on which a request was not answered.
func (b *Bot) unanswered() {
	if b.link == nil {
		return
	}
	if b.stopping {
		b.goodbye()
		return
	}
	wish := [...]string{"a request", "sit down", "a roll", "stand up", "a move to another seat"}[b.asked]
	b.giveUp(fmt.Errorf("no answer to %s in %v", wish, answerTime))
}

// getUp stands up for the last time.
func (b *Bot) getUp(now time.Duration) {
	b.plan(nothing, 0)
	b.ask(toLeave, now)
	b.set(answer, farewell)
}

// Told is called by the link with every message.
func (b *Bot) Told(op wire.Command, payload []byte, at time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.link == nil {
		return
	}
	e, err := oracle.DecodeBytes(op, payload)
	if err != nil {
		b.giveUp(fmt.Errorf("%w: %w", client.ErrMalformed, err))
		return
	}
	e.At = b.world.Now() - time.Since(at)
	if e.Way {
		b.learnServer(op, payload)
		b.learnRoom(e.Room)
	}
	switch {
	case e.Epoch != 0 && b.asked == aSeat: // perhaps of another room
		b.epoch = e.Epoch
	case e.Epoch > b.epoch:
		b.epoch, b.moved = e.Epoch, e.At
	}
	b.see(e)
	if e.Epoch == 0 && e.Kind == oracle.Ended && e.Reason != oracle.Disbanded {
		b.why = parting[e.Reason]
		b.goodbye()
		return
	}
	if e.Code != wire.Code_SUCCESS {
		b.refused(&e)
		return
	}
	b.consider(&e)
}

func (b *Bot) see(e oracle.Event) {
	e.Bot = b.config.User
	b.world.See(b.room, e)
}

// learnRoom takes that the server speaks of another room than the bot asked for: one that did not let it go.
func (b *Bot) learnRoom(room int64) {
	if room != 0 && room != b.room {
		b.see(oracle.Event{Kind: oracle.Quit, At: b.world.Now()})
		b.room = room
	}
}

// learnServer reads which server speaks. It says so in its first message.
func (b *Bot) learnServer(op wire.Command, payload []byte) {
	if body, err := wire.Decode(op, payload); err == nil && body.GetMeta().GetServer() != "" {
		b.server = b.world.Server(body.GetMeta().GetServer())
	}
}

// consider follows what was seen and decides what to do about it.
func (b *Bot) consider(e *oracle.Event) {
	own := e.User == b.config.User
	if e.Epoch == 0 {
		switch {
		case e.Kind == oracle.Stood && own && b.asked == toLeave:
			b.standUp() // the gate knows that the room has done it
		case e.Kind == oracle.Waiting:
			if b.asked != none {
				b.set(answer, max(b.config.Patience, answerTime))
			}
			b.step = 0
		}
		return
	}
	if b.pinged != 0 && e.Request == b.pinged {
		b.world.Took(measure.Ping, b.server, e.At-b.pingedAt)
		b.waited(b.pingedAt, e.At)
		b.pinged = 0
	}
	switch {
	case e.Kind == oracle.Present && own:
		b.sitDown(e)
	case e.Kind == oracle.Shaken && own && b.asked == aRoll:
		b.world.Took(measure.Action, b.server, e.At-b.askedAt)
		b.waited(b.askedAt, e.At)
		b.answered()
		if b.mind.leavesNow() {
			b.plan(stand, b.mind.between(0, 50*time.Millisecond))
		}
	case e.Kind == oracle.Stood && own:
		if b.asked == toLeave {
			b.waited(b.askedAt, e.At)
		}
		b.standUp()
		return
	case e.Kind == oracle.Scene:
		b.seats = e.Seat
		if b.state == Seated || b.state == Watching {
			b.shownAnew(e)
		}
	case e.Kind == oracle.Ended && e.Reason == oracle.Disbanded:
		b.answered()
		b.seat = -1
		if b.state != Connecting { // it still never was at a table
			b.move(Out)
		}
		b.plan(sit, b.mind.between(0, time.Second))
		if b.stopping {
			b.goodbye()
		}
		return
	case e.Kind == oracle.Ended:
		b.why = parting[e.Reason]
		if b.state == Seated || b.state == Watching {
			b.lost, b.waits = e.At, true
			b.world.Lost(b, false)
			b.move(Away)
		}
		b.goodbye() // and come again
		return
	case e.Kind == oracle.Settled:
		b.world.Settled(b.room, e.Epoch, e.Seq, e.At)
		b.onTime(e)
	case e.Kind == oracle.Started:
		b.onTime(e)
	}
	if (b.state == Seated || b.state == Watching) && b.asked == none {
		if next, after := b.mind.consider(e, b.seat >= 0); next != nothing {
			b.planAt(next, e.At+after)
		}
	}
}

// shownAnew takes a scene at the table: the one of a bot that has just sat down, or another one, because
// the room has a new owner or has stood still.
func (b *Bot) shownAnew(e *oracle.Event) {
	b.anew = e.At
	if b.asked != none {
		b.set(answer, answerTime)
	}
	b.step = 0
}

// onTime measures how late a round was settled or started, and notes when the next step is due. One that
// is settled early, because everybody has rolled, is not late.
func (b *Bot) onTime(e *oracle.Event) {
	if b.step != 0 && e.At >= b.step {
		b.world.Took(measure.Late, b.server, e.At-b.step)
	}
	b.step = e.At + e.Length
}

// parting is what a server meant that ended a stay.
var parting = [...]error{
	oracle.Retry:     &client.DisconnectError{Reason: wire.DisconnectReason_RETRY},
	oracle.Disbanded: &client.DisconnectError{Reason: wire.DisconnectReason_DISBANDED},
	oracle.Replaced:  &client.DisconnectError{Reason: wire.DisconnectReason_REPLACED},
}

// sitDown takes that the bot is at the table.
func (b *Bot) sitDown(e *oracle.Event) {
	if b.asked == aSeat {
		b.world.Took(measure.Seat, b.server, e.At-b.askedAt)
		b.answered()
		b.arrived = e.At
		b.set(pulse, b.mind.untilPing())
	}
	if b.asked == toMove && e.Request == b.number {
		b.world.Took(measure.Move, b.server, e.At-b.askedAt)
		b.waited(b.askedAt, e.At)
		b.answered()
	}
	if b.state == Away {
		if b.waits {
			b.world.Took(measure.Recovery, b.server, e.At-b.broke)
		}
		b.world.Took(measure.Reseat, b.server, e.At-b.lost)
		b.world.Back(b, e.At-b.lost)
		b.waits = false
	}
	b.seat = e.Seat
	if e.Seat >= 0 {
		b.move(Seated)
	} else {
		b.move(Watching)
	}
	if b.stopping {
		b.getUp(e.At)
	}
}

// standUp takes that the bot is not at the table any more.
func (b *Bot) standUp() {
	b.answered()
	b.seat = -1
	b.move(Out)
	if b.stopping {
		b.goodbye()
		return
	}
	b.plan(sit, b.mind.rest())
}

// refused takes the server's no to what was asked for last.
func (b *Bot) refused(e *oracle.Event) {
	switch e.Request {
	case 0, b.number: // a server from before request numbers, or what was asked for
	case b.pinged: // by who has left meanwhile
		b.pinged = 0
		return
	default:
		return
	}
	asked := b.asked
	if asked == aRoll || asked == toLeave || asked == toMove {
		b.waited(b.askedAt, e.At)
	}
	if asked == toMove { // a seat that is taken, as often as not
		b.answered()
		return
	}
	b.world.Trouble(&client.RefusedError{Code: e.Code, Desc: e.Text})
	b.answered()
	switch {
	case b.stopping:
		b.goodbye()
	case asked == aSeat && b.seat >= 0 && e.Code == wire.Code_STATUS_MISMATCH:
		b.seat = -1 // somebody else has it
		b.ask(aSeat, b.world.Now())
	case asked == aSeat:
		b.plan(sit, b.mind.between(200*time.Millisecond, 2*time.Second))
	}
}

// plan decides to do something in a while, in place of what was decided before.
func (b *Bot) plan(next act, after time.Duration) { b.planAt(next, b.world.Now()+after) }

func (b *Bot) planAt(next act, at time.Duration) {
	b.next = next
	if next == nothing {
		b.clear(acting)
		return
	}
	b.setAt(acting, at)
}

// do does what was planned for a time.
func (b *Bot) do(meant time.Duration) {
	next := b.next
	b.next = nothing
	if b.link == nil || b.cutting {
		return
	}
	defer func() { b.world.Took(measure.Lag, 0, b.world.Now()-meant) }()
	atTable := b.state == Seated || b.state == Watching
	switch {
	case next == sit && !atTable && b.asked == none:
		if b.state == Out && b.mind.hops() {
			b.see(oracle.Event{Kind: oracle.Quit, At: b.world.Now()})
			b.room = b.world.Room(b.mind.random.Float64())
		}
		b.ask(aSeat, meant)
	case !atTable || b.stopping || b.asked != none:
	case next == roll:
		b.ask(aRoll, meant)
	case next == stand:
		b.ask(toLeave, meant)
	case next == change:
		b.ask(toMove, meant)
	}
}
