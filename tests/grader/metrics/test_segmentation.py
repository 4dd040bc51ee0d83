"""Metrics of run-length masks against scikit-learn on the unpacked pixels."""

import numpy as np
import pytest
import sklearn.metrics as oracle
from hypothesis import given
from hypothesis import strategies as st

from grader.metrics import segmentation as ours
from grader.metrics.errors import BrokenMetricError, MetricError

HEIGHT, WIDTH = 5, 4
masks = st.lists(st.booleans(), min_size=HEIGHT * WIDTH, max_size=HEIGHT * WIDTH).map(
    lambda pixels: np.array(pixels).reshape(HEIGHT, WIDTH)
)


def encode(mask):
    """Kaggle's own encoding: down the columns, first pixel 1."""
    pixels = np.concatenate([[0], mask.T.ravel(), [0]])
    changes = np.flatnonzero(pixels[1:] != pixels[:-1]) + 1
    changes[1::2] -= changes[::2]
    return " ".join(map(str, changes))


@given(st.lists(st.tuples(masks, masks), min_size=1, max_size=5))
def test_iou_and_dice_equal_scikit_learn_on_pixels(rows):
    truth, prediction = ([encode(mask) for mask in side] for side in zip(*rows, strict=True))
    flat = [(one.ravel(), other.ravel()) for one, other in rows]
    iou = np.mean([oracle.jaccard_score(*pair, zero_division=1) for pair in flat])
    dice = np.mean([oracle.f1_score(*pair, zero_division=1) for pair in flat])
    assert ours.mean_iou_score(truth, prediction, shape=(HEIGHT, WIDTH)) == pytest.approx(iou, abs=1e-12)
    assert ours.dice_score(truth, prediction, shape=(HEIGHT, WIDTH)) == pytest.approx(dice, abs=1e-12)


@given(masks)
def test_runs_that_touch_are_the_same_mask_as_one_run(mask):
    text = encode(mask)
    pixels = " ".join(f"{pixel} 1" for pixel in np.flatnonzero(mask.T.ravel()) + 1)
    assert ours.mean_iou_score([text], [pixels], shape=mask.shape) == 1.0


@given(masks)
def test_the_runs_cover_the_pixels_of_the_mask_down_its_columns(mask):
    pixels = np.zeros(mask.size, bool)
    for start, end in ours.parse_runs([encode(mask)], mask.size)[0]:
        pixels[start - 1 : end - 1] = True
    assert np.array_equal(pixels.reshape(mask.shape[::-1]).T, mask)


@pytest.mark.parametrize(("truth", "prediction", "score"), [("", "", 1.0), ("", "1 2", 0.0), ("1 2", "", 0.0)])
@pytest.mark.parametrize("metric", [ours.mean_iou_score, ours.dice_score])
def test_empty_masks_are_defined(metric, truth, prediction, score):
    assert metric([truth], [prediction], shape=(2, 2)) == score


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("1", "its count of numbers is odd"),
        ("1 x", "whole numbers"),
        ("1.0 2", "whole numbers"),
        ("-1 2", "whole numbers"),
        ("1 99999999999999999999", "whole numbers"),
        ("٣ 2", "whole numbers"),
        ("0 2", "count from 1"),
        ("1 0", "count from 1"),
        ("20 2", "past the last of the image's 20 pixels"),
        ("1 999999999999999999", "past the last"),
        ("3 4 5 1", "must not overlap"),
        ("9 1 1 1", "must rise"),
    ],
)
def test_a_mask_that_cannot_be_read_is_an_error_in_words(text, words):
    with pytest.raises(MetricError, match=words) as told:
        ours.dice_score(["1 2"], [text], shape=(HEIGHT, WIDTH))
    assert not isinstance(told.value, BrokenMetricError)
    with pytest.raises(BrokenMetricError, match=r"^the solution holds a mask that cannot be read$"):
        ours.dice_score([text], ["1 2"], shape=(HEIGHT, WIDTH))


def test_an_image_is_never_unpacked():
    whole = "1 100000000000000"
    assert ours.mean_iou_score([whole], [whole], shape=(10**7, 10**7)) == 1.0
