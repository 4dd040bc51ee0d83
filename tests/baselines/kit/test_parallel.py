"""Several processes that train one model: shares, agreement, and a whole run through torchrun on two CPU processes."""

import json
import os
import subprocess
import sys

import pytest
import torch

from baselines.kit.ranks import Ranks
from competition.errors import UserError
from tests.baselines.glyphs import ROOT, accuracy_on_test

TINY = (
    "ladder=[]", "model.widths=[8,16,16]", "batch=32", "epochs=4", "precision=fp32",
    "optimizer_options.head_lr=20", "optimizer_options.bias_lr=1",
)  # fmt: skip


@pytest.mark.parametrize("size", [1, 2, 3, 5, 32, 33])
@pytest.mark.parametrize("count", [2, 3])
def test_shares_are_equal_and_together_hold_every_row_of_the_batch(size, count):
    from baselines.kit.parallel import share_of

    index = torch.randperm(100)[:size]
    shares = [share_of(index, Ranks(rank, count)) for rank in range(count)]
    assert len({len(share) for share in shares}) == 1
    assert len(shares[0]) >= 2  # batch norm needs two
    assert set(torch.cat(shares).tolist()) == set(index.tolist())


def test_the_ranks_are_what_torchrun_set_and_one_alone_without_it():
    assert Ranks.of_environment({}) == Ranks(0, 1, 0)
    ranks = Ranks.of_environment({"RANK": "3", "WORLD_SIZE": "4", "LOCAL_RANK": "1"})
    assert (ranks.rank, ranks.count, ranks.local, ranks.is_first) == (3, 4, 1, False)
    with pytest.raises(UserError, match="torchrun"):
        Ranks.of_environment({"RANK": "first"})


def test_only_the_first_process_writes_where_it_was_told(tmp_path):
    with Ranks(0, 2).output_folder(tmp_path) as folder:
        assert folder == tmp_path
    with Ranks(1, 2).output_folder(tmp_path) as folder:
        (folder / "submission.csv").write_text("x")
    assert not folder.exists()
    assert not list(tmp_path.iterdir())


def torchrun(count: int, *arguments: str, kernel: str = "baselines.cifar10_resnet50") -> subprocess.CompletedProcess:
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", str(count), "-m"]
    clean = {name: value for name, value in os.environ.items() if not name.startswith("GRADER_")}
    env = {**clean, "OMP_NUM_THREADS": "1"}
    return subprocess.run(
        [*command, kernel, *arguments], cwd=ROOT, env=env, capture_output=True, text=True, timeout=180, check=False
    )


@pytest.mark.slow
def test_two_processes_train_one_model_and_the_first_writes_its_run(glyphs, tmp_path):
    out = tmp_path / "out"
    settings = [part for setting in TINY for part in ("--set", setting)]
    done = torchrun(2, "--data", str(glyphs), "--out", str(out), "--budget", "90s", "--recipe", "strong", *settings)
    assert done.returncode == 0, done.stderr[-2000:]
    assert done.stdout.count("validation accuracy") == 1
    assert accuracy_on_test(glyphs, out) > 0.7
    record = json.loads((out / "run.json").read_text())
    assert (record["steps"], record["epochs"]) == (20, 4.0)  # 160 images in whole batches of 32, not of 16
    assert done.stderr.count("4 epochs done") == 1


@pytest.mark.slow
def test_two_processes_end_together_within_their_budget(glyphs, tmp_path):
    out = tmp_path / "out"
    settings = [part for setting in (*TINY, "epochs=100000") for part in ("--set", setting)]
    done = torchrun(2, "--data", str(glyphs), "--out", str(out), "--budget", "40s", "--recipe", "strong", *settings)
    assert done.returncode == 0, done.stderr[-2000:]
    record = json.loads((out / "run.json").read_text())
    assert record["seconds"]["until_submission"] < 40
    assert "budget is used up" in record["ending"]
    assert accuracy_on_test(glyphs, out) > 0.7


@pytest.mark.gpu
def test_two_gpus_train_one_model(glyphs, tmp_path):
    if torch.cuda.device_count() < 2:
        pytest.skip("needs two GPUs")
    settings = [part for setting in TINY if "precision" not in setting for part in ("--set", setting)]
    out = tmp_path / "out"
    done = torchrun(2, "--data", str(glyphs), "--out", str(out), "--budget", "120s", "--recipe", "strong", *settings)
    assert done.returncode == 0, done.stderr[-2000:]
    assert json.loads((out / "run.json").read_text())["device"].startswith("cuda")


