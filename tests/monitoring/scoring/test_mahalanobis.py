"""Covariances and distances, against what is computed the long way."""

import numpy as np
import pytest

from monitoring.maps import Unusable
from monitoring.scoring.mahalanobis import Covariance, ledoit_wolf, ridged
from tests.monitoring.rows import Numbers, cloud


def shrunk_the_long_way(rows: Numbers) -> tuple[Numbers, float]:
    """Ledoit and Wolf's estimator as their paper writes it, row by row."""
    apart = rows - rows.mean(axis=0)
    count, width = apart.shape
    sample = apart.T @ apart / count
    middle = np.trace(sample) / width
    far = np.square(sample - middle * np.eye(width)).sum() / width
    noise = sum(np.square(np.outer(x, x) - sample).sum() / width for x in apart) / count**2
    share = min(noise, far) / far
    return share * middle * np.eye(width) + (1 - share) * sample, share


def inverse_of(found: Covariance) -> Numbers:
    """From the whitening matrix."""
    whitening = found.spread().whitening
    return whitening @ whitening.T


@pytest.mark.parametrize(("rows", "columns"), [(200, 4), (30, 12), (8, 20)])
def test_ledoit_and_wolfs_covariance_is_that_of_their_paper(rows: int, columns: int) -> None:
    table = cloud(rows, columns, seed=rows)

    found = ledoit_wolf(table)

    expected, share = shrunk_the_long_way(table)
    assert found.shrinkage == pytest.approx(share)
    assert np.allclose(np.linalg.inv(inverse_of(found)), expected, rtol=1e-6, atol=1e-9)


def test_distances_are_those_of_the_formula() -> None:
    table, new = cloud(50, 3), cloud(7, 3, seed=1)
    found = ridged(table)
    matrix = np.cov(table.T, bias=True) + 1e-6 * np.eye(3)
    apart = new - table.mean(axis=0)

    plain = np.sqrt(np.einsum("ij,jk,ik->i", apart, np.linalg.inv(matrix), apart))

    assert found.spread().distances(new) == pytest.approx(plain)


@pytest.mark.parametrize(("rows", "columns"), [(40, 3), (12, 20)])
def test_leaving_one_out_at_once_equals_leaving_each_out(rows: int, columns: int) -> None:
    table = cloud(rows, columns)
    found = ledoit_wolf(table)

    quick = found.left_out(table)

    for row in (0, rows // 2, rows - 1):
        others = np.delete(table, row, axis=0)
        apart = others - others.mean(axis=0)
        matrix = (1 - found.shrinkage) * (apart.T @ apart) / len(others)
        matrix += found.added * np.eye(columns)
        away = table[row] - others.mean(axis=0)
        assert quick[row] == pytest.approx(np.sqrt(away @ np.linalg.solve(matrix, away)))


def test_rows_beyond_a_block_are_counted_as_well() -> None:
    table = cloud(2500, 3)

    assert np.allclose(ledoit_wolf(table).sample, np.cov(table.T, bias=True))
    assert ledoit_wolf(table).shrinkage == pytest.approx(shrunk_the_long_way(table)[1])


def test_equal_variances_are_drawn_all_the_way() -> None:
    table = np.array([[1.0, 0], [-1, 0], [0, 1], [0, -1]])

    found = ledoit_wolf(table)

    assert found.shrinkage == 1
    assert np.allclose(inverse_of(found), 2 * np.eye(2))


def test_what_does_not_vary_has_no_covariance() -> None:
    with pytest.raises(Unusable, match="A covariance needs at least two rows"):
        ledoit_wolf(cloud(1))
    with pytest.raises(Unusable, match="The healthy rows do not vary"):
        ledoit_wolf(np.ones((5, 3))).spread()
