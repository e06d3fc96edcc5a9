"use strict";
// Shows the values under the pointer, or at the place that the arrow keys lead to. The page can be
// read without it.
for (const figure of document.querySelectorAll("figure.chart")) {
  const source = figure.querySelector("script[type='application/json']");
  const plot = figure.querySelector("svg.plot");
  if (!source || !plot) continue;
  const data = JSON.parse(source.textContent);
  const places = data.points.places;
  const readout = figure.querySelector(".readout");
  const cross = document.createElementNS("http://www.w3.org/2000/svg", "line");
  cross.setAttribute("class", "cross");
  cross.setAttribute("y1", "0");
  cross.setAttribute("y2", "100%");
  let at = -1;

  const digits = (v) => (v >= 99.95 ? v.toFixed(0) : v >= 9.995 ? v.toFixed(1) : v.toFixed(2));
  const seconds = (v) => (v === 0 ? "0" : v < 0.0009995 ? digits(v * 1e6) + " µs" : v < 0.9995 ? digits(v * 1e3) + " ms" : digits(v) + " s");
  const amount = (v) => (Number.isInteger(v) ? v.toLocaleString("en") : v >= 1000 ? Math.round(v).toLocaleString("en") : digits(v));
  const moment = (s) => {
    s = Math.round(s);
    const two = (n) => String(n).padStart(2, "0");
    return s < 3600 ? Math.floor(s / 60) + ":" + two(s % 60) : Math.floor(s / 3600) + ":" + two(Math.floor(s / 60) % 60) + ":" + two(s % 60);
  };
  const show = (i) => {
    at = Math.max(0, Math.min(places.length - 1, i));
    cross.setAttribute("x1", places[at] * 100 + "%");
    cross.setAttribute("x2", places[at] * 100 + "%");
    if (!cross.parentNode) plot.append(cross);
    const head = data.points.names ? data.points.names[at] : moment(places[at] * data.points.span);
    const parts = data.series
      .filter((s) => s.values[at] !== null)
      .map((s) => s.name + " " + (data.unit === "seconds" ? seconds(s.values[at]) : amount(s.values[at])));
    readout.textContent = head + ": " + (parts.join(", ") || "nothing");
  };
  const hide = () => {
    cross.remove();
    readout.textContent = "";
    at = -1;
  };
  plot.addEventListener("pointermove", (event) => {
    const box = plot.getBoundingClientRect();
    const x = (event.clientX - box.left) / box.width;
    let best = 0;
    for (let i = 1; i < places.length; i++) if (Math.abs(places[i] - x) < Math.abs(places[best] - x)) best = i;
    show(best);
  });
  plot.addEventListener("pointerleave", hide);
  plot.addEventListener("blur", hide);
  plot.addEventListener("keydown", (event) => {
    const step = { ArrowLeft: -1, ArrowRight: 1, PageUp: -10, PageDown: 10, Home: -1e9, End: 1e9 }[event.key];
    if (step === undefined) return;
    event.preventDefault();
    show((at < 0 ? 0 : at) + step);
  });
  plot.setAttribute("tabindex", "0");
}
