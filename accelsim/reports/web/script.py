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

function draw() {
  for (const [id, figure] of Object.entries(figures)) {
    const element = document.getElementById(id);
    const changes = narrow.matches && figure.layout.meta?.narrow || {};
    const layout = structuredClone(figure.layout);
    const choices = layout.meta?.choices;
    if (choices && !element.parentElement.querySelector("select")) makeChoices(element, choices);
    element.style.height = `${changes.height ?? layout.height}px`;
    Plotly.newPlot(element, figure.data, layout, config)
      .then(() => Plotly.relayout(element, {...theme(), ...changes}))
      .then(() => choices && choose(element, choices[element.parentElement.querySelector("select").value]));
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

draw();
document.querySelectorAll(".filterable").forEach(makeFilter);
narrow.addEventListener("change", draw);
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
  for (const id of Object.keys(figures)) Plotly.relayout(id, theme());
});
"""
