// Package priority puts the generator before everything else that wants the machine's processors. A bot
// that waits for its turn behind the servers it measures measures its own waiting.
package priority

// nice is what is asked for: fifteen steps are thirty times the share of an ordinary process.
const nice = -15

// Raise asks the system for it, and does without where that is refused, as it is to all but the
// administrator. It is called before the program has done anything else: threads that are there get it, and
// those they start inherit it.
func Raise() { raise() }
