"""Style sheet of the report pages: light and dark, wide and narrow, system fonts."""

from __future__ import annotations

STYLE = """
:root {
  color-scheme: light dark;
  --page: #f5f6f8; --card: #ffffff; --ink: #1d2330; --soft: #5b6472; --line: #dfe3e9; --accent: #2b6cb0;
  --good: #13795b; --bad: #b3401f; --warn: #fff4d6; --warn-ink: #6b4e00;
}
@media (prefers-color-scheme: dark) {
  :root {
    --page: #12151b; --card: #1b2029; --ink: #e7eaf0; --soft: #a3acba; --line: #313947; --accent: #7fb2ea;
    --good: #57c9a0; --bad: #f0906f; --warn: #3a3016; --warn-ink: #f3d98b;
  }
}
* { box-sizing: border-box; }
body {
  margin: 0; background: var(--page); color: var(--ink);
  font: 15px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif;
}
main, header, footer { max-width: 1320px; margin: 0 auto; padding: 0 24px; }
header { padding-top: 32px; }
h1 { font-size: 1.75rem; line-height: 1.2; margin: 0 0 .3rem; overflow-wrap: anywhere; }
h1 span { color: var(--soft); font-weight: 400; }
h2 { font-size: 1.2rem; margin: 2.2rem 0 .8rem; }
h3 { font-size: 1.02rem; margin: 0 0 .15rem; }
p { margin: .2rem 0; }
.soft, .meaning { color: var(--soft); }
.chips { display: flex; flex-wrap: wrap; gap: 6px; margin: .8rem 0 0; padding: 0; list-style: none; }
.chips li {
  border: 1px solid var(--line); border-radius: 999px; padding: 1px 11px; font-size: .86rem; background: var(--card);
}
.warning { background: var(--warn); color: var(--warn-ink); border-radius: 8px; padding: 10px 14px; margin: 1rem 0 0; }
.machines {
  display: grid; grid-template-columns: repeat(auto-fit, minmax(260px, 1fr)); gap: 4px 24px; margin-top: 1rem;
}
.machines > * { min-width: 0; overflow-wrap: anywhere; }
.machines .chips { margin-top: .3rem; }
.cards { display: grid; grid-template-columns: repeat(4, 1fr); gap: 12px; margin-top: 1.3rem; }
.card, .panel {
  background: var(--card); border: 1px solid var(--line); border-radius: 10px; padding: 14px 16px; min-width: 0;
}
.card .title { font-size: .86rem; color: var(--soft); }
.card .value { font-size: 1.6rem; font-weight: 650; line-height: 1.25; font-variant-numeric: tabular-nums; }
.card .meaning { font-size: .8rem; line-height: 1.35; overflow-wrap: anywhere; }
.assumptions { margin-top: 12px; font-size: .92rem; }
.assumptions ul { margin: .3rem 0 0; padding-left: 1.2rem; columns: 2 440px; column-gap: 2.4rem; }
.assumptions li { break-inside: avoid; }
.assumptions details { margin-top: .4rem; }
.findings ul { margin: 0; padding-left: 1.2rem; }
.findings li + li { margin-top: .3rem; }
.findings + .figures { margin-top: 12px; }
.commands { margin-top: 8px; }
.commands pre { margin: 0; }
.commands pre + pre { margin-top: .6rem; }
.figures { display: grid; grid-template-columns: repeat(2, minmax(0, 1fr)); gap: 12px; }
.figures .wide { grid-column: 1 / -1; }
.panel .meaning { font-size: .88rem; max-width: 100ch; margin-bottom: .6rem; }
.scroll {
  overflow: auto; max-height: 70vh; background: var(--card); border: 1px solid var(--line); border-radius: 8px;
}
table { border-collapse: collapse; width: 100%; font-size: .86rem; font-variant-numeric: tabular-nums; }
th, td { text-align: left; padding: 5px 10px; border-bottom: 1px solid var(--line); white-space: nowrap; }
tbody tr:last-child > * { border-bottom: 0; }
thead th {
  position: sticky; top: 0; z-index: 1; background: var(--card); box-shadow: inset 0 -1px var(--line);
  white-space: normal; vertical-align: bottom;
}
tbody th { font-weight: 500; }
td.number, th.number { text-align: right; }
tbody tr:hover { background: color-mix(in srgb, var(--accent) 9%, transparent); }
.total > * { font-weight: 650; }
.better { color: var(--good); font-weight: 600; }
.worse { color: var(--bad); font-weight: 600; }
.filters { display: flex; flex-wrap: wrap; gap: 8px; align-items: center; margin: .6rem 0; }
.filters input, .filters select {
  font: inherit; font-size: .9rem; color: inherit; background: var(--page); border: 1px solid var(--line);
  border-radius: 7px; padding: 5px 9px; max-width: 100%;
}
.filters input { flex: 1 1 220px; min-width: 0; }
.filters label { display: flex; gap: 6px; align-items: center; font-size: .9rem; min-width: 0; }
.sortable thead button { all: unset; cursor: pointer; }
.sortable thead button:focus-visible { outline: 2px solid var(--accent); }
.sortable thead [aria-sort="ascending"] button::after { content: " ▲"; color: var(--accent); }
.sortable thead [aria-sort="descending"] button::after { content: " ▼"; color: var(--accent); }
.words { white-space: normal; line-height: 1.35; }
table:has(.words) :is(th, td) { padding-left: 8px; padding-right: 8px; }
td.message { white-space: normal; overflow-wrap: anywhere; }
details { margin-top: 12px; }
summary { cursor: pointer; font-weight: 600; }
pre { white-space: pre-wrap; overflow-wrap: anywhere; font-size: .82rem; margin: .6rem 0 0; }
footer { color: var(--soft); font-size: .86rem; padding-top: 24px; padding-bottom: 40px; }
@media (max-width: 820px) { .cards { grid-template-columns: repeat(2, 1fr); } }
@media (max-width: 820px) { .figures { grid-template-columns: minmax(0, 1fr); } }
@media (max-width: 560px) {
  main, header, footer { padding-left: 12px; padding-right: 12px; }
  .cards { gap: 8px; }
  .card, .panel { padding: 11px 12px; }
  .card .value { font-size: 1.3rem; }
  h1 { font-size: 1.35rem; }
  tbody th { white-space: normal; min-width: 8rem; }
  .sortable tbody th { min-width: 0; }
}
@media (hover: none) { tbody tr:hover { background: none; } }
@media print { .filters { display: none; } .scroll { max-height: none; } .panel { break-inside: avoid; } }
"""
