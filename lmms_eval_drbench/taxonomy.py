"""The benchmark's taxonomy: five categories in three progressive layers, and the paper's shares.

Source: arXiv 2605.26038, the figure that breaks 14,573 questions down by layer and category.
"""

from enum import StrEnum


class Layer(StrEnum):
    """The three progressive layers, from the ground up."""

    STRUCTURAL_GROUNDING = "structural_grounding"
    CONTEXTUAL_APPLICATION = "contextual_application"
    LOGICAL_RIGOR = "logical_rigor"


class Category(StrEnum):
    """The five question categories, in the paper's order."""

    PERCEPTION = "perception"
    SPATIAL_REASONING = "spatial_reasoning"
    AFFORDANCE_REASONING = "affordance_reasoning"
    ANOMALY_DETECTION = "anomaly_detection"
    FALSE_PREMISE_REJECTION = "false_premise_rejection"

    @property
    def layer(self) -> Layer:
        return _LAYER_OF[self]


class QuestionType(StrEnum):
    """How a question is answered: one letter, a set of letters, or free text."""

    SINGLE_CHOICE = "single_choice"
    MULTIPLE_CHOICE = "multiple_choice"
    OPEN_ENDED = "open_ended"


_LAYER_OF = {
    Category.PERCEPTION: Layer.STRUCTURAL_GROUNDING,
    Category.SPATIAL_REASONING: Layer.STRUCTURAL_GROUNDING,
    Category.AFFORDANCE_REASONING: Layer.CONTEXTUAL_APPLICATION,
    Category.ANOMALY_DETECTION: Layer.CONTEXTUAL_APPLICATION,
    Category.FALSE_PREMISE_REJECTION: Layer.LOGICAL_RIGOR,
}

PAPER_SHARES = {
    Category.PERCEPTION: 0.303,
    Category.SPATIAL_REASONING: 0.194,
    Category.AFFORDANCE_REASONING: 0.085,
    Category.ANOMALY_DETECTION: 0.235,
    Category.FALSE_PREMISE_REJECTION: 0.183,
}
"""Share of each category in the paper's 14,573 questions. They add to 1."""


def categories_of(layer: Layer) -> list[Category]:
    """The categories of one layer, in the paper's order."""
    return [category for category in Category if category.layer is layer]
