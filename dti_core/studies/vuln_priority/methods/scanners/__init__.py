"""The tools that are really run on a folder of services, each to SARIF 2.1 (pip-audit: to JSON)."""
