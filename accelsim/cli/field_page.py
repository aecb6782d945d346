"""The reference of a file's fields as Markdown: a section for each model, with links between them."""

from __future__ import annotations

import re
from collections.abc import Iterator

from accelsim.cli.field_sections import KEYED, KINDS, Row, Section, sections_of

HEADER = ("Field", "Allowed", "Unit", "Default", "What it is")
MOST_PATHS = 3
"""So many places stand in a heading; a model that has more is named after the field around it."""


def field_page(root: type, title: str, intro: str) -> str:
    """Markdown of all fields of the file that ``root`` describes."""
    sections = sections_of(root)
    titles = {section.model: _title(section) for section in sections}
    parts = [f"# {title}\n\n{intro}", _contents(sections, titles)]
    parts += [_section(section, titles) for section in sections]
    return "\n".join(parts)


def anchor(heading: str) -> str:
    """The anchor that a renderer such as GitHub's makes of a heading without a double."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def _title(section: Section) -> str:
    if section.kind:
        return section.kind
    if section.paths == [""]:
        return "Top level"
    if len(section.paths) > MOST_PATHS:
        return f"an entry of {section.paths[0].rpartition('.')[0]}"
    return ", ".join(section.paths)


def _contents(sections: list[Section], titles: dict[type, str]) -> str:
    lines = [f"{'  ' * section.depth}- {_link(titles[section.model])}" for section in sections]
    return "\n".join(lines) + "\n"


def _section(section: Section, titles: dict[type, str]) -> str:
    level = min(2 + section.depth, 4)
    lines = [f"{'#' * level} {titles[section.model]}", "", _prose(section.text), ""]
    lines += [f"At {', '.join(f'`{path}`' for path in section.paths)}.", ""] if len(section.paths) > MOST_PATHS else []
    kinds = KINDS.get(section.model, {})
    if kinds:
        lines += [f"Kinds: {', '.join(_link(kind) for kind in sorted(kinds))}.", ""]
    if section.rows:
        lines += [_line(HEADER), _line(["---"] * len(HEADER)), *_rows(section, titles), ""]
    elif not kinds:
        lines += ["No fields of its own.", ""]
    return "\n".join(lines)


def _rows(section: Section, titles: dict[type, str]) -> Iterator[str]:
    for row in section.rows:
        default = row.default if row.default in ("", "required") else f"`{row.default}`"
        yield _line([f"`{row.name}`", _allowed(section, row, titles), row.unit, default, _prose(row.text)])


def _allowed(section: Section, row: Row, titles: dict[type, str]) -> str:
    if row.inner is None:
        return row.allowed
    fields = _link(titles[row.inner])
    if (section.model, row.name) in KEYED:
        return f"any of the fields of {fields}"
    if row.inner in KINDS and not row.many:
        return f"the fields of one kind of {fields}"
    if row.many:
        return f"names, each with {fields}" if row.named else f"a list of {fields}"
    stated = "" if row.allowed.startswith("the fields") else row.allowed
    return f"{stated}; or the fields of {fields}" if stated else f"the fields of {fields}"


def _link(title: str) -> str:
    return f"[{title}](#{anchor(title)})"


def _prose(text: str) -> str:
    """A docstring's text: names between single backticks, and nothing that a table or HTML would take for its own."""
    return text.replace("``", "`").replace("|", "\\|").replace("<", "&lt;")


def _line(cells: tuple[str, ...] | list[str]) -> str:
    return f"| {' | '.join(cells)} |"
