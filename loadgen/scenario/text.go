package scenario

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// set reads a field's value from text, into one of the types that fields have.
func set(into any, text string) error {
	text = strings.TrimSpace(text)
	switch into := into.(type) {
	case *string:
		*into = text
	case *Model:
		*into = Model(text)
	case *int:
		n, err := strconv.Atoi(text)
		if err != nil {
			return wholeError(text, err)
		}
		*into = n
	case *uint64:
		n, err := strconv.ParseUint(text, 0, 64)
		if err != nil {
			return wholeError(text, err)
		}
		*into = n
	case *float64:
		n, err := parseNumber(text)
		if err != nil {
			return err
		}
		*into = n
	case *time.Duration:
		d, err := parseDuration(text)
		if err != nil {
			return err
		}
		*into = d
	case *[]Stage:
		stages, err := parseStages(text)
		if err != nil {
			return err
		}
		*into = stages
	case *[]Objective:
		return addObjectives(into, text)
	default:
		return fmt.Errorf("a field of type %T cannot be read", into)
	}
	return nil
}

// format is the text that set reads as the value.
func format(from any) string {
	switch from := from.(type) {
	case *string:
		return *from
	case *Model:
		return string(*from)
	case *int:
		return strconv.Itoa(*from)
	case *uint64:
		return strconv.FormatUint(*from, 10)
	case *float64:
		return strconv.FormatFloat(*from, 'f', -1, 64)
	case *time.Duration:
		return formatDuration(*from)
	case *[]Stage:
		var parts []string
		for _, stage := range *from {
			parts = append(parts, formatDuration(stage.For)+":"+strconv.Itoa(stage.Bots))
		}
		return strings.Join(parts, ",")
	case *[]Objective:
		var parts []string
		for _, o := range *from {
			parts = append(parts, o.String())
		}
		return strings.Join(parts, ",")
	}
	return ""
}

func wholeError(text string, err error) error {
	if errors.Is(err, strconv.ErrRange) {
		return fmt.Errorf("%s is too large a number", shown(text))
	}
	if _, err := strconv.ParseInt(text, 10, 64); err == nil { // and so it has a sign
		return fmt.Errorf("%s: must not be negative", shown(text))
	}
	if n, ok := strings.CutSuffix(strings.ToLower(text), "k"); ok {
		if v, err := strconv.ParseFloat(n, 64); err == nil && v > 0 && v < 1e6 {
			return fmt.Errorf("%s is not a whole number: write %d", shown(text), int(v*1000))
		}
	}
	return fmt.Errorf("%s is not a whole number", shown(text))
}

func parseNumber(text string) (float64, error) {
	n, err := strconv.ParseFloat(text, 64)
	if err == nil && !math.IsNaN(n) && !math.IsInf(n, 0) {
		return n, nil
	}
	if share, ok := strings.CutSuffix(text, "%"); ok {
		if n, err := strconv.ParseFloat(strings.TrimSpace(share), 64); err == nil && n >= 0 && n <= 100 {
			return 0, fmt.Errorf("%s is not a number: write %g", shown(text), n/100)
		}
	}
	return 0, fmt.Errorf("%s is not a number", shown(text))
}

// parseDuration reads a time as Go writes it; a number without a unit is refused, but for 0.
func parseDuration(text string) (time.Duration, error) {
	d, err := time.ParseDuration(text)
	if err == nil {
		return d, nil
	}
	if tight := strings.Join(strings.Fields(text), ""); tight != text {
		if _, err := time.ParseDuration(tight); err == nil {
			return 0, fmt.Errorf("%s is not a time: write %s", shown(text), tight)
		}
	}
	if n, err := strconv.ParseFloat(text, 64); err == nil && len(text) < 20 && !math.IsNaN(n) && !math.IsInf(n, 0) {
		return 0, fmt.Errorf("%s has no unit: write %ss, %[2]sms or %[2]sm", shown(text), text)
	}
	digits := strings.TrimRight(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ ")
	if n, err := strconv.ParseFloat(digits, 64); err == nil && digits != text && len(digits) < 20 {
		switch unit := strings.ToLower(strings.TrimSpace(text[len(digits):])); unit {
		case "d", "day", "days":
			return 0, fmt.Errorf("%s is not a time: write %gh", shown(text), n*24)
		case "sec", "secs", "second", "seconds":
			return 0, fmt.Errorf("%s is not a time: write %ss", shown(text), digits)
		case "min", "mins", "minute", "minutes":
			return 0, fmt.Errorf("%s is not a time: write %sm", shown(text), digits)
		case "hour", "hours", "hr", "hrs":
			return 0, fmt.Errorf("%s is not a time: write %sh", shown(text), digits)
		}
	}
	return 0, fmt.Errorf("%s is not a time: write it like 500ms, 30s, 1m30s or 2h", shown(text))
}

// formatDuration is a duration without units that say nothing: 1m, not 1m0s.
func formatDuration(d time.Duration) string {
	text := d.String()
	if strings.HasSuffix(text, "m0s") {
		text = strings.TrimSuffix(text, "0s")
	}
	if strings.HasSuffix(text, "h0m") {
		text = strings.TrimSuffix(text, "0m")
	}
	return text
}

// parseStages reads 30s:100,2m:400.
func parseStages(text string) ([]Stage, error) {
	if text == "" {
		return nil, nil
	}
	var stages []Stage
	for part := range strings.SplitSeq(text, ",") {
		length, bots, found := strings.Cut(part, ":")
		if !found {
			return nil, fmt.Errorf("%s is not TIME:BOTS: write stages like 30s:100,2m:400", shown(part))
		}
		stage := Stage{}
		if err := set(&stage.For, length); err != nil {
			return nil, err
		}
		if err := set(&stage.Bots, bots); err != nil {
			return nil, err
		}
		stages = append(stages, stage)
	}
	return stages, nil
}

// addObjectives adds those of a text with commas to those there are; one of the same name takes
// the other's place. "none" takes all away.
func addObjectives(into *[]Objective, text string) error {
	if text == "" {
		return nil
	}
	if text == "none" {
		*into = nil
		return nil
	}
	list := append([]Objective(nil), *into...)
	for part := range strings.SplitSeq(text, ",") {
		o, err := ParseObjective(strings.TrimSpace(part))
		if err != nil {
			return err
		}
		list = putObjective(list, o)
	}
	*into = list
	return nil
}

func putObjective(list []Objective, o Objective) []Objective {
	for i := range list {
		if list[i].Name() == o.Name() {
			list[i] = o
			return list
		}
	}
	return append(list, o)
}
