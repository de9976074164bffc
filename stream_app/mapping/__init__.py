"""Foreign requests as the contract's: a mapping file, checked against the contract, and what it does to a record.

Off without a mapping file. Everything here is pure but for reading that file.
"""
