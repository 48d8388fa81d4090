"""The report: result tables in, one self-contained HTML page out."""
