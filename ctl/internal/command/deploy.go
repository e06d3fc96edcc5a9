package command

import (
	"context"
	"crypto/rand"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"croupier/ctl/internal/canary"
	"croupier/ctl/internal/fleet"
	"croupier/ctl/internal/render"
	"croupier/manifests"
	"croupier/servers/token"

	"github.com/urfave/cli/v2"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// secret is a Secret that the manifests rely on and that a deployment makes
// where there is none.
type secret struct {
	name  string
	entry string
	what  string // for the plan
	fresh func() string
}

// secrets are made in this order.
func secrets() []secret {
	return []secret{
		{"jwt", "JWT_KEY", "a fresh random key for player tokens", token.NewKey},
		{"nats", "NATS_TOKEN", "a fresh random token for NATS", newNATSToken},
	}
}

// newNATSToken begins with a letter and holds letters and digits only, or the
// configuration of NATS would read a number in it.
func newNATSToken() string { return "t" + strings.ToLower(rand.Text()) + strings.ToLower(rand.Text()) }

// beginAnew is how NATS loses what it knows, and its files.
const beginAnew = "`kubectl delete statefulset,pvc -n NAMESPACE -l " + fleet.NameLabel + "=" + natsComponent + "`"

// natsComponent is the component, and the name, of the NATS servers.
const natsComponent = "nats"

// DeployOverlay brings a namespace to what an overlay says.
type DeployOverlay struct {
	Change
	Manifests      fs.FS
	Overlay        string
	Components     []string
	Tag            string            // for every image that is not named
	Registry       string            // in front of croupier/NAME:Tag
	Images         map[string]string // by container (game, gate) or workload (dice-b)
	Replicas       map[string]int    // by workload; "" is every StatefulSet
	ImagesDir      string            // where `build` wrote, for a first deployment without a tag
	ForceConflicts bool
}

// Deploy is the verb `deploy`.
func Deploy() *cli.Command {
	return &cli.Command{
		Name:      "deploy",
		Category:  "Run",
		Usage:     "bring the cluster to what the manifests say",
		UsageText: "croupier deploy [--tag TAG | --image NAME=REF ...] [--overlay plain|ab] [--replicas [NAME=]N ...]",
		Description: `Renders an overlay and applies it, server-side, as field manager croupier-ctl. Makes the
namespace, and the Secrets jwt and nats with fresh values if there are none. What is not
named stays as it runs: images, replicas, and the group that a switch chose; but components
are as named, each time. Waits until every pod is updated and ready.

NATS, which keeps the directory of rooms, needs a claim of the default storage class;
--component scratch-store does without: every open room ends with NATS's pod. --component nats-three
runs three servers. --image nats=REF takes the image from elsewhere than the manifests say.

Examples:
  croupier deploy --tag v1
  croupier deploy --tag v1 --registry registry.example.com/games --replicas 3
  croupier deploy --overlay ab --image dice-b=croupier/game:v2 --replicas dice-b=2
  croupier deploy --image game=registry.example.com/croupier/game@sha256:... --dry-run
  croupier deploy --tag dev --component quick-drain --yes`,
		Flags: append([]cli.Flag{
			&cli.StringFlag{Name: "tag", Aliases: []string{"t"}, Usage: "run croupier/game:`TAG` and croupier/gate:TAG"},
			&cli.StringFlag{Name: "registry", Usage: "with --tag: take the images from this `REGISTRY`[/PATH]"},
			&cli.StringSliceFlag{Name: "image", Aliases: []string{"i"}, Usage: "`NAME=REF`: the image of game, of gate, or of one workload such as dice-b"},
			&cli.StringSliceFlag{Name: "replicas", Aliases: []string{"r"}, Usage: "`[NAME=]N`: the size of one workload, or of every game"},
			&cli.StringFlag{Name: "overlay", Value: "plain", Usage: "the folder of overlays/: plain or ab"},
			&cli.StringSliceFlag{Name: "component", Usage: "add this folder of components/, for example quick-drain"},
			&cli.StringFlag{Name: "manifests", Usage: "take the manifests from this `DIR` instead of the built-in ones", TakesFile: true},
			&cli.StringFlag{Name: "from", Value: defaultImages, Usage: "the `DIR` that build wrote, for a first deployment without a tag", TakesFile: true},
			&cli.BoolFlag{Name: "force-conflicts", Usage: "take over fields that someone else manages"},
		}, changeFlags()...),
		Action: func(c *cli.Context) error {
			if c.Args().Present() {
				return usage("deploy takes no argument, but got %q: images and sizes go by --image and --replicas", c.Args().First())
			}
			o := DeployOverlay{
				Change: change(c), Manifests: manifests.FS, Overlay: c.String("overlay"), Components: c.StringSlice("component"),
				Tag: c.String("tag"), Registry: c.String("registry"), ImagesDir: c.String("from"), ForceConflicts: c.Bool("force-conflicts"),
			}
			if o.Registry != "" && o.Tag == "" {
				return usage("deploy: --registry needs --tag")
			}
			if dir := c.String("manifests"); dir != "" {
				o.Manifests = os.DirFS(dir)
			}
			var err error
			if o.Images, err = pairs("image", c.StringSlice("image")); err != nil {
				return err
			}
			if o.Replicas, err = sizes(c.StringSlice("replicas")); err != nil {
				return err
			}
			if _, named := o.Replicas[natsComponent]; named {
				return usage("deploy: NATS counts its servers in its configuration: one by default, three with --component nats-three")
			}
			return run(c, o)
		},
	}
}

func pairs(flag string, values []string) (map[string]string, error) {
	out := make(map[string]string)
	for _, v := range values {
		name, value, ok := strings.Cut(v, "=")
		if !ok || name == "" || value == "" {
			return nil, usage("deploy: --%s %s is not NAME=VALUE, as in --%s game=croupier/game:v2", flag, v, flag)
		}
		out[name] = value
	}
	return out, nil
}

func sizes(values []string) (map[string]int, error) {
	out := make(map[string]int)
	for _, v := range values {
		name, number, named := strings.Cut(v, "=")
		if !named {
			name, number = "", v
		}
		n, err := strconv.Atoi(number)
		if err != nil || n < 0 || (named && name == "") {
			return nil, usage("deploy: --replicas %s is not N or NAME=N", v)
		}
		out[name] = n
	}
	return out, nil
}

// Run plans, asks, applies and waits.
func (o DeployOverlay) Run(ctx context.Context, f *fleet.Fleet, s Streams) error {
	d, err := o.prepare(ctx, f)
	if err != nil {
		return err
	}
	if ok, err := o.confirm(ctx, s, d.plan); !ok {
		return err
	}
	if err := d.apply(ctx, f, s, o.ForceConflicts); err != nil {
		return err
	}
	begin := time.Now()
	for _, w := range d.workloads {
		read := f.StatefulSet
		if w.Kind == fleet.Deployment {
			read = f.Deployment
		}
		now, err := read(ctx, w.Name)
		if err != nil {
			return err
		}
		next := fmt.Sprintf("look with `croupier status -o wide %s`", w.Name)
		switch before := d.live[w.Name]; {
		case before == nil:
		case now.IsGame():
			next = fmt.Sprintf("croupier rollback %s", w.Name)
		default:
			next = fmt.Sprintf("croupier deploy --image %s=%s", w.Name, before.Image)
		}
		now, err = rollout{
			fleet: f, streams: s, timeout: o.patience(now, now.Replicas), waited: time.Since(begin), from: wholeSet, next: next,
			each: deleteOnce(f, s, func(w *fleet.Workload) []canary.Pod {
				if w.Kind != fleet.StatefulSet {
					return nil
				}
				return canary.Abandoned(w.Set)
			}),
		}.wait(ctx, now)
		if err != nil {
			return err
		}
		fmt.Fprintf(s.Out, "%s runs %s on %s\n", w.Name, now.Image, plural(now.Replicas, "pod", "pods"))
	}
	return nil
}

// deployment is a prepared deployment.
type deployment struct {
	plan            Plan
	createNamespace bool
	createSecrets   []secret
	objects         []fleet.Difference
	workloads       []render.Workload
	live            map[string]*fleet.Workload
}

func (o DeployOverlay) prepare(ctx context.Context, f *fleet.Fleet) (*deployment, error) {
	d := &deployment{live: make(map[string]*fleet.Workload)}
	d.plan.Title = fmt.Sprintf("Deploy overlay %s to namespace %s (%s)", o.Overlay, f.Namespace, f.Server)
	exists, err := f.NamespaceExists(ctx)
	if err != nil {
		return nil, err
	}
	if exists {
		all, err := f.Workloads(ctx)
		if err != nil {
			return nil, err
		}
		for _, w := range all {
			d.live[w.Name] = w
		}
	}
	ask := render.Overlay{Name: o.Overlay, Components: o.Components, Namespace: f.Namespace}
	bare, err := render.Build(o.Manifests, ask)
	if err != nil {
		return nil, unknownIsUsage(err)
	}
	d.workloads = render.Workloads(bare)
	if ask.Images, err = o.images(d.workloads, d.live); err != nil {
		return nil, err
	}
	ask.Replicas = o.sizes(d.workloads, d.live)
	if ask.Selectors, err = o.selectors(ctx, f, bare, exists); err != nil {
		return nil, err
	}
	objects, err := render.Build(o.Manifests, ask)
	if err != nil {
		return nil, unknownIsUsage(err)
	}
	for _, w := range d.workloads {
		if l := d.live[w.Name]; l != nil && l.Kind == fleet.StatefulSet && l.Phase() == canary.Open {
			return nil, refused("%s has a canary open, which a deployment would run over: first `croupier canary promote %s` or `croupier canary abort %s`", w.Name, w.Name, w.Name)
		}
	}
	if err := sameNATS(d.workloads, d.live); err != nil {
		return nil, err
	}
	d.createNamespace = !exists
	for _, secret := range secrets() {
		have := false
		if exists {
			if have, err = f.SecretExists(ctx, secret.name); err != nil {
				return nil, err
			}
		}
		if !have {
			d.createSecrets = append(d.createSecrets, secret)
		}
	}
	for _, object := range objects {
		diff := fleet.Difference{Object: object, Action: fleet.Create}
		if exists {
			if diff, err = f.Compare(ctx, object, o.ForceConflicts); err != nil {
				if object.GetKind() == fleet.StatefulSet && object.GetName() == natsComponent {
					err = fmt.Errorf("%w\nnext: what NATS keeps its files on cannot change: name the components of the last deployment again (scratch-store, nats-three), or begin anew after %s", err, beginAnew)
				}
				return nil, err
			}
			keepPrevious(&diff, d.live)
		}
		d.objects = append(d.objects, diff)
	}
	d.describe()
	return d, nil
}

// sameNATS refuses to change the number of NATS servers under a game: the ones
// that are left could not agree, and the directory would be lost.
func sameNATS(workloads []render.Workload, live map[string]*fleet.Workload) error {
	for _, w := range workloads {
		l := live[w.Name]
		if w.Component != natsComponent || l == nil || l.Replicas == w.Replicas {
			continue
		}
		return refused("%s here and this deployment would make it %d, which loses the directory of rooms: "+
			"name the components of the last deployment again (--component nats-three is three), "+
			"or begin anew after %s",
			plural(l.Replicas, "NATS server runs", "NATS servers run"), w.Replicas, beginAnew)
	}
	return nil
}

// unknownIsUsage makes a wrong name on the command line a usage error.
func unknownIsUsage(err error) error {
	if unknown, ok := err.(render.UnknownError); ok {
		return usage("deploy: %s", unknown)
	}
	return err
}

// images answers which image each workload gets: the one named for it, else
// the one named for its container, else the tag, else the one that runs, else
// the one that was built. No tag of ours names an image that others make, and
// none was built: the manifests name it.
func (o DeployOverlay) images(workloads []render.Workload, live map[string]*fleet.Workload) (map[string]string, error) {
	images := make(map[string]string)
	used := make(map[string]bool)
	for _, w := range workloads {
		switch {
		case o.Images[w.Name] != "":
			images[w.Name], used[w.Name] = o.Images[w.Name], true
		case o.Images[w.Container] != "":
			images[w.Name], used[w.Container] = o.Images[w.Container], true
		case o.Tag != "" && !w.Foreign():
			images[w.Name] = strings.TrimPrefix(strings.TrimSuffix(o.Registry, "/")+"/croupier/"+w.Container+":"+o.Tag, "/")
		case live[w.Name] != nil:
			images[w.Name] = live[w.Name].Image
		case w.Foreign(): // as the manifests say
		default:
			built, err := chosen(o.ImagesDir, []string{w.Container})
			if err != nil {
				return nil, usage("deploy: which image for %s? give --tag TAG or --image %s=REF, or build one here: %s", w.Name, w.Container, err)
			}
			images[w.Name] = built[0].Reference
		}
	}
	for name := range o.Images {
		if !used[name] {
			var have []string
			for _, w := range workloads {
				have = append(have, w.Name)
			}
			return nil, usage("deploy: --image %s=... names nothing here: use game, gate, nats or one of %s", name, strings.Join(have, ", "))
		}
	}
	return images, nil
}

// sizes answers how many pods each workload gets: as asked, else as it runs.
// How many NATS servers there are is the manifests' affair: their configuration
// counts them.
func (o DeployOverlay) sizes(workloads []render.Workload, live map[string]*fleet.Workload) map[string]int {
	out := make(map[string]int)
	for _, w := range workloads {
		if l := live[w.Name]; l != nil && w.Component != natsComponent {
			out[w.Name] = l.Replicas
		}
		if n, all := o.Replicas[""]; all && w.Component == render.Game {
			out[w.Name] = n
		}
	}
	for name, n := range o.Replicas {
		if name != "" {
			out[name] = n // render refuses a name that is not there
		}
	}
	return out
}

// selectors keeps the group that a switch chose.
func (o DeployOverlay) selectors(ctx context.Context, f *fleet.Fleet, objects []*unstructured.Unstructured, exists bool) (map[string]string, error) {
	out := make(map[string]string)
	for _, object := range objects {
		if object.GetKind() != "Service" || render.Group(object) == "" || !exists {
			continue
		}
		group, err := f.SelectedGroup(ctx, object.GetName())
		if err != nil {
			return nil, err
		}
		if group != "" {
			out[object.GetName()] = group
		}
	}
	return out, nil
}

// keepPrevious writes down which revision was stable before a change of the
// template, and carries an earlier note over where the template stays.
func keepPrevious(diff *fleet.Difference, live map[string]*fleet.Workload) {
	l := live[diff.Object.GetName()]
	if l == nil || l.Kind != fleet.StatefulSet || diff.Object.GetKind() != fleet.StatefulSet {
		return
	}
	note := l.Previous
	if diff.Changes("spec.template") && l.Phase() == canary.Settled {
		note = l.CurrentRevision
	}
	if note == "" {
		return
	}
	annotations := diff.Object.GetAnnotations()
	if annotations == nil {
		annotations = make(map[string]string)
	}
	annotations[fleet.PreviousAnnotation] = note
	diff.Object.SetAnnotations(annotations)
}

func (d *deployment) describe() {
	if d.createNamespace {
		d.plan.Add("create the namespace, with Pod Security standard restricted")
		d.plan.Note("the namespace is new, so the API server could not check the objects yet")
	}
	for _, secret := range d.createSecrets {
		d.plan.Add("create Secret %s with %s (it is never shown)", secret.name, secret.what)
	}
	kept := 0
	rendered := make(map[string]bool)
	for _, diff := range d.objects {
		name := diff.Object.GetKind() + " " + diff.Object.GetName()
		rendered[name] = true
		switch diff.Action {
		case fleet.Keep:
			kept++
		case fleet.Create:
			d.plan.Add("create %s%s", name, d.detail(diff))
		default:
			const most = 8
			fields := diff.Fields
			if len(fields) > most {
				fields = append(fields[:most:most], fmt.Sprintf("and %d more", len(fields)-most))
			}
			d.plan.Add("change %s:\n       %s", name, strings.Join(fields, "\n       "))
		}
	}
	if kept > 0 {
		d.plan.Add("keep %s as they are", plural(kept, "object", "objects"))
	}
	d.plan.Add("wait until every pod is updated and ready")
	for _, name := range slices.Sorted(maps.Keys(d.live)) {
		l := d.live[name]
		for _, p := range l.Pods {
			if p.Stuck && l.Kind == fleet.StatefulSet {
				d.plan.Note("%s is stuck (%s); if its template changes, it is deleted, because the controller would wait for it", p.Name, p.Reason)
			}
		}
		if !rendered[l.Kind+" "+l.Name] {
			d.plan.Note("%s %s runs here and is not part of this overlay; it is left alone", l.Kind, l.Name)
		}
	}
}

// detail is what to say of a new workload.
func (d *deployment) detail(diff fleet.Difference) string {
	for _, w := range render.Workloads([]*unstructured.Unstructured{diff.Object}) {
		return fmt.Sprintf(": %s, %s", plural(w.Replicas, "pod", "pods"), w.Image)
	}
	return ""
}

func (d *deployment) apply(ctx context.Context, f *fleet.Fleet, s Streams, force bool) error {
	if d.createNamespace {
		if err := f.CreateNamespace(ctx); err != nil {
			return err
		}
	}
	for _, secret := range d.createSecrets {
		if err := f.CreateSecret(ctx, secret.name, secret.entry, secret.fresh()); err != nil {
			return err
		}
		fmt.Fprintf(s.Err, "created Secret %s\n", secret.name)
	}
	for _, diff := range d.objects {
		if diff.Action == fleet.Keep {
			continue
		}
		if err := f.Apply(ctx, diff, force); err != nil {
			return err
		}
		fmt.Fprintf(s.Err, "applied %s %s\n", diff.Object.GetKind(), diff.Object.GetName())
	}
	return nil
}
