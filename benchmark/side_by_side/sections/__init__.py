"""The sections of the benchmark, in the order of the report.

Each is a module with ``TITLE``, its heading; ``BARS``, what the project must meet;
``measure(run)``, which measures and gives a record; and ``write(records)``, which yields its
lines of the report from the records of all sections that are measured, its own among them.
"""

from __future__ import annotations

from types import ModuleType

from side_by_side.sections import (
    cells,
    comparison,
    diffusion,
    earlier,
    elastic_net,
    growth,
    large,
    largest,
    links,
    scale,
    whole_run,
)

SECTIONS: dict[str, ModuleType] = {
    "diffusion": diffusion,
    "elastic_net": elastic_net,
    "whole_run": whole_run,
    "comparison": comparison,
    "links": links,
    "cells": cells,
    "large": large,
    "largest": largest,
    "earlier": earlier,
    "growth": growth,
    "scale": scale,
}
