"""A made-up screen with a planted network signal, in the file formats of the real one.

Everything follows from one seed. The network is a degree-corrected stochastic
block model (Karrer and Newman, Physical Review E 83, 016107, 2011) in STRING's
file layout; the response to a perturbation is, in a chosen share, a function of
where the silenced gene stands in that network. The diffusion behind the truth
is computed here with a few lines of its own, so that the truth does not depend
on the code that is to find it again.
"""

from __future__ import annotations

import contextlib
import gzip
import io
import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

import numpy as np
from scipy import sparse

from echoes.io.arrays import Bools, Floats, Ints, Strings
from echoes.io.errors import InputError
from echoes.io.files import StrPath, atomic_path

#: Links below this score play no part in the truth.
SCORE_THRESHOLD = 0.5
#: Probability of the random walk behind the truth to go on instead of restarting.
DAMPING = 0.6

# 0.6^40 is 10^-9: what is left of a walk after so many steps shows in no file.
_STEPS = 40
_INSIDE = 0.8  # links drawn within a community
_PER_COMMUNITY = 5  # perturbations that share a community, roughly
_PROGRAMS = 20  # rank of the perturbation-specific response
_SPECIFIC_SD = 0.05  # log2 units, as in real CRISPRi screens
_COMMON_SD = 0.04
_DECIMALS = 4  # of expression and deltas; what is kept is what the files say
_WEIGHT_DECIMALS = 6
_BASELINE_DECIMALS = 8


