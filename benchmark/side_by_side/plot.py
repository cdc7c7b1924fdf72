"""The plot of the report: times as bars on a logarithmic axis, and growth as lines on two."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.figure import Figure

from side_by_side.process import Record
from side_by_side.tables import Records, number


def draw(records: Records, path: Path) -> None:
    """Draw what of it is measured."""
    mpl.rcParams.update({"svg.hashsalt": "echoes", "font.size": 9})
    figure = Figure(figsize=(11, 11), layout="constrained")
    axes = figure.subplot_mosaic(
        [["diffusion", "fits"], ["genes", "starts"], ["rows", "alphas"]],
        height_ratios=[1.5, 1, 1],
    )
    if "diffusion" in records:
        label, network = next(iter(records["diffusion"]["networks"].items()))
        title = f"Diffusion, {network['starts']} genes: {label}"
        _bars(axes["diffusion"], [_timed(r, r["method"]) for r in network["methods"]], title)
    if "elastic_net" in records:
        fits = records["elastic_net"]
        folds = [(f"fold {r['fold']}: {r['method']}", r["seconds"]) for r in fits["folds"]]
        single = [
            _timed(r, f"λ = {r['penalty']:g}: {r['method']}")
            for r in fits["single"]
            if "seconds" in r
        ]
        _bars(axes["fits"], [*folds, *single], "A fold; single elastic nets of it")
    if "growth" in records:
        diffusion, folds = records["growth"]["diffusion"], records["growth"]["folds"]
        _lines(axes["genes"], diffusion["genes"], "genes", "Diffusion: genes of the network")
        _lines(axes["starts"], diffusion["perturbations"], "starts", "Diffusion: perturbations")
        _lines(axes["rows"], folds["perturbations"], "rows", "One fold: perturbations")
        _lines(axes["alphas"], folds["alphas"], "alphas", "One fold: restart parameters")
    for axis in axes.values():
        axis.set_visible(axis.has_data())
    figure.savefig(path, metadata={"Date": None, "Creator": None})


def _timed(record: Record, label: str) -> tuple[str, float]:
    """Label a time, with a note where it was the limit."""
    return label + (", time up" if record["timed_out"] else ""), record["seconds"]


def _bars(axis: Any, times: list[tuple[str, float]], title: str) -> None:
    labels, seconds = zip(*times, strict=True)
    colours = ["tab:blue" if "echoes" in label else "tab:gray" for label in labels]
    places = range(len(labels))
    drawn = axis.barh(places, seconds, color=colours)
    axis.bar_label(drawn, [f"{number(value)} s" for value in seconds], padding=3)
    axis.set_yticks(places, labels)
    axis.invert_yaxis()
    axis.set_xscale("log")
    axis.set_xlim(min(seconds) / 2, max(seconds) * 8)
    axis.set(title=title, xlabel="seconds")
    axis.spines[["top", "right"]].set_visible(False)


def _lines(axis: Any, records: list[Record], key: str, title: str) -> None:
    sizes, seconds, memory = (
        [record[name] for record in records] for name in (key, "seconds", "memory_mb")
    )
    axis.plot(sizes, seconds, "o-", color="tab:blue")
    for size, value in zip(sizes, seconds, strict=True):
        axis.annotate(
            f"{number(value, 2)} s",
            (size, value),
            xytext=(-5, 5),
            textcoords="offset points",
            ha="right",
            color="tab:blue",
        )
    wide = sizes[-1] > 5 * sizes[0]
    axis.set(title=title, xscale="log" if wide else "linear", yscale="log")
    room = 0.25 * (sizes[-1] - sizes[0])
    axis.set_xlim(sizes[0] / 2 if wide else sizes[0] - room, sizes[-1] * 1.3)
    axis.set_ylim(min(seconds) / 2, max(seconds) * 2)
    axis.set_ylabel("seconds", color="tab:blue")
    axis.set_xticks(sizes, [f"{size:,}" for size in sizes])
    axis.minorticks_off()
    right = axis.twinx()
    right.plot(sizes, memory, "s--", color="tab:orange")
    right.set_ylabel("peak MB", color="tab:orange")
    right.set_ylim(0, 2.5 * max(memory))
