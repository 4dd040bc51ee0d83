import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from torchvision.transforms.functional import normalize

from baselines.kit.data import (
    ImageData,
    ImageShape,
    Part,
    batch_sizes,
    batches_an_epoch,
    epoch_batches,
    load_images,
    split_batch,
)
from baselines.kit.device import Placement
from baselines.kit.holdout import training_rows
from baselines.kit.seeds import generator
from competition.bundle import open_bundle
from competition.errors import BadInputError
from tests.baselines.glyphs import write_bundle, write_manifest

CPU = Placement(torch.device("cpu"))


def test_fold_zero_validates_and_the_rest_trains(bundle):
    data = load_images(bundle, CPU, seed=1)
    assert (len(data.train), len(data.validation), len(data.test)) == (160, 60, 60)
    chosen = training_rows(bundle, 1)
    assert np.array_equal(chosen, bundle.train_folds != 0)
    assert torch.equal(data.train.images[..., 0], torch.from_numpy(np.array(bundle.train_images[chosen])))
    assert data.train.labels.tolist() == bundle.train_labels[chosen].tolist()


def test_without_folds_a_stratified_tenth_is_held_out_by_the_seed(tmp_path):
    bundle = open_bundle(write_bundle(tmp_path, folds=False, train=35, validation=15))
    held_out = ~training_rows(bundle, 3)
    assert np.bincount(bundle.train_labels[held_out]).tolist() == [5, 5, 5, 5]
    assert np.array_equal(held_out, ~training_rows(bundle, 3))
    assert not np.array_equal(held_out, ~training_rows(bundle, 4))


def test_batches_have_mean_zero_and_deviation_one_over_the_training_part_only(bundle):
    data = load_images(bundle, CPU, seed=1)
    everything = data.batch(data.train, torch.arange(len(data.train)), CPU)
    assert float(everything.mean()) == pytest.approx(0, abs=1e-4)
    assert float(everything.std(correction=0)) == pytest.approx(1, abs=1e-4)
    train = bundle.train_images[training_rows(bundle, 1)].astype(np.float64)
    assert float(data.mean) == pytest.approx(train.mean(), rel=1e-6)
    assert float(data.std) == pytest.approx(train.std(), rel=1e-6)


def test_each_channel_has_its_own_mean_and_deviation():
    images, labels = torch.randint(0, 256, (5, 7, 9, 3), dtype=torch.uint8), torch.zeros(5, dtype=torch.int64)
    part = Part(images, labels)
    mean, std = [110.0, 120.0, 130.0], [40.0, 50.0, 60.0]
    values = [torch.tensor(figures).view(1, 3, 1, 1) for figures in (mean, std)]
    data = ImageData(part, part, part, ImageShape(3, 7, 9, 2), *values, 0.0)
    rows = torch.tensor([4, 1])
    by_torchvision = normalize(images[rows].permute(0, 3, 1, 2).float(), mean, std)
    torch.testing.assert_close(data.batch(part, rows, CPU), by_torchvision)


def test_a_batch_holds_the_rows_asked_for_in_their_order(bundle):
    data = load_images(bundle, CPU, seed=1, mean=[0.0], std=[1.0])
    index = torch.tensor([5, 0, 5, 159])
    batch = data.batch(data.train, index, CPU)
    assert torch.equal(batch[:, 0] * 255, data.train.images[index, ..., 0].float())


def test_shrinking_to_a_whole_share_is_the_mean_of_blocks(bundle):
    data = load_images(bundle, CPU, seed=1, image_px=8)
    assert (data.shape.height, data.shape.width, data.train.images.dtype) == (8, 8, torch.uint8)
    whole = np.array(bundle.train_images[training_rows(bundle, 1)], dtype=np.float32)
    blocks = whole.reshape(-1, 8, 2, 8, 2).mean((2, 4))
    assert np.abs(data.train.images[..., 0].numpy() - blocks).max() <= 0.5


