"""The paper's own pipeline: a vision-language model writes questions about pictures that nobody annotated.

photos → stages (generation, visual filter, scene filter, annotation, consistency) → pipeline → the usual data folder.
"""
