package command

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"croupier/ctl/internal/output"
)

// gate is an ops port that takes pushes, notes them, and says who is there.
func gate(t *testing.T, answer string, status int) (url string, asked func() string) {
	t.Helper()
	var body string
	server := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodPost || r.URL.Path != "/push" || r.Header.Get("Content-Type") != "application/json" {
			http.Error(rw, "asked "+r.Method+" "+r.URL.Path, http.StatusTeapot)
			return
		}
		data, _ := io.ReadAll(r.Body)
		body += string(data)
		rw.WriteHeader(status)
		io.WriteString(rw, answer)
	}))
	t.Cleanup(server.Close)
	return server.URL, func() string { return body }
}

func TestPushMessage(t *testing.T) {
	file := filepath.Join(t.TempDir(), "gift.bin")
	if err := os.WriteFile(file, []byte{0, 1, 2}, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		name   string
		args   []string
		answer string
		code   int
		body   string
		out    string
		errs   string
	}{
		{
			"everybody is there", []string{"--user", "8,7", "--user", "7", "--text", "hello"},
			`{"sessions":3,"reached":[7,8],"offline":[],"gates":2}`, ExitOK,
			`{"users":[7,8],"text":"hello"}`, "3 sessions took it, on 2 gates\nreached: 7 and 8\n", "",
		},
		{
			"somebody is offline", []string{"--user", "7,8,9", "--text", "hello"},
			`{"sessions":1,"reached":[7],"offline":[9,8],"gates":1}`, ExitPartly,
			`{"users":[7,8,9],"text":"hello"}`, "1 session took it, on 1 gate\nreached: 7\noffline: 8 and 9\n", "croupier: 2 users are offline, or at a gate that did not answer\n",
		},
		{
			"somebody reads too slowly", []string{"--user", "7", "--text", "hello"},
			`{"sessions":1,"dropped":2,"reached":[7],"offline":[],"gates":1}`, ExitOK,
			`{"users":[7],"text":"hello"}`, "1 session took it, on 1 gate\nreached: 7\n2 sessions did not take it: too much waits for them already\n", "",
		},
		{
			"bytes of a file", []string{"--user", "7", "--opcode", "900", "--data", "@" + file},
			`{"sessions":1,"reached":[7],"gates":1}`, ExitOK, `{"users":[7],"opcode":900,"data":"AAEC"}`, "1 session took it, on 1 gate\nreached: 7\n", "",
		},
		{
			"base64, for programs", []string{"--user", "7", "--opcode", "900", "--data", "AAEC", "-o", "json"},
			`{"sessions":0,"offline":[7],"gates":1}`, ExitPartly, `{"users":[7],"opcode":900,"data":"AAEC"}`,
			"{\n  \"sessions\": 0,\n  \"reached\": [],\n  \"offline\": [\n    7\n  ],\n  \"gates\": 1\n}\n", "croupier: 1 user is offline, or at a gate that did not answer\n",
		},
		{
			"all", []string{"--all", "--text", "hello", "--yes"},
			`{"sessions":9,"gates":2}`, ExitOK, `{"all":true,"text":"hello"}`,
			"Push a message in URL\n  1. to everyone who is connected: the notice \"hello\"\n9 sessions took it, on 2 gates\n", "",
		},
		{
			"all, for programs", []string{"--all", "--text", "hello", "--yes", "-o", "yaml"},
			`{"sessions":9,"gates":2}`, ExitOK, `{"all":true,"text":"hello"}`,
			"gates: 2\noffline: []\nreached: []\nsessions: 9\n", "Push a message in URL\n  1. to everyone who is connected: the notice \"hello\"\n",
		},
		{
			"all, with nobody to ask", []string{"--all", "--text", "hello"}, "", ExitRefused, "",
			"Push a message in URL\n  1. to everyone who is connected: the notice \"hello\"\n", "croupier: nobody to ask: standard input is not a terminal; give --yes to go ahead or --dry-run to look\n",
		},
		{
			"a dry run", []string{"--user", "1,2", "--opcode", "900", "--dry-run"}, "", ExitOK, "",
			"Push a message in URL\n  1. to users 1 and 2: opcode 900 with 0 bytes\nDry run: nothing was changed.\n", "",
		},
		{
			"rubbish", []string{"--user", "7", "--text", "hello"}, `what?`, ExitFailed, `{"users":[7],"text":"hello"}`, "",
			"croupier: read what URL says of the message: invalid character 'w' looking for beginning of value\n",
		},
	} {
		url, asked := gate(t, test.answer, http.StatusOK)
		code, out, errs := line(t, append([]string{"push", "message", "--ops", url}, test.args...)...)
		out, errs = strings.ReplaceAll(out, url, "URL"), strings.ReplaceAll(errs, url, "URL")
		if code != test.code || out != test.out || errs != test.errs || asked() != test.body {
			t.Errorf("%s: code %d\n%s\n%s\n%s", test.name, code, out, errs, asked())
		}
	}
}

func TestPushMessageRefusedByTheGate(t *testing.T) {
	url, _ := gate(t, "a message of 70000 bytes: at most 65536\n", http.StatusBadRequest)
	code, out, errs := line(t, "push", "message", "--ops", url, "--user", "7", "--text", "x")
	if code != ExitFailed || out != "" || !strings.Contains(errs, "push the message: ask "+url+" for /push: a message of 70000 bytes: at most 65536 (400)") {
		t.Errorf("code %d, %q, %q", code, out, errs)
	}
}

func TestPushMessageToAnotherServer(t *testing.T) {
	url, _ := gate(t, "404 page not found\n", http.StatusNotFound)
	code, _, errs := line(t, "push", "message", "--ops", url, "--user", "7", "--text", "x")
	if code != ExitFailed || !strings.Contains(errs, "a gate's is :60016") {
		t.Errorf("code %d, %q", code, errs)
	}
}

// TestPushMessageMissesAGate: who is connected to a gate that did not answer
// counts as offline, and may be there all the same.
func TestPushMessageMissesAGate(t *testing.T) {
	var out strings.Builder
	err := PushMessage{Format: output.Plain}.report(Streams{Out: &out}, pushResult{Sessions: 1, Gates: 1}, 3)
	if ExitCode(err) != ExitPartly || !strings.Contains(err.Error(), "only 1 of 3 gates answered") {
		t.Errorf("%v", err)
	}
}

// FuzzPayload: what --data takes is what encoding/json makes of the same text.
func FuzzPayload(f *testing.F) {
	f.Add("AAEC")
	f.Add("eA==")
	f.Add("eA")
	f.Add("%")
	f.Fuzz(func(t *testing.T, text string) {
		if strings.HasPrefix(text, "@") {
			return // a file
		}
		data, err := payload(text)
		if err != nil {
			if ExitCode(err) != ExitUsage {
				t.Fatalf("%q: %v", text, err)
			}
			return
		}
		body, err := json.Marshal(pushRequest{Data: data})
		if err != nil {
			t.Fatal(err)
		}
		var back pushRequest
		if err := json.Unmarshal(body, &back); err != nil || string(back.Data) != string(data) {
			t.Fatalf("%q arrives as %q (%v)", data, back.Data, err)
		}
	})
}
