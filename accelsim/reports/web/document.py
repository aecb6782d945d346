"""One self-contained HTML file: style, body, figure data, plotly.js once, script. Nothing is fetched."""

from __future__ import annotations

import html
import json
from collections.abc import Mapping
from string import Template

import plotly.graph_objects as go
from plotly.offline import get_plotlyjs
from plotly.utils import PlotlyJSONEncoder

from accelsim.reports.web.script import SCRIPT
from accelsim.reports.web.style import STYLE

_PAGE = Template("""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy"
  content="default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data: blob:">
<title>$title</title>
<style>$style</style>
</head>
<body>
$body
<script type="application/json" id="figure-data">$data</script>
<script>$plotly</script>
<script>$script</script>
</body>
</html>
""")


def document(title: str, body: str, figures: Mapping[str, go.Figure]) -> str:
    """The page; ``figures`` are drawn into the elements of ``body`` that have their names as ids."""
    return _PAGE.substitute(
        title=html.escape(title),
        style=STYLE,
        body=body,
        data=_script_safe({name: figure.to_dict() for name, figure in figures.items()}),
        plotly=get_plotlyjs().replace("</script", "<\\/script"),
        script=SCRIPT,
    )


def _script_safe(data: object) -> str:
    """JSON that can't end the script element it stands in."""
    compact = json.dumps(data, cls=PlotlyJSONEncoder, separators=(",", ":"), ensure_ascii=True)
    return compact.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")
