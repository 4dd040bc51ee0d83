"""Turns checked submissions into scores: aligned once, Public and Private and every metric from the same rows."""
