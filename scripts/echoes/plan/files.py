"""The local files that a configuration names."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from echoes.plan import checks, datasets
from echoes.plan.networks import Network


def local_files(
    config: Mapping[str, Any], networks: Mapping[str, Network], *, stored: bool = False
) -> dict[str, list[str]]:
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
    dict
        For each setting, such as ``dataset: means``, a list of the file that it names; the list
        is empty if it names none.

    Raises
    ------
    ConfigError
        When a file is missing.
    """
    source = config["dataset"]["source"]
    remedy = f"Get it from {source} and put it there." if source else "Correct the path."
    files = {
        key: checks.local_file(path, key, remedy=remedy, urls=key == "dataset: h5ad", stored=stored)
        for key, path in checks.table_paths(config).items()
    }
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
    return files
