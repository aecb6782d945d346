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

function draw() {
  for (const [id, figure] of Object.entries(figures)) {
    const element = document.getElementById(id);
    const changes = narrow.matches && figure.layout.meta?.narrow || {};
    const layout = structuredClone(figure.layout);
    element.style.height = `${changes.height ?? layout.height}px`;
    Plotly.newPlot(element, figure.data, layout, config)
      .then(() => Plotly.relayout(element, {...theme(), ...changes}));
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
