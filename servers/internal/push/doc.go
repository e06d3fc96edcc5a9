// Package push carries messages to players from outside of their rooms: a notice to everyone, a gift
// to one user. Any program with a connection to NATS publishes; every gate listens, and hands a
// message to the sessions it is for. Nothing is kept for who is offline.
//
// A message to a user goes to the subject croupier.push.user.ID, one to everyone to
// croupier.push.all. It is a message of the published format as a player receives it: opcode and
// body. A gate that gets one with a reply subject answers how many of its sessions took it.
package push
