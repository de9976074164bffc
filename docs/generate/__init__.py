"""The pages of docs/ that follow from the code or from the repository, so that they cannot be out of date unnoticed."""
