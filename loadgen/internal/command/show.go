package command

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/urfave/cli/v2"

	"croupier/loadgen/internal/report"
	"croupier/loadgen/play"
	"croupier/loadgen/result"
)

// Show is how a result is written.
type Show struct {
	Format string // of stdout: text, json or csv
	HTML   string // file; empty: none
	Save   string // result file; empty: none
}

func showFlags() []cli.Flag {
	return []cli.Flag{
		&cli.StringFlag{Name: "output", Aliases: []string{"o"}, Value: "text", Usage: "`FORMAT` of stdout: text, json or csv"},
		&cli.StringFlag{Name: "html", Usage: "write a page with charts to this `FILE`, which needs nothing else to be looked at"},
	}
}

func saveFlag() cli.Flag {
	return &cli.StringFlag{Name: "save", Usage: "write the result to this `FILE`, for report, merge and compare"}
}

// readShow reads the flags, and refuses files that can't be written, before anything is done.
func readShow(c *cli.Context) (Show, error) {
	s := Show{Format: c.String("output"), HTML: c.String("html"), Save: c.String("save")}
	if s.Format != "text" && s.Format != "json" && s.Format != "csv" {
		return Show{}, usage("--output%s: choose among text, json and csv", quoted(s.Format))
	}
	if s.HTML != "" && s.HTML == s.Save {
		return Show{}, usage("--html and --save name the same file: give two")
	}
	for _, f := range []struct{ flag, path string }{{"html", s.HTML}, {"save", s.Save}} {
		if err := writable(f.path); err != nil {
			return Show{}, usage("--%s: %w", f.flag, err)
		}
	}
	return s, nil
}

// writable says why no file can be there; empty paths are none.
func writable(path string) error {
	if path == "" {
		return nil
	}
	if info, err := os.Stat(path); err == nil && !info.Mode().IsRegular() {
		if info.IsDir() {
			return fmt.Errorf("%s is a folder: name a file in it", path)
		}
		return nil // such as a pipe
	}
	folder := filepath.Dir(path)
	info, err := os.Stat(folder)
	if errors.Is(err, fs.ErrNotExist) || err == nil && !info.IsDir() {
		return fmt.Errorf("there is no folder %s: make it first", folder)
	}
	trial, err := os.CreateTemp(folder, ".loadgen-*")
	if err != nil {
		return fmt.Errorf("no file can be made in %s (%w): name another folder", folder, errors.Unwrap(err))
	}
	return errors.Join(trial.Close(), os.Remove(trial.Name()))
}

// run writes a result: the files first, so that they are there however the reader of stdout ends, and to
// stdout whatever became of the files, for it may be all that is left of a long run.
func (s Show) run(out io.Writer, run *result.Run) error {
	var failed error
	if s.Save != "" {
		failed = run.WriteFile(s.Save)
	}
	if s.HTML != "" {
		if err := result.ToFile(s.HTML, func(w io.Writer) error { return report.HTML(w, run) }); err != nil {
			failed = errors.Join(failed, fmt.Errorf("write the page: %w", err))
		}
	}
	var err error
	switch s.Format {
	case "json":
		err = run.Write(out)
	case "csv":
		err = report.CSV(out, run)
	default:
		err = report.Text(out, run, play.Columns(out))
	}
	if err != nil {
		failed = errors.Join(failed, fmt.Errorf("write the report: %w", err))
	}
	if failed != nil {
		return invalid(failed)
	}
	return nil
}

// readRuns reads result files.
func readRuns(paths []string) ([]*result.Run, error) {
	var runs []*result.Run
	for _, path := range paths {
		run, err := readRun(path)
		if err != nil {
			return nil, invalid(fmt.Errorf("%s: %w", path, err))
		}
		runs = append(runs, run)
	}
	return runs, nil
}

func readRun(path string) (*result.Run, error) {
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, errors.New("there is no such file: name one that `loadgen run --save` wrote")
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return result.Read(f)
}
