"""Standards that the studies read and write, each with the test that shows it."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Standard:
    """One standard, what is done with it, and the test that shows conformance; '' if it is not built yet."""

    name: str
    use: str
    test: str = ""


STANDARDS = (
    Standard("CVSS 2, 3.0, 3.1, 4.0", "read: severity of the findings of an own estate",
             "tests/test_patch_planning_own.py::test_base_scores_are_those_that_first_publishes"),
    Standard("iCalendar (RFC 5545)", "written: the patch calendar of an own estate",
             "tests/test_patch_planning_calendar.py::test_icalendar_is_read_back_with_its_zone"),
    Standard("ChaCha20 (RFC 8439)", "masks of secure sums",
             "tests/test_bridges_secure_sum.py::test_the_stream_is_that_of_the_standard"),
    Standard("HKDF (RFC 5869)", "keys of secure sums",
             "tests/test_bridges_secure_sum.py::test_keys_are_those_of_the_standard_worked_out_by_hand"),
    Standard("VDAF draft, Field64", "the field alone; Prio3 stands below",
             "tests/test_bridges_fields.py::test_the_modulus_is_prime_and_has_the_roots_of_unity_that_transforms_need"),
    Standard("JSON Schema 2020-12", "written: experiment files, records, the register of claims",
             "tests/test_cli.py::test_schemas_describe_the_real_files"),
    Standard("Citation File Format 1.2.0", "read: how to cite",
             "tests/test_book_pages.py::test_citation_fits_the_format_and_the_package"),
    Standard("SARIF 2.1.0", "read: findings of any scanner; written: the worklist with ranks",
             "tests/test_vuln_priority_exports.py::test_scan_to_worklist_to_sarif_and_back_gives_the_same_flaws"),
    Standard("CycloneDX 1.6 and VEX", "read: what software is made of; written: which flaws concern it",
             "tests/test_vuln_priority_exports.py::test_vex_is_valid_and_says_what_labels_say"),
    Standard("OSV schema", "read: advisories on packages, from a server on this machine",
             "tests/test_vuln_priority_scanners.py::test_every_advisory_is_a_fact_with_a_range_a_cve_and_a_date"),
    Standard("OpenAPI 3", "written and read: the routes of the lab's services, which the prober goes by",
             "tests/test_vuln_priority_targets.py::test_descriptions_list_what_a_prober_may_know"),
    Standard("VDAF draft, Prio3", "private sums with proofs of validity"),
)  # fmt: skip
