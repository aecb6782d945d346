"""A report as one HTML file, built of the package's own pieces."""

from __future__ import annotations

import base64
import gzip
import re
from collections.abc import Sequence
from typing import NamedTuple

import plotly.graph_objects as go
from plotly.offline import get_plotlyjs

from accelsim.reports.page import footer_line
from accelsim.reports.web import Cell, document, escape, figure_panel, table
from accelsim.reports.web.script import SCRIPT


class Figure(NamedTuple):
    """A figure with its place on the page and what the reader sees in it."""

    name: str
    title: str
    explanation: str
    drawn: go.Figure
    wide: bool = True


class Table(NamedTuple):
    """A table of texts; the first column heads each row."""

    title: str
    about: str
    header: list[str]
    rows: list[list[str]]
    numeric: Sequence[int] | None = None
    """Columns of numbers; all but the first where it is None."""

    def markdown(self) -> str:
        lines = [self.header, ["---"] * len(self.header), *self.rows]
        return "\n".join(f"| {' | '.join(line)} |" for line in lines)

    def html(self) -> str:
        rows = [[Cell(text.replace("`", "")) for text in row] for row in self.rows]
        numeric = range(1, len(self.header)) if self.numeric is None else self.numeric
        content = table(self.header, rows, numeric=numeric)
        return f'<h2>{escape(self.title)}</h2><p class="soft">{escape(self.about.replace("`", ""))}</p>{content}'


def page(
    title: str,
    lead: str,
    figures: Sequence[Figure],
    tables: Sequence[Table],
    versions: dict[str, str],
    *,
    findings: str = "",
    commands: Sequence[str] = (),
) -> str:
    """One HTML file that needs nothing else and no network; ``findings`` is a list in Markdown."""
    panels = "".join(
        figure_panel(f.name, f.title, f.explanation, float(f.drawn.layout.height), wide=f.wide) for f in figures
    )
    body = (
        f'<header><h1>{escape(title)}</h1><p class="soft">{escape(lead)}</p></header><main>{_findings(findings)}'
        f'<div class="figures">{panels}</div>{"".join(each.html() for each in tables)}{_commands(commands)}</main>'
        f"<footer>{footer_line(versions)}</footer>"
    )
    return _packed(document(title, body, {f.name: f.drawn for f in figures}))


def _findings(markdown: str) -> str:
    """A list of ``- **What.** text`` as a section of the page."""
    if not markdown:
        return ""
    items = [_inline(" ".join(item.split())) for item in f"\n{markdown}".split("\n- ")[1:]]
    listed = "".join(f"<li>{item}</li>" for item in items)
    return f'<h2>What it shows</h2><section class="panel findings"><ul>{listed}</ul></section>'


def _commands(commands: Sequence[str]) -> str:
    """One training of each table, as it is typed."""
    if not commands:
        return ""
    about = "One training of each table as a command; options of a row are added to it with --set."
    listed = "".join(f"<pre>{escape(command)}</pre>" for command in commands)
    return f'<h2>Commands</h2><p class="soft">{about}</p><section class="panel commands">{listed}</section>'


def _inline(markdown: str) -> str:
    """Bold and code of one paragraph."""
    bold = re.sub(r"\*\*(.+?)\*\*", r"<strong>\1</strong>", escape(markdown))
    return re.sub(r"`(.+?)`", r"<code>\1</code>", bold)


LOADER = """<script type="text/plain" id="packed">{packed}</script>
<script>
(async () => {{
  const bytes = Uint8Array.from(atob(document.getElementById("packed").textContent), c => c.charCodeAt(0));
  const unpacked = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  const library = document.createElement("script");
  library.textContent = await new Response(unpacked).text();
  document.head.append(library);
  {script}
}})();
</script>"""


def _packed(html: str) -> str:
    """The page with plotly.js compressed, since it is kept under version control; the browser unpacks it."""
    library = get_plotlyjs().replace("</script", "<\\/script")
    plain = f"<script>{library}</script>\n<script>{SCRIPT}</script>"
    if plain not in html:
        raise ValueError("the page does not hold plotly.js where the package's pages do")
    packed = base64.b64encode(gzip.compress(library.encode(), mtime=0)).decode()
    return html.replace(plain, LOADER.format(packed=packed, script=SCRIPT.strip()))
