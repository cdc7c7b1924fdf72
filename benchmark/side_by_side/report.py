"""From raw measurements to the report: tables, a plot, and all numbers."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from side_by_side import names, tables
from side_by_side.tables import Record


def write(work: str, output: str, size: str) -> Iterator[dict[str, Any]]:
    """Write ``benchmark.md``, ``benchmark.json`` and ``benchmark.svg``.

    Parameters
    ----------
    work
        Folder of the raw measurements, one file a section.
    output
        Folder of the report.
    size
        How much was measured.
    """
    files = {section: Path(work) / f"{section}.json" for section in names.SECTIONS}
    raw: dict[str, Record] = {
        section: json.loads(file.read_text(encoding="utf-8"))
        for section, file in files.items()
        if file.exists()
    }
    if not raw:
        yield {"text": "nothing is measured"}
        return
    folder = Path(output)
    folder.mkdir(parents=True, exist_ok=True)
    bars = [
        {"what": bar.what, "measured": bar.measured, "holds": bar.holds} for bar in tables.bars(raw)
    ]
    text = json.dumps({"size": size, "bars": bars, **raw}, indent=1, ensure_ascii=False)
    (folder / "benchmark.json").write_text(text + "\n", encoding="utf-8")
    (folder / "benchmark.md").write_text(tables.report(raw), encoding="utf-8")
    _plot(raw, folder / "benchmark.svg")
    yield {"text": "\n".join(tables.bar_table(raw)) + f"\n{folder / 'benchmark.md'}"}


def _plot(raw: dict[str, Record], path: Path) -> None:
    """Draw times as bars on a logarithmic axis, and growth as lines on two."""
    import matplotlib as mpl
    from matplotlib.figure import Figure

    mpl.rcParams.update({"svg.hashsalt": "echoes", "font.size": 9})
    figure = Figure(figsize=(11, 11), layout="constrained")
    axes = figure.subplot_mosaic(
        [["diffusion", "fits"], ["genes", "starts"], ["rows", "alphas"]],
        height_ratios=[1.5, 1, 1],
    )
    if "diffusion" in raw:
        label, network = next(iter(raw["diffusion"]["networks"].items()))
        title = f"Diffusion, {network['starts']} genes: {label}"
        times = [
            (f"{r['method']}{', time up' if r['timed_out'] else ''}", r["seconds"])
            for r in network["methods"]
        ]
        _bars(axes["diffusion"], times, title)
    if "elastic_net" in raw:
        folds = [
            (f"fold {r['fold']}: {r['method']}", r["seconds"]) for r in raw["elastic_net"]["folds"]
        ]
        single = [
            (
                f"λ = {r['penalty']:g}: {r['method']}{', time up' if r['timed_out'] else ''}",
                r["seconds"],
            )
            for r in raw["elastic_net"]["single"]
            if "seconds" in r
        ]
        _bars(axes["fits"], [*folds, *single], "A fold; single elastic nets of it")
    if "growth" in raw:
        diffusion, folds = raw["growth"]["diffusion"], raw["growth"]["folds"]
        _lines(axes["genes"], diffusion["genes"], "genes", "Diffusion: genes of the network")
        _lines(axes["starts"], diffusion["perturbations"], "starts", "Diffusion: perturbations")
        _lines(axes["rows"], folds["perturbations"], "rows", "One fold: perturbations")
        _lines(axes["alphas"], folds["alphas"], "alphas", "One fold: restart parameters")
    for axis in axes.values():
        axis.set_visible(axis.has_data())
    figure.savefig(path, metadata={"Date": None, "Creator": None})


def _bars(axis: Any, times: list[tuple[str, float]], title: str) -> None:
    labels, seconds = zip(*times, strict=True)
    colours = ["tab:blue" if "echoes" in label else "tab:gray" for label in labels]
    places = range(len(labels))
    drawn = axis.barh(places, seconds, color=colours)
    axis.bar_label(drawn, [f"{tables.number(value)} s" for value in seconds], padding=3)
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
            f"{tables.number(value, 2)} s",
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
