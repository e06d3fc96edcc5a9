// Package directory says which game server owns which room.
package directory
