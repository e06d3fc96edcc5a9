package dashboard

import (
	"math"
	"slices"
	"strings"
	"time"

	"croupier/loadgen/internal/words"
)

// plot is a chart of figures by the second. Zero figures are shown as none where gaps is set.
type plot struct {
	curves []curve
	ends   float64   // when the last second ended, in seconds since the begin of the run
	marks  []float64 // moments to mark on the axis
	unit   func(float64) string
	gaps   bool // 0 is no figure
}

// curve is one line of a plot, the newest figure last.
type curve struct {
	values []float64
	style  paint
}

const (
	dotsAcross = 2 // of a braille cell
	dotsDown   = 4
	labelWidth = 8 // of the axis at the left
)

// span is how many seconds fit into a plot of so many columns.
func span(width int) int { return max(0, width-labelWidth-1) * dotsAcross }

// draw makes exactly rows lines of at most width columns: the curves, and the axis of time in the
// last two rows. It draws nothing where there is no room for it.
func (p plot) draw(width, rows int, s styles) []string {
	cells, height := width-labelWidth-1, rows-2
	if cells < 8 || height < 2 {
		return nil
	}
	low, high, log := p.scale()
	if high == 0 {
		lines := append(make([]string, height/2), s.dim.Render(right("", labelWidth+1)+"nothing yet"))
		return append(tall(lines, height), p.axis(cells, s)...)
	}
	c := newCanvas(cells, height)
	each := p.stretch(cells)
	for i := len(p.curves) - 1; i >= 0; i-- { // the first one lies on top
		values := p.curves[i].values
		values = values[max(0, len(values)-cells*dotsAcross/each):]
		offset := cells*dotsAcross - len(values)*each
		last := -1
		for x, v := range values {
			if p.gaps && v <= 0 {
				last = -1
				continue
			}
			y := dotsDown*height - 1 - int(math.Round(share(v, low, high, log)*float64(dotsDown*height-1)))
			for k := range each {
				c.line(offset+x*each+k, last, y, i)
				last = y
			}
		}
	}
	lines := make([]string, 0, rows)
	for row := range height {
		label := ""
		at := 1 - float64(row*dotsDown)/float64(dotsDown*height-1)
		switch {
		case row == 0, row == height-1, height >= 7 && row == height/2:
			if row == height-1 {
				at = 0
			}
			label = p.unit(unshare(at, low, high, log))
		}
		axis := "│"
		if label != "" {
			axis = "┤"
		}
		lines = append(lines, s.dim.Render(right(label, labelWidth)+axis)+c.render(row, p.curves))
	}
	return append(lines, p.axis(cells, s)...)
}

// stretch is how many dots a second is wide: more than one while a run is young, or its charts would
// be mostly empty.
func (p plot) stretch(cells int) int {
	n := 1
	for _, c := range p.curves {
		n = max(n, len(c.values))
	}
	return min(6, max(1, cells*dotsAcross/n))
}

// scale is what the chart reaches from and to. A logarithmic one is worth its strangeness only
// where a straight one would show nothing of the smaller figures.
func (p plot) scale() (low, high float64, log bool) {
	least := math.Inf(1)
	var all []float64
	for _, c := range p.curves {
		for _, v := range c.values {
			if v > 0 {
				least, high = min(least, v), max(high, v)
				all = append(all, v)
			}
		}
	}
	if len(all) == 0 {
		return 0, 0, false
	}
	if p.gaps {
		slices.Sort(all)
		if middle := all[len(all)/2]; high > 50*middle {
			return math.Pow(10, math.Floor(math.Log10(least)+1e-9)), math.Pow(10, math.Ceil(math.Log10(high)-1e-9)), true
		}
	}
	return 0, round(high), false
}

// round is the next number of those that people like on an axis.
func round(v float64) float64 {
	power := math.Pow(10, math.Floor(math.Log10(v)))
	for _, f := range [...]float64{1, 1.2, 1.5, 2, 2.5, 3, 4, 5, 6, 8} {
		if f*power >= v*(1-1e-9) {
			return f * power
		}
	}
	return 10 * power
}

// share is how far up the chart a figure lies, 0 to 1.
func share(v, low, high float64, log bool) float64 {
	if log {
		v, low, high = math.Log(max(v, low)), math.Log(low), math.Log(high)
	}
	if high <= low {
		return 0
	}
	return min(1, max(0, (v-low)/(high-low)))
}

func unshare(at, low, high float64, log bool) float64 {
	if log {
		return math.Exp(math.Log(low) + at*(math.Log(high)-math.Log(low)))
	}
	return low + at*(high-low)
}

