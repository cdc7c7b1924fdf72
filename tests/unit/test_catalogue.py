"""The list of models: every entry leads to a function, and reading it costs nothing."""

from __future__ import annotations

import inspect
import subprocess
import sys
from pathlib import Path

import pytest

import predict_held_out
from echoes.models.catalogue import INPUTS, MODELS, PROTOCOLS
from echoes.models.held_out import model_function
from echoes.models.regression import NAMES

SCRIPTS = Path(predict_held_out.__file__).parent


@pytest.mark.parametrize("name", MODELS)
def test_an_entry_leads_to_a_function_of_a_task_and_settings(name: str) -> None:
    function = model_function(name)
    assert function.__module__ == MODELS[name].module
    assert list(inspect.signature(function).parameters) == ["task", "settings"]
    assert function.__doc__


@pytest.mark.parametrize("name", MODELS)
def test_an_entry_has_known_inputs_and_protocols(name: str) -> None:
    model = MODELS[name]
    assert set(model.inputs) <= set(INPUTS)
    assert set() < set(model.protocols) <= set(PROTOCOLS)


def test_the_published_protocol_takes_the_linear_models() -> None:
    assert {name for name in MODELS if "published" in MODELS[name].protocols} == set(NAMES)


def test_reading_the_list_imports_no_numpy() -> None:
    code = "import sys, echoes.models.catalogue; sys.exit('numpy' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], cwd=SCRIPTS, check=True)
