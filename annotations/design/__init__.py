"""Who judges what, in which order, on which side: seeded, balanced, and free of the database.

Equal arguments give equal designs on every machine: lots come from random.Random seeded with text,
and whatever decides between raters or orders is a sum of whole numbers.
"""

from annotations.design.assignment import assign_items
from annotations.design.candidate_order import counterbalance_order, counterbalance_study
from annotations.design.groups import balanced_groups
from annotations.design.items import DesignError, DesignItem, draw_stimuli
from annotations.design.order import block_bounds, order_items, within_rater_pairs
from annotations.design.planned import DesignReport, PlannedDesign, PlannedPart
from annotations.design.rebalance import rebalance, shift_to_newcomers
from annotations.design.report import design_report
from annotations.design.sequence import Planned, place_reference, place_repeats
from annotations.design.sides import counterbalance_sides

__all__ = [
    "DesignError",
    "DesignItem",
    "DesignReport",
    "Planned",
    "PlannedDesign",
    "PlannedPart",
    "assign_items",
    "balanced_groups",
    "block_bounds",
    "counterbalance_order",
    "counterbalance_sides",
    "counterbalance_study",
    "design_report",
    "draw_stimuli",
    "order_items",
    "place_reference",
    "place_repeats",
    "rebalance",
    "shift_to_newcomers",
    "within_rater_pairs",
]
