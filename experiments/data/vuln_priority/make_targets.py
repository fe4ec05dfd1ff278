"""Write what is committed of the labelled lab: labels.csv, imports.csv, targets.sha256."""

from pathlib import Path

from dti_core.studies.vuln_priority.targets.lab import write_records

if __name__ == "__main__":
    write_records(Path(__file__).resolve().parent)
