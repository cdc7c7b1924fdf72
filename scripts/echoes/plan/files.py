"""The local files that a configuration names, and what is in them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from echoes.io.errors import InputError
from echoes.io.files import load_json, save_json, sha256_of
from echoes.plan import checks, datasets
from echoes.plan.networks import Network
from echoes.plan.settings import ConfigError

#: Where checksums are remembered, by path.
CHECKSUMS = Path(".snakemake", "echoes", "checksums.json")
#: Larger files are not read for a checksum, like those that Snakemake compares by time.
LARGEST = 4 * 10**9


class LocalFiles(dict[str, list[str]]):
    """For each setting, such as ``dataset: means``, a list of the file that it names, if any."""

    def contents(self, *settings: str) -> list[str]:
        """Give checksums of the files that some settings name.

        As a parameter of a rule, they run it again if what is in a file changed, whatever the time
        of the file: a copy may be older than the results. A file is read when its size or time
        is another one than when its checksum was remembered.

        Parameters
        ----------
        settings
            Beginnings of settings, such as ``dataset:``.
        """
        return [
            _checksum(path)
            for setting, paths in self.items()
            if setting.startswith(settings)
            for path in paths
        ]


def check_apart(files: Mapping[str, Sequence[str]]) -> None:
    """Refuse the screen itself as a prior or a table of genes: it knows what is held out.

    Parameters
    ----------
    files
        For each setting the files that it names.

    Raises
    ------
    ConfigError
        When two of these settings name one file, or copies of it.
    """
    screens = ("dataset: means", "dataset: deltas", "dataset: effects", "dataset: h5ad")
    own = [path for key in (*screens, "dataset: truth") for path in files.get(key, ())]
    for key, paths in files.items():
        if not key.startswith(("priors: ", "gene_features: ")) or key.endswith("guides: table"):
            continue
        for path in paths:
            same = [other for other in own if _same(path, other)]
            if same:
                raise ConfigError(
                    key,
                    f"{path} has the same contents as {same[0]}, the data set's own table",
                    expected="another screen, or other numbers: this one knows what is held out",
                    remedy="Name another file, or remove it.",
                )


def _same(one: str, other: str) -> bool:
    """Say whether two files have the same bytes; not of files that are not here, or too large."""
    try:
        if Path(one).samefile(other):
            return True
        sizes = Path(one).stat().st_size == Path(other).stat().st_size
    except OSError:
        return False
    return sizes and (found := _checksum(one)) != "" and found == _checksum(other)


def _checksum(path: str) -> str:
    """Return the SHA-256 of a file; empty if it is not here, or too large."""
    try:
        status = Path(path).stat()
    except OSError:
        return ""
    if not Path(path).is_file() or status.st_size > LARGEST:
        return ""
    # The last one changes with any write, whatever time the file is given then.
    state = [status.st_size, status.st_mtime_ns, status.st_ctime_ns]
    try:
        known = load_json(CHECKSUMS)
    except (FileNotFoundError, InputError):
        known = {}
    if path not in known or known[path]["state"] != state:
        known[path] = {"state": state, "sha256": sha256_of(path)}
        save_json(CHECKSUMS, known)
    return str(known[path]["sha256"])


def local_files(
    config: Mapping[str, Any], networks: Mapping[str, Network], *, stored: bool = False
) -> LocalFiles:
    """Find the local files that the configuration names.

    Parameters
    ----------
    config
        The configuration with all defaults.
    networks
        Its networks by name.
    stored
        Whether files are in an object store, where this function cannot look for them.

    Returns
    -------
    LocalFiles
        The file that each setting names.

    Raises
    ------
    ConfigError
        When a file is missing, or a prior is the data set's own table.
    """
    source = config["dataset"]["source"]
    remedy = f"Get it from {source} and put it there." if source else "Correct the path."
    files = LocalFiles(
        {
            key: checks.local_file(
                path, key, remedy=remedy, urls=key == "dataset: h5ad", stored=stored
            )
            for key, path in checks.table_paths(config).items()
        }
    )
    for name, prior in config["priors"].items():
        for key, path in datasets.prior_tables(prior).items():
            place = f"priors: {name}: {key}"
            files[place] = checks.local_file(
                path, place, remedy="Correct the path.", urls=key == "h5ad", stored=stored
            )
    for name, table in config["gene_features"].items():
        place = f"gene_features: {name}: table"
        files[place] = checks.local_file(
            table["table"], place, remedy="Correct the path.", stored=stored
        )
    files["names: table"] = checks.local_file(
        config["names"]["table"], "names: table", remedy="Correct the path.", stored=stored
    )
    for name, network in networks.items():
        keys = {"edges": ["edges"]}.get(network.kind, [])
        keys += [key for key, owner in network.tables.items() if owner == name]
        for key in keys:
            place = f"networks: {name}: {key}"
            fetched = f", or set `{key}: null` to fetch it from STRING"
            files[place] = checks.local_file(
                network.settings[key],
                place,
                remedy=f"Correct the path{'' if key == 'edges' else fetched}.",
                urls=key != "edges",
                stored=stored,
            )
    check_apart(files)
    return files
