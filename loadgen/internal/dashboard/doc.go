// Package dashboard shows a run on a terminal while it goes on, and takes the keys that change it.
// The run never waits for it: of the snapshots that come while the terminal is busy it draws the
// last one.
package dashboard
