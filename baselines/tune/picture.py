"""The picture of a search: its history, what mattered, and accuracy over the values of what mattered most."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from baselines.kit.files import written_aside
from baselines.tune.search import show_value
from baselines.tune.space import Choice, Range, Space
from baselines.tune.study import Record

if TYPE_CHECKING:
    from matplotlib.axes import Axes

PICTURE = "search.png"
_BLUE, _RED, _GRAY, _DARK = "#2f6f9f", "#d1495b", "#b8c4ce", "#3a3a3a"
_SLICES = 3
_NAMES_IN_A_ROW = 30  # characters of a choice's values that stand side by side under a panel


def draw_search(
    folder: Path, records: Sequence[Record], space: Space, importances: Mapping[str, float], title: str
) -> Path:
    """Draw `search.png`.

    Returns:
        The path of the picture.
    """
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib.figure import Figure

    figure = Figure(figsize=(13, 7.5), dpi=110, layout="constrained")
    above, below = figure.subfigures(2, 1, squeeze=False)[:, 0]  # long names above move nothing below
    history, shares = above.subplots(1, 2, width_ratios=(2, 1))
    _draw_history(history, records)
    _draw_importances(shares, importances or dict.fromkeys(space.dimensions, 0.0), importances)
    keys = list(importances or space.dimensions)[:_SLICES]
    slices = below.subplots(1, len(keys), sharey=True, squeeze=False)[0]
    for axes, key in zip(slices, keys, strict=True):
        draw_slice(axes, records, key, space.dimensions[key])
    slices[0].set_ylabel("validation accuracy (%)")
    if slices[0].get_legend_handles_labels()[0]:
        slices[0].legend(frameon=False, loc="lower left", bbox_to_anchor=(0, 1), ncols=2, borderaxespad=0.2)
    for axes in figure.axes:
        axes.grid(alpha=0.25)
        axes.set_axisbelow(True)
        axes.spines[["top", "right"]].set_visible(False)
    figure.suptitle(title, fontsize=12, x=0.01, ha="left")
    path = folder / PICTURE
    with written_aside(path) as aside:
        figure.savefig(aside, format="png")
    return path


def _draw_history(axes: "Axes", records: Sequence[Record]) -> None:
    from matplotlib.ticker import MaxNLocator

    done = [record for record in records if record.state == "finished" and record.accuracy is not None]
    pruned = [record for record in records if record.state == "pruned" and record.accuracy is not None]
    axes.scatter(*_points(done), color=_BLUE, s=34, zorder=3, label="finished")
    axes.scatter(*_points(pruned), facecolors="none", edgecolors=_GRAY, s=34, linewidths=1.4, label="pruned, so far")
    best = [max(other.accuracy or 0 for other in done[: place + 1]) for place in range(len(done))]
    numbers = [record.number for record in done]
    if done:
        last = max(record.number for record in records)
        axes.step([*numbers, last], [100 * b for b in [*best, best[-1]]], color=_RED, where="post", label="best so far")
        axes.annotate(
            f"{100 * best[-1]:.2f} %", (last, 100 * best[-1]), xytext=(0, 6), textcoords="offset points", ha="right",
            color=_RED, fontweight="bold",
        )  # fmt: skip
    axes.set(xlabel="trial", ylabel="validation accuracy (%)")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.set_title("history", loc="left")
    axes.legend(frameon=False, loc="lower right", bbox_to_anchor=(1, 1), ncols=3, borderaxespad=0.2)


def _points(records: Sequence[Record]) -> tuple[list[int], list[float]]:
    return [record.number for record in records], [100 * (record.accuracy or 0) for record in records]


def _draw_importances(axes: "Axes", shares: Mapping[str, float], known: Mapping[str, float]) -> None:
    keys = list(shares)[::-1]
    axes.barh(keys, [100 * shares[key] for key in keys], color=_BLUE, height=0.6)
    for place, key in enumerate(keys):
        axes.annotate(f" {100 * shares[key]:.0f} %" if known else "", (100 * shares[key], place), va="center")
    axes.set(xlabel="share (%)", xlim=(0, 115 * max([*shares.values(), 0.01])))
    axes.set_title("what mattered" if known else "what mattered: too few trials to say", loc="left")


def draw_slice(axes: "Axes", records: Sequence[Record], key: str, dimension: Range | Choice) -> None:
    """Accuracies over the values of one key; the recipe as it is may have a value that the space does not: a line."""
    finished = [record for record in records if record.state == "finished" and record.accuracy is not None]
    done = [record for record in finished if key in record.settings]
    places: list[Any] = [_place(record.settings[key], dimension) for record in done]
    accuracies = [100 * (record.accuracy or 0) for record in done]
    for recipe in (record for record in finished if record.is_recipe):
        axes.axhline(100 * (recipe.accuracy or 0), color=_DARK, ls="--", lw=1.2, zorder=2, label="the recipe as it is")
    axes.scatter(places, accuracies, c=[record.number for record in done], cmap="Blues", vmin=-len(records) / 2,
                 edgecolors=_DARK, linewidths=0.4, s=34, zorder=3)  # fmt: skip
    for place, accuracy in zip(places, accuracies, strict=True):
        if accuracy == max(100 * (record.accuracy or 0) for record in finished):
            axes.scatter([place], [accuracy], color=_RED, s=60, zorder=4, label="best")
            break
    if isinstance(dimension, Choice):
        names = [show_value(value) for value in dimension.values]
        axes.set_xticks(range(len(names)), names)
        if sum(map(len, names)) > _NAMES_IN_A_ROW:
            axes.tick_params("x", labelrotation=20)
            for text in axes.get_xticklabels():
                text.set_horizontalalignment("right")
        axes.set_xlim(-0.5, len(dimension.values) - 0.5)
    elif dimension.log:
        axes.set(xscale="log", xlim=(dimension.low / 1.2, dimension.high * 1.2))
    else:
        axes.locator_params(axis="x", nbins=5)
    axes.set(xlabel=key)


def _place(value: Any, dimension: Range | Choice) -> Any:
    return list(dimension.values).index(value) if isinstance(dimension, Choice) else value
