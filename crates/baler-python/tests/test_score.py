"""How odd each row of a table is."""

from typing import Literal

import baler
import numpy as np
import pytest


def table() -> dict[str, np.ndarray]:
    """c = a + b, but in row 70."""
    rng = np.random.default_rng(0)
    a, b, d = rng.exponential(size=(3, 2000))
    c = a + b
    c[70] += 0.01
    return {"a": a, "b": b, "c": c, "d": d}


def test_the_odd_row_and_its_column_are_named() -> None:
    found = baler.score(table())
    assert len(found) == 2000 and found.worst(1)[0] == 70
    assert found.columns is not None and found.names[found.columns[70]] in "abc"
    assert found.relations == [("c = a + b", 1 / 2000)]
    assert np.asarray(found).sum() == found.scores.sum()
    assert (found.scores >= found.threshold(1 / 2000)).sum() == 1
    assert found.threshold(0) == np.inf


def test_every_method_takes_arrays_and_other_data() -> None:
    rng = np.random.default_rng(1)
    x = rng.normal(size=(500, 3))
    other = np.array([[0.0, 0.0, 0.0], [9.0, -9.0, 9.0]])
    methods: list[Literal["code-length", "forest", "latent"]] = ["code-length", "forest", "latent"]
    for by in methods:
        found = baler.score(other, by=by, train=x)
        assert found.by == by and found.scores[1] > found.scores[0]
        assert (found.columns is None) == (by == "forest")
        same = baler.score(x, by=by, threads=1)
        assert np.array_equal(same.scores, baler.score(x, by=by, threads=2).scores)
    first, second = (baler.score(x, by="forest", seed=seed).scores for seed in (0, 1))
    assert not np.array_equal(first, second)


def test_latents_of_a_model_are_scored() -> None:
    rows = np.random.default_rng(2).normal(size=(400, 4)).astype("f4")
    x = {"data": rows, "names": list("abcd")}
    model = baler.train(x, latent=2, epochs=1)
    found = baler.score(x, model=model)
    assert found.by == "latent" and len(found.names) == 2
    with pytest.raises(baler.ConfigError, match="by='latent'"):
        baler.score(x, by="forest", model=model)


def test_what_is_no_table_is_refused() -> None:
    with pytest.raises(baler.InputError, match="3 axes"):
        baler.score(np.zeros((2, 3, 4)))
    with pytest.raises(baler.ConfigError, match="code-length, forest, latent"):
        baler.score(np.zeros((5, 2)), by="magic")  # type: ignore[arg-type]
    with pytest.raises(baler.ConfigError, match="pass rate"):
        baler.score(np.zeros((5, 2))).threshold(2)


def test_a_frame_has_scores_and_columns() -> None:
    pandas = pytest.importorskip("pandas")
    frame = baler.score(pandas.DataFrame(table())).to_pandas()
    assert list(frame.columns) == ["score", "column"] and frame.score.idxmax() == 70
