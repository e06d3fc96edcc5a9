package fleet

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strconv"
	"strings"
	"testing"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// What our patches own is given to our applied configuration also while the object's status changes, though not where
// something was asked of it.
func TestUniteWhileTheStatusChanges(t *testing.T) {
	seen := func(version, generation int) *unstructured.Unstructured {
		return &unstructured.Unstructured{Object: object{
			"apiVersion": "apps/v1", "kind": "StatefulSet",
			"metadata": object{
				"name": "dice", "uid": "uid-1", "generation": int64(generation), "resourceVersion": strconv.Itoa(version),
				"managedFields": []any{object{
					"manager": Manager, "operation": "Update", "apiVersion": "apps/v1", "fieldsType": "FieldsV1",
					"fieldsV1": object{"f:spec": object{"f:replicas": object{}}},
				}},
			},
		}}
	}
	for name, c := range map[string]struct {
		changes    int // of the object, after it was seen
		generation int // since then
		patches    int
		good       bool
	}{
		"nothing changes":     {0, 4, 1, true},
		"its status changes":  {3, 4, 4, true},
		"it never ends":       {1000, 4, retries, false},
		"something was asked": {1, 5, 1, false},
	} {
		t.Run(name, func(t *testing.T) {
			version, patches := 70+c.changes, 0
			left := c.changes
			f := server(t, func(rw http.ResponseWriter, r *http.Request) {
				rw.Header().Set("Content-Type", "application/json")
				answer := func(v any) {
					if err := json.NewEncoder(rw).Encode(v); err != nil {
						t.Error(err)
					}
				}
				switch {
				case r.Method == http.MethodGet && strings.HasSuffix(r.URL.Path, "/statefulsets/dice"):
					answer(seen(version-left, c.generation))
				case r.Method == http.MethodPatch:
					patches++
					body, err := io.ReadAll(r.Body)
					if err != nil {
						t.Error(err)
					}
					if !strings.Contains(string(body), `"/metadata/managedFields"`) || !strings.Contains(string(body), `"Apply"`) {
						t.Errorf("sent %s", body)
					}
					if strings.Contains(string(body), `"`+strconv.Itoa(version)+`"`) {
						answer(seen(version+1, c.generation))
						return
					}
					left--
					rw.WriteHeader(http.StatusConflict)
					answer(apierrors.NewConflict(schema.GroupResource{Group: "apps", Resource: "statefulsets"}, "dice", errors.New("modified")).Status())
				default:
					t.Errorf("%s %s", r.Method, r.URL)
				}
			})
			client := f.Dynamic.Resource(schema.GroupVersionResource{Group: "apps", Version: "v1", Resource: "statefulsets"}).Namespace("here")
			err := f.unite(t.Context(), client, seen(70, 4))
			if c.good && err != nil || !c.good && !errors.Is(err, ErrChanged) {
				t.Errorf("%v, want good %v", err, c.good)
			}
			if patches != c.patches {
				t.Errorf("%d patches, want %d", patches, c.patches)
			}
		})
	}
}
