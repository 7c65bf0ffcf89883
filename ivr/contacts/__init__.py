"""Lists of people: files of any spreadsheet become rows of `contact`, and nothing is called here.

Law: joins what files say (authoring), what numbers mean (campaign) and where rows go (store); knows no terminal.
"""
