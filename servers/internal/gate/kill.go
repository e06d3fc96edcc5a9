package gate

// Kill ends the gate's trunks without a word, as the death of its process would. It is for tests and
// demonstrations, which also cut its players' connections.
func (g *Gate) Kill() { g.cancel() }
