"""A short run of the long fuzz, so that it stays able to run."""

import fuzz_codec


def test_row_39_a_few_thousand_mutated_conversations() -> None:
    assert fuzz_codec.run(3000, seed=39) < 1
    before = fuzz_codec.memory_kb()
    fuzz_codec.run(1000, seed=40)
    assert fuzz_codec.memory_kb() - before < 20_000
