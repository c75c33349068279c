"""Rows in full, which stand in an archive of their own behind the models (format.md, section 4)."""

import itertools

import numpy as np
from fields import check


def with_outliers(variables, arrays, decoded):
    """The arrays with the rows in full in their places; decoded is what decode_parts makes of the archive of these."""
    inner, (numbers, scores, *in_full), within = decoded
    check(within is None, "rows in full within others")
    check(numbers.dtype == np.uint64 and scores.dtype == np.float64, "no numbers or scores of the rows in full")
    check(numbers.ndim == 1 and numbers.shape == scores.shape and len(in_full) == len(variables), "other rows in full")
    lengths = {tuple(variable.shape[:1]) for variable in variables if variable.counts is None}
    check(len(lengths) == 1 and () not in lengths, "rows in full of what is no table")
    n_rows = lengths.pop()[0] + len(numbers)
    ascend = all(int(a) < int(b) for a, b in itertools.pairwise(numbers))
    check(ascend and (not len(numbers) or numbers[-1] < n_rows), "rows in full that are not there or do not ascend")
    is_full = [None] * len(variables)
    for index, (variable, of_inner) in enumerate(zip(variables, inner[2:])):
        shifted = None if variable.counts is None else variable.counts + 2
        fits = (variable.name, variable.dtype, shifted) == (of_inner.name, of_inner.dtype, of_inner.counts)
        check(fits and variable.shape[1:] == of_inner.shape[1:], "rows in full of other variables")
        check(variable.counts is not None or tuple(of_inner.shape[:1]) == numbers.shape, "another number of rows in full")
    whole = [None] * len(variables)

    def weave(index):
        """Which rows of a variable stand in full; fills whole[index]."""
        if whole[index] is not None:
            return is_full[index]
        counts = variables[index].counts
        if counts is None:
            mask = np.zeros(n_rows, bool)
            mask[numbers.astype(np.int64)] = True
        else:
            mask = np.repeat(weave(counts), whole[counts].astype(np.int64))
            fits = mask.sum() == len(in_full[index]) and len(mask) == len(in_full[index]) + len(arrays[index])
            check(fits, "lists of other lengths")
        array = np.empty((len(mask), *arrays[index].shape[1:]), arrays[index].dtype)
        array[mask], array[~mask] = in_full[index], arrays[index]
        is_full[index], whole[index] = mask, array
        return mask

    for index in range(len(variables)):
        weave(index)
    return whole