def test_other_sizes_are_shrunk_as_pillow_does(bundle):
    data = load_images(bundle, CPU, seed=1, image_px=11)
    whole = np.array(bundle.train_images[training_rows(bundle, 1)])
    for at in range(10):
        small = np.asarray(Image.fromarray(whole[at]).resize((11, 11), Image.Resampling.BILINEAR), dtype=np.int16)
        assert np.abs(data.train.images[at, ..., 0].numpy().astype(np.int16) - small).max() <= 1


def test_enlarging_happens_in_the_batch_and_not_in_memory(bundle):
    data = load_images(bundle, CPU, seed=1, image_px=40)
    assert data.train.images.shape[1:3] == (16, 16)
    assert data.batch(data.train, torch.arange(3), CPU).shape == (3, 1, 40, 40)


def test_every_row_comes_once_an_epoch_in_an_order_of_its_own():
    for count, size in [(100, 32), (97, 32), (5, 8), (64, 32), (2, 1)]:
        batches = list(epoch_batches(count, size, generator(1, "order", 0)))
        if size > 1:
            assert sorted(torch.cat(batches).tolist()) == list(range(count)) or count % size == 1
            assert len(batches) == batches_an_epoch(count, size)
    first = torch.cat(list(epoch_batches(100, 32, generator(1, "order", 0))))
    assert torch.equal(first, torch.cat(list(epoch_batches(100, 32, generator(1, "order", 0)))))
    assert not torch.equal(first, torch.cat(list(epoch_batches(100, 32, generator(1, "order", 1)))))


def test_one_class_is_nothing_to_learn_from(tmp_path):
    bundle = open_bundle(write_bundle(tmp_path, letters="A"))
    with pytest.raises(BadInputError, match="one class"):
        load_images(bundle, CPU, seed=1)


def test_images_that_do_not_fit_the_table_are_refused(tmp_path):
    folder = write_bundle(tmp_path)
    np.save(folder / "test_images.npy", np.zeros((3, 16, 16), np.uint8))
    write_manifest(folder)
    with pytest.raises(BadInputError, match="differ in number"):
        load_images(open_bundle(folder), CPU, seed=1)


def test_no_validation_rows_are_told(tmp_path):
    with pytest.raises(BadInputError, match="no image is left for validation"):
        load_images(open_bundle(write_bundle(tmp_path, validation=0)), CPU, seed=1)


def test_images_without_contrast_are_not_divided_by_zero(tmp_path):
    folder = write_bundle(tmp_path)
    bundle = open_bundle(folder)
    np.save(folder / "train_images.npy", np.full_like(bundle.train_images, 7))
    write_manifest(folder)
    data = load_images(open_bundle(folder), CPU, seed=1)
    assert torch.isfinite(data.batch(data.train, torch.arange(4), CPU)).all()


@given(st.integers(2, 200), st.integers(2, 64), st.integers(1, 4))
def test_the_batch_sizes_are_those_of_an_epoch(count, batch, parts):
    size = -(-batch // parts)
    batches = epoch_batches(count, batch, generator(1, "order"))
    assert batch_sizes(count, batch, parts) == {len(part) for rows in batches for part in split_batch(rows, size)}


@given(st.integers(1, 100), st.integers(2, 40))
def test_parts_hold_every_row_once_and_none_is_alone(count, size):
    parts = split_batch(torch.arange(count), size)
    assert torch.cat(parts).tolist() == list(range(count))
    assert count == 1 or min(map(len, parts)) > 1
    assert max(map(len, parts)) <= size + 1


def test_test_images_of_another_shape_are_refused_before_training(tmp_path):
    folder = write_bundle(tmp_path)
    images = np.load(folder / "test_images.npy")
    np.save(folder / "test_images.npy", images[:, :8])
    write_manifest(folder)
    with pytest.raises(BadInputError, match=r"differ in shape, \(16, 16\) and \(8, 16\)"):
        training_rows(open_bundle(folder), 1)
