"""Find genes in a network by their names, and by other names where these are not there."""

from __future__ import annotations

import difflib
from collections import Counter
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass

from echoes.io.errors import abbreviate
from echoes.network.aliases import Names
from echoes.network.identifiers import is_date, kind_of_name, spreadsheet_date, without_version

EXACT = "exact"
FORMER = "former symbol"
ALIAS = "alias"
CASE = "case"
ENSEMBL = "ensembl"
ENTREZ = "entrez"
AMBIGUOUS = "ambiguous"
DATE = "spreadsheet date"
UNKNOWN = "unknown"
#: All ways in which a name may be matched or not.
WAYS = (EXACT, FORMER, ALIAS, ENSEMBL, ENTREZ, CASE, AMBIGUOUS, DATE, UNKNOWN)

#: Share of names that are unknown, or found by case alone, from which on there is a warning.
UNUSUAL = 0.05

_KINDS = {"Ensembl gene ids": ENSEMBL, "Ensembl protein ids": ENSEMBL, "Entrez ids": ENTREZ}


@dataclass(frozen=True)
class Matches:
    """What each wanted name matched.

    Parameters
    ----------
    wanted
        n wanted names.
    matched
        The name that each has in the network; empty where nothing was matched.
    way
        How each was matched, one of `WAYS`: ``exact``; ``former symbol``, the network has a
        former symbol or an alias of the gene; ``alias``, the wanted name is one; ``ensembl`` and
        ``entrez``, one of the two is such an id; ``case``, they differ by capital letters. Not
        matched: ``ambiguous``, ``spreadsheet date`` and ``unknown``.
    candidates
        For an ambiguous name, the names in the network that it may stand for; for a date, the
        genes that it may have been. Else empty.
    """

    wanted: tuple[str, ...]
    matched: tuple[str, ...]
    way: tuple[str, ...]
    candidates: tuple[tuple[str, ...], ...]

    def counts(self) -> dict[str, int]:
        """Count the names of each way, in the order of `WAYS`, without those of no name."""
        counts = Counter(self.way)
        return {way: counts[way] for way in WAYS if counts[way]}

    def names(self) -> tuple[str, ...]:
        """List the name of each gene in the network; the wanted name where nothing matched."""
        return tuple(match or name for name, match in zip(self.wanted, self.matched, strict=True))

    def nodes(self) -> dict[str, str]:
        """Give the name in the network of each wanted name; see `names`."""
        return dict(zip(self.wanted, self.names(), strict=True))

    def of_way(self, way: str) -> list[str]:
        """List the wanted names that were matched in this way."""
        return [name for name, other in zip(self.wanted, self.way, strict=True) if other == way]


def match_names(
    wanted: Sequence[str], known: Collection[str], aliases: Names | None = None
) -> Matches:
    """Find wanted genes among known names.

    Nothing is guessed: a name that may stand for two genes matches none of them. A name that is
    today's symbol of a gene stands for this gene only, even if it was a name of another gene,
    too. Two wanted names never match one known name: an exact match takes it, and of two others
    neither gets it.

    Parameters
    ----------
    wanted
        n names of genes, in a list that has each gene once, such as the response genes of a
        screen. A name may be repeated.
    known
        Names of the genes of the network.
    aliases
        Other names of genes. None to look for exact names, Ensembl ids without their version,
        and names that differ by capital letters.
    """
    known = set(known)
    exact = {name for name in wanted if name in known}
    others = [name for name in dict.fromkeys(wanted) if name not in known]
    free = known - exact
    finder = _Finder(free, aliases, others)
    results = {name: finder.find(name) for name in others}
    claims = Counter(found[0] for found, _ in results.values() if len(found) == 1)
    rows: list[tuple[str, str, tuple[str, ...]]] = []
    for name in wanted:
        if name in exact:
            rows.append((name, EXACT, ()))
            continue
        found, way = results[name]
        if len(found) == 1 and claims[found[0]] == 1 and way != AMBIGUOUS:
            rows.append((found[0], way, ()))
        elif is_date(name) or (spreadsheet_date(name) and not found):
            rows.append(("", DATE, spreadsheet_date(name)))
        elif found:
            rows.append(("", AMBIGUOUS, found))
        else:
            rows.append(("", UNKNOWN, ()))
    matched, way_of, candidates = zip(*rows, strict=True) if rows else ((), (), ())
    return Matches(tuple(wanted), matched, way_of, candidates)


def name_finder(
    aliases: Names | None,
) -> Callable[[Sequence[str], Sequence[str]], tuple[str, ...]]:
    """Make a function that finds the names of genes among known names; see `match_names`.

    It takes the wanted and the known names, and gives for each wanted name the known name that it
    matches, or else itself.
    """
    return lambda wanted, known: match_names(wanted, known, aliases).names()


