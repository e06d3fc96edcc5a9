package main

import (
	"bufio"
	"cmp"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// complaints are what the servers' logs warn of, without the particulars, and how often; and the
// lines that no server may ever write.
func complaints(dir string) (counts map[string]int, fatal []string) {
	counts = make(map[string]int)
	files, _ := filepath.Glob(filepath.Join(dir, "g*-*.log")) // the pattern is right
	for _, file := range files {
		f, err := os.Open(file)
		if err != nil {
			continue // it was there just now
		}
		name := strings.TrimSuffix(filepath.Base(file), ".log")
		bad := complain(f, func(what string) { program, _, _ := strings.Cut(name, "-"); counts[program+": "+what]++ })
		for _, line := range bad {
			fatal = append(fatal, name+" says: "+line)
		}
		f.Close()
	}
	return counts, fatal
}

var (
	warning = regexp.MustCompile(`^\d{4}/\d\d/\d\d \d\d:\d\d:\d\d (WARN|ERROR) (.*)`)
	detail  = regexp.MustCompile(` [A-Za-z_.]+=.*`)
)

// complain reads one log.
func complain(log io.Reader, tell func(what string)) (fatal []string) {
	lines := bufio.NewScanner(log)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		line := lines.Text()
		if found := warning.FindStringSubmatch(line); found != nil {
			tell(found[1] + " " + detail.ReplaceAllString(found[2], ""))
		}
		if strings.HasPrefix(line, "panic:") || strings.HasPrefix(line, "fatal error:") || strings.Contains(line, "WARNING: DATA RACE") || strings.Contains(line, "panicked") {
			fatal = append(fatal, line)
		}
	}
	return fatal
}

// printComplaints writes the most frequent of them.
func printComplaints(w io.Writer, counts map[string]int) {
	keys := slices.SortedFunc(maps.Keys(counts), func(a, b string) int {
		return cmp.Or(cmp.Compare(counts[b], counts[a]), cmp.Compare(a, b))
	})
	for i, key := range keys {
		if i == 12 {
			fmt.Fprintf(w, "  and %d more kinds\n", len(keys)-i)
			return
		}
		if i == 0 {
			fmt.Fprintln(w, "what the servers warned of:")
		}
		fmt.Fprintf(w, "  %5d  %s\n", counts[key], key)
	}
}
