

def test_balanced_trials_have_both_signs_equally_often():
    trials = FixedPoints(balanced=True).sample(np.random.default_rng(0), 6, 0.5)
    assert trials.info["sign"].tolist() == [1, -1, 1, -1, 1, -1]
    np.testing.assert_array_equal(trials.inputs[0::2], -trials.inputs[1::2])
