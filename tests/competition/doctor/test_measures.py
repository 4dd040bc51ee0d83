"""The measures beneath the findings, against libraries and closed forms."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from scipy.fft import dctn
from sklearn.metrics import mutual_info_score

from competition.doctor.appearance import components, hashes, normalised, resampled
from competition.doctor.dependence import binned, strongest
from competition.doctor.near_repeats import correlation, nearest
from competition.doctor.shift import separation
from competition.progress import silent


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(3)


def soft(rng: np.random.Generator, count: int) -> np.ndarray:
    """Soft random thumbnails: count x 32 x 32."""
    return resampled(rng.uniform(0, 255, (count, 8, 8)).astype(np.float32), 32)


@pytest.mark.parametrize("size", [(90, 90), (28, 28), (33, 47), (32, 32)])
def test_thumbnails_are_those_of_pillow(rng, size):
    image = rng.uniform(0, 255, size).astype(np.float32)
    theirs = np.asarray(Image.fromarray(image).resize((16, 16), Image.Resampling.BOX))
    if all(side % 16 == 0 for side in size):
        np.testing.assert_allclose(resampled(image[None], 16)[0], theirs, rtol=1e-4)
    np.testing.assert_allclose(resampled(image[None], 16).mean(), image.mean(), rtol=1e-5)


def test_hashes_are_the_signs_of_the_low_frequencies(rng):
    thumbnails = soft(rng, 5)
    for thumbnail, signs in zip(thumbnails, hashes(thumbnails), strict=True):
        low = dctn(thumbnail, norm="ortho")[:8, :8].ravel()
        low[0] = 0
        assert (signs == np.where(low > np.median(low), 1, -1)).mean() > 0.99


def test_components_keep_distances(rng):
    vectors = (rng.normal(size=(300, 40)) @ rng.normal(size=(40, 256))).astype(np.float32)
    shown = components(vectors)
    for a, b in ((0, 1), (5, 200)):
        assert np.linalg.norm(shown[a] - shown[b]) == pytest.approx(np.linalg.norm(vectors[a] - vectors[b]), rel=1e-3)


@given(st.floats(0.3, 1.0), st.floats(0, 60), st.integers(-2, 2), st.integers(-2, 2), st.integers(0, 99))
def test_the_correlation_does_not_see_brightness_contrast_and_small_moves(contrast, brightness, down, across, seed):
    one = soft(np.random.default_rng(seed), 1)
    other = np.roll(one, (down, across), axis=(1, 2)) * contrast + brightness
    assert correlation(one, other.astype(np.float32))[0] == pytest.approx(1, abs=1e-3)


def test_flat_images_resemble_nothing(rng):
    flat = np.full((1, 32, 32), 7, dtype=np.float32)
    assert correlation(flat, flat)[0] == 0
    assert np.isfinite(normalised(flat)).all()


def test_the_nearest_is_the_one_that_was_copied(rng):
    train = soft(rng, 200)
    picked = rng.permutation(200)[:30]
    test = np.roll(train[picked], (1, 1), axis=(1, 2)) * 0.8
    rows = np.arange(230)
    twins, alike = nearest(np.concatenate([train, test]).astype(np.float32), rows[:200], rows[200:], silent)
    assert (twins == picked).all()
    assert (alike > 0.999).all()


def test_the_information_is_that_of_scikit_learn(rng):
    targets = rng.integers(0, 4, 500)
    column = (targets + rng.integers(0, 3, 500)) % 7
    noise = rng.integers(0, 5, 500)
    found = strongest({"noise": noise, "column": column}, targets, rng)
    assert (found.column, found.is_sure) == ("column", True)
    assert found.nats == pytest.approx(mutual_info_score(targets, column))


def test_chance_is_never_called_a_dependence():
    """300 columns of noise in 30 data sets: the p-values are those of chance."""
    ps = []
    for seed in range(30):
        rng = np.random.default_rng(seed)
        columns = {str(place): rng.integers(0, 16, 200) for place in range(10)}
        found = strongest(columns, rng.integers(0, 3, 200), rng)
        assert not found.is_sure
        ps.append(found.p)
    assert 0.3 < np.mean(ps) < 0.7


def test_a_column_of_one_value_tells_nothing(rng):
    found = strongest({"length": np.zeros(60, np.int64)}, rng.integers(0, 3, 60), rng)
    assert (found.nats, found.tail, found.is_sure) == (0.0, 1.0, False)


def test_the_tail_of_chance_is_long_where_a_column_has_few_values():
    """Six deviations come by chance once in some thousand small sets; normal ones would once in a thousand million."""
    rng = np.random.default_rng(0)
    tails = [strongest({"x": rng.integers(0, 2, 60)}, rng.integers(0, 3, 60), rng).tail for _ in range(200)]
    assert np.mean(np.array(tails) < 0.05) == pytest.approx(0.05, abs=0.04)
    assert min(tails) > 1e-5


def test_bins_keep_order_and_ties():
    values = np.array([5, 1, 1, 9, 3])
    bins = binned(values)
    assert bins[1] == bins[2] < bins[4] < bins[0] < bins[3]
    assert binned(np.zeros(4)).tolist() == [0, 0, 0, 0]


@pytest.mark.parametrize("distance", [0.0, 0.5, 1.5])
def test_the_auc_of_two_normal_clouds_is_the_known_one(rng, distance):
    """Two normal distributions `distance` apart have an AUC of Phi(distance / sqrt 2)."""
    one, other = rng.normal(size=(1500, 10)), rng.normal(size=(1500, 10))
    other[:, 0] += distance
    found = separation(one.astype(np.float32), other.astype(np.float32), rng)
    known = 0.5 * (1 + math.erf(distance / 2))
    assert abs(found.auc - known) < 4 * found.error
    assert (found.auc > 0.5 + 5 * found.chance_error) == (distance > 0)


def test_the_error_of_the_auc_is_the_spread_of_its_repetitions():
    found = [
        separation(rng.normal(size=(200, 2)).astype(np.float32), rng.normal(size=(300, 2)).astype(np.float32), rng)
        for rng in map(np.random.default_rng, range(40))
    ]
    spread = np.std([one.auc for one in found])
    assert 0.6 < spread / found[0].chance_error < 1.6
