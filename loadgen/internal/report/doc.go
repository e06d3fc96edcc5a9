// Package report writes a result, or a comparison of results, for people and for spreadsheets: as
// text, as a page that needs nothing else, and as CSV. What servers and result files say can do
// nothing to a terminal, a browser or a spreadsheet. Results are only read; any goroutine may write.
//
// plain.go is the text; page.go the page, with figures.go its charts, series.go the seconds of a run
// as few points, and chart what they look like; table.go the CSV; comparison.go all three for a
// comparison. times.go, health.go and text.go serve them all.
package report
