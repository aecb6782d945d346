"""The page of a report: findings and commands beside figures and tables."""

import gzip
import re
from base64 import b64decode

import plotly.graph_objects as go
import pytest
from plotly.offline import get_plotlyjs
from report_page import Figure, Table, page

FIGURE = Figure("shown", "Title", "Seen.", go.Figure(layout={"height": 300}))
TABLE = Table("Table", "About `it`.", ["a", "b"], [["`x`", "1"]])


def made(**parts):
    return page("Report", "Lead.", [FIGURE], [TABLE], {"accelsim": "0"}, **parts)


def test_plotly_is_packed_whole():
    packed = re.search(r'id="packed">(.*?)</script>', made()).group(1)
    assert gzip.decompress(b64decode(packed)).decode() == get_plotlyjs().replace("</script", "<\\/script")


def test_findings_come_first_as_a_list():
    html = made(findings="- **One.** a `b`\n  c <d>.\n- **Two.** e.\n")
    assert "<li><strong>One.</strong> a <code>b</code> c &lt;d&gt;.</li><li><strong>Two.</strong> e.</li>" in html
    assert html.index("What it shows") < html.index('id="shown"')


def test_commands_come_last_one_by_one():
    html = made(commands=["accelsim simulate a --set b=<c>", "accelsim simulate d"])
    assert "<pre>accelsim simulate a --set b=&lt;c&gt;</pre><pre>accelsim simulate d</pre>" in html
    assert html.index("<table>") < html.index("<h2>Commands</h2>")


@pytest.mark.parametrize("heading", ["What it shows", "Commands"])
def test_what_a_report_lacks_has_no_heading(heading):
    assert f"<h2>{heading}</h2>" not in made()
