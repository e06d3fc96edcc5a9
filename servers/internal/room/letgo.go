package room

// LetGo takes a user out who wants to sit elsewhere, if the game allows it; an older connection is
// told that it was replaced. answer is called once, on the room's goroutine, when that is stored:
// bound says that the user keeps the place here. Where the room ends before, bound says whether
// the user has a place where it goes on.
func (r *Room) LetGo(user int64, answer func(bound bool)) {}
