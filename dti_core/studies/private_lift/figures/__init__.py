"""Figures and tables that show a Result and take nothing else; a title states what the numbers show."""

from dti_core.studies.private_lift.figures.accuracy import plot_accuracy
from dti_core.studies.private_lift.figures.attribution import plot_apart, plot_attribution, plot_rules
from dti_core.studies.private_lift.figures.audit import plot_audits
from dti_core.studies.private_lift.figures.federated import plot_federated, plot_poisoning
from dti_core.studies.private_lift.figures.measured import guess_times, plot_costs
from dti_core.studies.private_lift.figures.payouts import plot_payouts
from dti_core.studies.private_lift.figures.regions import (
    plot_consent_bias,
    plot_region_errors,
    profiles_table,
)
from dti_core.studies.private_lift.figures.secrecy import plot_one_view, secrecy_table
from dti_core.studies.private_lift.figures.sizes import plot_sizes
from dti_core.studies.private_lift.figures.tables import (
    campaign_parts,
    report_parts,
    shown,
    told,
)
from dti_core.studies.private_lift.figures.trials import plot_campaign, plot_peeking, plot_trials
from dti_core.studies.private_lift.figures.uplift import plot_offer_price, plot_offers, plot_uplift
from dti_core.studies.private_lift.figures.verdicts import plot_bars, plot_offer_bars

__all__ = [
    "campaign_parts", "guess_times", "plot_accuracy", "plot_apart", "plot_attribution", "plot_audits",
    "plot_bars", "plot_campaign", "plot_consent_bias", "plot_costs", "plot_federated", "plot_offer_bars",
    "plot_offer_price", "plot_offers", "plot_one_view", "plot_payouts", "plot_peeking", "plot_poisoning",
    "plot_region_errors", "plot_rules", "plot_sizes", "plot_trials", "plot_uplift", "profiles_table",
    "report_parts", "secrecy_table", "shown", "told",
]  # fmt: skip
