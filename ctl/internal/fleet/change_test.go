package fleet

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"croupier/ctl/internal/canary"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/rest"
)

// server answers like an API server as far as these tests go, and connects a
// fleet to it. What is sent is looked at as bytes; what the API server makes
// of it is for the end-to-end test.
func server(t *testing.T, handler http.HandlerFunc) *Fleet {
	t.Helper()
	s := httptest.NewServer(handler)
	t.Cleanup(s.Close)
	f, err := fromConfig(&rest.Config{Host: s.URL}, "here")
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func TestChangeSendsPreconditions(t *testing.T) {
	w := &Workload{Set: canary.Set{Name: "dice"}, Kind: StatefulSet, UID: "uid-1", ResourceVersion: "77", Container: "game"}
	for _, test := range []struct {
		name  string
		write Write
		dry   bool
		query string
		body  string
	}{
		{"canary", Write{Image: "croupier/game:v2", Partition: ptr(2)}, false, "fieldManager=croupier-ctl",
			`{"metadata":{"resourceVersion":"77","uid":"uid-1"},"spec":{"template":{"spec":{"containers":[{"image":"croupier/game:v2","name":"game"}]}},"updateStrategy":{"rollingUpdate":{"partition":2},"type":"RollingUpdate"}}}`},
		{"promote", Write{Partition: ptr(0), Previous: "dice-old"}, true, "dryRun=All&fieldManager=croupier-ctl",
			`{"metadata":{"annotations":{"croupier.dev/previous-revision":"dice-old"},"resourceVersion":"77","uid":"uid-1"},"spec":{"updateStrategy":{"rollingUpdate":{"partition":0},"type":"RollingUpdate"}}}`},
		{"rollback", Write{Template: json.RawMessage(`{"template":{"$patch":"replace"}}`), Partition: ptr(0)}, false, "fieldManager=croupier-ctl",
			`{"metadata":{"resourceVersion":"77","uid":"uid-1"},"spec":{"template":{"$patch":"replace"},"updateStrategy":{"rollingUpdate":{"partition":0},"type":"RollingUpdate"}}}`},
		{"scale", Write{Replicas: ptr(0)}, false, "fieldManager=croupier-ctl",
			`{"metadata":{"resourceVersion":"77","uid":"uid-1"},"spec":{"replicas":0}}`},
	} {
		f := server(t, func(rw http.ResponseWriter, r *http.Request) {
			body, err := io.ReadAll(r.Body)
			if err != nil {
				t.Error(err)
			}
			if r.Method != http.MethodPatch || r.URL.Path != "/apis/apps/v1/namespaces/here/statefulsets/dice" || r.URL.RawQuery != test.query {
				t.Errorf("%s: %s %s", test.name, r.Method, r.URL)
			}
			if kind := r.Header.Get("Content-Type"); kind != "application/strategic-merge-patch+json" {
				t.Errorf("%s: %s", test.name, kind)
			}
			if string(body) != test.body {
				t.Errorf("%s: sent\n%s, want\n%s", test.name, body, test.body)
			}
			rw.Header().Set("Content-Type", "application/json")
			io.WriteString(rw, `{"kind":"StatefulSet","apiVersion":"apps/v1"}`)
		})
		if err := f.Change(t.Context(), w, test.write, test.dry); err != nil {
			t.Errorf("%s: %v", test.name, err)
		}
	}
}

func TestChangeOfAChangedObject(t *testing.T) {
	f := server(t, func(rw http.ResponseWriter, _ *http.Request) {
		status := apierrors.NewConflict(schema.GroupResource{Group: "apps", Resource: "statefulsets"}, "dice", errors.New("modified")).Status()
		rw.Header().Set("Content-Type", "application/json")
		rw.WriteHeader(http.StatusConflict)
		if err := json.NewEncoder(rw).Encode(status); err != nil {
			t.Error(err)
		}
	})
	err := f.Change(t.Context(), &Workload{Set: canary.Set{Name: "dice"}, Kind: StatefulSet}, Write{Replicas: ptr(1)}, false)
	if !errors.Is(err, ErrChanged) || !strings.Contains(err.Error(), "change StatefulSet dice") {
		t.Errorf("%v, want ErrChanged", err)
	}
}

// What became of the pods meanwhile is no reason to refuse what was planned; what was asked of them is, and what they lost.
func TestChangeWhileTheStatusChanges(t *testing.T) {
	for name, c := range map[string]struct {
		now     string // generation, status
		patches int
		good    bool
	}{
		"a pod became ready":    {`"generation":4},"status":{"currentRevision":"a","updateRevision":"b","readyReplicas":3}`, 2, true},
		"somebody asked":        {`"generation":5},"status":{"currentRevision":"a","updateRevision":"b","readyReplicas":3}`, 1, false},
		"the revision is older": {`"generation":4},"status":{"currentRevision":"b","updateRevision":"b","readyReplicas":3}`, 1, false},
		"a pod failed":          {`"generation":4},"status":{"currentRevision":"a","updateRevision":"b","readyReplicas":1}`, 1, false},
		"another one":           {`"generation":4,"annotations":{"croupier.dev/previous-revision":"x"}},"status":{"currentRevision":"a","updateRevision":"b","readyReplicas":3}`, 1, false},
	} {
		t.Run(name, func(t *testing.T) {
			patches := 0
			f := server(t, func(rw http.ResponseWriter, r *http.Request) {
				rw.Header().Set("Content-Type", "application/json")
				switch {
				case r.Method == http.MethodPatch:
					patches++
					body, _ := io.ReadAll(r.Body)
					if strings.Contains(string(body), `"resourceVersion":"78"`) {
						io.WriteString(rw, `{"kind":"StatefulSet","apiVersion":"apps/v1"}`)
						return
					}
					rw.WriteHeader(http.StatusConflict)
					status := apierrors.NewConflict(schema.GroupResource{Group: "apps", Resource: "statefulsets"}, "dice", errors.New("modified")).Status()
					if err := json.NewEncoder(rw).Encode(status); err != nil {
						t.Error(err)
					}
				case strings.HasSuffix(r.URL.Path, "/pods"):
					io.WriteString(rw, `{"kind":"PodList","apiVersion":"v1","items":[]}`)
				default:
					io.WriteString(rw, `{"kind":"StatefulSet","apiVersion":"apps/v1","metadata":{"name":"dice","uid":"uid-1","resourceVersion":"78",`+c.now+
						`,"spec":{"selector":{"matchLabels":{"app":"dice"}},"template":{"spec":{"containers":[{"name":"game","image":"g:1"}]}}}}`)
				}
			})
			w := &Workload{Set: canary.Set{Name: "dice", CurrentRevision: "a", UpdateRevision: "b"}, Kind: StatefulSet, UID: "uid-1",
				ResourceVersion: "77", Generation: 4, Ready: 2}
			err := f.Change(t.Context(), w, Write{Replicas: ptr(1)}, false)
			if c.good != (err == nil) || !c.good && !errors.Is(err, ErrChanged) || patches != c.patches {
				t.Errorf("%v after %d patches", err, patches)
			}
		})
	}
}

func TestForeign(t *testing.T) {
	conflict := func(causes ...metav1.StatusCause) error {
		return apierrors.NewApplyConflict(causes, "conflicts")
	}
	ours := metav1.StatusCause{Field: ".spec.replicas", Message: `conflict with "croupier-ctl" using apps/v1`}
	theirs := metav1.StatusCause{Field: ".spec.replicas", Message: `conflict with "kubectl" using apps/v1`}
	if got := foreign(conflict(ours)); len(got) != 0 {
		t.Errorf("our own patch counts as foreign: %v", got)
	}
	if got := foreign(conflict(ours, theirs)); !slices.Equal(got, []string{`.spec.replicas (conflict with "kubectl" using apps/v1)`}) {
		t.Errorf("foreign: %v", got)
	}
}

func TestChanged(t *testing.T) {
	read := func(text string) map[string]any {
		var m map[string]any
		if err := json.Unmarshal([]byte(text), &m); err != nil {
			t.Fatal(err)
		}
		return m
	}
	before := read(`{"kind":"X","metadata":{"resourceVersion":"1","generation":1,"labels":{"a":"b"},"annotations":{"croupier.dev/previous-revision":"dice-1"}},
		"spec":{"replicas":2,"template":{"image":"v1","args":["x","y"]}},"status":{"ready":1}}`)
	after := read(`{"kind":"X","metadata":{"resourceVersion":"2","generation":2,"labels":{"a":"b","c":"d"}},
		"spec":{"replicas":3,"template":{"image":"v2","args":["x","z"]},"paused":true}}`)
	want := []string{
		"labels.c: none -> d", "spec.paused: none -> true", "spec.replicas: 2 -> 3",
		"spec.template.args[1]: y -> z", "spec.template.image: v1 -> v2",
	}
	got := changed(before, after)
	if !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
	d := Difference{Fields: got}
	if !d.Changes("spec.template") || d.Changes("spec.temp") || d.Changes("metadata") {
		t.Errorf("which fields change was misread: %q", got)
	}
	if same := changed(before, before); len(same) != 0 {
		t.Errorf("no change reads as %q", same)
	}
}

func TestAsk(t *testing.T) {
	answers := map[string]string{
		"/api/v1/namespaces/here/pods/http:dice-0:60011/proxy/version": `{"version":"v1"}`,
		"/api/v1/namespaces/here/pods/http:dice-0:60011/proxy/rooms":   `{"cordoned":true,"rooms":[{"id":7,"game":"dice","players":3,"spectators":1,"round":2,"state":"rolling"}]}`,
		"/api/v1/namespaces/here/pods/http:dice-1:60011/proxy/version": `{"version":"v1"}`,
	}
	f := server(t, func(rw http.ResponseWriter, r *http.Request) {
		answer, ok := answers[r.URL.Path]
		if !ok {
			http.Error(rw, "no", http.StatusServiceUnavailable)
			return
		}
		io.WriteString(rw, answer)
	})
	w := &Workload{Kind: StatefulSet, Component: GameComponent}
	for _, name := range []string{"dice-0", "dice-1"} {
		w.PodList = append(w.PodList, *pod(name, StatefulSet, "set", nil, true))
	}
	w.PodList = append(w.PodList, corev1.Pod{ObjectMeta: named("dice-2", "2", nil), Status: corev1.PodStatus{Phase: corev1.PodPending}})
	got := f.Ask(t.Context(), w, 10*time.Second)
	if len(got) != 2 {
		t.Errorf("asked %d pods, want the two that run", len(got))
	}
	if o := got["dice-0"]; !o.Reached || o.Version != "v1" || !o.Cordoned || len(o.Rooms) != 1 || o.Rooms[0].Players != 3 || o.Rooms[0].ID != "7" {
		t.Errorf("dice-0: %+v", o)
	}
	if o := got["dice-1"]; o.Reached || o.Version != "v1" || !strings.Contains(o.Problem, "ask pod dice-1 for /rooms") {
		t.Errorf("dice-1: %+v", o)
	}
}
