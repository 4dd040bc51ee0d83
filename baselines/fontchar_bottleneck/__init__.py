"""The term project's bottleneck net for characters in many fonts, as handed in, and a strong recipe beside it."""
