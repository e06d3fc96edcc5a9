package gate

// Kill ends the gate's trunks without a word, as the death of its process would. It is for tests and
// demonstrations, which also cut its players' connections.
func (g *Gate) Kill() {
	g.mu.Lock()
	for _, d := range g.upstreams {
		select {
		case <-d.done:
			if d.up != nil {
				d.up.out.Fail(errUpstreamLost) // sessions that end from now on tell nobody
			}
		default:
		}
	}
	g.mu.Unlock()
	g.cancel()
}