// steps are the seconds that may lie between two labels of the axis of time.
var steps = [...]float64{5, 10, 15, 20, 30, 60, 120}

// axis is the line of time with its marks, and its labels.
func (p plot) axis(cells int, s styles) []string {
	rule := []rune(strings.Repeat("─", cells))
	wide := float64(p.stretch(cells)) / dotsAcross // cells of a second
	begin := p.ends - float64(cells)/wide
	cell := func(at float64) int { return min(cells-1, int((at-begin)*wide)) }

	now := words.Moment(p.ends)
	step := steps[len(steps)-1]
	for i := len(steps) - 1; i >= 0 && steps[i]*wide >= 10; i-- {
		step = steps[i]
	}
	var labels strings.Builder
	used := 0
	for at := math.Ceil(max(0, begin)/step) * step; at < p.ends; at += step {
		i, text := cell(at), words.Moment(at)
		if i+len(text)+1+len(now) > cells { // the last one is now
			break
		}
		labels.WriteString(strings.Repeat(" ", max(0, i-used)) + text)
		used = max(used, i) + len(text)
		rule[i] = '┬'
	}
	if gap := cells - used - len(now); gap > 0 {
		labels.WriteString(strings.Repeat(" ", gap) + now)
	}
	for _, at := range p.marks {
		if at > begin && at <= p.ends {
			rule[cell(at)] = '▲'
		}
	}
	margin := strings.Repeat(" ", labelWidth)
	return []string{
		s.dim.Render(margin + "└" + string(rule)),
		s.dim.Render(margin + " " + labels.String()),
	}
}

// canvas is a field of braille cells.
type canvas struct {
	width, height int
	cells         []byte // the dots of a cell
	owner         []int8 // the curve that is on top in it
}

func newCanvas(width, height int) *canvas {
	return &canvas{width: width, height: height, cells: make([]byte, width*height), owner: make([]int8, width*height)}
}

// dots are the bits of a braille cell, by row and column.
var dots = [dotsDown][dotsAcross]byte{{0x01, 0x08}, {0x02, 0x10}, {0x04, 0x20}, {0x40, 0x80}}

func (c *canvas) set(x, y, owner int) {
	if x < 0 || y < 0 || x >= c.width*dotsAcross || y >= c.height*dotsDown {
		return
	}
	i := y/dotsDown*c.width + x/dotsAcross
	c.cells[i] |= dots[y%dotsDown][x%dotsAcross]
	c.owner[i] = int8(owner)
}

// line draws a curve's dot in column x, joined to the height of the column before; negative: to none.
func (c *canvas) line(x, before, y, owner int) {
	if before < 0 {
		before = y
	}
	// Half of the way belongs to the column before, so that steps look like steps.
	middle := (before + y) / 2
	for d := min(middle, y); d <= max(middle, y); d++ {
		c.set(x, d, owner)
	}
	for d := min(before, middle); d <= max(before, middle) && before != y; d++ {
		c.set(x-1, d, owner)
	}
}

// render writes a row of cells, each run of one curve in its style.
func (c *canvas) render(row int, curves []curve) string {
	var line, run strings.Builder
	owner := int8(-1)
	flush := func() {
		if run.Len() == 0 {
			return
		}
		if owner < 0 {
			line.WriteString(run.String())
		} else {
			line.WriteString(curves[owner].style.Render(run.String()))
		}
		run.Reset()
	}
	for i := row * c.width; i < (row+1)*c.width; i++ {
		whose, sign := int8(-1), ' '
		if c.cells[i] != 0 {
			whose, sign = c.owner[i], rune(0x2800)+rune(c.cells[i])
		}
		if whose != owner {
			flush()
			owner = whose
		}
		run.WriteRune(sign)
	}
	flush()
	return line.String()
}

// spark is a row of figures, the newest at its right end, as high as they are against the highest.
func spark(values []float64, width int) string {
	values = values[max(0, len(values)-max(0, width)):]
	highest := 0.0
	for _, v := range values {
		highest = max(highest, v)
	}
	signs := []rune("▁▂▃▄▅▆▇█")
	var line strings.Builder
	line.WriteString(strings.Repeat(" ", max(0, width-len(values))))
	for _, v := range values {
		if v <= 0 {
			line.WriteRune('▁')
			continue
		}
		line.WriteRune(signs[min(len(signs)-1, 1+int(v/highest*float64(len(signs)-1)*0.999))])
	}
	return line.String()
}

// duration writes the label of an axis of times.
func duration(v float64) string {
	if v <= 0 {
		return "0"
	}
	return words.Duration(time.Duration(v))
}
