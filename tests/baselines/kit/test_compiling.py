"""When training steps are compiled, and that a run is the same run with them."""

import pytest
from torch import nn

from baselines.kit.data import ImageShape
from baselines.kit.recipe import Recipe
from tests.baselines.glyphs import accuracy_on_test
from tests.baselines.runs import Notes, run, small_net


def without_dropout(recipe: Recipe, shape: ImageShape) -> nn.Module:
    """Compiled steps draw other random numbers for dropout than uncompiled ones."""
    return nn.Sequential(*(layer for layer in small_net(recipe, shape) if not isinstance(layer, nn.Dropout)))


@pytest.mark.parametrize(("wish", "told"), [("never", "the recipe says never"), ("auto", "does not pay on cpu")])
def test_the_reason_for_not_compiling_is_told(bundle, tmp_path, wish, told):
    notes = Notes()
    outcome = run(bundle, tmp_path, reporter=notes, compile=wish, epochs=1)
    assert told in outcome.compiled
    assert f"compiled: {outcome.compiled}" in notes.texts


def test_a_machine_without_a_compiler_trains_without(glyphs, bundle, tmp_path, monkeypatch):
    from torch._inductor import config

    monkeypatch.setenv("TORCHINDUCTOR_CACHE_DIR", str(tmp_path / "cache"))
    with config.patch({"cpp.cxx": ("no-such-compiler",)}):
        outcome = run(bundle, tmp_path, compile="always")
    assert outcome.compiled.startswith("no (it failed")
    assert "\n" not in outcome.compiled
    assert accuracy_on_test(glyphs, tmp_path) > 0.9


@pytest.mark.slow
def test_a_compiled_run_learns_as_an_uncompiled_one_does(glyphs, bundle, tmp_path):
    outcomes = {
        wish: run(bundle, tmp_path / wish, 300, without_dropout, compile=wish, epochs=3) for wish in ("always", "never")
    }
    assert outcomes["always"].compiled.startswith("yes")
    assert accuracy_on_test(glyphs, tmp_path / "always") == pytest.approx(
        accuracy_on_test(glyphs, tmp_path / "never"), abs=0.1
    )
    first = {wish: outcome.fit.losses[0] for wish, outcome in outcomes.items()}
    assert first["always"] == pytest.approx(first["never"], rel=1e-3)  # compiling has moved no weight, no random number
