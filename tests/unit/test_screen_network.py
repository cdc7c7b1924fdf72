"""The network of a screen, from links and names."""

from __future__ import annotations

import numpy as np
import pytest

from echoes.io.errors import InputError
from echoes.network.links import Links
from echoes.network.screen_network import ScreenNetwork, build_screen_network

GENES = ("A1", "B2", "C3", "D4", "E5", "F6")
CHAIN = Links(
    "links.csv",
    GENES,
    np.arange(5, dtype=np.int32),
    np.arange(1, 6, dtype=np.int32),
    np.full(5, 0.9),
)


def build(response: list[str]) -> ScreenNetwork:
    silenced = {"train": ["A1", "B2"], "validation": []}
    return build_screen_network(
        CHAIN, None, silenced, response, self_loop=1.0, edge_multiplicity=1.0
    )


def test_response_genes_of_another_kind_are_refused() -> None:
    with pytest.raises(InputError) as caught:
        build([f"ENSG{i:011d}" for i in range(6)])
    message = str(caught.value)
    assert message.startswith("links.csv: none of the 6 response genes is in the network")
    assert "Ensembl gene ids (ENSG00000000000, " in message
    assert "`names: {table: …}`" in message


def test_one_known_response_gene_is_enough_and_the_others_are_told() -> None:
    found = build(["F6", *(f"ENSG{i:011d}" for i in range(5))])
    (warning,) = found.summary["warnings"]
    assert warning.startswith("5 of 6 response genes have no node in the network")


def test_a_few_unknown_genes_may_be_chance() -> None:
    assert len(build(["X", "Y"]).groups["response"]) == 2
