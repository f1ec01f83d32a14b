"""The engine behind DRBench-Open: sources make scenes, families make records, the builder a data set."""
