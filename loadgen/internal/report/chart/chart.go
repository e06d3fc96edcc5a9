// Package chart works out what a chart looks like: its axes, and the shapes of its series. It is
// pure, and draws nothing: a template puts the shapes into SVG, and escapes every text.
package chart

import (
	"math"
	"strconv"
)

// Size is the width and the height of the space that shapes are in. It is stretched over the plot.
const Size = 1000

// Unit says how values are read.
type Unit string

const (
	Count   Unit = "count"
	Rate    Unit = "rate" // a second
	Seconds Unit = "seconds"
)

// Chart is one chart, ready for a template.
type Chart struct {
	ID    string // unique on its page
	Title string
	Desc  string // what is to be seen, for those who can't see it
	Note  string // how to read it
	X, Y  Axis

	Bands  []Series // behind the series
	Series []Series
	Limits []Limit
	Goals  []Goal
	Marks  []Mark
	Points Points // of what the series' values are at; for the one who points at the chart
	Unit   Unit
}

// Empty says that there is nothing to draw.
func (c Chart) Empty() bool {
	for _, s := range c.Series {
		for _, v := range s.Values {
			if !math.IsNaN(v) {
				return false
			}
		}
	}
	return true
}

// Series is one line, or one layer of a stack.
type Series struct {
	Name   string
	Class  string // of its style
	Values Values
	Filled bool
	Shape  string // the path
}

// Values are a series' values; NaN: there is none.
type Values []float64

// MarshalJSON writes counts exactly, what has a fraction to four significant digits, and null for NaN.
func (v Values) MarshalJSON() ([]byte, error) {
	b := []byte{'['}
	for i, value := range v {
		if i > 0 {
			b = append(b, ',')
		}
		switch {
		case math.IsNaN(value) || math.IsInf(value, 0):
			b = append(b, "null"...)
		case value == math.Trunc(value) && math.Abs(value) < 1e15:
			b = strconv.AppendInt(b, int64(value), 10)
		default:
			b = strconv.AppendFloat(b, value, 'g', 4, 64)
		}
	}
	return append(b, ']'), nil
}

// Points are where the values of all series are on the X axis, from 0 to 1, and what is there: a
// moment of Span seconds, or what Names says.
type Points struct {
	Places Places   `json:"places"`
	Span   float64  `json:"span,omitempty"`
	Names  []string `json:"names,omitempty"`
}

// Places are from 0 to 1.
type Places []float64

// MarshalJSON writes five digits.
func (p Places) MarshalJSON() ([]byte, error) {
	b := []byte{'['}
	for i, place := range p {
		if i > 0 {
			b = append(b, ',')
		}
		b = strconv.AppendFloat(b, math.Round(place*1e5)/1e5, 'f', -1, 64)
	}
	return append(b, ']'), nil
}

// Limit is a line across that a series should stay below.
type Limit struct {
	Name  string
	Place float64 // 0..1 from the bottom
}

// Goal is a place that the series of a class should pass below.
type Goal struct {
	Limit
	At    float64 // 0..1
	Class string
}

// Mark is a moment at which something happened, and how long it lasted.
type Mark struct {
	Place, Width float64
	Name         string // long
	Sign         string
	High         bool // the sign stands above the others'
	Class        string
}

// Line draws values as a line; a gap where there is none. A lonely value is a dot.
func (c *Chart) Line(name, class string, values Values) {
	c.Series = append(c.Series, Series{Name: name, Class: class, Values: values, Shape: c.line(values)})
}

func (c *Chart) line(values Values) string {
	var b []byte
	open := 0 // points since the last gap
	for i, v := range values {
		if math.IsNaN(v) {
			if open == 1 {
				b = append(b, "h0"...)
			}
			open = 0
			continue
		}
		if open == 0 {
			b = append(b, 'M')
		} else {
			b = append(b, ' ')
		}
		b = c.point(b, c.Points.Places[i], v)
		open++
	}
	if open == 1 {
		b = append(b, "h0"...)
	}
	return string(b)
}

// Stack draws layers of equally many values on top of each other, the first at the bottom. NaN is
// taken for 0.
func (c *Chart) Stack(layers ...Series) {
	if len(layers) == 0 {
		return
	}
	base := make(Values, len(c.Points.Places))
	for _, layer := range layers {
		top := make(Values, len(base))
		for i := range base {
			top[i] = base[i]
			if v := layer.Values[i]; !math.IsNaN(v) {
				top[i] += v
			}
		}
		var b []byte
		for i, v := range top {
			b = append(b, "M "[min(i, 1)])
			b = c.point(b, c.Points.Places[i], v)
		}
		for i := len(base) - 1; i >= 0; i-- {
			b = append(b, ' ')
			b = c.point(b, c.Points.Places[i], base[i])
		}
		if len(b) > 0 {
			b = append(b, 'Z')
		}
		layer.Shape, layer.Filled = string(b), true
		c.Series = append(c.Series, layer)
		base = top
	}
}

// point is a place as SVG says it: from the top left.
func (c *Chart) point(b []byte, place, v float64) []byte {
	b = number(b, place*Size)
	b = append(b, ' ')
	return number(b, (1-c.Y.Place(v))*Size)
}

func number(b []byte, v float64) []byte {
	return strconv.AppendFloat(b, math.Round(v*10)/10, 'f', -1, 64)
}

// Limit puts a limit all across the chart, in what its Y axis counts.
func (c *Chart) Limit(name string, limit float64) {
	c.Limits = append(c.Limits, Limit{Name: name, Place: c.Y.Place(limit)})
}

// Band fills the space between the least and the most of what a line is the mean of.
func (c *Chart) Band(class string, least, most Values) {
	var b []byte
	for i, v := range most {
		b = append(b, "M "[min(i, 1)])
		b = c.point(b, c.Points.Places[i], v)
	}
	for i := len(least) - 1; i >= 0; i-- {
		b = append(b, ' ')
		b = c.point(b, c.Points.Places[i], least[i])
	}
	if len(b) > 0 {
		b = append(b, 'Z')
	}
	c.Bands = append(c.Bands, Series{Class: class, Shape: string(b), Filled: true})
}

// Percent is a place as SVG's attributes take it.
func Percent(place float64) string {
	return string(number(nil, place*100)) + "%"
}

// Down is a place from the bottom, counted from the top.
func Down(place float64) string { return Percent(1 - place) }
