"""What a backtest says, as estimates with intervals: one file a question.

An estimate's `at` holds its `measure`, the `method` that it speaks of, and where it has them the method
`against` which it stands, the `null`, the `regime` ("all" days or some) and the `series` (assets or index).
"""
