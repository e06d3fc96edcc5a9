// Package directory says which game server owns which room: the ownership protocol.
//
// # What is kept
//
// Three buckets of a store whose writes are compare-and-set (JetStream key-value, or memory where there is one server):
//
//	rooms    game.room  -> owner (server ID, address, version), claim, epoch, journal, snapshot and its turn. Its revision is the lock.
//	players  game.user  -> the room the user is in. A user is in one room of a game.
//	servers  server ID  -> what a server says of itself, twice a second. Kept for 10 s.
//
// and journals, logs to which records are added by compare-and-set on the revision of the last one. Each server has one, in which its
// rooms are saved: a record holds the snapshots of all rooms that changed within some milliseconds, each with the room's claim and turn, the
// number of the save. So a save does not cost a message of its own. The newest snapshot of a room is the one with the
// largest turn, of those with the claim of its entry, in the entry and in the journal that the entry names.
//
// Only game servers read and write all this. Gates ask game servers, and follow.
//
// # States of a room, as a server sees it
//
//	none     no entry. Anybody may Claim it with revision 0.
//	owned    this server holds a Tenure: its claim is in the entry, as far as it knows.
//	unsure   a write was not answered. Nothing is said to anybody until a read, or the next write, tells.
//	lost     the entry carries another claim, or is gone: ErrLost. For good; what was not said is dropped.
//	foreign  the entry names another server. Whoever comes is sent there, unless that server is dead: then it is claimed.
//
// # Who writes what, when
//
//	Claim    any server, on an entry it has read (revision r) or that must not exist (0). Writes itself, a claim drawn at
//	         random, its journal, and the snapshot it restored. Carried out only at r.
//	Save     the owner: the snapshot of everything that it wants to say next. Into the journal, where the stored entry names the one
//	         that the server has now; else into the entry, on the revision of its last write, naming that journal.
//	Close    the owner, on the entry likewise: removes it.
//	         A room saves before it speaks: what it sends after a change is held back until a snapshot that contains the
//	         change is stored. One save is under way at a time; the next one takes all that came meanwhile.
//	Move     from S to T: S stops the room between two saves and hands T the entry's revision r and the snapshot (Offer). T restores it,
//	         Claims at r with just that snapshot, and only then lets it run. S hears: taken (Abandon, say what was held, send
//	         the players on); refused (go on); nothing: it saves. The first save after an offer goes into the entry: stored
//	         means that T did not take it and, as the revision has moved on, never will. ErrLost means that somebody has it: what was held is
//	         said only where the entry's owner began with the snapshot that was offered (Entry.BeganWith). That T owns it is
//	         not enough: T may have taken it over from the entry, when S was taken for dead, and then knows nothing of what
//	         was not saved yet.
//	Inherit  who means to claim a room from a dead server, before it does: seals the journal that the entry names, by a record that
//	         is added without condition; then reads it. The server's own next append names a revision that is past, and fails.
//	End      of a journal: for its server, with the first append that is not known to be stored, and with every sign that the
//	         store was away. It opens another one. What was under way, and every room's next save, goes into the
//	         entries, each on its own revision: so an entry that the store has forgotten in an outage is noticed.
//	Pack     a journal's server, when it has grown by 16 MiB (or by what the last pack had to copy, if that was more): first the
//	         last saves of rooms that rest are added once more, then what is older is removed.
//	Sit      before a room lets a player in; Rise after they have left and that is saved. A claim on another room is replaced only
//	         after that room's owner let the player go.
//	Renewal  each server, of its own lease, without condition.
//
// # Why nothing splits
//
// All writes of an entry form one chain: each names the revision before it, and the store carries out one write for a revision.
// An owner's writes stand between its own claim and the next one; so do its saves in the journal. For who claims a room, other than by a
// move, has first sealed the journal that the entry named at the revision it claims at: nothing comes into that
// journal any more; and to save the room in another one, its owner has to write the entry, which either moves the revision on, so that the
// claim fails, or fails itself. Who claims it by a move has the snapshot from the owner, who saves nothing before it
// has written the entry, with the same two outcomes. So a stale owner (stopped and continued,
// cut off, or not told of a move) cannot store anything after another's claim; as it says nothing that is not stored,
// it says nothing new. Whatever a player ever heard is in a snapshot on the chain, and every later owner began from a
// snapshot behind it. No clock and no lease takes part in this. Held-back words that were stored before the claim of the
// next owner may still be said after it; they are true, and gates drop them by their epoch where they come late.
//
// The epoch of an ownership is the time at which the bucket was made, in microseconds, plus the revision of the claiming write. It
// grows with every change of owner, also where the store was lost and made anew (unless it was written more than a million times
// a second). The claiming write cannot name it yet; readers compute it, later writes name it.
//
// A write whose answer is lost may still be carried out later: it sits in a socket, or in a follower. The entry is read. Where it
// carries this tenure's claim, the write is made again from the revision that was found; the late one then names
// a revision that is past. A read may itself be late (see nats.go), so it decides only what cannot hurt: "stored", if the
// same bytes are found under a revision that is new to the writer; "lost", if another claim, or no entry, is found. A
// late read can make an owner give up a room that it still owned: then the entry names a server that does not have the room, which
// Orphans lists, and which that server may claim again; its last save is kept in the journal until a later scan shows whose the
// entry is. An append whose answer is lost may be carried out later, too: it ends the journal, and what it brings is
// what the entry says as well, under the same turn.
//
// A journal is removed when no entry names it (sweep): by its server when it has ended and no room's last save is in it, by others
// when that server is dead. They seal it, and remove it if no entry names it in a later scan either. A scan counts only if it has
// seen a marker that was written before it began: it may come from a replica that is behind. That the seal is removed with it does no
// harm: an append names a revision that is not there. That is why a journal has a first record before any entry names it.
//
// # Leases
//
// They say when to take a room over, never whether that is safe: a wrong guess costs a move. A server is dead when an
// observer that can see its own renewals heard none of it for 2 s; when another server ID, which joined later, announces
// the same address; when it left; or when a caller saw its address refuse connections. An observer that was away or
// stopped itself gives everybody 2 s anew (view.go).
//
// # Crashes
//
//	the owner, before a save was carried out    the change is forgotten, and nobody heard of it
//	... after it, before it spoke               the change is stored; players see it when the room is restored
//	... while it packs its journal              copies are there, or not; nothing is removed before all are
//	who inherits, after the seal                the owner, if it lives, opens another journal; else the next one inherits
//	... in Claim                                as if it had never been, or the entry names a dead server: an orphan
//	... in Close                                the entry is there, an orphan, or gone
//	S, while T takes the room                   T has it, or it is S's orphan
//	T, before its claim                         S hears nothing, saves, goes on
//	T, after its claim                          S's next save is ErrLost; the room is T's orphan
//	a server between Sit and the room           the user's claim names a room that does not know them; its owner
//	                                            lets them go when they ask for another one
//	stopped (SIGSTOP) and continued             the next save is ErrLost, if somebody took the room; else it goes on
//
// # The store is away
//
// Saves wait, so rooms say nothing new and stand still; Healthy says since when. Nobody can claim anything either. Nobody is
// declared dead, for no observer sees itself. What was under way is tried again every 25 to 400 ms until the store answers.
// A server that alone is cut off loses its rooms to the others after 2 s, and learns it from its first save. Its players' gates are
// told by who takes a room (package fence), and lead them there. Players who are connected to the server directly wait until
// it reaches the store again.
// A store that is full, or one stream of it, is away, too: it takes nothing (renewals neither, where all of it is full), though it
// may be read.
//
// In a cluster of NATS servers a leader that shuts down hands over in some tenths of a second; one that is killed is replaced after
// 4 to 9 s (the election time-outs of nats-server's raft.go), and rooms stand still meanwhile.
//
// # What is not covered
//
//   - The store's loss. An entry that is gone ends the room at its owner's next save; players' claims are forgotten. The
//     buckets are made anew by themselves.
//   - A server's ended journals stay while a single room rests whose last save is in them.
//   - The journals' loss alone. Owners that live do not need them: they write their entries. Rooms of dead ones go back to what
//     their entries say.
//   - Acknowledged writes that the store forgets. JetStream acknowledges before the disk has it: after a loss of power (not of a
//     process) the last writes of a single NATS server can be missing, and a save that was answered with them. The entry
//     may then be an older one with the owner's claim: the owner goes on and writes it again; if the owner died too, what
//     players heard since is lost. Replicas in several places, or sync_interval: always, make that unlikely.
//   - Operators who write to the buckets, and a JetStream that breaks its own contract (compare-and-set before 2.9.21 did).
//   - A user whose claim was removed while they came back to the same room through another server: they could
//     sit in two rooms until they leave one. Nothing is lost by it.
//
// The test of interleavings (model_test.go) plays random schedules of these steps against the real code, with answers lost and writes
// and reads that come late.
package directory
