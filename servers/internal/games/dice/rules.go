// Package dice is the built-in game: everyone in a seat rolls one die a round, the highest wins.
//
// The rules (this file) are pure; game.go plays them in a room, codec.go puts them on the wire.
package dice

import "slices"

// Faces is the highest number of points.
const Faces = 6

// Roll is what one user has rolled.
type Roll struct {
	User   int64 `json:"user"`
	Points int32 `json:"points"` // 1 to Faces
}

// Rolls are the rolls of one round, in the order in which they were made.
type Rolls []Roll

// Of returns a user's points, 0 where the user has not rolled.
func (r Rolls) Of(user int64) int32 {
	for _, roll := range r {
		if roll.User == user {
			return roll.Points
		}
	}
	return 0
}

// Winners are the users with the most points, sorted; ties share.
func (r Rolls) Winners() []int64 {
	var best int32
	var winners []int64
	for _, roll := range r {
		if roll.Points > best {
			best, winners = roll.Points, winners[:0]
		}
		if roll.Points == best {
			winners = append(winners, roll.User)
		}
	}
	slices.Sort(winners)
	return winners
}

// Complete says that a round may settle early: more than one user has rolled, and all of the
// seated ones have.
func (r Rolls) Complete(seated []int64) bool {
	return len(r) > 1 && !slices.ContainsFunc(seated, func(user int64) bool { return r.Of(user) == 0 })
}
