package room

import "testing"

// A burst is not paid for in memory ever after: a server holds many idle rooms.
func TestMailboxForgetsABurst(t *testing.T) {
	box := mailbox{wake: make(chan struct{}, 1), limit: 1000}
	taken, _ := box.take(nil, true)
	for _, burst := range []int{1, keep, 500, 1} {
		for range burst {
			if err := box.put(message{kind: print}); err != nil {
				t.Fatal(err)
			}
		}
		<-box.wake
		if taken, _ = box.take(taken, true); len(taken) != burst {
			t.Errorf("took %d messages, want %d", len(taken), burst)
		}
	}
	if kept := cap(box.messages) + cap(taken); kept > 2*keep {
		t.Errorf("an idle room keeps space for %d messages, want at most %d", kept, 2*keep)
	}
}