class _Finder:
    """Candidates for names that are not among the known ones.

    Parameters
    ----------
    free
        Known names that no wanted name matches exactly.
    aliases
        Other names of genes.
    wanted
        The names that are to be looked up.
    """

    def __init__(self, free: set[str], aliases: Names | None, wanted: Sequence[str]) -> None:
        # Names as the table of aliases has them → as the network has them.
        self.plain: dict[str, list[str]] = {}
        self.upper: dict[str, list[str]] = {}
        for name in sorted(free):
            self.plain.setdefault(without_version(name), []).append(name)
            self.upper.setdefault(name.upper(), []).append(name)
        self.same_case = Counter(name.upper() for name in wanted)
        self.symbols: dict[str, set[str]] = {}
        self.former: dict[str, set[str]] = {}
        self.owners: dict[str, set[str]] = {}
        if aliases is not None:
            self.look_up(aliases, [without_version(name) for name in wanted])

    def look_up(self, aliases: Names, wanted: Sequence[str]) -> None:
        """Look up all wanted names at once: their genes, and the known names of these genes."""
        genes = aliases.rows("name", wanted)
        titles = {*wanted, *(symbol for rows in genes.values() for symbol, _ in rows)}
        other = aliases.rows("symbol", titles)
        for name in wanted:
            rows = genes.get(name, [])
            approved = {symbol for symbol, is_approved in rows if is_approved}
            if name in other:
                approved.add(name)
            self.symbols[name] = approved or {symbol for symbol, _ in rows}
        names = {
            symbol: {name for name, _ in rows if name in self.plain}
            for symbol, rows in other.items()
        }
        near = {name for known in names.values() for name in known}
        # A symbol of today is the name of its own gene only.
        taken = set(aliases.rows("symbol", near))
        self.former = {symbol: known - taken for symbol, known in names.items()}
        self.owners = {
            name: {symbol for symbol, _ in rows}
            for name, rows in aliases.rows("name", near).items()
        }

    def find(self, name: str) -> tuple[tuple[str, ...], str]:
        """Find the candidates for a name, and in which way they match; several are ambiguous."""
        if is_date(name):
            return (), DATE
        plain = without_version(name)
        if plain in self.plain:
            return self.answer([plain], ENSEMBL)
        genes = self.symbols.get(plain, set())
        today = [symbol for symbol in genes if symbol in self.plain]
        former = {known for symbol in genes for known in self.former.get(symbol, ())} - {*today}
        if today or former:
            found = [*today, *former]
            shared = any(len(self.owners[known]) > 1 for known in former)
            kinds = (_KINDS.get(kind_of_name(one)) for one in (plain, found[0]))
            way = next((kind for kind in kinds if kind), ALIAS if today else FORMER)
            return self.answer(found, AMBIGUOUS if shared else way)
        found = self.upper.get(name.upper(), [])
        return tuple(found), CASE if self.same_case[name.upper()] == 1 else AMBIGUOUS

    def answer(self, plain: Sequence[str], way: str) -> tuple[tuple[str, ...], str]:
        """Give candidates the names that they have in the network."""
        return tuple(sorted(name for one in plain for name in self.plain[one])), way


def warnings(matches: Matches, role: str) -> list[str]:
    """Write warnings about names that a reader can do something about.

    A few unknown names are usual, as no network has all genes; more than one in twenty are a sign
    of names of another kind, year or species.

    Parameters
    ----------
    matches
        What was matched.
    role
        What the genes are, such as ``silenced``.

    Returns
    -------
    list
        No, one or two sentences.
    """
    many = UNUSUAL * len(matches.wanted)
    found = {way: matches.of_way(way) for way in (AMBIGUOUS, DATE, UNKNOWN, CASE)}
    missing = sum(map(len, found.values())) - len(found[CASE])
    told: list[str] = []
    if missing and (missing > len(found[UNKNOWN]) or missing > many):
        reasons = [
            f"{len(found[way])} {word} ({abbreviate(found[way])})"
            for way, word in (
                (AMBIGUOUS, "ambiguous"),
                (DATE, "changed by a spreadsheet"),
                (UNKNOWN, "unknown"),
            )
            if found[way]
        ]
        told.append(
            f"{missing} of {len(matches.wanted)} {role} genes have no node in the network: "
            f"{', '.join(reasons)}; they stand alone. Check the species and the kind of names, "
            "correct the names, or give a table of other names: `names: {table: …}`."
        )
    if len(found[CASE]) > many:
        told.append(
            f"{len(found[CASE])} of {len(matches.wanted)} {role} genes are found only where "
            f"capital letters do not count ({abbreviate(found[CASE])}). Check that the network is "
            "that of this species."
        )
    return told


def misspelled(matches: Matches, asked: Sequence[str], known: Collection[str]) -> list[str]:
    """Write a warning of each gene that was asked for and is not in the network.

    Parameters
    ----------
    matches
        What the silenced genes matched.
    asked
        The genes that were asked for.
    known
        Names of the genes of the network.
    """
    matched = dict(zip(matches.wanted, matches.matched, strict=True))
    told = []
    for name in dict.fromkeys(asked):
        if not matched[name]:
            near = difflib.get_close_matches(name.upper(), known, n=3)
            similar = f"; similar names are {', '.join(near)}" if near else ""
            told.append(
                f"{name}, which is to be predicted, has no node in the network{similar}. It is "
                "predicted like any unknown gene: correct the name if it is misspelled."
            )
    return told
