"""The axis of interference holds all values, and its ticks have room; colours of differences suit dark text."""

import itertools

import numpy as np
import pytest
from matplotlib.colors import to_rgb

from rnnbench.figures import scales, style


@pytest.mark.parametrize("values", [[], [0.05], [-3.0, 20.0], [np.nan, np.inf, 1e6], [-0.2, 1.4]])
def test_the_limits_hold_all_values_and_0_and_1(values):
    low, high = scales.limits([np.array(values)])
    known = [value for value in values if np.isfinite(value)]
    assert low < min([0.0, *known]) and max([1.0, *known]) < high < np.inf


def test_the_axis_is_linear_up_to_1_and_its_inverse_exact():
    values = np.array([-50.0, -1.0, -0.3, 0.0, 0.7, 1.0, 3.0, 1e5])
    places = scales._places(values)
    assert places[1:6].tolist() == values[1:6].tolist()
    assert scales._values(places) == pytest.approx(values)


@pytest.mark.parametrize("ends", [(-0.1, 1.2), (-1.5, 30.0), (-0.2, 1e6)])
@pytest.mark.parametrize("length", [0.6, 2.3, 6.0])
def test_ticks_have_room_and_include_0_and_1_where_they_can(ends, length):
    ticks = scales.ticks(ends, length)
    places = scales._places(ticks) * length / np.ptp(scales._places(ends))
    assert all(b - a >= scales.TICK_GAP for a, b in itertools.pairwise(places))
    assert 0.0 in ticks
    assert (1.0 in ticks) == (length / np.ptp(scales._places(ends)) >= scales.TICK_GAP)


@pytest.mark.parametrize(("value", "text"), [(0.5, "0.5"), (-1, "−1"), (20, "20"), (3000, "3k"), (1e7, "10M")])
def test_ticks_are_plain_numbers(value, text):
    assert scales.plain(value) == text


def test_dark_text_is_readable_on_every_colour_of_a_difference():
    colours, scale = scales.difference_colours([-3.0, 0.1, 8.0])
    assert (scale.vmin, scale.vmax) == (-8, 8)
    for value in np.linspace(-8, 8, 101):
        channels = np.array(to_rgb(colours(scale(value))))
        linear = np.where(channels <= 0.04045, channels / 12.92, ((channels + 0.055) / 1.055) ** 2.4)
        assert (linear @ [0.2126, 0.7152, 0.0722] + 0.05) / 0.07 > 4.2
        assert style.readable_on(colours(scale(value))) == style.INK
