"""A panel for plotly.js: traces and a layout, without the colours of the page's theme.

The dictionaries are written by hand and checked against `plotly.graph_objects` in the tests:
building them through it takes a hundred times as long.
"""

import hashlib
from collections.abc import Sequence
from typing import Any

from backend.figures.style import MAX_POINTS, PAPER_GREY, Style, style_of
from core.paper.panel import Axis, Flag, Panel, Series
from core.paper.panels.spread import kept

MARKED = 60
"""Series with fewer points than this show a marker at each."""

SYMBOLS = {
    Flag.LOWER_BOUND: "arrow-up",
    Flag.NOT_FITTED: "x-thin-open",
    Flag.DIVERGED: "x",
    Flag.DUPLICATE: "circle-open-dot",
}
FEW = 12
"""Epochs or steps up to which each has its tick, so that none stands between two."""
Trace = dict[str, Any]


def figure(panel: Panel, revision: str) -> dict[str, Any]:
    """`{data, layout, datarevision}` for Plotly.react."""
    if panel.kind == "rows":
        data = _table_traces(panel)
    else:
        data = [t for s in panel.series for t in _ours(panel, s)]
        data += [_reference(panel, s) for s in panel.references]
    return {"data": data, "layout": _layout(panel, revision), "datarevision": revision}


def _ours(panel: Panel, series: Series) -> list[Trace]:
    style = style_of(series)
    points = panel.kind == "points"
    chosen = kept(series.x, series.y, MAX_POINTS, log=panel.x_axis.log)
    traces = []
    # A band of the running best would stand between it and the test curve it is shaded down to.
    if series.spread != "none" and series.kind != "running best" and not points:
        traces += _band(series, chosen, style)
    traces.append(_line(panel, series, chosen, style, points=points))
    return traces


def _line(
    panel: Panel, series: Series, chosen: Sequence[int], style: Style, *, points: bool
) -> Trace:
    training = panel.two_sets and series.measure.startswith("train_")
    faint = series.kind == "seed"
    best = series.kind == "running best"
    markers = points or len(chosen) <= 1
    trace: Trace = {
        "type": "scatter",
        "mode": "lines+markers" if markers else "lines",
        **_named(series),
        "legendgroup": series.key,
        "showlegend": not faint,
        "x": _brief(series.x, chosen),
        "y": _brief(series.y, chosen),
        "line": {
            "color": style.color,
            "width": 1 if faint or best else 2,
            "dash": "dot" if best else "dash" if training else _dash(panel, series, style),
        },
        "opacity": 0.4 if faint else 1,
        "hovertemplate": "%{y:.4g}<extra>%{fullData.name}</extra>",
    }
    if any(series.n[i] != 1 or series.flag[i] is not Flag.VALUE for i in chosen):
        trace["customdata"] = [[series.n[i], str(series.flag[i])] for i in chosen]
        said = "%{y:.4g}, n = %{customdata[0]}, %{customdata[1]}"
        trace["hovertemplate"] = f"{said}<extra>%{{fullData.name}}</extra>"
    if best:
        trace |= {"fill": "tonexty", "fillcolor": _faint(style.color, 0.12)}
    if markers:
        trace["marker"] = {
            "symbol": [_symbol(series.flag[i], style) for i in chosen],
            "size": 9,
            "color": style.color,
        }
    if points and series.spread != "none":
        trace["error_y"] = {
            "type": "data",
            "symmetric": False,
            "array": [_edge(series, series.high)[i] - series.y[i] for i in chosen],
            "arrayminus": [series.y[i] - _edge(series, series.low)[i] for i in chosen],
        }
    return trace


def _symbol(flag: Flag, style: Style) -> str:
    return f"{style.symbol}-open" if flag is Flag.EXPECTED else SYMBOLS.get(flag, style.symbol)


def _dash(panel: Panel, series: Series, style: Style) -> str:
    """Dashes tell measures apart where there are several, else series apart in grey."""
    if series.measure == "test_error":
        return "dot"
    return "solid" if panel.two_sets else style.dash


def _edge(series: Series, edge: Sequence[float | None]) -> list[float]:
    """The edge of a spread: the value itself where there is none."""
    return [y if e is None else e for e, y in zip(edge, series.y, strict=True)]


def _band(series: Series, chosen: Sequence[int], style: Style) -> list[Trace]:
    """The spread over seeds: two invisible edges with the area between them filled."""
    edges = []
    for name, edge, fill in (("low", series.low, None), ("high", series.high, "tonexty")):
        trace: Trace = {
            "type": "scatter",
            "mode": "lines",
            "x": _brief(series.x, chosen),
            "y": _brief(_edge(series, edge), chosen),
            "line": {"width": 0, "color": style.color},
            "legendgroup": series.key,
            "showlegend": False,
            "hoverinfo": "skip",
            "uid": _uid(series, name),
            "meta": _meta(series) | {"edge": name},
        }
        if fill:
            trace |= {"fill": fill, "fillcolor": _faint(style.color, 0.18)}
        edges.append(trace)
    return edges


