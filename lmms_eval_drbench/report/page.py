"""The comparison as one self-contained HTML page (`webpage`)."""

from collections.abc import Callable
from dataclasses import asdict
from html import escape

from lmms_eval_drbench import webpage
from lmms_eval_drbench.markdown import interval, percent
from lmms_eval_drbench.pairing import Verdict
from lmms_eval_drbench.report import gallery as galleries
from lmms_eval_drbench.report import plots, training
from lmms_eval_drbench.report.canvas import Canvas
from lmms_eval_drbench.report.comparison import Comparison, SuiteComparison, Variant
from lmms_eval_drbench.report.gallery import Gallery
from lmms_eval_drbench.report.tables import Cell, Table, difference, tables, tolerance_in_words

_VERDICT_CLASS = {Verdict.GAINED: "gained", Verdict.KEPT: "kept", Verdict.LOST: "lost", Verdict.UNCLEAR: "unclear"}


def html(comparison: Comparison, paper: bool = False, data: str | None = None, title: str = "Before and after") -> str:
    """The page. data: where the pictures are, when not where the runs' logs say. Raises UserError on wrong data."""
    gallery = galleries.build(comparison, data)
    sections = [
        _header(comparison, title),
        _benchmarks(comparison, paper),
        *[_suite(comparison, suite) for suite in comparison.suites],
        _training(comparison),
        _questions(gallery),
        _footer(comparison),
    ]
    body = "\n".join(section for section in sections if section)
    return webpage.render(
        title, f"<main>{body}</main>", "report", {"gallery-data": asdict(gallery) if gallery else None}
    )


def _header(comparison: Comparison, title: str) -> str:
    data = " · ".join(f"{escape(found.name)} <code>{escape(found.fingerprint)}</code>" for found in comparison.data)
    parts = [f"<h1>{escape(title)}</h1>", f'<p class="data">{data}</p>']
    if comparison.forced:
        parts.append(
            '<p class="warning"><strong>Made with --force.</strong> Settings, data or questions may differ; deltas may '
            "mean nothing.</p>"
        )
    if comparison.notes:
        parts.append(f'<ul class="notes">{"".join(f"<li>{escape(note)}</li>" for note in comparison.notes)}</ul>')
    main = galleries.main_suite(comparison)
    cards = "".join(_card(comparison, variant) for variant in _headline(main)) if main else ""
    if cards:
        note = (
            f"Accuracy on {escape(main.base)}, each run under its native prompt; chance is {percent(main.chance)} %. "
            "Brackets are 95 % intervals, paired by question and clustered by image. "
            f"<em>Kept</em>: not worse by more than {tolerance_in_words(comparison)}."
        )
        parts.append(f'<div class="cards">{cards}</div><p class="note">{note}</p>')
    return f"<header>{''.join(parts)}</header>"


def _headline(suite: SuiteComparison) -> list[Variant]:
    """One variant a run: its native prompt's, else its first."""
    chosen: dict[str, Variant] = {}
    for variant in suite.variants:
        if variant.entry.name not in chosen or variant.is_native:
            chosen[variant.entry.name] = variant
    return list(chosen.values())


def _card(comparison: Comparison, variant: Variant) -> str:
    role = plots.role_of(comparison, variant.entry.name)
    accuracy = variant.overall.acc
    if variant.change:
        delta = f"{difference(variant.change.delta.estimate)} {_chip(variant.change.delta.verdict)}"
    else:
        delta = f"reference, {interval(accuracy.low, accuracy.high)}"
    spread = f" <small>± {percent(variant.sd)}</small>" if variant.sd is not None else ""
    return (
        f'<div class="card" style="border-color:var(--{role})"><div class="who">{escape(variant.entry.name)}'
        f"<span>{escape(variant.prompt)} prompt</span></div>"
        f'<div class="big">{percent(accuracy.mean)}<small> %</small>{spread}</div>'
        f'<div class="delta">{delta}</div></div>'
    )


def _chip(verdict: str) -> str:
    return f'<span class="chip {_VERDICT_CLASS[Verdict(verdict)]}">{escape(verdict)}</span>'


def _benchmarks(comparison: Comparison, paper: bool) -> str:
    table, *published = [table for table in tables(comparison, paper) if not table.names]
    plot = _figure(
        lambda width: plots.retention(comparison, width),
        f"What else changed, in points to the reference; the band is the tolerance, {tolerance_in_words(comparison)}.",
    )
    context = "".join(
        f"<details><summary>{escape(other.title)}</summary>{_table(other)}</details>" for other in published
    )
    return f'<section id="benchmarks"><h2>Benchmarks</h2>{plot}{_table(table)}{context}</section>'


def _suite(comparison: Comparison, suite: SuiteComparison) -> str:
    own = [table for table in tables(comparison) if table.names == (suite.base,)]
    prompts, *details = own
    parts = [f"<h2>{escape(_title(suite))}</h2>", _table(prompts)]
    if suite.is_layered:
        caption = (
            "Accuracy with 95 % intervals. Filled: the prompt that the run was trained for; hollow: the other. "
            "The dashed mark is chance."
        )
        parts.append(_figure(lambda width: plots.levels(comparison, suite, width), caption))
        changed = [variant for variant in suite.variants if variant.change]
        if changed and not suite.is_control:
            most = max(max(counts) for variant in changed for counts in plots.flips_by_category(variant).values())
            shown = "".join(_flips(comparison, suite, variant, most) for variant in changed)
            parts.append(f'<h3>Questions that flipped</h3><div class="panels">{shown}</div>')
    for table in details:
        parts.append(f"<details><summary>{escape(_plain(table.title, suite))}</summary>{_table(table)}</details>")
    return f"<section>{''.join(parts)}</section>"


