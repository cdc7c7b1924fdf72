"""Charts of the page as Vega-Lite specifications, and the scripts that draw them."""

from __future__ import annotations

from typing import Any

import altair as alt
import vl_convert

#: What `alt.layer` makes.
Chart = alt.LayerChart | alt.FacetChart

#: Colours that colour-blind people tell apart (Okabe and Ito): up, down, and a quiet one.
UP, DOWN, QUIET = "#D55E00", "#0072B2", "#8a8f98"


def bundle() -> dict[str, Any]:
    """Make all charts, and the script that draws them.

    Returns
    -------
    dict
        Specifications by name (``charts``), and the text of Vega, Vega-Lite and Vega-Embed, which
        defines ``vegaEmbed`` (``javascript``). They depend on no results.
    """
    return {"charts": charts(), "javascript": javascript()}


def javascript() -> str:
    """Return the scripts of Vega, Vega-Lite and Vega-Embed, which define ``vegaEmbed``."""
    version = alt.SCHEMA_VERSION.removeprefix("v").rpartition(".")[0]
    text: str = vl_convert.javascript_bundle(
        "globalThis.vegaEmbed = vegaEmbed;", vl_version=version
    )
    return text


def charts() -> dict[str, dict[str, Any]]:
    """Make all charts by name. Their data are named, and given by the page."""
    made = {
        "comparison": _comparison(),
        "agreement": _agreement(),
        "overview": _overview(),
        "curve": _curve(),
    }
    return {name: _specification(chart) for name, chart in made.items()}


def _specification(chart: Chart) -> dict[str, Any]:
    record: dict[str, Any] = chart.to_dict()
    # The page has its own colours for light and dark.
    record.pop("config", None)
    return record


def _comparison() -> Chart:
    """Draw a point and an interval for each experiment, and lines for chance and upper bounds."""
    rows = alt.Chart(alt.NamedData("rows")).encode(
        y=alt.Y("experiment:N", sort=None, title=None, axis=alt.Axis(labelLimit=170)),
        color=alt.Color(
            "group:N",
            title=None,
            scale=alt.Scale(
                domain=["experiment", "null network", "baseline"], range=[DOWN, UP, QUIET]
            ),
            legend=None,
        ),
        tooltip=["experiment:N", "figure:N"],
    )
    lines = alt.Chart(alt.NamedData("lines"))
    return alt.layer(
        lines.mark_rule(strokeDash=[5, 4], strokeWidth=1.5).encode(
            x=alt.X("value:Q"), tooltip=["label:N"]
        ),
        rows.mark_rule(strokeWidth=2.5).encode(
            x=alt.X("lower:Q", title=None, scale=alt.Scale(zero=False), axis=alt.Axis(tickCount=7)),
            x2="upper:Q",
        ),
        rows.mark_point(filled=True, size=80, opacity=1).encode(x="value:Q"),
        lines.mark_text(dy=-8, baseline="bottom", fontSize=11).encode(
            x="value:Q", y=alt.value(0), text="label:N"
        ),
    ).properties(width="container", height=alt.Step(24))


def _agreement() -> Chart:
    """Draw predicted against measured values, a diagonal, and names of the largest."""
    points = alt.Chart(alt.NamedData("points"))
    axes = {
        "x": alt.X("x:Q", axis=alt.Axis(tickCount=6)),
        "y": alt.Y("y:Q", axis=alt.Axis(tickCount=6)),
    }
    return alt.layer(
        alt.Chart(alt.NamedData("diagonal"))
        .mark_line(strokeDash=[5, 4], strokeWidth=1.2)
        .encode(x="x:Q", y="y:Q"),
        points.mark_point(filled=True).encode(
            **axes,
            color=alt.Color("color:N", scale=None),
            size=alt.Size("size:Q", scale=None),
            opacity=alt.Opacity("opacity:Q", scale=None),
            tooltip=[
                alt.Tooltip("name:N", title="name"),
                alt.Tooltip("x:Q", title="measured", format=".3f"),
                alt.Tooltip("y:Q", title="predicted", format=".3f"),
            ],
        ),
        alt.Chart(alt.NamedData("labels"))
        .mark_text(fontSize=11, dx=alt.expr("datum.dx"), dy=alt.expr("datum.dy"))
        .encode(x="x:Q", y="y:Q", text="name:N"),
    ).properties(width="container", height=340)


def _overview() -> Chart:
    """Draw the figure of each perturbation against something that may explain it."""
    points = alt.Chart(alt.NamedData("points"))
    return alt.layer(
        alt.Chart(alt.NamedData("lines"))
        .mark_rule(strokeDash=[5, 4], strokeWidth=1.2)
        .encode(y="value:Q"),
        alt.Chart(alt.NamedData("intervals"))
        .mark_rule(strokeWidth=1.5)
        .encode(x="x:Q", y="lower:Q", y2="upper:Q"),
        points.mark_point(filled=True, size=46, opacity=0.75, color=DOWN, cursor="pointer").encode(
            x=alt.X(
                "x:Q",
                title=None,
                scale=alt.Scale(zero=False, nice=True),
                axis=alt.Axis(tickCount=8),
            ),
            y=alt.Y(
                "y:Q",
                title=None,
                scale=alt.Scale(zero=False, nice=True),
                axis=alt.Axis(tickCount=5),
            ),
            tooltip=["name:N", "figure:N", "explained:N"],
        ),
    ).properties(width="container", height=280)


def _curve() -> Chart:
    """Draw a figure by the number of training perturbations, with intervals."""
    rows = alt.Chart(alt.NamedData("rows")).encode(
        x=alt.X(
            "training:Q",
            title="Training perturbations",
            scale=alt.Scale(type="log", nice=False, padding=12),
            axis=alt.Axis(tickCount=6, format="~s", grid=False),
        ),
        color=alt.Color("experiment:N", title=None, legend=alt.Legend(orient="bottom")),
    )
    return alt.layer(
        alt.Chart(alt.NamedData("lines"))
        .mark_rule(strokeDash=[5, 4], strokeWidth=1.2)
        .encode(y="value:Q"),
        rows.mark_area(opacity=0.2).encode(y="lower:Q", y2="upper:Q"),
        rows.mark_line(point=alt.OverlayMarkDef(size=60)).encode(
            y=alt.Y("value:Q", title=None, scale=alt.Scale(zero=False, nice=True)),
            tooltip=["experiment:N", "training:Q", "figure:N"],
        ),
    ).properties(width="container", height=240)
