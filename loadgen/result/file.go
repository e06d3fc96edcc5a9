package result

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"strings"
)

// maxSeconds is how long a run may be.
const maxSeconds = 1_000_000

// limit is how many bytes a result may have.
var limit = 256 << 20

// Write writes the run as JSON.
func (r *Run) Write(w io.Writer) error {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	if err := e.Encode(r); err != nil {
		return fmt.Errorf("write the result: %w", err)
	}
	return nil
}

// WriteFile writes the run to a file, as ToFile does.
func (r *Run) WriteFile(path string) error {
	if err := ToFile(path, r.Write); err != nil {
		return fmt.Errorf("keep the result: %w", err)
	}
	return nil
}

// ToFile writes a file, which is there either whole or, if that fails, as it was. A link stays one. What
// is no file, such as a pipe or /dev/null, is written into and never replaced.
func ToFile(path string, write func(io.Writer) error) (err error) {
	if info, err := os.Stat(path); err == nil && !info.Mode().IsRegular() {
		f, err := os.OpenFile(path, os.O_WRONLY, 0)
		if err != nil {
			return err
		}
		return errors.Join(write(f), f.Close())
	}
	if target, err := filepath.EvalSymlinks(path); err == nil {
		path = target
	}
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			_ = os.Remove(f.Name())
		}
	}()
	err = write(f)
	if chmod := f.Chmod(0o644); err == nil {
		err = chmod
	}
	if sync := f.Sync(); err == nil {
		err = sync
	}
	if closing := f.Close(); err == nil {
		err = closing
	}
	if err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}

// Read reads what Write wrote. It reads no more than 256 MiB, and refuses what cannot be a result.
func Read(from io.Reader) (*Run, error) {
	b, err := io.ReadAll(io.LimitReader(from, int64(limit)+1))
	if err != nil {
		return nil, fmt.Errorf("read a result: %w", err)
	}
	if len(b) > limit {
		return nil, fmt.Errorf("read a result: it is longer than %d MiB, and no result is", limit>>20)
	}
	var head struct {
		Format string `json:"format"`
	}
	if err := json.Unmarshal(b, &head); err != nil {
		return nil, fmt.Errorf("read a result: this is no result that loadgen wrote (%w): give the file that loadgen run --save wrote", err)
	}
	if head.Format != Format {
		return nil, fmt.Errorf("read a result: %w", strange(head.Format))
	}
	r := new(Run)
	if err := json.Unmarshal(b, r); err != nil {
		return nil, fmt.Errorf("read a result: %w", err)
	}
	if err := r.check(); err != nil {
		return nil, fmt.Errorf("read a result: %w", err)
	}
	return r, nil
}

// strange says what is wrong with a format.
func strange(format string) error {
	family, _, _ := strings.Cut(Format, "/")
	if strings.HasPrefix(format, family+"/") {
		return fmt.Errorf("it has the format %.40q, and this loadgen knows %q: use the loadgen that wrote it", format, Format)
	}
	return errors.New("this is no result that loadgen wrote: give the file that loadgen run --save wrote")
}

// check refuses values that no run has.
func (r *Run) check() error {
	switch r.Verdict {
	case Pass, Fail, Missed, Invalid:
	default:
		return fmt.Errorf("its verdict is %.40q, which is none", r.Verdict)
	}
	if !(r.Seconds >= 0 && r.Seconds <= maxSeconds) {
		return fmt.Errorf("it took %v seconds, which is no time for a run", r.Seconds)
	}
	if r.Came < 0 || r.Seated < 0 || r.Seated > r.Came || r.Processes < 0 {
		return fmt.Errorf("of %d bots %d had a place, in %d processes, which can't be", r.Came, r.Seated, r.Processes)
	}
	if len(r.Series) > maxSeconds {
		return fmt.Errorf("it has a series of %d seconds, and a run has at most %d", len(r.Series), maxSeconds)
	}
	for _, s := range r.Series {
		if !(math.Abs(s.At) <= 2*maxSeconds) {
			return fmt.Errorf("it has a second at %v, which is no time in a run", s.At)
		}
	}
	for _, w := range r.Waves {
		if !(math.Abs(w.At) <= 2*maxSeconds) || w.Lost < 0 || w.Back < 0 {
			return fmt.Errorf("it has a wave at %v of %d connections, of which %d came back, which can't be", w.At, w.Lost, w.Back)
		}
	}
	for _, s := range r.Shares {
		if s.FirstUser < 0 || s.FirstRoom < 0 || s.Users < 0 || s.Rooms < 0 ||
			s.FirstUser > math.MaxInt64-s.Users || s.FirstRoom > math.MaxInt64-s.Rooms {
			return fmt.Errorf("it has %d users from %d and %d rooms from %d, which can't be", s.Users, s.FirstUser, s.Rooms, s.FirstRoom)
		}
	}
	sums := make(map[string]uint64)
	for _, p := range r.Phases {
		sums[p.Phase] += p.Times.Count()
		if sums[p.Phase] > math.MaxInt64 {
			return fmt.Errorf("it counts more times of %.40q than can be", p.Phase)
		}
	}
	return nil
}