def _title(suite: SuiteComparison) -> str:
    return f"{suite.base} (control)" if suite.is_control else suite.base


def _plain(title: str, suite: SuiteComparison) -> str:
    text = title.removeprefix(suite.base).lstrip(": ")
    return text[:1].upper() + text[1:]


def _flips(comparison: Comparison, suite: SuiteComparison, variant: Variant, most: int) -> str:
    position = suite.variants.index(variant)
    figure = plots.flips(variant, most=most).svg(themed=True)
    buttons = "".join(
        f'<button type="button" class="show" data-run="{position}" data-flip="{side}">show {side}</button>'
        for side in ("lost", "gained")
    )
    buttons = buttons if galleries.main_suite(comparison) is suite else ""
    role = plots.role_of(comparison, variant.entry.name)
    name = f'<i style="background:var(--{role})"></i>{escape(variant.entry.name)}, {escape(variant.prompt)} prompt'
    return f"<figure><figcaption>{name}</figcaption>{figure}<div>{buttons}</div></figure>"


def _training(comparison: Comparison) -> str:
    found = [trained for entry in comparison.entries if (trained := training.read(entry))]
    if not found:
        return ""
    highest = max(trained.highest for trained in found)
    panels = []
    for trained in found:
        role = plots.role_of(comparison, trained.name)
        figure = plots.loss(trained, role, 400, highest, legend=False).svg(themed=True)
        listed = f"<span>{escape(trained.stages_in_words)}</span>" if len(trained.stages) > 1 else ""
        name = f'<i style="background:var(--{role})"></i>{escape(trained.name)} {listed}'
        panels.append(f"<figure><figcaption>{name}</figcaption>{figure}</figure>")
    return (
        f'<section id="training"><h2>Training</h2><div class="panels">{"".join(panels)}</div><p class="note">Loss over '
        "the supervised tokens. Each stage supervises fields of its own, so its loss is not that of the stage before."
        "</p></section>"
    )


def _questions(gallery: Gallery | None) -> str:
    if gallery is None:
        return ""
    note = f'<p class="warning">{escape(gallery.note)}</p>' if gallery.note else ""
    return (
        f'<section id="questions"><h2>Questions</h2>{note}<form class="filters" id="filters"></form>'
        '<p class="note" id="count">The questions are listed by this page\'s own script, which is switched off.</p>'
        '<div id="gallery"></div><p><button type="button" id="more" hidden>Show more</button></p></section>'
    )


def _footer(comparison: Comparison) -> str:
    lines = [
        f"{escape(entry.name)}: {escape(entry.seeds[0].model)}, lmms-eval "
        f"{escape(next(iter(entry.seeds[0].tasks.values())).version)}"
        for entry in comparison.entries
    ]
    lines.append("Made by <code>python -m lmms_eval_drbench.compare --format html</code>.")
    return f"<footer>{'<br>'.join(lines)}</footer>"


def _figure(draw: Callable[[int], Canvas | None], caption: str) -> str:
    """A plot in two widths; the style sheet shows the one that fits."""
    drawn = [draw(plots.WIDE), draw(plots.NARROW)]
    if drawn[0] is None or drawn[1] is None:
        return ""
    wide, narrow = (canvas.svg(themed=True) for canvas in drawn)
    return (
        f'<figure><div class="wide">{wide}</div><div class="narrow">{narrow}</div>'
        f"<figcaption>{escape(caption)}</figcaption></figure>"
    )


def _table(table: Table) -> str:
    header = "".join(f"<th{_side(index, table)}>{escape(title)}</th>" for index, title in enumerate(table.header))
    rows = "".join(
        f"<tr>{''.join(_cell(cell, index, table) for index, cell in enumerate(row))}</tr>" for row in table.rows
    )
    intro = f'<p class="note">{escape(table.intro)}</p>' if table.intro else ""
    return f'<div class="scroll"><table><thead><tr>{header}</tr></thead><tbody>{rows}</tbody></table></div>{intro}'


def _side(index: int, table: Table) -> str:
    return ' class="text"' if index < table.text_columns else ""


def _cell(cell: Cell, index: int, table: Table) -> str:
    tag = "th scope=row" if index == 0 else "td"
    if cell.text in list(Verdict):
        return f"<td>{_chip(cell.text)}</td>"
    text = f"<strong>{escape(cell.text)}</strong>" if cell.strong else escape(cell.text)
    change = f'<span class="change">{escape(cell.change)}</span>' if cell.change else ""
    verdict = _chip(cell.verdict) if cell.verdict else ""
    below = f"<div>{change} {verdict}</div>" if change or verdict else ""
    return f"<{tag}{_side(index, table)}>{text}{below}</{tag.split()[0]}>"
