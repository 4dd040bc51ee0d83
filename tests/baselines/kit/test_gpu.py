"""What only a CUDA device can show: mixed precision, images that live on it or beside it, memory that runs out."""

import json

import pytest
import torch
from torch import nn

from tests.baselines.glyphs import accuracy_on_test
from tests.baselines.runs import Notes, run, small_net

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device"),
]


def test_a_device_that_is_there_is_found_and_used(glyphs, bundle, tmp_path):
    run(bundle, tmp_path, device="auto", precision="auto")
    record = json.loads((tmp_path / "run.json").read_text())
    assert record["device"].startswith("cuda")
    assert "measured" in record["precision_reason"]
    assert record["peak_memory_mib"] > 0
    assert accuracy_on_test(glyphs, tmp_path) > 0.9


@pytest.mark.parametrize("precision", ["fp32", "bf16", "fp16"])
def test_every_precision_learns(glyphs, bundle, tmp_path, precision):
    outcome = run(bundle, tmp_path, device="cuda", precision=precision)
    assert outcome.plan.placement.channels_last == (precision != "fp32")
    assert accuracy_on_test(glyphs, tmp_path) > 0.9


def test_images_live_on_the_device_in_the_models_memory_format(bundle, tmp_path):
    outcome = run(bundle, tmp_path, device="cuda", precision="bf16", epochs=1)
    data = outcome.data
    assert data.train.images.is_cuda
    batch = data.batch(data.train, torch.arange(8), outcome.plan.placement)
    assert batch.is_cuda
    assert batch.is_contiguous(memory_format=torch.channels_last)


def test_images_that_do_not_fit_stay_outside_and_go_there_batch_by_batch(glyphs, bundle, tmp_path, monkeypatch):
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda device: (1, 1))
    outcome = run(bundle, tmp_path, device="cuda")
    assert not outcome.data.train.images.is_cuda
    assert accuracy_on_test(glyphs, tmp_path) > 0.9


def test_memory_that_runs_out_halves_the_part_and_the_run_goes_on(bundle, tmp_path):
    class Greedy(nn.Module):
        """Blows every image up to 12 MiB on its way."""

        def __init__(self, net: nn.Module) -> None:
            super().__init__()
            self.net = net
            self.gain = nn.Parameter(torch.ones(()))

        def forward(self, images: torch.Tensor) -> torch.Tensor:
            large = images.repeat(1, 1, 64, 64) * self.gain
            return self.net(images) + large.square().mean((1, 2, 3)).unsqueeze(1)

    whole = torch.cuda.get_device_properties(0).total_memory
    torch.cuda.set_per_process_memory_fraction(2**30 / whole)
    notes = Notes()
    try:
        outcome = run(
            bundle, tmp_path, device="cuda", build=lambda *given: Greedy(small_net(*given)), reporter=notes,
            batch=160, epochs=2,
        )  # fmt: skip
    finally:
        torch.cuda.set_per_process_memory_fraction(1.0)
    assert outcome.fit.batch_parts > 1
    assert any("out of memory: going on with" in text for text in notes.texts)
    assert outcome.predicted_rows == len(bundle.test_ids)


def test_compiled_steps_train_the_same_model(glyphs, bundle, tmp_path):
    outcome = run(bundle, tmp_path, budget=300, device="cuda", compile="always")
    assert outcome.compiled.startswith("yes")
    assert accuracy_on_test(glyphs, tmp_path) > 0.9


def test_the_same_seed_gives_the_same_bytes(bundle, tmp_path):
    for name in ("a", "b"):
        run(bundle, tmp_path / name, device="cuda", deterministic=True, epochs=3, augment={"crop": 1})
    assert (tmp_path / "a" / "submission.csv").read_bytes() == (tmp_path / "b" / "submission.csv").read_bytes()
