"""Exports: the answers of a survey or a launch as files for other programs; ``files.export`` is the door.

Law: reads the store in one snapshot and row by row; only SPSS needs a whole table in memory. A caller's number
leaves as a keyed hash, or masked; never as it is. Text that a spreadsheet would run is guarded (``cells``).
"""