@pytest.mark.slow
def test_wrong_use_under_torchrun_is_told_and_nothing_hangs(glyphs, tmp_path):
    arguments = ("--data", str(glyphs), "--out", str(tmp_path / "out"), "--budget", "60s", "--recipe", "strong")
    done = torchrun(2, *arguments, "--set", "ladder=[]", "--set", "model.widths=[8]", "--resume")
    assert done.returncode != 0
    assert "start without torchrun" in done.stderr


def gradients_of_two_processes(rank: int, folder: str, part_size: int) -> None:
    """Run by two processes: one step on shares of a batch; each saves the weights it came to."""
    import torch.distributed as dist
    from torch.distributed.algorithms.ddp_comm_hooks.default_hooks import allreduce_hook
    from torch.nn.parallel import DistributedDataParallel

    from baselines.kit.device import Placement
    from baselines.kit.losses import cross_entropy
    from baselines.kit.parallel import ParallelStep, share_of

    dist.init_process_group("gloo", init_method=f"file://{folder}/meeting", rank=rank, world_size=2)
    model, images, target, optimizer = one_step_case()
    index = share_of(torch.arange(len(images)), Ranks(rank, 2))
    shared, exchanges = DistributedDataParallel(model), []

    def counted(_: None, bucket):
        exchanges.append(bucket.index())
        return allreduce_hook(dist.group.WORLD, bucket)

    shared.register_comm_hook(None, counted)
    step = ParallelStep(shared, optimizer, cross_entropy, Placement(torch.device("cpu")), part_size)
    loss, right = step(images[index], target[index])
    found = {"weight": model.weight.detach(), "loss": loss, "right": right, "exchanges": len(exchanges)}
    torch.save(found, f"{folder}/{rank}.pt")
    dist.monitored_barrier()
    dist.destroy_process_group()
    os._exit(0)  # gloo's threads live as long as the wrapped model, and one may want the interpreter while it ends


def one_step_case():
    torch.manual_seed(0)
    model = torch.nn.Linear(5, 3)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.5)
    return model, torch.randn(8, 5), torch.randint(3, (8,)), optimizer


@pytest.mark.parametrize("part_size", [64, 2], ids=["in one", "in two parts each"])
def test_a_shared_step_moves_the_weights_as_one_step_on_the_whole_batch(part_size, tmp_path):
    torch.multiprocessing.spawn(gradients_of_two_processes, args=(str(tmp_path), part_size), nprocs=2)
    model, images, target, optimizer = one_step_case()
    logits = model(images)
    loss = torch.nn.functional.cross_entropy(logits, target)
    loss.backward()
    optimizer.step()
    for rank in range(2):
        found = torch.load(tmp_path / f"{rank}.pt", weights_only=True)
        torch.testing.assert_close(found["weight"], model.weight.detach())
        assert float(found["loss"]) == pytest.approx(loss.item(), abs=1e-6)
        assert int(found["right"]) == int((logits.argmax(1) == target).sum())
        assert found["exchanges"] == 1  # gradients are sent once a batch, in however many parts it is taken


def test_processes_ask_the_first_ones_clock_once_a_step(tmp_path, monkeypatch):
    import torch.distributed as dist

    from baselines.kit.budget import Clock, Reserve
    from baselines.kit.parallel import AgreedAllowance

    asked = []
    broadcast = dist.broadcast
    monkeypatch.setattr(dist, "broadcast", lambda *arguments: (asked.append(arguments), broadcast(*arguments)))
    dist.init_process_group("gloo", init_method=f"file://{tmp_path}/meeting", rank=0, world_size=1)
    try:
        clock = Clock.starting_now(100)
        allowance = AgreedAllowance(clock, Reserve(), total_steps=1000, start=clock.start - 40)
        assert allowance.fits_another_step(0)
        assert allowance.is_short(0)
        assert 0.2 < allowance.progress(0) < 0.9
        assert len(asked) == 1
    finally:
        dist.destroy_process_group()
