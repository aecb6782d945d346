"""Script of the report pages: draws the figures in the page's colours and filters tables."""

from __future__ import annotations

SCRIPT = """
"use strict";
const figures = JSON.parse(document.getElementById("figure-data").textContent);
const config = {
  responsive: true,
  displaylogo: false,
  displayModeBar: matchMedia("(hover: hover)").matches ? "hover" : false,
  modeBarButtonsToRemove: ["select2d", "lasso2d"],
};
const colour = name => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
const theme = () => ({"font.color": colour("--soft"), "hoverlabel.bordercolor": colour("--line")});

const narrow = matchMedia("(max-width: 560px)");

function choose(element, choice) {
  const looks = {visible: [], name: [], "line.color": []};
  element.data.forEach((trace, index) => {
    const place = choice.traces.indexOf(index);
    looks.visible.push(place >= 0);
    looks.name.push(choice.names[place] ?? "");
    looks["line.color"].push(choice.colours[place] ?? null);
  });
  return Plotly.update(element, looks, choice.layout);
}

function makeChoices(element, choices) {
  const select = document.createElement("select"), bar = document.createElement("div");
  select.setAttribute("aria-label", "Choose what the figure shows");
  choices.forEach((choice, index) => {
    let group = [...select.children].find(known => known.label === choice.group);
    if (!group) {
      group = document.createElement("optgroup");
      group.label = choice.group;
      select.append(group);
    }
    group.append(new Option(choice.name, index));
  });
  bar.className = "filters";
  bar.append(select);
  element.before(bar);
  select.addEventListener("input", () => choose(element, choices[select.value]));
}

function place(element, axes, x, y) {
  const across = axes.columns[x], up = axes.columns[y];
  const rows = element.data.map(trace => trace.meta.rows ?? axes.frontiers[`${x}-${y}`]);
  const at = (column, part) => rows.map(found => found.map(row => column[part]?.[row]));
  const moved = {x: at(across, "values"), y: at(up, "values"), "line.shape": axes.shapes[x]};
  for (const [name, column] of [["error_x", across], ["error_y", up]]) {
    if (!column.spread) continue;
    moved[`${name}.array`] = at(column, "spread");
    moved[`${name}.visible`] = element.data.map(trace => !trace.meta.frontier);
    moved[`${name}.thickness`] = 1;
  }
  const looks = {};
  for (const [axis, column] of [["xaxis", across], ["yaxis", up]]) {
    looks[`${axis}.title.text`] = column.title;
    looks[`${axis}.autorange`] = true;
    for (const [key, value] of Object.entries(column.axis)) looks[`${axis}.${key}`] = value;
    looks[`${axis}.tickmode`] = column.axis.tickvals ? "array" : "auto";
  }
  return Plotly.update(element, moved, looks);
}

function makeAxes(element, axes) {
  const bar = document.createElement("div");
  bar.className = "filters axes";
  ["Across", "Up"].forEach((name, place) => {
    const label = document.createElement("label"), select = document.createElement("select");
    axes.columns.forEach((column, index) => select.append(new Option(column.name, index)));
    select.value = place;
    label.append(`${name} `, select);
    bar.append(label);
  });
  element.before(bar);
  bar.addEventListener("input", () => place(element, axes, ...chosenAxes(element)));
}

const chosenAxes = element => [...element.parentElement.querySelectorAll(".axes select")].map(select => select.value);

function draw() {
  for (const [id, figure] of Object.entries(figures)) {
    const element = document.getElementById(id);
    const changes = narrow.matches && figure.layout.meta?.narrow || {};
    const layout = structuredClone(figure.layout);
    const choices = layout.meta?.choices;
    if (choices && !element.parentElement.querySelector("select")) makeChoices(element, choices);
    const axes = layout.meta?.axes;
    if (axes && !element.parentElement.querySelector("select")) makeAxes(element, axes);
    element.style.height = `${changes.height ?? layout.height}px`;
    Plotly.newPlot(element, figure.data, layout, config)
      .then(() => Plotly.relayout(element, {...theme(), ...changes}))
      .then(() => choices && choose(element, choices[element.parentElement.querySelector("select").value]))
      .then(() => axes && place(element, axes, ...chosenAxes(element)));
  }
}

function makeFilter(panel) {
  const rows = [...panel.querySelectorAll("tbody tr")];
  const texts = rows.map(row => row.textContent.toLowerCase());
  const search = panel.querySelector("input");
  const selects = [...panel.querySelectorAll("select")];
  const shown = panel.querySelector(".shown");
  const cell = (row, select) => row.cells[Number(select.dataset.column)].textContent;
  for (const select of selects) {
    const values = new Set(rows.map(row => cell(row, select)));
    for (const value of values) if (value) select.add(new Option(value, value));
  }
  function apply() {
    const words = search.value.toLowerCase().split(/\\s+/).filter(Boolean);
    let count = 0;
    rows.forEach((row, index) => {
      const found = words.every(word => texts[index].includes(word))
        && selects.every(select => !select.value || cell(row, select) === select.value);
      row.hidden = !found;
      count += found;
    });
    shown.textContent = `${count} of ${rows.length}`;
  }
  [search, ...selects].forEach(control => control.addEventListener("input", apply));
  apply();
}

function makeSortable(table) {
  const body = table.tBodies[0], heads = [...table.tHead.rows[0].cells];
  const key = (row, index) => row.cells[index].dataset.key ?? row.cells[index].textContent;
  heads.forEach((head, index) => {
    const button = document.createElement("button");
    button.append(...head.childNodes);
    head.append(button);
    button.addEventListener("click", () => {
      const turned = head.getAttribute("aria-sort") === "ascending" ? -1 : 1;
      const order = (a, b) => a !== "" && b !== "" && isFinite(a) && isFinite(b) ? a - b : String(a).localeCompare(b);
      const rows = [...body.rows].sort((a, b) => turned * order(key(a, index), key(b, index)));
      heads.forEach(other => other.removeAttribute("aria-sort"));
      head.setAttribute("aria-sort", turned > 0 ? "ascending" : "descending");
      body.append(...rows);
    });
  });
}

draw();
document.querySelectorAll("table.sortable").forEach(makeSortable);
document.querySelectorAll(".filterable").forEach(makeFilter);
narrow.addEventListener("change", draw);
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
  for (const id of Object.keys(figures)) Plotly.relayout(id, theme());
});
"""
