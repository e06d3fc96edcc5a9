package command

import (
	"context"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"

	"croupier/ctl/internal/image"
	"croupier/ctl/internal/output"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/urfave/cli/v2"
)

// defaultImages is where `build` leaves what `push` and `load` take.
const defaultImages = "dist/images"

// BuildImages compiles the programs and packs them.
type BuildImages struct {
	Source   string
	Out      string
	Tag      string // empty: what git describes
	Platform string
	Programs []string
	Format   output.Format
}

// Build is the verb `build`.
func Build() *cli.Command {
	return &cli.Command{
		Name:      "build",
		Category:  "Images",
		Usage:     "compile the servers and pack them as container images",
		UsageText: "croupier build [--tag TAG] [--out DIR] [game|gate|loadgen|nats ...]",
		Description: `Needs Go and no container engine. The same source gives the same bytes and so the
same digests. Each image is an archive that containerd, Docker and a registry take.
The nats image is only built when it is named: for clusters that cannot pull the
official one.

Examples:
  croupier build
  croupier build --tag v2 game
  croupier build --platform linux/arm64 --out /tmp/images`,
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "tag", Aliases: []string{"t"}, Usage: "the version and image `TAG` (default: git describe)"},
			&cli.StringFlag{Name: "out", Value: defaultImages, Usage: "write the archives to this `DIR`", TakesFile: true},
			&cli.StringFlag{Name: "platform", Value: "linux/" + runtime.GOARCH, Usage: "build for this `OS/ARCH`"},
			&cli.StringFlag{Name: "source", Value: ".", Usage: "the checkout to build, or a `DIR` in it", TakesFile: true},
			&cli.StringFlag{Name: "output", Aliases: []string{"o"}, Usage: "`FORMAT`: json or yaml"},
		},
		Action: func(c *cli.Context) error {
			format, err := output.ParseFormat(c.String("output"))
			if err != nil {
				return usage("%s", err)
			}
			return BuildImages{
				Source: c.String("source"), Out: c.String("out"), Tag: c.String("tag"),
				Platform: c.String("platform"), Programs: c.Args().Slice(), Format: format,
			}.Run(c.Context, streams(c))
		},
	}
}

var tagRule = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}$`)

// Run builds one image after the other.
func (o BuildImages) Run(ctx context.Context, s Streams) error {
	goos, goarch, ok := strings.Cut(o.Platform, "/")
	if !ok || goos != "linux" || goarch == "" {
		return usage("build: the platform %q is not linux/ARCH", o.Platform)
	}
	programs, err := choosePrograms(o.Programs)
	if err != nil {
		return err
	}
	source, err := image.FindSource(o.Source)
	if err != nil {
		return err
	}
	tag := o.Tag
	if tag == "" {
		tag = image.Describe(ctx, source)
	}
	if !tagRule.MatchString(tag) {
		return usage("build: %q cannot be an image tag (letters, digits, '.', '_' and '-', at most 128)", tag)
	}
	if err := os.MkdirAll(o.Out, 0o755); err != nil {
		return fmt.Errorf("make the folder for images: %w", err)
	}
	var built []image.Built
	for _, program := range programs {
		fmt.Fprintf(s.Err, "building %s %s for %s\n", program, tag, o.Platform)
		b, err := o.build(ctx, source, program, tag, goos, goarch)
		if err != nil {
			return err
		}
		built = append(built, b)
	}
	if err := image.WriteIndex(o.Out, built); err != nil {
		return err
	}
	return printBuilt(s, o.Format, built)
}

func (o BuildImages) build(ctx context.Context, source, program, tag, goos, goarch string) (image.Built, error) {
	var none image.Built
	binary, err := image.Compile(ctx, source, program, tag, goos, goarch)
	if err != nil {
		return none, err
	}
	img, err := image.Pack(image.Spec{Name: program, File: image.Programs[program].File, Binary: binary, Version: tag, OS: goos, Arch: goarch})
	if err != nil {
		return none, err
	}
	ref, err := name.NewTag("croupier/" + program + ":" + tag)
	if err != nil {
		return none, fmt.Errorf("name image %s: %w", program, err)
	}
	archive := program + ".tar"
	path := filepath.Join(o.Out, archive)
	if err := image.WriteArchive(path, ref, img); err != nil {
		return none, err
	}
	digest, err := img.Digest()
	if err != nil {
		return none, fmt.Errorf("digest of image %s: %w", program, err)
	}
	info, err := os.Stat(path)
	if err != nil {
		return none, fmt.Errorf("size of image %s: %w", program, err)
	}
	return image.Built{
		Name: program, Reference: "croupier/" + program + ":" + tag, Version: tag,
		Platform: o.Platform, Digest: digest.String(), Archive: archive, Size: info.Size(),
	}, nil
}

// choosePrograms checks the names given, or takes all of our own.
func choosePrograms(names []string) ([]string, error) {
	all := slices.Sorted(maps.Keys(image.Programs))
	if len(names) == 0 {
		return slices.DeleteFunc(all, func(n string) bool { return image.Programs[n].OnDemand }), nil
	}
	for _, n := range names {
		if !slices.Contains(all, n) {
			return nil, usage("there is no image %q: choose among %s", n, strings.Join(all, ", "))
		}
	}
	return names, nil
}

func printBuilt(s Streams, format output.Format, built []image.Built) error {
	if format == output.JSON || format == output.YAML {
		return output.Encode(s.Out, format, built)
	}
	table := output.Table{Header: []string{"IMAGE", "PLATFORM", "SIZE", "DIGEST"}}
	for _, b := range built {
		table.Add(b.Reference, b.Platform, fmt.Sprintf("%.1f MB", float64(b.Size)/1e6), b.Digest)
	}
	return table.Write(s.Out, nil)
}

// chosen picks the built images that the arguments name, or all.
func chosen(dir string, names []string) ([]image.Built, error) {
	all, err := image.ReadIndex(dir)
	if err != nil || len(names) == 0 {
		return all, err
	}
	var picked []image.Built
	for _, n := range names {
		found := false
		for _, b := range all {
			if b.Name == n {
				picked, found = append(picked, b), true
			}
		}
		if !found {
			return nil, fmt.Errorf("%s holds no image %q: build it with `croupier build --out %s %s`", dir, n, dir, n)
		}
	}
	return picked, nil
}
