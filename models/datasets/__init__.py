"""The shipped loan book and the script that rebuilds it."""
