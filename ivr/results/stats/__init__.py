"""The statistics of the results: pure functions of counts. docs/figures/ defines every figure, with an example."""
