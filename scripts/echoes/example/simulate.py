"""A made-up screen with a planted network signal.

All numbers follow from one seed. The response to a perturbation is, in a chosen share, a
function of the place of the silenced gene in the network.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from echoes.example.network import INSIDE, Network, describe, draw_links, make_symbols
from echoes.example.parameters import Plan
from echoes.example.responses import (
    Responses,
    choose_connected,
    choose_measured,
    clarity_weights,
    network_coordinates,
    random_walk,
    respond,
)
from echoes.io.arrays import Floats, Ints

#: Decimals of the baseline errors.
BASELINE_DECIMALS = 8


@dataclass(frozen=True)
class Simulated:
    """A simulated data set; its numbers are rounded as in the files.

    Parameters
    ----------
    plan
        The numbers that it was made from.
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

    plan: Plan
    network: Network
    genes: tuple[str, ...]
    control: Floats
    training: Responses
    truth_order: Ints
    validation: Responses


def simulate(plan: Plan) -> Simulated:
    """Simulate the data set of a plan; the same plan gives the same data set.

    The network, the names and the noise do not change with `plan.signal`.
    """
    streams = np.random.SeedSequence(plan.seed).spawn(6)
    names_rng, links_rng, info_rng, choice_rng, response_rng, order_rng = map(
        np.random.default_rng, streams
    )
    n_genes = plan.network_genes
    symbols = np.array(make_symbols(names_rng, n_genes + 2 * plan.isolated))

    # Proteins in the order of their roles: one a network gene, second proteins of
    # a gene, proteins that the info file lacks, proteins without links.
    few = max(2, n_genes // 300)
    gene_of = np.concatenate([
        np.arange(n_genes),
        links_rng.choice(n_genes, few, replace=False),
        np.full(few, -1),
        n_genes + np.arange(plan.isolated),
    ])  # fmt: skip
    n_linked = n_genes + 2 * few
    size = 4 * INSIDE * 2 * plan.network_links / n_genes  # keeps a community's density near 1/4
    n_communities = max(1, round(n_genes / size))
    community = links_rng.integers(n_communities, size=n_linked)
    community[n_genes : n_genes + few] = community[gene_of[n_genes : n_genes + few]]
    pairs, scores = draw_links(
        links_rng, plan.network_links, n_genes, gene_of[:n_linked], community
    )
    network = describe(info_rng, symbols, gene_of, pairs, scores)

    connected = choose_connected(choice_rng, plan, community[:n_genes])
    n_train = plan.perturbations - plan.isolated
    outside = n_genes + np.arange(2 * plan.isolated)
    training = np.concatenate([connected[:n_train], outside[: plan.isolated]])
    training = training[np.argsort(symbols[training])]
    validation = np.concatenate([connected[n_train:], outside[plan.isolated :]])
    validation = choice_rng.permutation(validation)
    perturbed = np.concatenate([training, validation])
    measured = choose_measured(choice_rng, plan, perturbed)
    measured = measured[np.argsort(symbols[measured])]

    transition, degree = random_walk(n_genes, gene_of[pairs], scores)
    coordinates = network_coordinates(response_rng, perturbed, transition, degree)
    silenced = perturbed[:, None] == measured[None, :]
    control, deltas, errors = respond(response_rng, plan, coordinates, silenced)
    weights = clarity_weights(deltas, errors, silenced)
    mean = deltas[: plan.perturbations].mean(axis=0)
    baseline = np.round((weights * np.abs(deltas - mean)).mean(axis=1), BASELINE_DECIMALS)

    def rows(part: slice) -> Responses:
        named = tuple(symbols[perturbed[part]].tolist())
        return Responses(named, deltas[part], weights[part], baseline[part])

    order = order_rng.permutation(plan.perturbations)
    if (order == np.arange(plan.perturbations)).all():
        order = order[::-1]
    return Simulated(
        plan=plan,
        network=network,
        genes=tuple(symbols[measured].tolist()),
        control=control,
        training=rows(slice(plan.perturbations)),
        truth_order=order,
        validation=rows(slice(plan.perturbations, None)),
    )
