"""All predictions of one experiment, and what was measured: the file that figures are made of."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

import numpy as np

from echoes.io.arrays import Floats, Strings
from echoes.io.files import StrPath
from echoes.io.records import Layout


@dataclass(frozen=True)
class Predictions:
    """Out-of-fold predictions of n perturbations and G genes, and predictions of v further ones.

    Parameters
    ----------
    genes
        (G,) response genes.
    perturbations
        (n,) names of the perturbations.
    truth
        (n, G) measured responses, log2 units; NaN where not measured.
    prediction
        (n, G) out-of-fold predictions of them.
    gene_correlation
        (G,) Pearson correlation of each gene over perturbations; NaN where undefined. In the
        published protocol of the reconstruction and the prediction; in the held-out protocol of
        the deviations of truth and prediction from their means over the training perturbations.
    validation
        (v, G) predictions of the validation perturbations.
    reconstruction
        (n, G) responses rebuilt from their principal components, which the published protocol
        compares predictions with; None for the held-out protocol.
    """

    genes: Strings
    perturbations: Strings
    truth: Floats
    prediction: Floats
    gene_correlation: Floats
    validation: Floats
    reconstruction: Floats | None = None

    @property
    def reference(self) -> Floats:
        """(n, G) responses that the experiment's protocol compares the predictions with."""
        return self.truth if self.reconstruction is None else self.reconstruction

    @property
    def reference_name(self) -> str:
        """Title of `reference` in a figure."""
        if self.reconstruction is None:
            return "Truth"
        return "Truth, rebuilt from its components"


#: The array that only files of the published protocol have.
_OPTIONAL = "reconstruction"
_FIELDS = tuple(field.name for field in dataclasses.fields(Predictions) if field.name != _OPTIONAL)
_LAYOUT = Layout(
    {
        "genes": "str G",
        "perturbations": "str n",
        "truth": "gap n G",
        "prediction": "float n G",
        "gene_correlation": "gap G",
        "validation": "float v G",
        _OPTIONAL: "float n G",
    },
    # Data set, experiment, file.
    depth=3,
)


def save(path: StrPath, predictions: Predictions) -> None:
    """Write predictions to an npz file, with the reconstruction where there is one."""
    arrays = {name: getattr(predictions, name) for name in _FIELDS}
    if predictions.reconstruction is not None:
        arrays[_OPTIONAL] = predictions.reconstruction
    _LAYOUT.save(path, arrays)


def load(path: StrPath) -> Predictions:
    """Read predictions that `save` wrote.

    Raises
    ------
    InputError
        When the file is no npz file, is damaged, or lacks an array.
    """
    arrays = dict(zip(_FIELDS, _LAYOUT.load(path, *_FIELDS), strict=True))
    with np.load(path, allow_pickle=False) as archive:
        published = _OPTIONAL in archive.files
    if published:
        n, genes = arrays["prediction"].shape
        (arrays[_OPTIONAL],) = _LAYOUT.load(path, _OPTIONAL, n=n, G=genes)
    return Predictions(**arrays)


def load_validation(path: StrPath, **sizes: int) -> Floats:
    """Read the predictions (v, G) of the validation perturbations alone; see `Layout.load`."""
    validation: Floats
    (validation,) = _LAYOUT.load(path, "validation", **sizes)
    return validation
