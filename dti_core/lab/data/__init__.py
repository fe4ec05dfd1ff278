"""Where data come from: packaged, published, frozen, yours or simulated; never a silent fall-back.

Whatever a study reads comes through here: it is hashed from the bytes that are parsed, and noted in a ledger.
"""

from dti_core.lab.data.cards import DataCard, Problem, simulated_card
from dti_core.lab.data.getting import get
from dti_core.lab.data.ledger import READS_FILE, forget_reads, note, reads, sha256_of
from dti_core.lab.data.registry import (
    ABSENT,
    DATA_ROOT,
    DataSet,
    data_root,
    load_all,
    load_published,
    load_registry,
    packaged,
    planned_reads,
    published,
)  # fmt: skip
from dti_core.lab.data.tables import frozen_table, read_user_table, read_user_tables, user_files, user_hashes

__all__ = [
    "ABSENT", "DATA_ROOT", "READS_FILE", "DataCard", "DataSet", "Problem", "data_root",
    "forget_reads", "frozen_table", "get", "load_all", "load_published", "load_registry", "note", "packaged",
    "planned_reads", "published", "read_user_table", "read_user_tables", "reads", "sha256_of",
    "simulated_card", "user_files", "user_hashes",
]  # fmt: skip
