"""Names and numbers as they are drawn, and colours that can be distinguished."""

import threading

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib.colors import to_rgb

from rnnbench.figures import style


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0, "0.00"),
        (-0.001, "0.00"),
        (-0.25, "−0.25"),
        (1.005001, "1.01"),
        (9.996, "10.0"),
        (30.44, "30.4"),
        (-123.4, "−123"),
        (1234567.0, "1e+06"),
    ],
)
def test_numbers_are_short_with_a_true_minus(value, text):
    assert style.number(value) == text


def test_markup_in_names_is_literal():
    assert style.pretty("$x_1$") == r"\$x 1\$"
    assert style.pretty("<b>&amp;") == "<b>&amp;"
    assert style.pretty("") == "?"
    assert style.pretty(" flip_flop\n2 ") == "flip flop 2"


@pytest.mark.parametrize("name", ["x" * 200, "a_very_long_name " * 12, "word " + "y" * 90])
@pytest.mark.parametrize(("width", "lines"), [(6, 1), (9, 3), (18, 2)])
def test_long_names_keep_their_ends_and_fit(name, width, lines):
    drawn = style.pretty(name, width, lines).split("\n")
    assert len(drawn) <= lines
    assert max(map(len, drawn)) <= width
    plain = " ".join(name.replace("_", " ").split())
    assert drawn[0][0] == plain[0]
    assert drawn[-1][-1] == plain[-1]
    assert "…" in "".join(drawn)


def luminance(colour) -> float:
    channels = np.array(to_rgb(colour))
    linear = np.where(channels <= 0.04045, channels / 12.92, ((channels + 0.055) / 1.055) ** 2.4)
    return float(linear @ [0.2126, 0.7152, 0.0722])


def test_lightness_decreases_with_interference_so_that_hue_is_not_needed():
    colours, scale = style.interference_colours()
    falls = np.diff([luminance(colours(scale(value))) for value in np.linspace(0, 4, 201)])
    assert (falls < 0).all()


def test_annotations_are_readable_on_every_colour():
    colours, scale = style.interference_colours()
    for value in np.linspace(-0.5, 2, 251):
        background = colours(scale(value))
        light, dark = sorted((luminance(background), luminance(style.readable_on(background))), reverse=True)
        # WCAG requires 4.5 for body text and 3 for large text; the size of the numbers is in between.
        assert (light + 0.05) / (dark + 0.05) > 4.2


def test_the_look_ends_with_the_block_even_among_threads():
    before = dict(mpl.rcParams)

    def draw() -> None:
        with style.look():
            assert mpl.rcParams["font.sans-serif"] == ["DejaVu Sans"]

    threads = [threading.Thread(target=draw) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert dict(mpl.rcParams) == before
