"""Which experiments differ in nothing but a shuffled network, which shows what the network adds."""

from __future__ import annotations

from dataclasses import dataclass, replace

from echoes.plan.experiments import Experiment
from echoes.plan.plan import Plan


@dataclass(frozen=True)
class Twin:
    """An experiment, and the same experiment on a shuffled network.

    Parameters
    ----------
    experiment, twin
        Their names.
    network
        Name of the network that is shuffled; of an ensemble that of its first member.
    shuffle
        How it is shuffled: ``links`` or ``labels``.
    """

    experiment: str
    twin: str
    network: str
    shuffle: str


def find_twins(plan: Plan) -> list[Twin]:
    """List the twins of all experiments; both are held out.

    Two ensembles are twins if their members are, one by one, on networks that are shuffled alike.

    Parameters
    ----------
    plan
        The plan of the run.
    """
    held_out = [each for each in plan.experiments.values() if each.held_out]
    found = []
    for one in held_out:
        for other in held_out:
            shuffle = _shuffle(plan, one, other)
            if shuffle:
                first = plan.members(one.name)[0].network
                found.append(Twin(one.name, other.name, first, shuffle))
    return found


def _shuffle(plan: Plan, one: Experiment, other: Experiment) -> str | None:
    """How the network of another experiment is shuffled, if nothing else sets the two apart."""
    same = replace(one, name=other.name, network=other.network, members=other.members) == other
    if not same or len(one.members) != len(other.members):
        return None
    if one.members:
        pairs = zip(plan.members(one.name), plan.members(other.name), strict=True)
        ways = {_shuffle(plan, *pair) for pair in pairs}
        return ways.pop() if len(ways) == 1 else None
    network = plan.networks[other.network]
    return network.shuffle if one.inputs and network.unshuffled == one.network else None
