"""Question families: each turns a scene into drafts whose answer, grounding and chain come from the same facts."""
