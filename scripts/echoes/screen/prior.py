"""Read a prior: a screen of other cells or of another laboratory."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from echoes.io.files import StrPath
from echoes.screen.cell_facts import as_record
from echoes.screen.checks import check_prior
from echoes.screen.dataset import read_table
from echoes.screen.effect_screen import NameGenes
from echoes.screen.guides import Guides
from echoes.screen.record import Screen


def read_prior(
    path: StrPath,
    settings: Mapping[str, Any],
    guides: Guides,
    name_genes: NameGenes,
    *,
    threads: int,
) -> tuple[Screen, list[str]]:
    """Read a screen of other cells, in any layout; it may have gaps.

    Parameters
    ----------
    path
        Its table, or `.h5ad` file.
    settings
        Its settings, as those of a data set.
    guides, name_genes
        As in `read_screen`.
    threads
        Threads to read cells with.

    Returns
    -------
    screen, warnings
        The screen, and a sentence or two on each thing that looks wrong in it.

    Raises
    ------
    InputError
        When the file cannot be used.
    """
    if settings["layout"] == "h5ad":
        # h5py takes a while to import, and tables do not need it.
        from echoes.screen.h5ad_screen import cell_warnings, read_h5ad_screen

        cells = read_h5ad_screen(path, settings, guides, name_genes, threads=threads)
        return cells.screen, cell_warnings(as_record(cells.facts))
    screen = read_table(path, settings, guides, name_genes)
    return screen, check_prior(screen, path, settings)
