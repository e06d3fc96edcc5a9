// Command loadgen plays on game servers with many bots at once and says whether the servers kept
// their promise. This is the map of it.
//
//	main.go               signals, and the two stages of stopping
//	scenario/             who plays, how, for how long, and what must hold: YAML, presets, flags. Pure
//	result/               what a run brought: the file, the verdict, merging, comparing, exit codes
//	play/                 one call that runs a scenario and shows it; croupier's demo is built on it, too
//	internal/
//	  command/            the command line, one file a verb
//	  capacity/           the search for the largest load that is held, by trials
//	  load/               the population of a run: ramps, storms, waves, a snapshot each second
//	  bot/                one bot: what it wants, and what it does about what happens to it
//	  link/               one connection, through a gate or directly, as lean as can be
//	  oracle/             whether what the bots saw can be true of a correct server. Pure
//	  measure/            times in histograms that merge exactly, and the generator's own health
//	  clock/              wakes many bots, each at its time
//	  priority/           the generator before the servers it measures
//	  live/               a run while it goes on: its snapshots, its controls, what is new in it.
//	                      rehearsal/ makes up runs that never were, to look at
//	  dashboard/          shows it on a terminal
//	  lines/              shows it as a line, or a JSON object, a second
//	  export/             lets Prometheus watch it
//	  report/             a result, or a comparison of results, as text, HTML and CSV. chart/ draws
//	  words/              figures the way people read them
//	  stub/               a game server that costs next to nothing, for benchmarks
//
// A run goes one way:
//
//	scenario - load - bot - link - servers - link - bot - oracle and measure - load - result
//
// and each second load tells whoever shows it (live). Imports run one way, too: command - play -
// what runs and what shows - result - scenario, oracle, measure. What shows a run knows no bots, and
// what plays does not know who watches (scripts/imports says which and why).
//
// Words: a bot plays for a user, whom the servers call a player; a spectator is a user at a table
// without a seat. A storm is when a scenario breaks many connections at once; a wave is many
// connections lost at once, whoever broke them. A violation is a rule that a server broke, with its
// proof; a trouble is an error that a bot met; a doubt makes a run say nothing. The verdict is PASS,
// FAIL, SLO or INVALID.
package main
