// Package ui draws a dice table in a terminal and takes a player's keys: a Bubble Tea model whose
// Update and View are pure. Time, events, sizes and the results of requests reach it as messages;
// requests leave it as commands. View reads the clock from the last message, so that a screen is a
// function of the messages before it.
package ui
