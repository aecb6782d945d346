"""Results: tables, run folders, HTML pages, comparisons. Modules are imported one by one: some load plotly."""
