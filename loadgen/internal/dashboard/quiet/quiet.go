// Package quiet keeps programs that link the dashboard from asking the terminal for its background
// colour when they start. Bubble Tea does that from an init function, and a terminal that does not
// answer then costs five seconds, even in a program that never shows it. The dashboard's
// colours suit both backgrounds, so nobody needs to know.
//
// It works because the language initializes packages in the order of their import paths as their
// imports allow: this one needs nothing but Lip Gloss and sorts before Bubble Tea.
package quiet

import "github.com/charmbracelet/lipgloss"

func init() { lipgloss.SetHasDarkBackground(true) }
