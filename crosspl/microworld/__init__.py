"""The microworld: problems that are pipelines over a list of ints, and the programs that solve them in every PL."""