def _reference(panel: Panel, series: Series) -> Trace:
    style = style_of(series)
    chosen = kept(series.x, series.y, MAX_POINTS, log=panel.x_axis.log)
    few = len(chosen) <= MARKED
    symbols = [
        SYMBOLS.get(series.flag[i], f"{style.symbol}-open") if series.flag else style.symbol
        for i in chosen
    ]
    return {
        "type": "scatter",
        "mode": "lines+markers" if few else "lines",
        **_named(series),
        "legendgroup": series.key,
        "x": _brief(series.x, chosen),
        "y": _brief(series.y, chosen),
        "line": {
            "color": PAPER_GREY,
            "width": 1.5,
            "dash": "dot" if Flag.DERIVED in series.flag else "dash",
        },
        "marker": {"symbol": symbols, "size": 7, "color": PAPER_GREY},
        "hovertemplate": "%{y:.4g}<extra>%{fullData.name}</extra>",
    }


def _table_traces(panel: Panel) -> list[Trace]:
    """Table 1 as bars beside the paper's values; the rows themselves are in the panel's table."""
    names = [_row_name(panel, i) for i in range(len(panel.table))]
    traces = []
    for series in (*panel.series, *panel.references):
        style = style_of(series)
        trace: Trace = {
            **_named(series),
            "x": [names[round(x) - 1] for x in series.x],
            "y": series.y,
        }
        if series.kind == "seed":
            marker = {"symbol": style.symbol, "size": 5, "color": style.color}
            trace |= {"type": "scatter", "mode": "markers", "marker": marker, "showlegend": False}
        elif series.source == "ours":
            trace |= {"type": "bar", "marker": {"color": style.color}}
        else:
            marker = {"symbol": f"{style.symbol}-open", "size": 8, "color": PAPER_GREY}
            trace |= {"type": "scatter", "mode": "markers", "marker": marker}
        traces.append(trace)
    return traces


def _row_name(panel: Panel, i: int) -> str:
    row = panel.table[i]
    parts = [row.model]
    parts += ["crop"] * (row.crop == "yes") + ["weight decay"] * (row.weight_decay == "yes")
    return ", ".join(parts + ["random labels"] * (row.labels == "random"))


TEXT = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;", "$": "&#36;"})
"""A name is no markup and no formula, as which plotly.js would read it."""


def _named(series: Series) -> dict[str, Any]:
    """What a trace is called, and what it is: the same whatever else the figure has."""
    return {"name": series.label.translate(TEXT), "uid": _uid(series), "meta": _meta(series)}


def _uid(series: Series, edge: str = "") -> str:
    """Hexadecimal: plotly.js makes a CSS class of it."""
    what = (series.source, series.kind, series.seed, series.measure, series.key, edge)
    return hashlib.sha256(repr(what).encode()).hexdigest()[:12]


def _meta(series: Series) -> dict[str, Any]:
    return {
        "key": series.key,
        "measure": series.measure,
        "source": series.source,
        "kind": series.kind,
        "seed": series.seed,
        "state": series.state,
        "note": series.note,
    }


def _layout(panel: Panel, revision: str) -> dict[str, Any]:
    xaxis, yaxis = _axis(panel, panel.x_axis), _axis(panel, panel.y_axis)
    ends = [series.x[-1] for series in (*panel.series, *panel.references) if series.x]
    if panel.x_axis.counts and max(ends, default=0) <= FEW:
        xaxis["dtick"] = "D1" if panel.x_axis.log else 1
    if panel.kind == "points":
        xaxis["range"] = [-0.03, 1.03]
    if panel.kind == "rows":
        xaxis = {"type": "category", "automargin": True}
    return {
        "title": {"text": panel.title},
        "xaxis": xaxis,
        "yaxis": yaxis,
        "hovermode": "closest" if len(panel.series) > 10 else "x unified",
        "legend": {"orientation": "h", "y": -0.2},
        "margin": {"t": 48, "r": 16, "b": 48, "l": 56},
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)",
        "uirevision": str(panel.name),
        "datarevision": revision,
        "annotations": _annotations(panel),
    }


def _axis(panel: Panel, axis: Axis) -> dict[str, Any]:
    """A zoom holds as long as the numbers on the axis mean the same."""
    found: dict[str, Any] = {
        "title": {"text": axis.label},
        "automargin": True,
        "uirevision": f"{panel.name} {panel.scale} {axis.title} {axis.log}",
    }
    if axis.log:
        found["type"] = "log"
    return found


def _annotations(panel: Panel) -> list[dict[str, Any]]:
    if panel.comparable or not panel.references:
        return []
    return [
        {
            "text": "not comparable with the grey reference: see the deviations",
            "xref": "paper",
            "yref": "paper",
            "x": 1,
            "y": 1.0,
            "yanchor": "bottom",
            "xanchor": "right",
            "showarrow": False,
            "font": {"size": 11},
        }
    ]


def _brief(values: Sequence[float], chosen: Sequence[int]) -> list[float]:
    """The chosen values to six digits, more than any screen shows; the files have all of them."""
    return [float(f"{values[i]:.6g}") for i in chosen]


def _faint(color: str, opacity: float) -> str:
    red, green, blue = (int(color[i : i + 2], 16) for i in (1, 3, 5))
    return f"rgba({red},{green},{blue},{opacity})"
