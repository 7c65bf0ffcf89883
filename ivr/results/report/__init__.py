"""The report: one page of a survey's figures that needs nothing but itself."""
