package main

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// What a server answers is told, and the next step where it is none of these.
func TestDrainRefused(t *testing.T) {
	for status, says := range map[int]string{
		http.StatusServiceUnavailable: "503 Service Unavailable: no rooms yet",
		http.StatusNotFound:           "is that the ops port of a game server?",
	} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.Method != http.MethodPost || r.URL.Path != "/drain" {
				t.Errorf("asked %s %s", r.Method, r.URL)
			}
			http.Error(w, "no rooms yet", status)
		}))
		defer server.Close()
		err := drain([]string{"--ops", strings.TrimPrefix(server.URL, "http://")})
		if err == nil || !strings.Contains(err.Error(), says) || strings.Contains(err.Error(), "ops port") != (status == http.StatusNotFound) {
			t.Errorf("%d: %v", status, err)
		}
	}
}
