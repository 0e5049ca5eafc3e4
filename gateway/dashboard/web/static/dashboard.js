// Draws the panels that the server pushes. Text is set as text only: nothing from a topic becomes markup.
"use strict";

const root = document.documentElement;
const drawn = new Map();

function colour(name) {
  return getComputedStyle(root).getPropertyValue(name).trim();
}

function themed(layout) {
  const axis = { gridcolor: colour("--line"), zerolinecolor: colour("--line"), automargin: true };
  const merged = {
    autosize: true,
    height: 300,
    margin: { l: 48, r: 12, t: 8, b: 40 },
    paper_bgcolor: "transparent",
    plot_bgcolor: "transparent",
    font: { color: colour("--text"), family: "system-ui, sans-serif", size: 12 },
    colorway: ["--one", "--two", "--three", "--four"].map(colour),
    legend: { orientation: "h", y: 1.12 },
    ...layout,
  };
  for (const name of ["xaxis", "yaxis"]) merged[name] = { ...axis, ...layout[name] };
  return merged;
}

// Plotly reads tags and entities in texts, so a name from a topic could be a link.
function plain(value) {
  if (typeof value === "string") return value.replaceAll("&", "&amp;").replaceAll("<", "&lt;");
  if (Array.isArray(value)) return value.map(plain);
  if (value === null || typeof value !== "object") return value;
  return Object.fromEntries(Object.entries(value).map(([name, one]) => [name, plain(one)]));
}

function draw(panel) {
  const place = document.querySelector(`#${panel.id} .chart`);
  if (!place || !window.Plotly) return;
  place.hidden = panel.traces.length === 0;
  if (place.hidden) return;
  const options = { displayModeBar: false, responsive: true };
  window.Plotly.react(place, plain(panel.traces), themed(panel.layout), options);
  drawn.set(panel.id, panel);
}

function fillTable(section, panel) {
  const body = section.querySelector("tbody");
  const rows = panel.rows.map((row) => {
    const line = document.createElement("tr");
    row.forEach((cell, index) => {
      const field = document.createElement("td");
      field.className = panel.align[index];
      field.textContent = cell;
      line.append(field);
    });
    return line;
  });
  body.replaceChildren(...rows);
  for (const around of section.querySelectorAll(".scroll, details")) around.hidden = panel.rows.length === 0;
}

function fillFigures(section, panel) {
  const fields = section.querySelectorAll("dd");
  panel.figures.forEach((figure, index) => {
    fields[index].textContent = figure.text;
    fields[index].dataset.value = figure.value ?? "";
  });
}

function show(panel) {
  const section = document.getElementById(panel.id);
  if (!section) return;
  section.querySelector(".window").textContent = panel.window;
  const empty = section.querySelector(".empty");
  empty.textContent = panel.empty;
  empty.hidden = !panel.empty;
  if (panel.kind === "figures") fillFigures(section, panel);
  else fillTable(section, panel);
  if (panel.kind === "chart") draw(panel);
}

function follow(address) {
  const source = new EventSource(address);
  source.onmessage = (message) => {
    const pushed = JSON.parse(message.data);
    pushed.panels.forEach(show);
    document.getElementById("state").textContent = pushed.state;
    root.dataset.pushes = Number(root.dataset.pushes || 0) + 1;
  };
  source.onerror = () => {
    document.getElementById("state").textContent = "The connection is lost; the page tries again by itself.";
  };
}

document.getElementById("theme").addEventListener("click", () => {
  const dark = root.dataset.theme
    ? root.dataset.theme === "dark"
    : matchMedia("(prefers-color-scheme: dark)").matches;
  root.dataset.theme = dark ? "light" : "dark";
  localStorage.setItem("theme", root.dataset.theme);
  drawn.forEach(draw);
});
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => drawn.forEach(draw));

const live = document.getElementById("live");
if (live && live.dataset.first) JSON.parse(live.dataset.first).forEach(show);
if (live && live.dataset.push) follow(live.dataset.push);
