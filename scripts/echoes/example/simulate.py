"""A simulated screen with a known network signal.

All numbers follow from one seed. A chosen share of the response to a perturbation is a function of
the place of the silenced gene in the network; the rest is specific, common to all, or noise.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from echoes.example.network import INSIDE, Network, describe, draw_links, make_symbols
from echoes.example.pairs import with_pairs
from echoes.example.parameters import Parameters
from echoes.example.responses import (
    BASELINE_DECIMALS,
    Responses,
    choose_connected,
    choose_measured,
    clarity_weights,
    network_coordinates,
    random_walk,
    respond,
)
from echoes.io.arrays import Floats, Ints


@dataclass(frozen=True)
class Simulated:
    """A simulated data set; its numbers are rounded as in the files.

    Parameters
    ----------
    parameters
        Size, signal and noise of the data set.
    network
        The protein network.
    genes
        The response genes, sorted.
    control
        Expression of unperturbed cells, log2(1 + 10⁴·UMI/total), one a response gene.
    training
        The training responses, sorted by perturbation.
    truth_order
        Order of the training rows in the table of truth; never that of the table of means.
    validation
        The responses that are to be predicted, in the order of the ids.
    """

    parameters: Parameters
    network: Network
    genes: tuple[str, ...]
    control: Floats
    training: Responses
    truth_order: Ints
    validation: Responses


def simulate(parameters: Parameters) -> Simulated:
    """Simulate a data set; the same parameters give the same data set.

    The network, the names and the noise do not change with `parameters.signal`.
    """
    streams = np.random.SeedSequence(parameters.seed).spawn(7)
    names_rng, links_rng, info_rng, choice_rng, response_rng, order_rng, pair_rng = map(
        np.random.default_rng, streams
    )
    n_genes = parameters.network_genes
    symbols = np.array(make_symbols(names_rng, n_genes + 2 * parameters.isolated))

    # Proteins in this order: one for each gene of the network, second proteins of some genes,
    # proteins that are not in the info file, proteins without links.
    n_special = max(2, n_genes // 300)
    gene_of = np.concatenate([
        np.arange(n_genes),
        links_rng.choice(n_genes, n_special, replace=False),
        np.full(n_special, -1),
        n_genes + np.arange(parameters.isolated),
    ])  # fmt: skip
    n_linked = n_genes + 2 * n_special
    # About a quarter of the pairs in a community are linked.
    size = 4 * INSIDE * 2 * parameters.network_links / n_genes
    n_communities = max(1, round(n_genes / size))
    community = links_rng.integers(n_communities, size=n_linked)
    community[n_genes : n_genes + n_special] = community[gene_of[n_genes : n_genes + n_special]]
    pairs, scores = draw_links(
        links_rng, parameters.network_links, n_genes, gene_of[:n_linked], community
    )
    network = describe(info_rng, symbols, gene_of, pairs, scores)

    connected = choose_connected(choice_rng, parameters, community[:n_genes])
    n_train = parameters.perturbations - parameters.isolated
    outside = n_genes + np.arange(2 * parameters.isolated)
    training = np.concatenate([connected[:n_train], outside[: parameters.isolated]])
    training = training[np.argsort(symbols[training])]
    validation = np.concatenate([connected[n_train:], outside[parameters.isolated :]])
    validation = choice_rng.permutation(validation)
    perturbed = np.concatenate([training, validation])
    measured = choose_measured(choice_rng, parameters, perturbed)
    measured = measured[np.argsort(symbols[measured])]

    transition, degree = random_walk(n_genes, gene_of[pairs], scores)
    coordinates = network_coordinates(response_rng, perturbed, transition, degree)
    silenced = perturbed[:, None] == measured[None, :]
    control, deltas, errors, effects = respond(response_rng, parameters, coordinates, silenced)
    weights = clarity_weights(deltas, errors, silenced)
    mean = deltas[: parameters.perturbations].mean(axis=0)
    baseline = np.round((weights * np.abs(deltas - mean)).mean(axis=1), BASELINE_DECIMALS)

    def rows(part: slice) -> Responses:
        named = tuple(symbols[perturbed[part]].tolist())
        return Responses(named, deltas[part], weights[part], baseline[part])

    alone = rows(slice(parameters.perturbations))
    learnt = alone
    if parameters.pairs:
        learnt = with_pairs(
            pair_rng, parameters, alone, control, effects, errors, coordinates, silenced
        )
    count = len(learnt.perturbations)
    order = order_rng.permutation(count)
    if (order == np.arange(count)).all():
        order = order[::-1]
    return Simulated(
        parameters=parameters,
        network=network,
        genes=tuple(symbols[measured].tolist()),
        control=control,
        training=learnt,
        truth_order=order,
        validation=rows(slice(parameters.perturbations, None)),
    )