@dataclass(frozen=True)
class Plan:
    """What to simulate; the defaults make the small example.

    Parameters
    ----------
    network_genes
        Genes in the network. Each has at least one link above `SCORE_THRESHOLD`.
    network_links
        Pairs of proteins that are linked; the file holds each pair twice.
    perturbations
        Perturbed genes of the training set.
    validation_genes
        Perturbed genes whose responses are to be predicted.
    response_genes
        Genes whose response is measured. About half of the perturbed genes are among them.
    isolated
        How many of the training genes, and as many of the validation genes, have no link.
    padding
        Rows of the sample submission beyond those of the validation genes.
    signal
        Share, 0 to 1, of the perturbation-specific variance that follows the network.
    noise
        Standard deviation of the measurement, in log2 units; above 0.
    seed
        Where the random numbers start.

    Raises
    ------
    InputError
        When a parameter is out of range, or two of them do not fit each other.
    """

    network_genes: int = 600
    network_links: int = 3000
    perturbations: int = 24
    validation_genes: int = 8
    response_genes: int = 300
    isolated: int = 1
    padding: int = 4
    signal: float = 0.8
    noise: float = 0.03
    seed: int = 0

    def __post_init__(self) -> None:
        """Check each parameter, the ones that bound others first."""
        self._check("network_genes", 20)
        self._check("network_links", 2 * self.network_genes, self.network_genes**2 // 5)
        self._check("isolated", 0)
        self._check("perturbations", self.isolated + 2)
        self._check("validation_genes", max(1, self.isolated))
        connected = self.perturbations + self.validation_genes - 2 * self.isolated
        room = self.network_genes // 2
        if connected > room:
            raise InputError(
                "simulation",
                "perturbations",
                f"{connected} training and validation genes in the network",
                expected=f"at most {room}, half of the {self.network_genes} network genes",
                remedy="Lower perturbations or validation_genes, or raise network_genes.",
            )
        half = (self.perturbations + self.validation_genes) // 2
        self._check("response_genes", max(2, half), self.network_genes - connected + half)
        self._check("padding", 0)
        self._check("signal", 0.0, 1.0)
        self._check("noise", 0.001, 1.0)
        self._check("seed", 0)

    def _check(self, name: str, least: float, most: float = math.inf) -> None:
        value = getattr(self, name)
        if not least <= value <= most or not math.isfinite(value):
            high = "" if math.isinf(most) else f" and at most {most}"
            raise InputError(
                "simulation",
                name,
                f"{value} is out of range",
                expected=f"at least {least}{high}",
                remedy="Choose a number in this range, or change the numbers that bound it.",
            )


@dataclass(frozen=True)
class Network:
    """A protein network as STRING publishes it.

    Parameters
    ----------
    proteins
        Protein ids, sorted. Not all have a link.
    names
        The preferred name of each protein; empty where it is missing from the info file.
        Two proteins may share one.
    sizes
        The length of each protein in amino acids.
    annotations
        Free text on each protein.
    pairs
        int64, (links × 2): positions in `proteins`, the smaller one first, in sorted order.
    scores
        int64, 150 to 999: the combined score of each pair.
    """

    proteins: tuple[str, ...]
    names: tuple[str, ...]
    sizes: tuple[int, ...]
    annotations: tuple[str, ...]
    pairs: Ints
    scores: Ints


@dataclass(frozen=True)
class Responses:
    """What perturbations did, and how an error in predicting it is weighed.

    Parameters
    ----------
    perturbations
        The silenced genes, one a row.
    deltas
        Mean expression minus control, (rows × response genes), log2 units.
    weights
        The competition's weights, (rows × response genes); each row sums to the
        number of response genes, and the silenced gene itself weighs nothing.
    baseline
        Weighted mean absolute error, one a row, of predicting the mean training response.
    """

    perturbations: tuple[str, ...]
    deltas: Floats
    weights: Floats
    baseline: Floats


@dataclass(frozen=True)
class Simulated:
    """A simulated data set; its numbers are rounded as they are written.

    Parameters
    ----------
    plan
        What it was made from.
    network
        The protein network.
    genes
        The response genes, sorted.
    control
        Expression of unperturbed cells, log2(1 + 10⁴·UMI/total), one a response gene.
    training
        The training responses, sorted by perturbation.
    truth_order
        The order of the training rows in the truth table; never that of the means.
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
    """Make the data set of a plan; the same plan gives the same data set.

    The network, the names and the noise do not change with `plan.signal`.
    """
    streams = np.random.SeedSequence(plan.seed).spawn(6)
    names_rng, links_rng, info_rng, choice_rng, response_rng, order_rng = map(
        np.random.default_rng, streams
    )
    n_genes = plan.network_genes
    symbols = np.array(_symbols(names_rng, n_genes + 2 * plan.isolated))

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
    size = 4 * _INSIDE * 2 * plan.network_links / n_genes  # keeps a community's density near 1/4
    n_communities = max(1, round(n_genes / size))
    community = links_rng.integers(n_communities, size=n_linked)
    community[n_genes : n_genes + few] = community[gene_of[n_genes : n_genes + few]]
    pairs, scores = _draw_links(
        links_rng, plan.network_links, n_genes, gene_of[:n_linked], community
    )
    network = _describe(info_rng, symbols, gene_of, pairs, scores)

    connected = _choose_connected(choice_rng, plan, community[:n_genes])
    n_train = plan.perturbations - plan.isolated
    outside = n_genes + np.arange(2 * plan.isolated)
    training = np.concatenate([connected[:n_train], outside[: plan.isolated]])
    training = training[np.argsort(symbols[training])]
    validation = np.concatenate([connected[n_train:], outside[plan.isolated :]])
    validation = choice_rng.permutation(validation)
    perturbed = np.concatenate([training, validation])
    measured = _choose_measured(choice_rng, plan, perturbed)
    measured = measured[np.argsort(symbols[measured])]

    transition, degree = _random_walk(n_genes, gene_of[pairs], scores)
    coordinates = _network_coordinates(response_rng, perturbed, transition, degree)
    silenced = perturbed[:, None] == measured[None, :]
    control, deltas, errors = _respond(response_rng, plan, coordinates, silenced)
    weights = _weights(deltas, errors, silenced)
    mean = deltas[: plan.perturbations].mean(axis=0)
    baseline = np.round((weights * np.abs(deltas - mean)).mean(axis=1), _BASELINE_DECIMALS)

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


def _symbols(rng: np.random.Generator, count: int) -> list[str]:
    """Make up gene symbols: families of letters with members by number."""
    letters = np.array(list("ABCDEFGHIKLMNPQRSTVXZ"))
    families = count // 8 + 5
    found: dict[str, None] = {}
    while len(found) < count:
        stems = letters[rng.integers(letters.size, size=(families, 4))]
        lengths = rng.choice([3, 4], families, p=[0.4, 0.6])
        prefixes = ["".join(s[:k]) for s, k in zip(stems.tolist(), lengths.tolist(), strict=True)]
        family = rng.integers(families, size=count).tolist()
        number = rng.integers(1, 30, size=count).tolist()
        shape = rng.random(count).tolist()
        tails = letters[rng.integers(letters.size, size=count)].tolist()
        for f, k, kind, tail in zip(family, number, shape, tails, strict=True):
            if kind < 0.03:
                symbol = f"{prefixes[f]}-{tail}{k}"
            elif kind < 0.15:
                symbol = f"{prefixes[f]}{k}{tail}"
            else:
                symbol = f"{prefixes[f]}{k}"
            found[symbol] = None
    return list(found)[:count]


def _draw_links(
    rng: np.random.Generator, count: int, n_genes: int, gene_of: Ints, community: Ints
) -> tuple[Ints, Ints]:
    """Draw linked pairs and their scores.

    Parameters
    ----------
    rng
        The source of random numbers.
    count
        How many different pairs.
    n_genes
        The first so many proteins are those of different genes.
    gene_of
        The gene of each protein, or -1.
    community
        The community of each protein.

    Returns
    -------
    tuple
        Pairs (count × 2), the smaller number first, and their scores.
    """
    n = gene_of.size
    # A power law of exponent 2.5, cut where one protein would link to most others.
    attraction = np.minimum((1 - rng.random(n)) ** (-1 / 1.5), math.sqrt(n))
    order = np.argsort(community, kind="stable")
    reach = np.concatenate([[0.0], np.cumsum(attraction[order])])
    first = np.searchsorted(community[order], np.arange(community.max() + 2))

    def attracted(low: Floats, high: Floats) -> Ints:
        spot = low + rng.random(low.size) * (high - low)
        return order[np.clip(np.searchsorted(reach, spot, side="right") - 1, 0, n - 1)]

    def partners(source: Ints) -> Ints:
        inside = rng.random(source.size) < _INSIDE
        own = community[source]
        return attracted(
            np.where(inside, reach[first[own]], 0.0),
            np.where(inside, reach[first[own + 1]], reach[-1]),
        )

    def allowed(a: Ints, b: Ints) -> Bools:
        one_gene = (gene_of[a] == gene_of[b]) & (gene_of[a] >= 0)
        return np.asarray((a != b) & ~one_gene, dtype=np.bool_)

    def keys(a: Ints, b: Ints) -> Ints:
        # Two proteins of one gene are never linked: that would be a link to itself.
        kept = allowed(a, b)
        return np.unique(np.minimum(a, b)[kept] * n + np.maximum(a, b)[kept])

    # Each protein has a strong link to a gene's own protein, so none drops out.
    each = np.arange(n)
    partner = partners(each)
    while (wrong := ~allowed(each, partner) | (partner >= n_genes)).any():
        partner[wrong] = rng.integers(n_genes, size=int(wrong.sum()))
    sure = keys(each, partner)
    found = sure
    rounds = 0
    while found.size < count:
        missing = count - found.size
        rounds += 1
        # Full communities give no new pairs; after many rounds any pair will do.
        if rounds <= 50:
            a = attracted(np.zeros(2 * missing), np.full(2 * missing, reach[-1]))
            b = partners(a)
        else:
            a, b = rng.integers(n, size=(2, 2 * missing))
        new = np.setdiff1d(keys(a, b), found, assume_unique=True)
        found = np.concatenate([found, rng.permutation(new)[:missing]])

    pairs = np.stack([found // n, found % n], axis=1)
    together = community[pairs[:, 0]] == community[pairs[:, 1]]
    strong = rng.random(count) < np.where(together, 0.6, 0.2)
    strong[: sure.size] = True
    low = 150 + rng.exponential(110.0, count)
    high = 999 - (998 - 1000 * SCORE_THRESHOLD) * rng.beta(1.0, 1.6, count)
    scores = np.clip(np.where(strong, high, low), 150, 999).astype(np.int64)
    return pairs, scores


def _describe(
    rng: np.random.Generator,
    symbols: Strings,
    gene_of: Ints,
    pairs: Ints,
    scores: Ints,
) -> Network:
    """Give the proteins ids and descriptions, and sort all by id."""
    n = gene_of.size
    numbers = np.sort(rng.choice(max(500_000, 10 * n), n, replace=False))
    place = rng.permutation(n)
    gene_at = np.empty(n, dtype=np.int64)
    gene_at[place] = gene_of
    kinds = rng.integers(len(_ANNOTATIONS), size=n).tolist()
    sizes = np.exp(rng.normal(6.0, 0.7, n)).astype(np.int64) + 30
    placed = np.sort(place[pairs], axis=1)
    order = np.lexsort((placed[:, 1], placed[:, 0]))
    return Network(
        proteins=tuple(f"9606.ENSP{number:011d}" for number in numbers.tolist()),
        names=tuple(str(symbols[g]) if g >= 0 else "" for g in gene_at.tolist()),
        sizes=tuple(sizes.tolist()),
        annotations=tuple(
            _ANNOTATIONS[k].format(size=s) for k, s in zip(kinds, sizes.tolist(), strict=True)
        ),
        pairs=placed[order],
        scores=scores[order],
    )


# Quotes, commas and apostrophes stand in STRING's annotations as they are.
_ANNOTATIONS = (
    "annotation not available",
    "Made-up kinase of {size} residues; phosphorylates what it meets, in vitro.",
    'Made-up subunit, also called "the {size} residue one"; its partners aren\'t known.',
    "Made-up transcription factor; binds 5'-ends, 3'-ends, and \"nothing in between\".",
    'Made-up protein with an unpaired " in its name, after the inch.',
    "Made-up channel; opens at night, closes by day; doesn't conduct; Belongs to no family.",
)


def _choose_connected(rng: np.random.Generator, plan: Plan, community: Ints) -> Ints:
    """Choose the perturbed genes of the network from few communities.

    A screen's genes come from few pathways; only so is there something to learn
    of one perturbation from another.
    """
    count = plan.perturbations + plan.validation_genes - 2 * plan.isolated
    sizes = np.bincount(community)
    order = rng.permutation(sizes.size)
    enough = int(np.searchsorted(np.cumsum(sizes[order]), 2 * count)) + 1
    chosen = order[: max(enough, count // _PER_COMMUNITY)]
    return rng.choice(np.flatnonzero(np.isin(community, chosen)), count, replace=False)


def _choose_measured(rng: np.random.Generator, plan: Plan, perturbed: Ints) -> Ints:
    """Choose the response genes: half of the perturbed genes, and other network genes."""
    both = rng.choice(perturbed, perturbed.size // 2, replace=False)
    others = np.setdiff1d(np.arange(plan.network_genes), perturbed)
    rest = rng.choice(others, plan.response_genes - both.size, replace=False)
    return np.concatenate([both, rest])


def _random_walk(
    n_genes: int, gene_pairs: Ints, scores: Ints
) -> tuple[sparse.csr_array[np.float64], Floats]:
    """Make the column-stochastic matrix of the thresholded gene network, and its degrees."""
    kept = (gene_pairs >= 0).all(axis=1) & (scores >= 1000 * SCORE_THRESHOLD)
    a, b = gene_pairs[kept].T
    weight = scores[kept] / 1000.0
    row, column = np.concatenate([a, b]), np.concatenate([b, a])
    both = np.concatenate([weight, weight])
    degree: Floats = np.zeros(n_genes)
    np.add.at(degree, column, both)
    shape = (n_genes, n_genes)
    return sparse.csr_array((both / degree[column], (row, column)), shape=shape), degree


def _network_coordinates(
    rng: np.random.Generator,
    perturbed: Ints,
    transition: sparse.csr_array[np.float64],
    degree: Floats,
) -> Floats:
    """Place each perturbed gene by its random walk with restart.

    Parameters
    ----------
    rng
        The source of random numbers.
    perturbed
        Gene numbers; those beyond the network are isolated.
    transition
        Column-stochastic, (network genes × network genes).
    degree
        Of each network gene.

    Returns
    -------
    numpy.ndarray
        (perturbed × programs), rows of mean square 1; NaN where a gene is isolated.
        Genes whose walks visit the same places have similar rows.
    """
    n = degree.size
    inside = np.flatnonzero(perturbed < n)
    start = np.zeros((n, inside.size))
    start[perturbed[inside], np.arange(inside.size)] = 1 - DAMPING
    walk = start.copy()
    for _ in range(_STEPS):
        walk = DAMPING * (transition @ walk) + start
    # How much more often a gene is visited than by a walk without restart, on a log scale.
    profile = np.log1p(walk / (degree / degree.sum())[:, None]).T
    profile -= profile.mean(axis=0)
    coordinates = np.full((perturbed.size, _PROGRAMS), np.nan)
    coordinates[inside] = _unit_rows(profile @ rng.standard_normal((n, _PROGRAMS)))
    return coordinates


def _unit_rows(values: Floats) -> Floats:
    """Scale each row to a mean square of 1."""
    scale = np.sqrt((values**2).mean(axis=1, keepdims=True))
    return np.asarray(values / scale, dtype=np.float64)


def _respond(
    rng: np.random.Generator, plan: Plan, coordinates: Floats, silenced: Bools
) -> tuple[Floats, Floats, Floats]:
    """Make expression from coordinates.

    Parameters
    ----------
    rng
        The source of random numbers.
    plan
        Its signal and noise are used.
    coordinates
        (perturbed × programs), NaN rows for isolated genes.
    silenced
        (perturbed × response genes): whether this is the silenced gene itself.

    Returns
    -------
    tuple
        Control (response genes), and deltas and their standard errors
        (perturbed × response genes). Control and deltas are rounded, and no
        expression is below zero.
    """
    n, n_genes = silenced.shape
    own = _unit_rows(rng.standard_normal(coordinates.shape))
    activity = math.sqrt(plan.signal) * coordinates + math.sqrt(1 - plan.signal) * own
    activity = np.where(np.isnan(coordinates), own, activity)

    # Responsive genes answer to all programs: this makes the tails heavy.
    responsive = np.exp(rng.normal(0.0, 0.7, n_genes))
    programs = rng.standard_normal((_PROGRAMS, n_genes)) * responsive
    strength = np.exp(rng.normal(0.0, 0.4, (n, 1)))
    specific = strength * (activity @ programs)
    common = rng.standard_normal(n_genes) * responsive * (1 + 0.2 * rng.standard_normal((n, 1)))
    gene_noise = np.exp(rng.normal(0.0, 0.3, n_genes))
    errors = gene_noise * np.exp(rng.normal(0.0, 0.2, (n, 1)))  # fewer cells, larger errors
    errors *= plan.noise / math.sqrt(float((errors**2).mean()))
    deltas = (
        specific * (_SPECIFIC_SD / math.sqrt(float((specific**2).mean())))
        + common * (_COMMON_SD / math.sqrt(float((common**2).mean())))
        + errors * rng.standard_normal((n, n_genes))
    )

    control = np.log2(1 + np.exp(rng.normal(0.5, 0.9, n_genes)))
    # A gene is silenced in cells that express it, and falls by a good part.
    control = np.where(silenced.any(axis=0), rng.uniform(1.6, 4.0, n_genes), control)
    control = np.asarray(np.round(control, _DECIMALS), dtype=np.float64)
    fall = -control * rng.uniform(0.65, 0.8, (n, n_genes))
    deltas = np.maximum(np.where(silenced, fall, deltas), -control)
    # Adding zero turns -0.0 into 0.0.
    deltas = np.asarray(np.round(deltas, _DECIMALS) + 0.0, dtype=np.float64)
    return control, deltas, np.asarray(errors, dtype=np.float64)


def _weights(deltas: Floats, errors: Floats, silenced: Bools) -> Floats:
    """Weigh genes by how clearly they respond: c², c = min(|t| + 0.1, 10), scaled to sum to G."""
    clarity = np.minimum(np.abs(deltas / errors) + 0.1, 10.0)
    clarity[silenced] = 0.0
    square = clarity**2
    weights = deltas.shape[1] * square / square.sum(axis=1, keepdims=True)
    return np.asarray(np.round(weights, _WEIGHT_DECIMALS), dtype=np.float64)


def write(
    simulated: Simulated,
    *,
    links: StrPath,
    info: StrPath,
    means: StrPath,
    truth: StrPath,
    validation: StrPath,
    sample_submission: StrPath,
    validation_truth: StrPath,
) -> None:
    """Write a data set, byte for byte the same for the same data set.

    A path that ends in ``.gz`` is written compressed.

    Parameters
    ----------
    simulated
        The data set.
    links, info
        The network, in STRING's layout.
    means, truth
        The training set, in the competition's layout.
    validation
        The ids and names of the genes to predict.
    sample_submission
        Zeros for each validation gene, and after them the padding rows.
    validation_truth
        What the validation genes really do: the layout of `truth`, by validation id.
        Its baseline is the error of the mean training response.
    """
    network, genes, plan = simulated.network, simulated.genes, simulated.plan
    _write_lines(links, _link_lines(network))
    _write_lines(info, _info_lines(network))

    training = simulated.training
    rows = [*(simulated.control + training.deltas), simulated.control]
    names = [*training.perturbations, "non-targeting"]
    # A sum of two rounded numbers is rounded, but for the last bit.
    cells = ",".join([f"%.{_DECIMALS}f"] * len(genes))
    lines = (f"{name},{cells % tuple(abs(row))}" for name, row in zip(names, rows, strict=True))
    _write_lines(means, _headed(["pert_symbol", *genes], lines))
    _write_truth(truth, genes, training.perturbations, training, simulated.truth_order)

    ids = [f"pert_{i}" for i in range(1, plan.validation_genes + plan.padding + 1)]
    known = ids[: plan.validation_genes]
    named = zip(simulated.validation.perturbations, known, strict=True)
    lines = (f"{gene},val,{name}" for gene, name in named)
    _write_lines(validation, _headed(["pert", "class", "pert_id"], lines))
    zeros = ",".join(["0.0"] * len(genes))
    _write_lines(
        sample_submission, _headed(["pert_id", *genes], (f"{name},{zeros}" for name in ids))
    )
    _write_truth(
        validation_truth, genes, known, simulated.validation, np.arange(plan.validation_genes)
    )


def _headed(header: Sequence[str], lines: Iterable[str]) -> Iterator[str]:
    yield ",".join(header)
    yield from lines


def _link_lines(network: Network) -> Iterator[str]:
    proteins = network.proteins
    yield "protein1 protein2 combined_score"
    both = np.concatenate([network.pairs, network.pairs[:, ::-1]])
    order = np.lexsort((both[:, 1], both[:, 0]))
    first, second = both[order].T
    scores = np.concatenate([network.scores, network.scores])[order]
    for a, b, score in zip(first.tolist(), second.tolist(), scores.tolist(), strict=True):
        yield f"{proteins[a]} {proteins[b]} {score}"


def _info_lines(network: Network) -> Iterator[str]:
    yield "#string_protein_id\tpreferred_name\tprotein_size\tannotation"
    columns = (network.proteins, network.names, network.sizes, network.annotations)
    for protein, name, size, annotation in zip(*columns, strict=True):
        if name:
            yield f"{protein}\t{name}\t{size}\t{annotation}"


def _write_truth(
    path: StrPath, genes: Sequence[str], ids: Sequence[str], responses: Responses, order: Ints
) -> None:
    """Write deltas, weights and baselines, one row an id."""
    deltas = ",".join([f"%.{_DECIMALS}f"] * len(genes))
    weights = ",".join([f"%.{_WEIGHT_DECIMALS}f"] * len(genes))
    lines = (
        f"{ids[i]},{deltas % tuple(responses.deltas[i])},{weights % tuple(responses.weights[i])},"
        f"{responses.baseline[i]:.{_BASELINE_DECIMALS}f}"
        for i in order.tolist()
    )
    header = ["pert_id", *genes, *(f"w_{gene}" for gene in genes), "baseline_wmae"]
    _write_lines(path, _headed(header, lines))


def _write_lines(path: StrPath, lines: Iterable[str]) -> None:
    with _writing(path) as stream:
        stream.writelines(f"{line}\n" for line in lines)


@contextlib.contextmanager
def _writing(path: StrPath) -> Iterator[TextIO]:
    """Open text for writing, compressed where the name says so."""
    with atomic_path(path) as partial, partial.open("wb") as raw:
        if Path(path).suffix == ".gz":
            # The header holds neither a time nor a name, so that bytes repeat.
            with (
                gzip.GzipFile(filename="", mode="wb", fileobj=raw, mtime=0) as packed,
                io.TextIOWrapper(packed, encoding="utf-8", newline="") as stream,
            ):
                yield stream
        else:
            with io.TextIOWrapper(raw, encoding="utf-8", newline="") as stream:
                yield stream
